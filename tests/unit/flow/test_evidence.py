"""A changed byte of anything that was kept or sent is found, and the entry that vouches for it named."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from broker.flow.read import CLAIM_CHECK
from broker.ledger.export import Export
from broker.ledger.sealer import Sealer
from broker.ledger.verify import verify_lines
from broker.model.exchanges import State
from broker.ports import Part
from tests.support.flow_node import Flow, case_in, dossier, eu, eu_application
from tests.support.journals import KEY, with_the_file

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from broker.ledger.verify import Finding
    from broker.model.journal import SealedEntry

ACK = dossier("ApplicationAck")


async def sealed(flow: Flow) -> tuple[SealedEntry, ...]:
    await Sealer(flow.store, KEY, flow.clock, "tests").seal()
    async with flow.store.transaction() as tx:
        return await tx.sealed(0, 10_000)


async def findings(flow: Flow) -> tuple[Finding, ...]:
    lines = [line async for line in Export(flow.store, (KEY.public,)).lines()]
    return verify_lines(lines, trusted=[KEY.public]).findings


def changed(url: str, digest: str) -> None:
    """Somebody who has the file changes a byte of what is kept under a hash."""
    with with_the_file(url) as connection:
        statement = "UPDATE contents SET data = CAST(data || x'20' AS BLOB) WHERE sha256 = ?"
        done = connection.exec_driver_sql(statement, (digest,))
        assert done.rowcount == 1


async def acknowledged(flow: Flow) -> str:
    await case_in(flow, "RECEIVED")
    return await flow.from_office(ACK)


async def document(flow: Flow) -> tuple[str, str]:
    sent = await flow.exchange(await acknowledged(flow))
    assert sent.state is State.SUBMITTED
    return sent.document_sha256, sent.id


async def pivot(flow: Flow) -> tuple[str, str]:
    sent = await flow.exchange(await acknowledged(flow))
    return sent.pivot_sha256, sent.id


async def claimed_original(flow: Flow) -> tuple[str, str]:
    await case_in(flow, "RECEIVED")
    [digest] = await flow.upload(ACK)
    message_id = await flow.from_office(json.dumps({"sha256": digest}).encode(), content_type=CLAIM_CHECK)
    assert (await flow.exchange(message_id)).state is State.SUBMITTED
    assert [entry.detail["content_sha256"] for entry in await flow.journal("message.read")] == [digest]
    return digest, digest  # the entry of the upload speaks of the bytes themselves


async def delivered(flow: Flow) -> tuple[str, str]:
    await flow.from_eu(eu_application(), "application/zip")
    [taken] = flow.hdh.of("ApplicationSubmitted")
    return taken.sha256, taken.id


async def notice(flow: Flow) -> tuple[str, str]:
    sent = await flow.exchange(await acknowledged(flow))
    content = {"originalMessageId": sent.wire_message_id, "validated": True, "error": None}
    await flow.from_eu(eu("ValidationResult", content))
    [told] = flow.hdh.of("OutcomeNotice")
    return told.sha256, told.id


async def second_part(flow: Flow) -> tuple[str, str]:
    part = Part.of("cid:structured", "application/xml", b"<structured/>")
    message_id = await flow.from_eu(eu_application(), "application/zip", beside=(part,))
    return hashlib.sha256(part.data).hexdigest(), message_id


CASES: dict[str, Callable[[Flow], Awaitable[tuple[str, str]]]] = {
    "document sent": document,
    "pivot of what was sent": pivot,
    "original behind a claim check": claimed_original,
    "document handed to a back end": delivered,
    "notice to a back end": notice,
    "second part of a user message": second_part,
}


@pytest.mark.parametrize("what", CASES)
async def test_a_changed_byte_is_found_and_the_entry_that_names_it_first(
    flow: Flow, sqlite_url: str, what: str
) -> None:
    digest, target = await CASES[what](flow)
    entries = await sealed(flow)
    assert await findings(flow) == ()
    first = next(one for one in entries if digest in one.entry.detail.values())
    assert first.entry.target == target
    changed(sqlite_url, digest)
    assert [(one.number, one.code) for one in await findings(flow)] == [(first.number, "content-changed")]
