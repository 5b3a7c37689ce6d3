"""What a node throws away by itself."""

from __future__ import annotations

from datetime import timedelta

from broker.flow.housekeeping import MARGIN, forget_used_tokens
from tests.support.flow_node import Flow


async def use(flow: Flow, key: str, good_for: timedelta) -> bool:
    now = flow.clock.now()
    async with flow.store.transaction() as tx:
        return await tx.use_once(key, now, until=now + good_for)


async def test_a_used_token_is_forgotten_a_while_after_it_expired_and_not_before(flow: Flow) -> None:
    for key, hours in (("short", 1), ("long", 9)):
        assert await use(flow, key, timedelta(hours=hours))
    flow.clock.advance(timedelta(hours=1).total_seconds() + MARGIN.total_seconds())
    assert await forget_used_tokens(flow.node) == 0
    assert not await use(flow, "short", timedelta(hours=1))
    flow.clock.advance(1)
    assert await forget_used_tokens(flow.node) == 1
    assert not await use(flow, "long", timedelta(hours=9))
    assert await forget_used_tokens(flow.node) == 0
