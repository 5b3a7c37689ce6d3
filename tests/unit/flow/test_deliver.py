"""Delivering: once at the other side, whatever happens on the way; nothing ends without somebody seeing it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adapters.store.sql import SqlStore
from adapters.xml import XmlDocuments
from broker.errors import ConfigurationError, Problem, Refused, Unavailable
from broker.flow.deliver import deliver
from broker.flow.retry import Breakers, RetryPolicy
from broker.flow.staff import retry
from broker.model.exchanges import Exchange, State
from broker.model.messages import Door
from broker.model.work import WorkKind
from broker.ports import Delivery
from tests.support.flow_node import Flow, case_in, dossier, eu_application, make_flow, pre_screening
from tests.support.samples import SetClock

ZIP = "application/zip"


async def queued(flow: Flow, *errors: Exception | None) -> Exchange:
    """An ApplicationAck whose first submits go wrong."""
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].extend(errors)
    return await flow.exchange(await flow.from_office(dossier("ApplicationAck")))


async def handed(flow: Flow, *errors: Exception | None) -> Exchange:
    """An application whose first deliveries to the office go wrong."""
    flow.hdh.script.extend(errors)
    return await flow.exchange(await flow.from_eu(eu_application(), ZIP))


async def now(flow: Flow, exchange: Exchange) -> Exchange:
    return await flow.exchange(exchange.message_id)


async def test_a_submit_has_its_id_before_the_first_try_and_keeps_it(flow: Flow) -> None:
    exchange = await queued(flow, Unavailable("away"), Unavailable("away"))
    wire_id = exchange.wire_message_id
    for _ in range(4):
        flow.clock.advance(10)
        await flow.run()
    submits = [message_id for name, message_id in flow.point.calls if name == "submit" and message_id == wire_id]
    assert len(submits) == 3
    assert (await now(flow, exchange)).state is State.SUBMITTED
    assert [attempt.outcome for attempt in await flow.attempts(exchange.id)] == ["later", "later", "done"]


async def test_what_waits_says_until_when_and_why(flow: Flow) -> None:
    exchange = await queued(flow, Unavailable("the access point does not answer"))
    [work] = await flow.work(exchange.id)
    assert exchange.state is State.QUEUED
    assert work.next_attempt_at > flow.clock.now()
    assert work.last_error == "unavailable: the access point does not answer"
    assert work.claimed_by == ""
    [attempt] = await flow.attempts(exchange.id)
    assert (attempt.number, attempt.outcome, attempt.error_code) == (1, "later", "unavailable")


async def test_pauses_grow_up_to_the_cap_and_are_never_equal_for_all(flow: Flow) -> None:
    exchange = await queued(flow, *[Unavailable("away")] * 12)
    pauses = []
    for _ in range(11):
        [work] = await flow.work(exchange.id)
        pauses.append((work.next_attempt_at - flow.clock.now()).total_seconds())
        flow.clock.at = work.next_attempt_at
        await flow.run()
        if (await now(flow, exchange)).state is State.PARKED:
            break
    for number, pause in enumerate(pauses):
        span = min(900.0, 2.0 * 2**number)
        assert span / 2 <= pause <= span
    assert len(set(pauses)) == len(pauses)


async def test_when_the_budget_is_used_up_a_person_must_look(flow: Flow) -> None:
    exchange = await queued(flow, *[Unavailable("away")] * 100)
    for _ in range(100):
        if not (work := await flow.work(exchange.id)):
            break
        flow.clock.at = work[0].next_attempt_at
        await flow.run()
    parked = await now(flow, exchange)
    assert parked.state is State.PARKED
    assert "gave up after" in parked.reason
    assert (await flow.attempts(exchange.id))[-1].outcome == "park"
    flow.point.script["submit"].clear()
    assert await retry(flow.node, exchange.message_id, actor="tests") == State.QUEUED
    await flow.run()
    assert (await now(flow, exchange)).state is State.SUBMITTED
    assert len(flow.point.sent) == 2


async def test_a_fault_of_the_configuration_stays_retryable(flow: Flow) -> None:
    exchange = await queued(flow, ConfigurationError("no PMode leg for this action"))
    assert exchange.state is State.QUEUED
    [attempt] = await flow.attempts(exchange.id)
    assert attempt.error_code == "configuration"


@pytest.mark.parametrize("side", ["access point", "office"])
async def test_what_nobody_foresaw_backs_off_like_any_failure(flow: Flow, side: str) -> None:
    error = ZeroDivisionError("inner words")
    exchange = await (queued(flow, error) if side == "access point" else handed(flow, error))
    assert exchange.state is (State.QUEUED if side == "access point" else State.READY)
    [work] = await flow.work(exchange.id)
    assert work.next_attempt_at > flow.clock.now()
    assert work.last_error == "internal-error: something unforeseen happened (ZeroDivisionError)"
    flow.clock.advance(10)
    await flow.run()
    assert (await now(flow, exchange)).state in {State.SUBMITTED, State.ACKNOWLEDGED}


async def test_without_an_access_point_messages_wait(store: SqlStore, documents: XmlDocuments, clock: SetClock) -> None:
    flow = make_flow(store, documents, clock)
    await case_in(flow, "RECEIVED")
    flow = replace(flow, node=replace(flow.node, access_point=None))
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    [work] = await flow.work(exchange.id)
    assert (exchange.state, work.last_error.split(":")[0]) == (State.QUEUED, "configuration")
    assert (work.next_attempt_at - clock.now()).total_seconds() >= 60


async def test_an_office_is_handed_the_same_id_until_it_has_taken_it(flow: Flow) -> None:
    exchange = await handed(flow, Unavailable("503"), Unavailable("503"))
    assert exchange.state is State.READY
    for _ in range(4):
        flow.clock.advance(10)
        await flow.run()
    after = await now(flow, exchange)
    assert (after.state, after.acknowledged_at) == (State.ACKNOWLEDGED, after.delivered_at)
    assert flow.hdh.tries == [exchange.id] * 3
    [delivery] = flow.hdh.taken.values()
    assert (delivery.id, delivery.sha256, delivery.causation_id) == (
        exchange.id,
        exchange.document_sha256,
        exchange.message_id,
    )


async def test_an_office_that_fetches_has_a_message_when_it_said_so(flow: Flow) -> None:
    flow.hdh.acknowledges = False
    exchange = await handed(flow)
    assert (exchange.state, exchange.acknowledged_at) == (State.DELIVERED, None)


async def test_an_office_that_refuses_is_not_asked_again_until_a_person_says_so(flow: Flow) -> None:
    problem = Problem("backend-refused", "The back end hdh answered 400", value="400")
    exchange = await handed(flow, Refused((problem,)))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "backend-refused")
    flow.clock.advance(100_000)
    await flow.run()
    assert len(flow.hdh.tries) == 1
    assert await retry(flow.node, exchange.message_id, actor="tests") == State.READY
    await flow.run()
    after = await now(flow, exchange)
    assert (after.state, after.problems, after.reason) == (State.ACKNOWLEDGED, (), "")
    assert flow.hdh.tries == [exchange.id] * 2
    assert len(flow.told_central("ValidationResult")) == 1


async def test_a_refused_delivery_of_one_office_does_not_touch_the_other_one(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock)
    catalogs = frozenset(["urn:example:catalog:fr"])
    both = {name: replace(link, catalogs=catalogs) for name, link in flow.node.backends.items()}
    flow = replace(flow, node=replace(flow.node, backends=both))
    flow.findata.script.append(Refused((Problem("backend-refused", "no"),)))
    message_id = await flow.from_eu(eu_application(), ZIP)
    states = {one.addressee: one.state for one in await flow.exchanges(message_id)}
    assert states == {"hdh": State.ACKNOWLEDGED, "findata": State.PARKED}
    await retry(flow.node, message_id, actor="tests")
    await flow.run()
    assert {one.state for one in await flow.exchanges(message_id)} == {State.ACKNOWLEDGED}
    assert (len(flow.hdh.tries), len(flow.findata.tries)) == (1, 2)


async def test_a_destination_that_keeps_failing_is_left_alone_for_a_while(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock, breakers=Breakers(threshold=3, rest=15.0))
    exchange = await queued(flow, *[Unavailable("away")] * 3)
    for _ in range(2):
        [work] = await flow.work(exchange.id)
        flow.clock.at = work.next_attempt_at
        await flow.run()
    tried = len([call for call in flow.point.calls if call == ("submit", exchange.wire_message_id)])
    await flow.from_eu(eu_application(content={"application_id": "another"}, applicationId="another"), ZIP)
    *_, other = await flow.all(type="ValidationResult", direction="outbound")
    assert other.state is State.QUEUED
    assert other.case_key != exchange.case_key
    [work] = await flow.work(other.id)
    assert "left alone" in work.last_error
    assert tried == 3
    flow.clock.advance(60)
    await flow.run()
    assert (await now(flow, exchange)).state is State.SUBMITTED


async def test_a_worker_that_was_too_slow_does_not_overwrite_what_another_one_did(flow: Flow) -> None:
    """The first hand sleeps past its lease; the second delivers; then the first wakes up."""
    flow.hdh.script.append(Unavailable("503"))
    exchange = await flow.exchange(await flow.from_eu(eu_application(), ZIP))
    flow.clock.advance(10)
    taken = flow.hdh.deliver

    async def slow(delivery: Delivery) -> bool:
        flow.hdh.deliver = taken  # type: ignore[method-assign]
        flow.clock.advance(flow.node.retry.lease + 1)
        await deliver(replace(flow.node, worker="second"), delivery.id)
        assert (await now(flow, exchange)).state is State.ACKNOWLEDGED
        raise Unavailable("time-out")

    flow.hdh.deliver = slow  # type: ignore[method-assign]
    await deliver(flow.node, exchange.id)
    after = await now(flow, exchange)
    assert after.state is State.ACKNOWLEDGED
    assert not await flow.work(exchange.id)
    assert [attempt.worker for attempt in await flow.attempts(exchange.id)][-1] == "second"


async def test_a_ticket_without_a_row_does_nothing(flow: Flow) -> None:
    exchange = await handed(flow)
    for _ in range(3):
        await deliver(flow.node, exchange.id)
    await deliver(flow.node, "no-such-exchange")
    assert len(flow.hdh.tries) == 1


async def test_the_error_notice_reaches_the_office_however_often_it_is_tried(flow: Flow) -> None:
    flow.hdh.script.extend([Unavailable("503")])
    await flow.from_office(b"no xml", door=Door.AMQP, key="amqp-1")
    flow.clock.advance(10)
    await flow.run()
    [notice] = flow.hdh.of("ErrorNotice")
    assert json.loads(notice.document)["key"] == "amqp-1"
    assert len(set(flow.hdh.tries)) == 1


def test_the_longest_pause_is_shorter_than_the_budget() -> None:
    policy = RetryPolicy()
    assert policy.cap < policy.budget
    assert policy.lease < policy.cap


async def test_a_later_status_does_not_overtake_an_earlier_one_that_is_tried_again(flow: Flow) -> None:
    first = await queued(flow, Unavailable("the access point does not answer"))
    second = await flow.exchange(await flow.from_office(pre_screening()))
    assert [exchange.state for exchange in (await now(flow, first), second)] == [State.QUEUED, State.QUEUED]
    [ahead], [behind] = await flow.work(first.id), await flow.work(second.id)
    assert behind.next_attempt_at > ahead.next_attempt_at
    assert behind.attempts == 0, "waiting is no try"
    flow.clock.at = behind.next_attempt_at
    await deliver(flow.node, second.id)
    assert (await now(flow, second)).state is State.QUEUED
    await deliver(flow.node, first.id)
    assert flow.tickets.put_[-1] == (WorkKind.DELIVER, second.id), "the next one is told at once"
    flow.clock.advance(0.05)
    await flow.run()
    submits = [message_id for name, message_id in flow.point.calls if name == "submit"]
    assert submits[-2:] == [first.wire_message_id, second.wire_message_id]


async def test_what_waits_for_a_person_holds_nobody_up(flow: Flow) -> None:
    first = await queued(flow, Refused((Problem("not-taken", "the access point refuses it for good"),)))
    second = await flow.exchange(await flow.from_office(pre_screening()))
    assert (await now(flow, first)).state is State.PARKED
    assert second.state is State.SUBMITTED
