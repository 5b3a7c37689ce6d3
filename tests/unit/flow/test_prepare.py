"""Preparing: what each kind of message does, and what becomes of those that cannot be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.store.sql import SqlStore
from adapters.xml import XmlDocuments
from broker.flow.staff import retry
from broker.model.exchanges import Direction, State
from tests.support.flow_node import (
    CENTRAL_PARTY,
    EXAMPLE_ID,
    Flow,
    case_in,
    dossier,
    eu,
    eu_application,
    make_flow,
    pre_screening,
)
from tests.support.samples import SetClock

ZIP = "application/zip"


def verdicts(flow: Flow) -> list[bool]:
    return [one["content"]["validated"] for one in flow.told_central("ValidationResult")]


def errors(flow: Flow) -> list[str]:
    return [error["code"] for error in flow.told_central("ValidationResult")[-1]["content"].get("error", [])]


async def test_an_application_opens_a_case_and_a_leg_is_answered_and_handed_on(flow: Flow) -> None:
    message_id = await flow.from_eu(eu_application(), ZIP)
    [case] = await flow.cases()
    assert [(alias.scheme, alias.value) for alias in case.aliases] == [("cp", EXAMPLE_ID)]
    assert case.version == 1
    leg = await flow.leg()
    assert (leg.state, leg.national_state) == ("RECEIVED", "DEPOSE")
    assert await flow.clocks() == dict.fromkeys(("PUBLISH_APP", "PRESCREEN_TARGET", "HDH_COMPLETE"), "running")
    [delivery] = flow.hdh.taken.values()
    assert (delivery.type, delivery.profile, delivery.case_key) == ("ApplicationSubmitted", "fr-hdh-1", case.key)
    assert (await flow.exchange(message_id)).state is State.ACKNOWLEDGED
    [answer] = flow.told_central("ValidationResult")
    assert answer["content"]["originalMessageId"] == answer["envelope"]["inReplyTo"] == "eu-1@example.org"
    assert verdicts(flow) == [True]
    assert not flow.findata.taken


async def test_the_answer_refers_to_the_message_on_the_wire(flow: Flow) -> None:
    await flow.from_eu(eu_application(), ZIP, message_id="asked@example.org")
    [sent] = flow.point.sent.values()
    assert (sent.ref_to_message_id, sent.to_party) == ("asked@example.org", CENTRAL_PARTY)


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (b"", "application/json", "missing-part"),
        (b"<a/>", "application/json", "not-json"),
        (b'{"envelope": {}}', "application/json", None),
        (b"[" * 200_000, "application/json", None),
        (b'{"envelope": {"messageType": "Gossip"}, "content": {}}', "application/json", "unknown-message-type"),
        (b'{"envelope": {"messageType": ["x"]}, "content": 5}', "application/json", None),
        (b"PK\x03\x04 no zip", ZIP, None),
        (b"{}", "text/plain", "unsupported-media-type"),
        (b"{}", "", "unsupported-media-type"),
        (eu("StatusUpdate"), "application/json", "unexpected-message-type"),
        (eu("ApplicationWithdrawn", createdAt="yesterday"), "application/json", "bad-value"),
        (eu("FeeResponse", {"response": "MAYBE"}), "application/json", "bad-value"),
        (eu("FeeResponse", {"response": None}), "application/json", "missing-element"),
    ],
)
async def test_what_cannot_be_read_or_is_not_valid_is_answered_not_validated_with_the_reason(
    flow: Flow, data: bytes, media_type: str, code: str | None
) -> None:
    message_id = await flow.from_eu(data, media_type)
    exchange = await flow.exchange(message_id)
    assert exchange.state is State.REFUSED
    assert exchange.problems
    assert verdicts(flow) == [False]
    assert errors(flow) == [problem["code"] for problem in exchange.problems]
    assert code is None or code in errors(flow)
    assert not {"internal-error", "refused"} & set(errors(flow))
    assert await flow.bytes(message_id) == data
    await flow.from_eu(eu_application(), ZIP)
    assert verdicts(flow) == [False, True]


async def test_a_message_from_somebody_else_is_parked_and_not_answered(flow: Flow) -> None:
    for party in ("urn:example:ap:stranger", ""):
        message_id = await flow.from_eu(eu_application(), ZIP, from_party=party)
        exchange = await flow.exchange(message_id)
        assert exchange.state is State.PARKED
        assert (party or "nobody named") in exchange.reason
    assert not flow.point.sent
    assert not await flow.cases()


async def test_a_message_about_an_unknown_case_waits_for_its_application(flow: Flow) -> None:
    early = await flow.from_eu(eu("ApplicationWithdrawn"))
    [waiting] = await flow.work(early)
    assert (await flow.exchange(early)).state is State.HELD
    assert waiting.next_attempt_at > flow.clock.now()
    assert waiting.last_error.startswith("held: ")
    assert verdicts(flow) == []
    await flow.from_eu(eu_application(), ZIP)
    flow.clock.advance(5)
    await flow.run()
    assert (await flow.exchange(early)).state is State.ACKNOWLEDGED
    assert (await flow.leg()).state == "WITHDRAWN"
    assert verdicts(flow) == [True, True]


async def test_a_message_about_a_case_that_never_comes_is_parked_and_answered_once(flow: Flow) -> None:
    early = await flow.from_eu(eu("ApplicationWithdrawn"))
    for _ in range(20):
        flow.clock.advance(5)
        await flow.run()
    exchange = await flow.exchange(early)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "unknown-case")
    assert exchange.problems[0]["value"] == EXAMPLE_ID
    assert verdicts(flow) == [True]  # it is valid; that the case is unknown is ours to settle
    assert not await flow.work(early)


async def test_a_parked_message_goes_on_when_a_person_retries_it_after_the_application_came(flow: Flow) -> None:
    early = await flow.from_eu(eu("ApplicationWithdrawn"))
    flow.clock.advance(61)
    await flow.run()
    await flow.from_eu(eu_application(), ZIP)
    assert await retry(flow.node, early, actor="tests") == State.RECEIVED
    await flow.run()
    assert (await flow.exchange(early)).state is State.ACKNOWLEDGED
    assert (await flow.leg()).state == "WITHDRAWN"
    assert verdicts(flow) == [True, True]  # one answer for each message, not a second one for the retry


async def test_an_answer_to_a_question_resumes_the_leg_and_tells_the_platform(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")
    await flow.from_office(dossier("AdditionalInfoRequest"))
    assert ((await flow.leg()).state, (await flow.clocks())["COMPLETE_4W"]) == ("AWAITING_INFO", "running")
    await flow.from_eu(eu_application("AdditionalInformation", version=4), ZIP)
    assert ((await flow.leg()).state, (await flow.clocks())["COMPLETE_4W"]) == ("PRE_SCREENING", "stopped")
    assert len(flow.told_central("AdditionalInfoAck")) == 1
    assert flow.told_central("StatusUpdate")[-1]["content"]["status"] == "PRE_SCREENING"
    assert len(flow.hdh.of("AdditionalInformation")) == 1


async def test_an_answer_that_this_leg_did_not_ask_for_is_an_amendment_to_it(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")
    await flow.from_eu(eu_application("AdditionalInformation", version=4), ZIP)
    assert (await flow.leg()).state == "PRE_SCREENING"
    assert flow.told_central("AdditionalInfoAck") == []


async def test_news_of_others_is_told_and_changes_no_leg(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")
    before = await flow.leg()
    await flow.from_eu(eu("PeerStatus"))
    assert await flow.leg() == before
    [case] = await flow.cases()
    assert [(news["type"], news["nation"]) for news in case.news] == [("PeerStatus", "FI")]
    assert len(flow.hdh.of("PeerStatus")) == 1
    assert verdicts(flow) == [True, True]


async def test_an_illegal_step_from_the_platform_is_valid_is_answered_so_and_waits_for_a_person(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    message_id = await flow.from_eu(eu("FeeResponse", {"response": "ACCEPT"}))
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "illegal-step")
    assert verdicts(flow) == [True, True]
    assert (await flow.leg()).state == "RECEIVED"


async def test_a_retry_of_an_early_step_from_the_platform_applies_it_once_it_is_lawful(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    early = await flow.from_eu(eu("FeeResponse", {"response": "ACCEPT"}))
    for document in (
        dossier("ApplicationAck"),
        pre_screening(),
        dossier("StatusUpdate"),
        dossier("NationalStep"),
        dossier("FeeEstimate"),
    ):
        await flow.from_office(document)
    await retry(flow.node, early, actor="tests")
    await flow.run()
    assert (await flow.exchange(early)).state is State.ACKNOWLEDGED
    assert (await flow.leg()).facts["fees_accepted"]


async def test_an_amendment_that_was_parked_is_applied_by_a_retry_and_not_taken_for_an_old_one(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    await flow.from_eu(eu("ApplicationWithdrawn"))
    late = await flow.from_eu(eu_application("ApplicationAmended", version=2), ZIP)
    assert (await flow.exchange(late)).state is State.PARKED
    assert (await flow.cases())[0].version == 1


async def test_an_application_that_is_nobodys_here_waits_for_a_person(flow: Flow) -> None:
    nobody = {name: replace(link, default=False) for name, link in flow.node.backends.items()}
    flow = replace(flow, node=replace(flow.node, backends=nobody))
    message_id = await flow.from_eu(eu_application(), ZIP)
    assert (await flow.exchange(message_id)).state is State.PARKED
    assert verdicts(flow) == [True]
    somebody = {name: replace(link, default=name == "hdh") for name, link in flow.node.backends.items()}
    flow = replace(flow, node=replace(flow.node, backends=somebody))
    await retry(flow.node, message_id, actor="tests")
    await flow.run()
    assert (await flow.exchange(message_id)).state is State.ACKNOWLEDGED
    assert (await flow.leg()).state == "RECEIVED"
    assert verdicts(flow) == [True]


async def test_what_nobody_foresaw_is_parked_and_does_not_come_back_for_ever(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("inner words")

    monkeypatch.setattr(type(flow.node.codec), "decode", broken)
    message_id = await flow.from_eu(eu("PeerStatus"))
    for _ in range(20):
        flow.clock.advance(1000)
        await flow.run()
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "internal-error")
    assert "inner words" not in str(exchange)
    assert not await flow.work(message_id)
    monkeypatch.undo()
    await flow.from_eu(eu_application(), ZIP)
    assert verdicts(flow) == [True]


async def test_what_nobody_foresaw_within_the_commit_is_parked_too(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    await case_in(flow, "RECEIVED")

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("broker.flow.prepare.apply", broken)
        message_id = await flow.from_office(dossier("ApplicationAck"))
        for _ in range(20):
            flow.clock.advance(1000)
            await flow.run()
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "internal-error")
    await retry(flow.node, message_id, actor="tests")
    await flow.run()
    assert (await flow.exchange(message_id)).state is State.SUBMITTED


async def test_every_prepared_message_leaves_an_attempt_and_no_work(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")
    await flow.from_office(b"no xml")
    for exchange in await flow.all():
        assert not await flow.work(exchange.message_id), exchange
        if exchange.direction is Direction.OUTBOUND and exchange.type == "ValidationResult":
            continue  # the broker wrote it itself: nothing was prepared
        attempts = await flow.attempts(exchange.message_id)
        assert len(attempts) == 1, exchange


async def test_a_message_that_is_marked_as_a_test_waits_for_a_person_in_production(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock, production=True)
    test = await flow.exchange(await flow.from_eu(eu_application(testFlag=True), "application/zip"))
    assert (test.state, test.problems[0]["code"]) == (State.PARKED, "test-message")
    assert (await flow.cases(), flow.point.sent) == ((), {})
    await flow.from_eu(eu_application(testFlag=None), "application/zip")
    assert len(await flow.cases()) == 1
