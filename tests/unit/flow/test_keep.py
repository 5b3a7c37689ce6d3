"""Keeping: one commit with everything in it, once per key, whatever the door."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from broker.errors import Problem, Unavailable
from broker.flow.arrival import Arrival
from broker.flow.doors import accept
from broker.flow.keep import KeyReused, keep, quarantine
from broker.flow.node import Node
from broker.flow.prepare import prepare
from broker.model.exchanges import Direction, State
from broker.model.messages import Door
from broker.model.work import WorkKind
from tests.support.flow_node import Flow, dossier, eu_application, sha256

DOORS = [Door.ACCESS_POINT, Door.AMQP, Door.HTTP, Door.CLI]


def arrival(door: Door = Door.HTTP, data: bytes = b"<a/>", **more: str) -> Arrival:
    facts = {"party": "hdh", "key": "key-1", "content_type": "application/xml", **more}
    return Arrival(door, data=data, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_kept_has_its_bytes_its_key_its_work_and_its_place_in_the_journal(flow: Flow, door: Door) -> None:
    data = bytes(range(256))
    kept = await keep(flow.node, arrival(door, data))
    assert kept.fresh
    message, exchange = await flow.message(kept.message.id), await flow.exchange(kept.message.id)
    assert (message.sha256, message.size, message.door, message.key) == (sha256(data), 256, door, "key-1")
    assert await flow.bytes(message.id) == data
    inbound = door is Door.ACCESS_POINT
    assert exchange.direction is (Direction.INBOUND if inbound else Direction.OUTBOUND)
    assert exchange.state is (State.RECEIVED if inbound else State.KEPT)
    assert [(work.kind, work.subject) for work in await flow.due()] == [(WorkKind.PREPARE, message.id)]
    [entry] = await flow.journal("message.kept")
    assert (entry.target, entry.detail["sha256"]) == (message.id, sha256(data))
    assert flow.tickets.put_ == [(WorkKind.PREPARE, message.id)]


@pytest.mark.parametrize("door", DOORS)
async def test_the_same_key_with_the_same_bytes_has_no_second_effect(flow: Flow, door: Door) -> None:
    first = await keep(flow.node, arrival(door))
    again = await keep(flow.node, arrival(door))
    assert (again.fresh, again.message) == (False, first.message)
    assert len(await flow.due()) == len(await flow.journal("message.kept")) == len(await flow.all()) == 1


@pytest.mark.parametrize("door", DOORS)
async def test_the_same_key_with_other_bytes_is_refused_and_the_first_stays(flow: Flow, door: Door) -> None:
    first = await keep(flow.node, arrival(door))
    with pytest.raises(KeyReused) as refused:
        await keep(flow.node, arrival(door, b"<b/>"))
    [problem] = refused.value.problems
    assert (refused.value.code, problem.code, problem.value) == ("key-reused", "key-reused", "key-1")
    assert problem.hint
    assert refused.value.first == first.message
    assert await flow.bytes(first.message.id) == b"<a/>"
    assert len(await flow.due()) == 1


async def test_a_key_is_taken_only_for_its_door_and_its_party(flow: Flow) -> None:
    arrivals = [arrival(door, f"<{party}/>".encode(), party=party) for door in DOORS for party in ("hdh", "findata")]
    kept = [await keep(flow.node, one) for one in arrivals]
    assert all(one.fresh for one in kept)
    assert len({one.message.id for one in kept}) == 8


async def test_twenty_hands_with_one_key_keep_one_message(flow: Flow) -> None:
    kept = await asyncio.gather(*(keep(flow.node, arrival()) for _ in range(20)))
    assert len({one.message.id for one in kept}) == 1
    assert sum(one.fresh for one in kept) == 1
    assert len(await flow.due()) == len(await flow.all()) == 1


async def test_a_failure_on_the_way_keeps_nothing_at_all(flow: Flow) -> None:
    class Failing:
        """Ids run out in the middle of the commit."""

        def __init__(self, good: int) -> None:
            self.left = count(good, -1)

        def new(self) -> str:
            if next(self.left) <= 0:
                raise ZeroDivisionError
            return flow.node.ids.new()

    for good in (1, 2, 3):
        with pytest.raises(ZeroDivisionError):
            await keep(replace(flow.node, ids=Failing(good)), arrival())
    assert not await flow.all()
    assert not await flow.due()
    assert not await flow.journal()
    assert (await keep(flow.node, arrival())).fresh


async def test_a_queue_that_is_away_loses_nothing(flow: Flow) -> None:
    flow.tickets.away = True
    kept = await keep(flow.node, arrival())
    assert [work.subject for work in await flow.due()] == [kept.message.id]


async def test_what_is_set_aside_is_parked_with_its_bytes_and_makes_no_work(flow: Flow) -> None:
    problem = Problem("user-id-missing", "no user", hint="Set user_id.")
    for _ in range(2):
        message = await quarantine(flow.node, arrival(Door.AMQP, b"whose?", party=""), problem)
    exchange = await flow.exchange(message.id)
    assert (exchange.state, exchange.reason) == (State.PARKED, "no user")
    assert exchange.problems[0]["code"] == "user-id-missing"
    assert await flow.bytes(message.id) == b"whose?"
    assert not await flow.due()
    assert len(await flow.all()) == 1


async def test_bytes_under_a_taken_key_are_set_aside_beside_the_first(flow: Flow) -> None:
    first = await keep(flow.node, arrival(Door.ACCESS_POINT))
    problem = Problem("key-reused", "other bytes under one id")
    for _ in range(2):
        other = await quarantine(flow.node, arrival(Door.ACCESS_POINT, b"<b/>"), problem)
    third = await quarantine(flow.node, arrival(Door.ACCESS_POINT, b"<c/>"), problem)
    assert len({first.message.id, other.id, third.id}) == 3
    assert [await flow.bytes(one) for one in (first.message.id, other.id, third.id)] == [b"<a/>", b"<b/>", b"<c/>"]
    assert len(await flow.all()) == 3


async def test_a_door_hears_the_same_outcome_for_a_repeat(flow: Flow) -> None:
    bad = arrival(data=b"no xml")
    first = await accept(flow.node, bad, budget=5)
    again = await accept(flow.node, bad, budget=5)
    assert (first.state, first.fresh, again.fresh) == (State.REFUSED, True, False)
    assert [problem.code for problem in first.problems] == ["not-xml"]
    assert replace(again, fresh=True) == first


async def test_a_door_without_time_answers_before_the_message_is_prepared(flow: Flow) -> None:
    accepted = await accept(flow.node, arrival(data=b"no xml"))
    assert (accepted.state, accepted.problems) == (State.KEPT, ())
    await flow.run()
    assert (await accept(flow.node, arrival(data=b"no xml"))).state == State.REFUSED


async def test_a_resend_after_a_refusal_is_a_new_message(flow: Flow) -> None:
    await flow.from_eu(eu_application(), "application/zip")
    refused = await accept(flow.node, arrival(data=dossier("StatusUpdate")), budget=5)
    assert refused.state == State.REFUSED
    acked = await accept(flow.node, arrival(data=dossier("ApplicationAck"), key="key-2"), budget=5)
    assert acked.state == State.QUEUED


async def test_a_door_hears_what_a_faster_worker_came_to(flow: Flow) -> None:
    """The worker takes the row between keeping and preparing."""

    async def faster(node: object, message_id: str) -> None:
        del node, message_id

    async def worker() -> None:
        while not await flow.due():  # noqa: ASYNC110 -- a row has no event
            await asyncio.sleep(0.01)
        await flow.run()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("broker.flow.doors.prepare", faster)
        accepted, _ = await asyncio.gather(accept(flow.node, arrival(data=b"no xml"), budget=5), worker())
    assert (accepted.state, [problem.code for problem in accepted.problems]) == (State.REFUSED, ["not-xml"])


async def test_a_request_that_runs_out_of_time_does_not_hold_its_message_back(flow: Flow) -> None:
    """It answers what is known, and the preparing goes on to its end: no claim is left until its lease is over."""
    going_on = asyncio.Event()

    async def slow(node: Node, message_id: str) -> None:
        await going_on.wait()
        await prepare(node, message_id)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("broker.flow.doors.prepare", slow)
        accepted = await accept(flow.node, arrival(data=b"no xml"), budget=0.05)
    assert accepted.state == State.KEPT
    going_on.set()
    async with asyncio.timeout(5):
        while (await flow.exchange(accepted.message_id)).state is State.KEPT:  # noqa: ASYNC110 -- it has no event
            await asyncio.sleep(0.01)
    assert not await flow.due()


class Stuck:
    """Ids of which one comes twice."""

    def new(self) -> str:
        return "01a3185c-5000-7000-8000-000000000000"


async def test_what_could_not_be_kept_is_not_taken_for_kept(flow: Flow) -> None:
    node = replace(flow.node, ids=Stuck())
    await keep(node, arrival(key="first"))
    with pytest.raises(Unavailable):
        await keep(node, arrival(key="second", data=b"<b/>"))
    async with flow.store.transaction() as tx:
        assert await tx.message_by_key(Door.HTTP, "hdh", "second") is None
