"""A receipt that the `as4` package signed for a message that `as4` built: proven as it is, and by nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import encode_basic_auth

from adapters.access_point.receipts import Receipt, prove
from broker.errors import Refused
from tests.support.mock_node import mock_node
from tests.support.peers import in_python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mock_node import MockNode

MESSAGE_ID = "status-1@broker.example"


@dataclass(frozen=True)
class Exchange:
    """What one AS4 exchange left: the signer's and another certificate (PEM), message and receipt envelopes."""

    signer: bytes
    other: bytes
    message: bytes
    receipt: bytes


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    made = in_python("as4_receipt.py", {"message_id": MESSAGE_ID})
    message, receipt = (base64.b64decode(made[name]) for name in ("message", "receipt"))
    return Exchange(made["signer"].encode(), made["other"].encode(), message, receipt)


def refusal(exchange: Exchange, receipt: bytes, *, certificate: bytes = b"", message_id: str = MESSAGE_ID) -> str:
    """The code with which a receipt is refused, "" if it is proven."""
    try:
        prove(receipt, certificate or exchange.signer, message_id)
    except Refused as error:
        return error.problems[0].code
    return ""


def replaced(receipt: bytes, pattern: bytes, by: bytes) -> bytes:
    changed, count = re.subn(pattern, by, receipt, count=1, flags=re.DOTALL)
    assert count == 1, pattern
    return changed


def test_a_real_receipt_is_proven_and_acknowledges_the_message_that_was_sent(exchange: Exchange) -> None:
    receipt = prove(exchange.receipt, exchange.signer, MESSAGE_ID)
    assert receipt.ref_to_message_id == MESSAGE_ID
    assert len(receipt.digests) == 3, "header, body and the payload"
    assert receipt.acknowledges(exchange.message)
    assert receipt.compared_with(exchange.message)
    assert not receipt.compared_with(b"<no signature/>")


def test_a_message_with_another_digest_is_not_the_acknowledged_one(exchange: Exchange) -> None:
    receipt = prove(exchange.receipt, exchange.signer, MESSAGE_ID)
    changed = replaced(exchange.message, rb"<ds:DigestValue>....", b"<ds:DigestValue>AAAA")
    assert not receipt.acknowledges(changed)
    with pytest.raises(Refused, match="other digests"):
        receipt.compared_with(changed)
    assert not Receipt("r", MESSAGE_ID, "", {}).acknowledges(exchange.message)


def test_another_certificate_proves_nothing(exchange: Exchange) -> None:
    assert refusal(exchange, exchange.receipt, certificate=exchange.other) == "receipt-signer"
    silent = replaced(exchange.receipt, rb"<ds:KeyInfo.*</ds:KeyInfo>", b"")
    assert refusal(exchange, silent) == ""
    assert refusal(exchange, silent, certificate=exchange.other) == "receipt-signature"


def test_a_receipt_for_another_message_is_told_apart(exchange: Exchange) -> None:
    assert refusal(exchange, exchange.receipt, message_id="status-2@broker.example") == "receipt-other-message"


def test_no_byte_of_what_is_signed_can_be_flipped(exchange: Exchange) -> None:
    spans = [
        match.span()
        for pattern in (
            rb"<ds:SignedInfo>.*</ds:SignedInfo>",
            rb"<ds:SignatureValue>.*(?=</ds:SignatureValue>)",
            rb"(?<=</wsse:Security>)<eb3:Messaging.*</eb3:Messaging>",
            rb"<S12:Body[^/]*",
        )
        if (match := re.search(pattern, exchange.receipt, re.DOTALL))
    ]
    assert len(spans) == 4
    places = [place for start, end in spans for place in range(start, end, 3)]
    for place in places:
        flipped = bytearray(exchange.receipt)
        flipped[place] ^= 1
        assert refusal(exchange, bytes(flipped)), f"byte {place} can be flipped"
    assert len(places) > 1000


def test_a_second_header_under_the_signed_id_is_not_read(exchange: Exchange) -> None:
    """Signature wrapping: the signed header moves aside and a forged one takes its place."""
    match = re.search(rb"<eb3:Messaging.*</eb3:Messaging>", exchange.receipt, re.DOTALL)
    assert match
    signed = match.group()
    forged = signed.replace(MESSAGE_ID.encode(), b"status-2@broker.example")
    twice = exchange.receipt.replace(signed, forged + b"<aside>" + signed + b"</aside>")
    assert refusal(exchange, twice, message_id="status-2@broker.example") == "receipt-signature"
    renamed = forged.replace(b'wsu:Id="as4-msg', b'wsu:Id="forged')
    moved = exchange.receipt.replace(signed, renamed + b"<aside>" + signed + b"</aside>")
    assert refusal(exchange, moved, message_id="status-2@broker.example") == "receipt-signature"


@pytest.mark.parametrize(
    ("pattern", "by", "code"),
    [
        (rb"xmldsig-more#rsa-sha256", b"xmldsig-more#hmac-sha256", "receipt-signature"),
        (rb"<ds:Signature .*</ds:Signature>", b"", "receipt-unreadable"),
        (rb"<ds:Reference URI=.*?</ds:Reference>", b"", "receipt-signature"),
        (rb"^", b"<!DOCTYPE a>", "receipt-unreadable"),
        (rb"</S12:Envelope>", b"", "receipt-unreadable"),
    ],
)
def test_a_broken_receipt_is_refused_by_its_own_code(exchange: Exchange, pattern: bytes, by: bytes, code: str) -> None:
    assert refusal(exchange, replaced(exchange.receipt, pattern, by)) == code


# the mock's receipts


async def signal(node: MockNode, message_id: str) -> bytes:
    """The signed receipt, once the access point has it."""
    headers = {"Authorization": encode_basic_auth("fr", "Mock-fr-Only-2026!")}
    url = f"{node.base}/fr/domibus/ext/messages/usermessages/{message_id}/signalEnvelope"
    async with asyncio.timeout(10):
        while True:
            async with node.session.get(url, headers=headers) as answer:
                if answer.status == 200:
                    return await answer.read()
            await asyncio.sleep(0.05)


def judged(receipt: bytes, certificate: str) -> dict[str, Any]:
    """What the `as4` package makes of a receipt."""
    order = {"receipt": base64.b64encode(receipt).decode(), "certificate": certificate}
    return dict(in_python("as4_judge.py", order))


async def test_the_as4_package_accepts_the_mocks_receipt_and_refuses_its_spoilt_one(tmp_path: Path) -> None:
    data = b'{"envelope": {}, "content": {}}'
    async with mock_node(tmp_path) as node:
        await node.nation("fr").submit("m-1", ("cid:message", "application/json", data))
        sound = await signal(node, "m-1")
        await node.arm("wrong-signature", times=1)
        spoilt = await signal(node, "m-1")
    kept = (tmp_path / "mock-eu-key.pem").read_text("utf-8")
    certificate = kept[kept.index("-----BEGIN CERTIFICATE") :]
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    found = await asyncio.to_thread(judged, sound, certificate)
    assert (found["message_id"], found["digests"].pop("cid:message")) == ("m-1", digest)
    assert set(found["digests"]) == {"#sent-messaging", "#sent-body"}
    assert prove(sound, certificate.encode(), "m-1").digests == {**found["digests"], "cid:message": digest}
    assert "signature" in (await asyncio.to_thread(judged, spoilt, certificate))["error"]
    with pytest.raises(Refused):
        prove(spoilt, certificate.encode(), "m-1")
