"""A back end says that it has what was handed over to it; from then on nothing is due on our side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import Conflict, NotFound
from broker.flow import views
from broker.flow.node import Node, commit, log
from broker.model.exchanges import Exchange, State

if TYPE_CHECKING:
    from broker.ports import Transaction

_HANDED_OVER: Final = (State.READY, State.DELIVERED)


async def acknowledge(node: Node, named: str, *, backend: str) -> str:
    """Note that `backend` has a message, named by its id or by that of the delivery; saying so again changes nothing.

    Returns the exchange's state. Raises: NotFound (not there, or not for this back end), Conflict (not handed over).
    """

    async def change(tx: Transaction) -> Exchange:
        ours = await _addressed(tx, named, backend)
        if done := [exchange for exchange in ours if exchange.state is State.ACKNOWLEDGED]:
            return done[0]
        waiting = [exchange for exchange in ours if exchange.state in _HANDED_OVER]
        if not waiting:
            raise Conflict(f"{named} was not handed over to {backend}: there is nothing to acknowledge")
        return await _noted(node, tx, waiting[0], backend)

    exchange = await commit(node, change)
    log.info("exchange.acknowledged", exchange_id=exchange.id)
    return exchange.state.value


async def _addressed(tx: Transaction, named: str, backend: str) -> list[Exchange]:
    try:
        found: tuple[Exchange, ...] = (await tx.exchange(named),)
    except NotFound:
        _, found = await views.visible_message(tx, named, backend=backend)
        return [exchange for exchange in found if exchange.addressee == backend]
    if found[0].addressee != backend:
        raise NotFound("no such delivery was made to you")
    return list(found)


async def _noted(node: Node, tx: Transaction, exchange: Exchange, backend: str) -> Exchange:
    now = node.clock.now()
    after = replace(exchange, state=State.ACKNOWLEDGED, acknowledged_at=now, updated_at=now)
    saved = await tx.save_exchange(after)
    await tx.write_entry(node.entry("exchange.acknowledged", exchange.id, saved.state, actor=backend))
    return saved
