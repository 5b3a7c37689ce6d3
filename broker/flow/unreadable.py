"""An answer that cannot be read: kept for a person as it came, while the message is asked for on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.flow.arrival import Arrival
from broker.flow.inbox import unreadable_key
from broker.flow.keep import quarantine
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.errors import Garbled, Problem
    from broker.flow.node import Node

_STILL_PENDING: Final = (
    "The message is still pending at the access point, and fetched as soon as it can be read; then this ends by itself."
)


async def park_unreadable(node: Node, access_point: str, message_id: str, error: Garbled) -> bool:
    """Put the answer before a person, once for each id; whether she knows of it.

    What came of another call than the fetch is not the message's. Raises: Unavailable.
    """
    if error.raw is None:
        return False
    key = unreadable_key(message_id)
    async with node.store.transaction() as tx:
        if await tx.message_by_key(Door.ACCESS_POINT, access_point, key) is not None:
            return True
    content_type, raw = error.raw
    named = {"message_id": message_id}
    arrival = Arrival(Door.ACCESS_POINT, access_point, key, raw, content_type[:200], named)
    await quarantine(node, arrival, *_told(error))
    return True


def _told(error: Garbled) -> list[Problem]:
    """The problems of an answer that cannot be read, each with what becomes of the message."""
    return [
        replace(one, rule=one.rule or "retrieveMessageResponse", hint=f"{one.hint} {_STILL_PENDING}".strip())
        for one in error.problems
    ]
