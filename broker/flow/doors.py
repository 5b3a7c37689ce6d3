"""What the doors call: accept a national message, and prepare it within the request where there is time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from broker.errors import BrokerError, Problem
from broker.flow.arrival import Accepted, Arrival
from broker.flow.keep import Kept, keep
from broker.flow.node import Node, log
from broker.flow.prepare import prepare

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange


async def accept(node: Node, arrival: Arrival, *, budget: float = 0.0) -> Accepted:
    """Keep an arrival; with a budget (seconds) also prepare it, so that the sender hears a refusal at once.

    Raises: Conflict (`key-reused`), Unavailable: then nothing was kept.
    """
    kept = await keep(node, arrival)
    if kept.fresh and budget:
        await _prepare_within(node, kept, budget)
    return await outcome_of(node, kept)


async def _prepare_within(node: Node, kept: Kept, budget: float) -> None:
    try:
        async with asyncio.timeout(budget):
            await prepare(node, kept.message.id)
    except TimeoutError:
        log.warning("message.slow", message_id=kept.message.id)
    except BrokerError as problem:
        log.warning("message.not_prepared", message_id=kept.message.id, code=problem.code)


async def outcome_of(node: Node, kept: Kept) -> Accepted:
    """What became of the message so far: the same answer for the first request and for every repeat of it."""
    async with node.store.transaction() as tx:
        exchanges = await tx.exchanges_of_message(kept.message.id)
    first = exchanges[0]
    return Accepted(kept.message.id, kept.fresh, first.state.value, _problems(first))


def _problems(exchange: Exchange) -> tuple[Problem, ...]:
    return tuple(Problem(**problem) for problem in exchange.problems)
