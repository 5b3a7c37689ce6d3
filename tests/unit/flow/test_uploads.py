"""What a back end may name: what it uploaded itself, and files of messages addressed to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from broker.flow.uploads import keep_file
from broker.model.exchanges import State
from broker.model.messages import Door
from broker.translation.codecs.zip_parts import write_zip
from tests.support.files import a_pdf
from tests.support.flow_node import DATA, Flow, case_in, dossier, sha256

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange

CLAIM = "application/vnd.hdeu.claim-check+json"
FILE = "Instruction/decision/document"
NOBODYS = "0" * 64


def claim(digest: str) -> bytes:
    return json.dumps({"sha256": digest}).encode()


def decision(digest: str) -> bytes:
    """A decision whose signed document is this file."""
    return dossier("DecisionIssued", **{f"{FILE}/empreinteSha256": digest, f"{FILE}/taille": str(len(a_pdf()))})


def said_of(exchange: Exchange, digest: str) -> list[dict[str, Any]]:
    """The problems, without the hash that the sender itself named."""
    assert exchange.state is State.REFUSED
    return [{name: text for name, text in dict(one).items() if text != digest} for one in exchange.problems]


async def test_a_claim_check_stands_for_the_bytes_that_were_uploaded(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    document = dossier("ApplicationAck")
    [digest] = await flow.upload(document)
    message_id = await flow.from_office(claim(digest), content_type=CLAIM)
    assert (await flow.exchange(message_id)).state is State.SUBMITTED
    assert "acknowledged" in (await flow.leg()).facts
    assert await flow.bytes(message_id) == claim(digest)


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"sha256":' * 100_000,
        json.dumps({"sha256": "x'; DROP TABLE contents"}).encode(),
        json.dumps({"sha256": ["\x00"]}).encode(),
        json.dumps({"sha256": "\x00\ud800"}).encode(),
    ],
)
async def test_a_claim_check_that_claims_nothing_is_refused(flow: Flow, data: bytes) -> None:
    exchange = await flow.exchange(await flow.from_office(data, content_type=CLAIM))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "claim-check-malformed")
    assert exchange.problems[0]["hint"]


@pytest.mark.parametrize("door", [Door.HTTP, Door.AMQP, Door.CLI])
async def test_a_claim_check_on_what_another_uploaded_is_answered_as_one_on_what_nobody_uploaded(
    flow: Flow, door: Door
) -> None:
    await case_in(flow, "RECEIVED")
    [digest] = await flow.upload(dossier("ApplicationAck"), office="findata")
    answers = []
    for named in (digest, NOBODYS):
        exchange = await flow.exchange(await flow.from_office(claim(named), content_type=CLAIM, door=door))
        answers.append(said_of(exchange, named))
    assert answers[0] == answers[1]
    [[problem], _] = answers
    assert (problem["code"], problem["path"]) == ("not-uploaded", "sha256")
    assert "acknowledged" not in (await flow.leg()).facts


@pytest.mark.parametrize("door", [Door.HTTP, Door.AMQP, Door.CLI])
async def test_a_file_of_another_is_not_sent_whoever_knows_its_hash(flow: Flow, door: Door) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    sent = len(flow.point.sent)
    [digest] = await flow.upload(a_pdf(), office="findata")
    answers = []
    for named in (digest, NOBODYS):
        exchange = await flow.exchange(await flow.from_office(decision(named), door=door))
        answers.append(said_of(exchange, named))
    assert answers[0] == answers[1]
    assert [problem["code"] for problem in answers[0]] == ["not-uploaded"]
    assert len(flow.point.sent) == sent


async def test_what_both_uploaded_both_may_name_and_each_uploads_it_for_a_first_time(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    fresh = [await keep_file(flow.node, a_pdf(), backend=name) for name in ("findata", "hdh", "hdh")]
    assert fresh == [True, True, False]
    assert (await flow.exchange(await flow.from_office(decision(sha256(a_pdf()))))).state is State.SIGN_OFF


async def test_a_file_of_a_message_may_be_named_by_its_addressee_and_by_nobody_else(flow: Flow) -> None:
    folder = DATA / "eu-r7"
    names = ("envelope.json", "application_metadata.json")
    parts = {name: (folder / f"ApplicationSubmitted.{name}").read_bytes() for name in names}
    files = ("application_file.zip", write_zip([("a1_plan.pdf", a_pdf())]))
    await flow.from_eu(write_zip([*parts.items(), files]), "application/zip")
    async with flow.store.transaction() as tx:
        may = {name: await tx.may_name(name, sha256(a_pdf())) for name in ("hdh", "findata", "cp", "")}
    assert may == {"hdh": True, "findata": False, "cp": False, "": False}


async def test_a_message_kept_before_is_no_upload(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    document = dossier("ApplicationAck")
    await flow.from_office(document, office="findata")
    exchange = await flow.exchange(await flow.from_office(claim(sha256(document)), content_type=CLAIM))
    assert [problem["code"] for problem in said_of(exchange, sha256(document))] == ["not-uploaded"]
