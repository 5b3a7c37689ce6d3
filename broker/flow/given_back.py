"""A delivery that a back end gave back again and again: its queue gave up, and a person must hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import NotFound, Problem, Unavailable
from broker.flow.node import Node, commit, log
from broker.model.exchanges import State

if TYPE_CHECKING:
    from broker.ports import Transaction

_REASON: Final = "the back end gave it back too often, and its queue gave up"


async def park_given_back(node: Node, backend: str, delivery_id: str) -> bool:
    """Park a delivery; False if none of this id was made to this back end. One that it has by now stays as it is.

    Raises: Unavailable, also where the delivery is not recorded yet.
    """

    async def change(tx: Transaction) -> bool:
        try:
            exchange = await tx.exchange(delivery_id)
        except NotFound:
            return False
        if exchange.addressee != backend:
            return False
        if exchange.state is State.READY:
            raise Unavailable("the delivery is not recorded yet")
        if exchange.state is State.DELIVERED:
            problem = Problem("given-back", _REASON, rule="x-delivery-limit").as_dict()
            now = node.clock.now()
            await tx.save_exchange(
                replace(exchange, state=State.PARKED, reason=_REASON, problems=(problem,), updated_at=now)
            )
            await tx.write_entry(node.entry("exchange.parked", exchange.id, State.PARKED, codes="given-back"))
            log.warning("exchange.given_back", exchange_id=exchange.id, backend=backend)
        return True

    return await commit(node, change)
