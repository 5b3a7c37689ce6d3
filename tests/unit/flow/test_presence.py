"""A counterpart that is back: what waits for it goes at once; a way that is still broken rests as before."""

from __future__ import annotations

from broker.errors import Unavailable
from broker.flow.presence import ONCE_IN, Presence
from broker.model.exchanges import Exchange, State
from tests.support.flow_node import Flow, case_in, dossier


async def waiting_long(flow: Flow, failures: int) -> Exchange:
    """An acknowledgement that was tried in vain so often that it now rests for minutes."""
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].extend([Unavailable("away")] * failures)
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    for _ in range(8):
        [work] = await flow.work(exchange.id)
        flow.clock.at = work.next_attempt_at
        await flow.run()
    return exchange


async def rest(flow: Flow, exchange: Exchange) -> float:
    [work] = await flow.work(exchange.id)
    return (work.next_attempt_at - flow.clock.now()).total_seconds()


async def test_what_waits_goes_as_soon_as_the_counterpart_is_heard_of(flow: Flow) -> None:
    exchange = await waiting_long(flow, failures=9)
    assert await rest(flow, exchange) > 60
    await flow.run()
    assert (await flow.exchange(exchange.message_id)).state is State.QUEUED
    assert await Presence(flow.node).heard() == 1
    await flow.run()
    assert (await flow.exchange(exchange.message_id)).state is State.SUBMITTED


async def test_a_way_that_is_still_broken_is_tried_once_each_time_and_rests_as_long_as_before(flow: Flow) -> None:
    exchange = await waiting_long(flow, failures=50)
    presence, before = Presence(flow.node), len(flow.point.calls)
    for _ in range(5):
        await presence.heard()
        await flow.run()
    assert len(flow.point.calls) == before + 1
    assert await rest(flow, exchange) > 60
    flow.clock.advance(ONCE_IN.total_seconds())
    assert await presence.heard() == 1


async def test_a_clock_that_was_put_back_silences_nobody(flow: Flow) -> None:
    exchange = await waiting_long(flow, failures=9)
    presence = Presence(flow.node, hastened_at=flow.clock.now() + ONCE_IN)
    assert await presence.heard() == 1
    assert await rest(flow, exchange) == 0
