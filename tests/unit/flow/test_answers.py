"""Receipt, validation, business answer and silence: in any order, each dated, each once."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from broker.errors import Unavailable
from broker.flow.answers import Receipts, presume_failed
from broker.flow.prepare import prepare
from broker.flow.staff import retry, sign_off
from broker.model.exchanges import Outcome, State
from tests.support.flow_node import EXAMPLE_ID, Flow, bring_files, case_in, dossier, eu, lodged, partial_grant

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange

TWO_DAYS = 2 * 86_400


def validation(wire_id: str, *, good: bool = True, about: str = EXAMPLE_ID) -> bytes:
    error = None if good else [{"code": "bad-value", "message": "Unknown status", "path": "/content/status"}]
    content = {"originalMessageId": wire_id, "validated": good, "error": error, "applicationId": about}
    return eu("ValidationResult", content, applicationId=about)


def acknowledgement(wire_id: str) -> bytes:
    return eu("DecisionAck", inReplyTo=wire_id, originalMessageId=None)


async def submitted(flow: Flow) -> Exchange:
    """An ApplicationAck of the office, on its way to the platform."""
    await case_in(flow, "RECEIVED")
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.due_at is not None) == (State.SUBMITTED, True)
    return exchange


async def decided(flow: Flow) -> Exchange:
    await case_in(flow, "READY_TO_DECIDE")
    message_id = await flow.from_office(partial_grant())
    await sign_off(flow.node, message_id, actor="tests", reason="example")
    await flow.run()
    return await flow.exchange(message_id)


def outcomes(flow: Flow) -> list[tuple[str, str]]:
    told = [json.loads(notice.document) for notice in flow.hdh.of("OutcomeNotice")]
    return [(one["type"], one["outcome"]) for one in told]


async def test_validated_ends_the_exchange_and_the_back_end_is_told(flow: Flow) -> None:
    sent = await submitted(flow)
    answer = await flow.from_eu(validation(sent.wire_message_id))
    after = await flow.exchange(sent.message_id)
    assert (after.state, after.outcome, after.validation) == (State.ENDED, Outcome.ACCEPTED, "validated")
    assert after.validation_at == flow.clock.now()
    assert after.due_at is None
    assert outcomes(flow) == [("ApplicationAck", "accepted")]
    assert (await flow.exchange(answer)).state is State.ACKNOWLEDGED
    assert len(flow.told_central("ValidationResult")) == 1  # answers are never answered


async def test_not_validated_ends_it_as_rejected_with_the_reasons(flow: Flow) -> None:
    sent = await submitted(flow)
    await flow.from_eu(validation(sent.wire_message_id, good=False))
    after = await flow.exchange(sent.message_id)
    assert (after.state, after.outcome) == (State.ENDED, Outcome.REJECTED)
    assert after.problems[0]["code"] == "bad-value"
    [notice] = flow.hdh.of("OutcomeNotice")
    told = json.loads(notice.document)
    assert (told["outcome"], told["problems"][0]["path"]) == ("rejected", "/content/status")


@pytest.mark.parametrize("claim", ["originalMessageId", "inReplyTo"])
async def test_an_answer_whose_ids_name_two_messages_settles_neither(flow: Flow, claim: str) -> None:
    sent = await submitted(flow)
    [other] = [wire_id for wire_id in flow.point.sent if wire_id != sent.wire_message_id]
    if claim == "originalMessageId":
        message_id = await flow.from_eu(validation(sent.wire_message_id), ref_to_message_id=other)
    else:
        answer = eu("DecisionAck", inReplyTo=sent.wire_message_id, originalMessageId=None)
        message_id = await flow.from_eu(answer, ref_to_message_id=other)
    exchange = await flow.exchange(message_id)
    assert (exchange.state, [problem["code"] for problem in exchange.problems]) == (
        State.PARKED,
        ["contradicting-ids"],
    )
    after = await flow.exchange(sent.message_id)
    assert (after.state, after.validation, after.answer) == (State.SUBMITTED, "", "")


FACTS = ("validation", "answer", "receipt")


@pytest.mark.parametrize("order", list(itertools.permutations(FACTS)))
async def test_the_facts_of_a_decision_come_in_any_order_and_end_it_once(flow: Flow, order: tuple[str, ...]) -> None:
    sent = await decided(flow)
    wire = sent.wire_message_id
    for fact in order:
        flow.clock.advance(1)
        if fact == "receipt":
            flow.point.statuses[wire] = "ACKNOWLEDGED"
            await Receipts(flow.node, flow.point).watch()
        else:
            await flow.from_eu(validation(wire) if fact == "validation" else acknowledgement(wire))
        now = await flow.exchange(sent.message_id)
        answered = fact == "answer" or bool(now.answer)
        assert now.state is (State.ENDED if answered else State.SUBMITTED)
    after = await flow.exchange(sent.message_id)
    assert (after.validation, after.answer, after.outcome) == ("validated", "DecisionAck", Outcome.ACCEPTED)
    moments = {
        "validation": after.validation_at,
        "answer": after.answer_at,
        "receipt": after.receipt_at,
    }
    assert sorted(order, key=lambda fact: str(moments[fact])) == list(order)
    assert outcomes(flow) == [("DecisionIssued", "accepted")]


async def test_a_decision_that_is_not_validated_is_rejected_without_waiting_for_more(flow: Flow) -> None:
    sent = await decided(flow)
    await flow.from_eu(validation(sent.wire_message_id, good=False))
    assert (await flow.exchange(sent.message_id)).outcome == Outcome.REJECTED


async def test_the_same_verdict_again_changes_nothing_and_stops_nothing(flow: Flow) -> None:
    sent = await submitted(flow)
    first = validation(sent.wire_message_id)
    answers = [await flow.from_eu(first) for _ in range(3)]
    assert [(await flow.exchange(answer)).state for answer in answers] == [State.ACKNOWLEDGED] * 3
    assert outcomes(flow) == [("ApplicationAck", "accepted")]
    assert not await flow.due()


async def test_a_second_verdict_that_says_the_opposite_waits_for_a_person(flow: Flow) -> None:
    sent = await submitted(flow)
    await flow.from_eu(validation(sent.wire_message_id))
    opposite = await flow.exchange(await flow.from_eu(validation(sent.wire_message_id, good=False)))
    assert opposite.state is State.PARKED
    assert "second verdict" in opposite.reason
    assert (await flow.exchange(sent.message_id)).validation == "validated"


async def test_an_answer_to_nothing_we_sent_waits_for_a_person(flow: Flow) -> None:
    exchange = await flow.exchange(await flow.from_eu(validation("never-sent@example.org")))
    assert exchange.state is State.PARKED
    assert not flow.point.sent


async def test_an_answer_is_found_by_the_reference_of_its_header_too(flow: Flow) -> None:
    sent = await submitted(flow)
    data = eu("DecisionAck", inReplyTo=None, originalMessageId=None)
    await flow.from_eu(data, ref_to_message_id=sent.wire_message_id)
    assert (await flow.exchange(sent.message_id)).answer == "DecisionAck"


async def test_the_answer_to_a_forwarded_dossier_tells_the_platforms_id(flow: Flow) -> None:
    await bring_files(flow)
    sent = await flow.exchange(await flow.from_office(lodged("EXEMPLE-2027-7777")))
    assert sent.state is State.SUBMITTED, sent
    await flow.from_eu(validation(sent.wire_message_id, about="6a70b4d104db074a00fd7777"))
    [case] = await flow.cases()
    assert {(alias.scheme, alias.value) for alias in case.aliases} == {
        ("hdh", "EXEMPLE-2027-7777"),
        ("cp", "6a70b4d104db074a00fd7777"),
    }


async def test_silence_is_a_state_that_a_late_answer_overrules(flow: Flow) -> None:
    sent = await submitted(flow)
    flow.clock.advance(TWO_DAYS - 1)
    assert await presume_failed(flow.node) == 0
    flow.clock.advance(2)
    await presume_failed(flow.node)
    silent = await flow.exchange(sent.message_id)
    assert (silent.state, silent.due_at) == (State.PRESUMED_FAILED, None)
    assert "no answer by 2027-03-03" in silent.reason
    await flow.from_eu(validation(sent.wire_message_id))
    after = await flow.exchange(sent.message_id)
    assert (after.state, after.outcome) == (State.ENDED, Outcome.ACCEPTED)
    noted = [entry.target for entry in await flow.journal("exchange.presumed_failed")]
    assert noted == [sent.id]  # both facts stay
    assert outcomes(flow) == [("ApplicationAck", "accepted")]


async def test_silence_is_not_presumed_twice_nor_of_what_is_answered(flow: Flow) -> None:
    sent = await submitted(flow)
    await flow.from_eu(validation(sent.wire_message_id))
    flow.clock.advance(TWO_DAYS * 2)
    await presume_failed(flow.node)
    assert (await flow.exchange(sent.message_id)).state is State.ENDED
    assert await flow.journal("exchange.presumed_failed") == []


async def test_a_silent_message_is_asked_about_again_by_a_person(flow: Flow) -> None:
    sent = await decided(flow)
    flow.clock.advance(TWO_DAYS + 1)
    await presume_failed(flow.node)
    flow.point.statuses[sent.wire_message_id] = "ACKNOWLEDGED"
    assert await retry(flow.node, sent.message_id, actor="tests") == State.QUEUED
    await flow.run()
    again = await flow.exchange(sent.message_id)
    assert (again.state, again.wire_message_id) == (State.SUBMITTED, sent.wire_message_id)
    assert again.due_at is not None


async def test_an_answer_that_is_faster_than_the_access_points_own_is_not_forgotten(flow: Flow) -> None:
    """The submit arrived, its answer was cut, the status is not to be had; meanwhile the platform answers."""
    await case_in(flow, "RECEIVED")
    flow.point.cut = True
    flow.point.script["status"].append(Unavailable("away"))
    message_id = await flow.from_office(dossier("ApplicationAck"))
    sent = await flow.exchange(message_id)
    assert sent.state is State.SUBMITTING
    flow.point.cut = False
    await flow.from_eu(validation(sent.wire_message_id))
    assert (await flow.exchange(message_id)).validation == "validated"
    flow.clock.advance(10)
    flow.point.statuses[sent.wire_message_id] = "ACKNOWLEDGED"
    await flow.run()
    after = await flow.exchange(message_id)
    assert (after.state, after.outcome, after.due_at) == (State.ENDED, Outcome.ACCEPTED, None)
    assert outcomes(flow) == [("ApplicationAck", "accepted")]
    assert list(flow.point.sent).count(sent.wire_message_id) == 1


async def test_a_receipt_is_noted_once_and_a_receipt_is_all_that_an_answer_of_ours_needs(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    [answer] = await flow.all(type="ValidationResult")
    assert await Receipts(flow.node, flow.point).watch() == 0
    flow.point.statuses[answer.wire_message_id] = "ACKNOWLEDGED"
    assert await Receipts(flow.node, flow.point).watch() == 1
    assert await Receipts(flow.node, flow.point).watch() == 0
    [after] = await flow.all(type="ValidationResult")
    assert (after.state, after.outcome) == (State.ENDED, Outcome.DELIVERED)
    assert after.receipt_at == flow.clock.now()


async def test_an_access_point_that_is_away_is_asked_again_later(flow: Flow) -> None:
    await submitted(flow)
    flow.point.script["status"].append(Unavailable("away"))
    assert await Receipts(flow.node, flow.point).watch() == 0
    for wire_id in flow.point.sent:
        flow.point.statuses[wire_id] = "ACKNOWLEDGED"
    assert await Receipts(flow.node, flow.point).watch() == 2


async def test_a_failure_to_send_waits_for_a_person_who_sends_it_under_another_id(flow: Flow) -> None:
    sent = await submitted(flow)
    flow.point.statuses[sent.wire_message_id] = "SEND_FAILURE"
    await Receipts(flow.node, flow.point).watch()
    failed = await flow.exchange(sent.message_id)
    assert (failed.state, "SEND_FAILURE" in failed.reason) == (State.SEND_FAILED, True)
    assert await retry(flow.node, sent.message_id, actor="tests") == State.QUEUED
    await flow.run()
    again = await flow.exchange(sent.message_id)
    assert (again.state, again.resend) == (State.SUBMITTED, 1)
    assert again.wire_message_id != sent.wire_message_id
    first, second = (flow.point.sent[wire_id] for wire_id in (sent.wire_message_id, again.wire_message_id))
    assert first.parts == second.parts
    await flow.from_eu(validation(again.wire_message_id))
    assert (await flow.exchange(sent.message_id)).state is State.ENDED


async def test_an_answer_prepared_twice_at_once_counts_once(flow: Flow) -> None:
    sent = await submitted(flow)
    answer = await flow.from_eu(validation(sent.wire_message_id))
    for _ in range(3):
        await prepare(flow.node, answer)
    assert outcomes(flow) == [("ApplicationAck", "accepted")]
