"""Workers that stand still are seen, idle ones are not; notifications that were given up are sent again."""

from __future__ import annotations

import pytest

from broker.flow.loops import handler
from broker.flow.watch import StandsStill, WorkerWatch, push_again
from broker.model.work import WorkKind
from tests.support.flow_node import Flow


async def test_workers_without_work_do_not_stand_still(flow: Flow) -> None:
    watch = WorkerWatch(flow.node, 120.0)
    flow.clock.advance(3600)
    await watch.check()


async def test_work_that_nobody_takes_is_seen_until_somebody_does(flow: Flow) -> None:
    watch = WorkerWatch(flow.node, 120.0)
    work = flow.node.work(WorkKind.PREPARE, "message-of-nobody")
    async with flow.store.transaction() as tx:
        await tx.add_work(work)
    flow.clock.advance(119)
    await watch.check()
    flow.clock.advance(2)
    with pytest.raises(StandsStill) as caught:
        await watch.check()
    assert caught.value.code == "stands-still"
    await handler(flow.node, WorkKind.DELIVER, watch.beat)("exchange-of-nobody")
    await watch.check()


async def test_work_that_waits_for_its_time_is_not_standing_still(flow: Flow) -> None:
    watch = WorkerWatch(flow.node, 120.0)
    flow.clock.advance(7200)
    async with flow.store.transaction() as tx:
        await tx.add_work(flow.node.work(WorkKind.DELIVER, "x", at=flow.clock.now()))
    await watch.check()


async def test_notifications_that_were_given_up_are_sent_again(flow: Flow) -> None:
    assert await push_again(flow.point) == 0
    flow.point.unpushed = ["a", "b"]
    assert [await push_again(flow.point) for _ in range(2)] == [2, 0]
    assert ("push_again", "a,b") in flow.point.calls
