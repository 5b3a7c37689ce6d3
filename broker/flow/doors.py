"""What the doors call: accept a national message, and prepare it within the request where there is time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, Problem
from broker.flow.arrival import Accepted, Arrival
from broker.flow.keep import Kept, keep
from broker.flow.node import Node, log
from broker.flow.prepare import prepare
from broker.model.exchanges import State

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange

_LOOK: Final = 0.05  #: seconds between two looks at what a worker has come to


async def accept(node: Node, arrival: Arrival, *, budget: float = 0.0) -> Accepted:
    """Keep an arrival; with a budget (seconds) also prepare it, so that the sender hears a refusal at once.

    Raises: Conflict (`key-reused`), Unavailable: then nothing was kept.
    """
    kept = await keep(node, arrival)
    if not budget:
        return await outcome_of(node, kept)
    try:
        async with asyncio.timeout(budget):
            return await _prepared(node, kept)
    except TimeoutError:
        log.warning("message.slow", message_id=kept.message.id)
    except BrokerError as problem:
        log.warning("message.not_prepared", message_id=kept.message.id, code=problem.code)
    return await outcome_of(node, kept)


async def _prepared(node: Node, kept: Kept) -> Accepted:
    """The outcome of preparing, also where a worker was faster to take the row. Cancelled, it lets the row be finished.

    A claim that is cut short would hold the message back until its lease is over.
    """
    if kept.fresh:
        await asyncio.shield(prepare(node, kept.message.id))
    while (accepted := await outcome_of(node, kept)).state == State.KEPT:  # noqa: ASYNC110 -- the worker may be another process
        await asyncio.sleep(_LOOK)
    return accepted


async def outcome_of(node: Node, kept: Kept) -> Accepted:
    """What became of the message so far: the same answer for the first request and for every repeat of it."""
    async with node.store.transaction() as tx:
        exchanges = await tx.exchanges_of_message(kept.message.id)
    first = exchanges[0]
    return Accepted(kept.message.id, kept.fresh, first.state.value, _problems(first))


def _problems(exchange: Exchange) -> tuple[Problem, ...]:
    return tuple(Problem(**problem) for problem in exchange.problems)
