"""Submitting: under one id, once, and never taken for arrived or lost without the access point's word for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.errors import AlreadySubmitted, ConfigurationError, Conflict, OutcomeUnknown, Unavailable
from broker.flow.answers import Receipts, presume_failed
from broker.flow.staff import restore, retry
from broker.flow.timeline import stamp
from broker.flow.views import message_view
from broker.model.exchanges import Exchange, State
from tests.support.flow_node import Flow, case_in, dossier


async def queued(flow: Flow, *errors: Exception | None) -> Exchange:
    """An ApplicationAck whose first submits go wrong."""
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].extend(errors)
    return await flow.exchange(await flow.from_office(dossier("ApplicationAck")))


async def now(flow: Flow, exchange: Exchange) -> Exchange:
    return await flow.exchange(exchange.message_id)


@pytest.mark.parametrize("status", ["SEND_ENQUEUED", "WAITING_FOR_RETRY", "ACKNOWLEDGED", "ACKNOWLEDGED_WITH_WARNING"])
@pytest.mark.parametrize("error", [AlreadySubmitted("exists"), OutcomeUnknown("cut")])
async def test_already_there_means_arrived_where_the_status_agrees(flow: Flow, error: Exception, status: str) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].append(error)
    flow.point.statuses = dict.fromkeys(flow.point.sent, "ACKNOWLEDGED")
    flow.point.status = _always(status)  # type: ignore[method-assign]
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert exchange.state is State.SUBMITTED
    assert [attempt.outcome for attempt in await flow.attempts(exchange.id)] == ["done"]


@pytest.mark.parametrize("error", [AlreadySubmitted("exists"), OutcomeUnknown("cut")])
async def test_already_there_means_nothing_where_the_status_knows_of_nothing(flow: Flow, error: Exception) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].append(error)
    flow.point.status = _always("NOT_FOUND")  # type: ignore[method-assign]
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.submitted_at) == (State.QUEUED, None)
    [work] = await flow.work(exchange.id)
    assert "NOT_FOUND" in work.last_error
    flow.clock.advance(10)
    await flow.run()
    assert (await now(flow, exchange)).state is State.SUBMITTED  # under its own id, which was free after all


@pytest.mark.parametrize("status", ["SEND_FAILURE", "DELETED"])
@pytest.mark.parametrize("error", [AlreadySubmitted("exists"), OutcomeUnknown("cut")])
async def test_what_the_access_point_has_and_will_not_send_waits_for_a_person(
    flow: Flow, error: Exception, status: str
) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].append(error)
    flow.point.status = _always(status)  # type: ignore[method-assign]
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.submitted_at) == (State.SEND_FAILED, None)
    assert status in exchange.reason
    assert await flow.work(exchange.id) == ()
    await retry(flow.node, exchange.message_id, actor="tests")
    await flow.run()
    again = await now(flow, exchange)
    assert (again.state, again.resend) == (State.SUBMITTED, 1)
    assert again.wire_message_id != exchange.wire_message_id
    [found] = await flow.all(text=again.wire_message_id)
    async with flow.store.transaction() as tx:
        assert await tx.exchange_by_wire_id(exchange.wire_message_id) == found, "an answer to the first id finds it"


async def test_what_nobody_heard_the_end_of_is_a_state_and_is_asked_about_before_it_is_sent_again(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.cut = True
    flow.point.script["status"].extend([Unavailable("away")] * 3)
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.submitted_at) == (State.SUBMITTING, None)
    [work] = await flow.work(exchange.id)
    assert work.last_error.startswith("outcome-unknown: ")
    for _ in range(2):
        flow.clock.at = work.next_attempt_at
        await flow.run()
        assert (await now(flow, exchange)).state is State.SUBMITTING
        [work] = await flow.work(exchange.id)
    flow.clock.at = work.next_attempt_at
    await flow.run()
    assert (await now(flow, exchange)).state is State.SUBMITTED
    submits = [message_id for name, message_id in flow.point.calls if name == "submit"]
    assert submits.count(exchange.wire_message_id) == 1


async def test_a_worker_that_died_while_it_submitted_is_followed_by_a_question(flow: Flow) -> None:
    exchange = await queued(flow, Unavailable("away"))
    [work] = await flow.work(exchange.id)
    async with flow.store.transaction() as tx:
        await tx.save_exchange(replace(exchange, state=State.SUBMITTING))
    flow.point.statuses[exchange.wire_message_id] = "ACKNOWLEDGED"
    flow.point.calls.clear()
    flow.clock.at = work.next_attempt_at
    await flow.run()
    assert (await now(flow, exchange)).state is State.SUBMITTED
    assert flow.point.calls == [("status", exchange.wire_message_id)]


def _always(status: str) -> Any:
    async def said(_: str) -> str:
        return status

    return said


async def test_a_cut_after_the_access_point_took_it_sends_nothing_twice(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.cut = True
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert exchange.state is State.SUBMITTED
    submits = [message_id for name, message_id in flow.point.calls if name == "submit"]
    assert submits.count(exchange.wire_message_id) == 1


async def given_up(flow: Flow) -> Exchange:
    """Submitted, and the access point gave up sending it."""
    sent = await queued(flow)
    flow.point.statuses[sent.wire_message_id] = "SEND_FAILURE"
    flow.point.faults[sent.wire_message_id] = ("EBMS:0005", "EBMS:0301", "EBMS:0005")
    await Receipts(flow.node, flow.point).watch()
    return await now(flow, sent)


async def test_a_failure_to_send_is_shown_with_the_access_points_reasons(flow: Flow) -> None:
    failed = await given_up(flow)
    assert failed.state is State.SEND_FAILED
    assert "because of EBMS:0005, EBMS:0301:" in failed.reason


async def test_reasons_that_cannot_be_had_change_nothing(flow: Flow) -> None:
    flow.point.script["errors"].append(Unavailable("away"))
    assert (await given_up(flow)).state is State.SEND_FAILED


async def test_what_was_given_up_is_restored_at_the_access_point_under_its_own_id(flow: Flow) -> None:
    failed = await given_up(flow)
    assert await restore(flow.node, failed.message_id, actor="tests") == State.SUBMITTED
    again = await now(flow, failed)
    assert (again.wire_message_id, again.resend) == (failed.wire_message_id, 0)
    assert flow.point.statuses[again.wire_message_id] == "SEND_ENQUEUED"
    [entry] = await flow.journal("exchange.restored")
    assert (entry.actor, entry.target) == ("tests", failed.id)
    with pytest.raises(Conflict):
        await restore(flow.node, failed.message_id, actor="tests")


def submissions(view: dict[str, Any]) -> list[tuple[str, str]]:
    """When it was sent, as what, as the timeline tells it."""
    told = [event for event in view["timeline"] if event["what"] == "submitted"]
    return [(event["at"], event["detail"].rpartition(" as ")[2]) for event in told]


async def shown(flow: Flow, exchange: Exchange) -> dict[str, Any]:
    async with flow.store.transaction() as tx:
        return await message_view(tx, exchange.message_id)


async def test_what_is_restored_has_the_date_of_the_restore_and_waits_from_then_on_for_its_answer(flow: Flow) -> None:
    failed = await given_up(flow)
    first = failed.submitted_at
    flow.clock.advance(5 * 86_400)
    await restore(flow.node, failed.message_id, actor="tests")
    again, at = await now(flow, failed), flow.clock.now()
    assert (again.submitted_at, again.updated_at, again.due_at) == (at, at, at + timedelta(days=2))
    assert await presume_failed(flow.node) == 0, "the days in which it lay there are not days of silence"
    assert first
    wire_id = failed.wire_message_id
    assert submissions(await shown(flow, failed)) == [(stamp(first), wire_id), (stamp(at), wire_id)]


async def test_what_is_sent_again_under_another_id_has_the_date_of_that_and_the_first_one_stays_in_the_timeline(
    flow: Flow,
) -> None:
    failed = await given_up(flow)
    first = failed.submitted_at
    flow.clock.advance(5 * 86_400)
    await retry(flow.node, failed.message_id, actor="tests")
    await flow.run()
    again, at = await now(flow, failed), flow.clock.now()
    assert (again.state, again.submitted_at, again.due_at) == (State.SUBMITTED, at, at + timedelta(days=2))
    assert first
    assert submissions(await shown(flow, failed)) == [
        (stamp(first), failed.wire_message_id),
        (stamp(at), again.wire_message_id),
    ]


async def test_what_the_access_point_had_all_along_keeps_the_date_of_its_sending(flow: Flow) -> None:
    sent = await queued(flow)
    flow.clock.advance(3 * 86_400)
    assert await presume_failed(flow.node) == 1
    await retry(flow.node, sent.message_id, actor="tests")
    await flow.run()
    again = await now(flow, sent)
    assert (again.state, again.wire_message_id) == (State.SUBMITTED, sent.wire_message_id)
    assert (again.submitted_at, again.due_at) == (sent.submitted_at, flow.clock.now() + timedelta(days=2))


async def test_what_somebody_restored_at_the_access_point_itself_goes_on(flow: Flow) -> None:
    failed = await given_up(flow)
    flow.point.statuses[failed.wire_message_id] = "ACKNOWLEDGED"
    assert await restore(flow.node, failed.message_id, actor="tests") == State.SUBMITTED
    assert ("restore", failed.wire_message_id) not in flow.point.calls


@pytest.mark.parametrize("status", ["NOT_FOUND", "DELETED"])
async def test_what_the_access_point_has_no_more_cannot_be_restored(flow: Flow, status: str) -> None:
    failed = await given_up(flow)
    flow.point.statuses[failed.wire_message_id] = status
    with pytest.raises(Conflict, match=status):
        await restore(flow.node, failed.message_id, actor="tests")
    assert (await now(flow, failed)).state is State.SEND_FAILED


async def test_an_access_point_that_cannot_restore_changes_nothing(flow: Flow) -> None:
    failed = await given_up(flow)
    flow.point.script["restore"].append(ConfigurationError("no such thing here"))
    with pytest.raises(ConfigurationError):
        await restore(flow.node, failed.message_id, actor="tests")
    assert (await now(flow, failed)).state is State.SEND_FAILED


async def test_one_message_without_a_status_does_not_hold_up_those_behind_it(flow: Flow) -> None:
    sent = await queued(flow)
    poisonous, *others = list(flow.point.sent)
    assert others == [sent.wire_message_id]
    flow.point.script[f"status {poisonous}"].extend([Unavailable("unreadable")] * 5)
    flow.point.statuses = dict.fromkeys(flow.point.sent, "ACKNOWLEDGED")
    assert await Receipts(flow.node, flow.point).watch() == 1
    assert (await now(flow, sent)).receipt_at is not None


async def test_those_that_wait_long_for_a_receipt_do_not_hold_up_those_behind_them(flow: Flow) -> None:
    sent = await queued(flow)
    flow.point.statuses = dict.fromkeys(flow.point.sent, "WAITING_FOR_RETRY")
    flow.point.statuses[sent.wire_message_id] = "ACKNOWLEDGED"
    receipts = Receipts(flow.node, flow.point, limit=1)
    assert [await receipts.watch() for _ in range(4)] == [0, 1, 0, 0]
