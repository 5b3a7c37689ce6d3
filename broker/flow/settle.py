"""What was put before a person and settles itself: she need not look any more, and is told why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.flow.inbox import lost_key, unavailable_key, unreadable_key
from broker.flow.node import commit, log
from broker.flow.reasons import journal_decision
from broker.model.exchanges import State
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.model.exchanges import Exchange
    from broker.ports import Transaction

CAME: Final = "the message came after all"
GONE: Final = "the message is gone, and its id is put before a person as such"
#: The reasons of exchanges that ended so, each with a word for it; the reason that a person gives never reads so.
_WORDS: Final = {CAME: "came", GONE: "gone"}


def settled(exchange: Exchange) -> str:
    """How it settled itself: `came` or `gone`; empty if it did not."""
    return _WORDS.get(exchange.reason, "") if exchange.state is State.CANCELLED else ""


async def came(node: Node, access_point: str, message_id: str) -> None:
    """The message is kept: end what a person was told of it before. Raises: Unavailable."""
    keys = (unavailable_key(message_id), unreadable_key(message_id), lost_key(message_id))
    await _settle(node, access_point, keys, CAME)


async def gone(node: Node, access_point: str, message_id: str) -> None:
    """It will not come: that it could not be fetched needs nobody's look any more. Raises: Unavailable."""
    await _settle(node, access_point, (unavailable_key(message_id),), GONE)


async def _settle(node: Node, access_point: str, keys: tuple[str, ...], why: str) -> None:
    async with node.store.transaction() as tx:
        if not await tx.messages_by_keys(Door.ACCESS_POINT, access_point, keys):
            return
    await commit(node, partial(_end, node, access_point, keys, why))


async def _end(node: Node, access_point: str, keys: tuple[str, ...], why: str, tx: Transaction) -> None:
    for message in await tx.messages_by_keys(Door.ACCESS_POINT, access_point, keys):
        for exchange in await tx.exchanges_of_message(message.id):
            if exchange.state is State.PARKED:
                after = replace(exchange, state=State.CANCELLED, reason=why, updated_at=node.clock.now())
                await tx.save_exchange(after)
                await journal_decision(
                    node, tx, "exchange.settled", exchange.id, after.state, actor=f"node:{node.name}", reason=why
                )
                log.info("message.settled", message_id=message.id)
