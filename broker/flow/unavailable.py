"""A message that the access point lists and does not hand out: put before a person once, and settled when it comes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import rfc8785

from broker.errors import Problem
from broker.flow.arrival import Arrival
from broker.flow.keep import quarantine
from broker.flow.node import commit
from broker.flow.reasons import journal_decision
from broker.model.exchanges import State
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import Transaction

UNAVAILABLE: Final = Problem(
    "message-unavailable",
    "the access point lists a message and does not hand it out",
    hint="Look for its MessageId in the access point's log. It is asked for on, and this ends by itself when it comes.",
)
CAME: Final = "the message came after all"
GONE: Final = "the message is gone, and its id is put before a person as such"


def unavailable_key(message_id: str) -> str:
    """The inbox key of what is known of a message that cannot be fetched."""
    return f"{message_id}|UNAVAILABLE"


async def park_unavailable(node: Node, access_point: str, message_id: str, code: str) -> None:
    """Put it before a person, once for each id; `code` says how it failed at last. Raises: Unavailable."""
    key = unavailable_key(message_id)
    async with node.store.transaction() as tx:
        if await tx.message_by_key(Door.ACCESS_POINT, access_point, key) is not None:
            return
    known = rfc8785.dumps({"access_point": access_point, "message_id": message_id})
    arrival = Arrival(Door.ACCESS_POINT, access_point, key, known, "application/json", {"message_id": message_id})
    await quarantine(node, arrival, replace(UNAVAILABLE, value=code))
    node.observe("fetch", "parked", 0.0)


async def settle(node: Node, access_point: str, message_id: str, why: str) -> None:
    """End what a person need not look at any more, if anything was put before her. Raises: Unavailable."""
    async with node.store.transaction() as tx:
        if await tx.message_by_key(Door.ACCESS_POINT, access_point, unavailable_key(message_id)) is None:
            return
    await commit(node, partial(_settle, node, access_point, message_id, why))


async def _settle(node: Node, access_point: str, message_id: str, why: str, tx: Transaction) -> None:
    message = await tx.message_by_key(Door.ACCESS_POINT, access_point, unavailable_key(message_id))
    for exchange in await tx.exchanges_of_message(message.id) if message else ():
        if exchange.state is State.PARKED:
            after = replace(exchange, state=State.CANCELLED, reason=why, updated_at=node.clock.now())
            await tx.save_exchange(after)
            await journal_decision(
                node, tx, "exchange.closed", exchange.id, after.state, actor=f"node:{node.name}", reason=why
            )
