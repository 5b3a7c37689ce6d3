"""The documented REST beside the plugin: restoring, attempts, and the signed receipt."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import load_der_x509_certificate
from lxml import etree

from tests.support.mock_node import about, golden

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode

PART = ("cid:message", "application/json", b"{}")
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EB = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"
WSU_ID = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"
TOKEN = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}BinarySecurityToken"


def canonical(element: Any) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


def verify(data: bytes) -> Any:
    """The receipt, if its digests and its signature hold."""
    root = etree.fromstring(data)
    by_id = {element.get(WSU_ID): element for element in root.iter() if element.get(WSU_ID)}
    info = root.find(f".//{DS}SignedInfo")
    for reference in info.iterfind(f"{DS}Reference"):
        digest = hashlib.sha256(canonical(by_id[reference.get("URI").removeprefix("#")])).digest()
        assert base64.b64encode(digest).decode() == reference.findtext(f"{DS}DigestValue")
    certificate = load_der_x509_certificate(base64.b64decode(root.findtext(f".//{TOKEN}")))
    signature = base64.b64decode(root.findtext(f".//{DS}SignatureValue"))
    certificate.public_key().verify(signature, canonical(info), padding.PKCS1v15(), hashes.SHA256())
    return root, certificate


async def test_a_failed_message_is_restored_and_arrives(node: MockNode) -> None:
    france = node.nation("fr")
    application_id = await node.file()
    await node.arm("send-failure", nth=1)
    await france.say("lost-1", about(application_id, golden("from-nation-status-update")))
    await france.until_status("lost-1", "SEND_FAILURE")
    errors = await france.operation("<w:getErrorsRequest><messageID>lost-1</messageID></w:getErrorsRequest>")
    assert [item.findtext("domibusErrorCode") for item in errors.root.iter("item")] == ["EBMS_0301"]
    assert json.loads((await france.ext("GET", "monitoring/messages/failed")).body) == ["lost-1"]
    assert int((await france.ext("GET", "monitoring/messages/failed/lost-1/elapsedtime")).body) >= 0
    assert (await node.leg(application_id, "fr"))["status"] == "SUBMITTED", "it did not arrive"
    assert (await france.ext("PUT", "monitoring/messages/failed/lost-1/restore")).status == 200
    await france.until_status("lost-1", "ACKNOWLEDGED")
    assert (await france.next("ValidationResult"))["content"]["originalMessageId"] == "lost-1"
    assert json.loads((await france.ext("GET", "monitoring/messages/failed")).body) == []
    attempts = json.loads((await france.ext("GET", "monitoring/messages/lost-1/attempts")).body)
    assert [attempt["status"] for attempt in attempts] == ["ERROR", "SUCCESS"]


async def test_three_tries_fail_and_the_fourth_arrives(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("waiting-for-retry", times=3, seconds=0.05)
    await france.submit("tough-1", PART)
    await france.until_status("tough-1", "WAITING_FOR_RETRY")
    await france.until_status("tough-1", "ACKNOWLEDGED")
    assert await node.fired(fault) == 3


async def test_what_is_never_acknowledged_shows_no_error_and_arrives_once_a_person_sends_it_again(
    node: MockNode,
) -> None:
    france = node.nation("fr")
    application_id = await node.file()
    fault = await node.arm("never-acknowledged", nth=1)
    await france.say("lost-1", about(application_id, golden("from-nation-status-update")))
    await france.until_status("lost-1", "WAITING_FOR_RECEIPT")
    await asyncio.sleep(0.6)  # two looks of the mock at what is due
    assert await france.status("lost-1") == "WAITING_FOR_RECEIPT"
    assert await node.fired(fault) == 1
    errors = await france.operation("<w:getErrorsRequest><messageID>lost-1</messageID></w:getErrorsRequest>")
    assert list(errors.root.iter("item")) == []
    assert (await node.leg(application_id, "fr"))["status"] == "SUBMITTED", "it did not arrive"
    assert (await france.ext("GET", "messages/usermessages/lost-1/signalEnvelope")).status == 404
    assert (await france.ext("PUT", "monitoring/messages/enqueued/lost-1/send")).status == 200
    await france.until_status("lost-1", "ACKNOWLEDGED")
    assert (await france.next("ValidationResult"))["content"]["originalMessageId"] == "lost-1"


async def test_a_message_comes_back_to_its_own_access_point_under_its_own_id(node: MockNode) -> None:
    france = node.nation("fr")
    application_id = await node.file()
    fault = await node.arm("loopback", nth=1)
    await france.say("self-1", about(application_id, golden("from-nation-status-update")))
    await france.until_status("self-1", "ACKNOWLEDGED")
    assert await node.fired(fault) == 1
    assert "self-1" in await france.pending()
    assert await france.status("self-1", role="RECEIVING") == "RECEIVED"
    assert await france.status("self-1", role="SENDING") == "ACKNOWLEDGED"
    sender = (await france.retrieve("self-1")).root.findtext(f".//{EB}From/{EB}PartyId")
    assert sender == "hdeu:mock:ap:fr"


async def test_the_access_point_says_that_a_part_of_it_is_ill_as_often_as_ordered(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("part-ill", times=1)
    told = [json.loads((await france.ext("GET", "monitoring/application/status")).body) for _ in range(2)]
    states = [{part["name"]: part["status"] for part in each["services"]}["Database"] for each in told]
    assert states == ["ERROR", "NORMAL"]
    assert await node.fired(fault) == 1


async def test_the_tries_run_out(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("waiting-for-retry", seconds=0.02)
    await france.submit("tough-1", PART)
    await france.until_status("tough-1", "SEND_FAILURE")
    assert await node.fired(fault) == 4
    role = "<messageID>tough-1</messageID><accessPointRole>SENDING</accessPointRole>"
    name = "w:getErrorsRequestWithAccessPointRole"
    errors = await france.operation(f"<{name}>{role}</{name}>")
    codes = [item.findtext("domibusErrorCode") for item in errors.root.iter("item")]
    assert codes == ["EBMS_0005"] * 4 + ["EBMS_0301"]


async def test_what_waits_is_sent_at_once_when_asked(node: MockNode) -> None:
    france = node.nation("fr")
    await node.arm("waiting-for-retry", times=1, seconds=3600)
    await france.submit("slow-1", PART)
    await france.until_status("slow-1", "WAITING_FOR_RETRY")
    assert (await france.ext("PUT", "monitoring/messages/enqueued/slow-1/send")).status == 200
    await france.until_status("slow-1", "ACKNOWLEDGED")


async def test_a_late_receipt_comes_after_the_platforms_answer(node: MockNode) -> None:
    france = node.nation("fr")
    await node.arm("late-receipt", seconds=1)
    await france.submit("late-1", PART)
    await france.next("ValidationResult")
    assert await france.status("late-1") == "WAITING_FOR_RECEIPT"
    assert (await france.ext("GET", "messages/usermessages/late-1/signalEnvelope")).status == 404
    await france.until_status("late-1", "ACKNOWLEDGED")


async def test_a_receipt_without_a_response(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("receipt-without-response", nth=1)
    await france.submit("silent-1", PART)
    await france.submit("heard-1", PART)
    await france.until_status("silent-1", "ACKNOWLEDGED")
    answers = [(await france.next("ValidationResult"))["content"]["originalMessageId"]]
    assert answers == ["heard-1"]
    assert await france.pending() == []
    assert await node.fired(fault) == 1


async def test_the_receipt_is_signed_over_the_digests_of_what_arrived(node: MockNode) -> None:
    france = node.nation("fr")
    await france.submit("signed-1", PART)
    await france.until_status("signed-1", "ACKNOWLEDGED")
    first = await france.ext("GET", "messages/usermessages/signed-1/signalEnvelope")
    root, certificate = verify(first.body)
    assert "MOCK" in certificate.subject.rfc4514_string()
    assert root.findtext(f".//{EB}SignalMessage/{EB}MessageInfo/{EB}RefToMessageId") == "signed-1"
    named = {part.get("URI"): part for part in root.iterfind(f".//{EB}Receipt//{DS}Reference")}
    sent = etree.fromstring((await france.ext("GET", "messages/usermessages/signed-1/envelope")).body)
    assert set(named) == {part.get("URI") for part in sent.iterfind(f".//{DS}Reference")}
    part = named["cid:message"]
    digest = base64.b64encode(hashlib.sha256(PART[2]).digest()).decode()
    assert part.findtext(f"{DS}DigestValue") == digest
    assert (await france.ext("GET", "messages/usermessages/signed-1/signalEnvelope")).body == first.body


async def test_a_receipt_with_a_wrong_signature_does_not_hold(node: MockNode) -> None:
    france = node.nation("fr")
    await france.submit("signed-1", PART)
    await france.until_status("signed-1", "ACKNOWLEDGED")
    await node.arm("wrong-signature", nth=1)
    with pytest.raises(InvalidSignature):
        verify((await france.ext("GET", "messages/usermessages/signed-1/signalEnvelope")).body)
    verify((await france.ext("GET", "messages/usermessages/signed-1/signalEnvelope")).body)


async def test_header_envelope_and_payload_can_be_read(node: MockNode) -> None:
    france = node.nation("fr")
    await france.submit("read-1", PART)
    described = json.loads((await france.ext("GET", "messages/usermessages/read-1")).body)
    assert described["messageInfo"]["messageId"] == "read-1"
    envelope = etree.fromstring((await france.ext("GET", "messages/usermessages/read-1/envelope")).body)
    assert envelope.findtext(f".//{EB}MessageId") == "read-1"
    assert (await france.ext("GET", "messages/read-1/payloads/message")).body == PART[2]
    assert (await france.ext("GET", "messages/read-1/payloads/other")).status == 404


async def test_the_application_says_that_it_is_alive(node: MockNode) -> None:
    answer = await node.nation("fr").ext("GET", "monitoring/application/status")
    assert {each["status"] for each in json.loads(answer.body)["services"]} == {"NORMAL"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "monitoring/messages/failed/{}/restore"),
        ("DELETE", "monitoring/messages/failed/{}"),
        ("GET", "monitoring/messages/failed/{}/elapsedtime"),
        ("PUT", "monitoring/messages/enqueued/{}/send"),
    ],
)
async def test_what_does_not_apply_is_refused(node: MockNode, method: str, path: str) -> None:
    france = node.nation("fr")
    await france.submit("fine-1", PART)
    await france.until_status("fine-1", "ACKNOWLEDGED")
    for message_id in ("nobody", "fine-1"):
        answer = await france.ext(method, path.format(message_id))
        assert answer.status == 404
        assert json.loads(answer.body)["message"].startswith("[DOM_009]")


async def test_a_failed_message_is_deleted_for_good(node: MockNode) -> None:
    france = node.nation("fr")
    await node.arm("send-failure")
    await france.submit("gone-1", PART)
    await france.until_status("gone-1", "SEND_FAILURE")
    assert (await france.ext("DELETE", "monitoring/messages/failed/gone-1")).status == 200
    assert await france.status("gone-1") == "DELETED"


async def test_another_nations_password_opens_nothing(node: MockNode) -> None:
    answer = await node.nation("fr").ext("GET", "monitoring/messages/failed", password="Mock-fi-Only-2026!")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
