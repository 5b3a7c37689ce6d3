"""What a counterpart hands over itself, over HTTPS: kept, or kept aside and refused, before it hears anything.

Unlike an access point, the sender listens to the answer: it is told what is wrong, and here the bytes lie beside the
reason for a person to see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from broker.errors import Problem, Refused
from broker.flow.arrival import Accepted, Arrival
from broker.flow.fetch import arrival_of
from broker.flow.inbox import inbox_key
from broker.flow.keep import KeyReused, keep, quarantine
from broker.flow.node import Node
from broker.model.exchanges import State
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.ports import UserMessage

#: Reads a body as the message that the authenticated counterpart sends. Raises: Refused.
Read = Callable[[bytes], Awaitable["UserMessage"]]


@dataclass(frozen=True, slots=True)
class Had:
    """A message that was committed here: the hash of its business document, and since when."""

    sha256: str
    kept_at: datetime


async def received(node: Node, access_point: str, message_id: str, body: bytes, read: Read) -> Accepted:
    """Keep what was handed over under this id. Once this returns it is committed.

    `problems` say why it was refused; `fresh` is False when the same came before. Raises: Unavailable.
    """
    try:
        message = await read(body)
    except Refused as refused:
        return await _aside(node, access_point, message_id, body, refused.problems)
    if message.message_id != message_id:
        return await _aside(node, access_point, message_id, body, (_other_id(message_id),))
    arrival = arrival_of(access_point, message)
    try:
        kept = await keep(node, arrival)
    except KeyReused as reused:
        aside = await quarantine(node, arrival, *reused.problems)
        return Accepted(aside.id, fresh=False, state=State.PARKED, problems=reused.problems)
    return Accepted(kept.message.id, fresh=kept.fresh, state=State.RECEIVED)


async def had(node: Node, access_point: str, message_id: str) -> Had | None:
    """What is kept under this id; None if nothing is. Raises: Unavailable."""
    async with node.store.transaction() as tx:
        kept = await tx.message_by_key(Door.ACCESS_POINT, access_point, inbox_key(message_id))
    return Had(kept.sha256, kept.kept_at) if kept else None


async def _aside(
    node: Node, access_point: str, message_id: str, body: bytes, problems: tuple[Problem, ...]
) -> Accepted:
    """Under a key of its own: what is sent again under the id and can be read is another message."""
    key = f"eu-https|{hashlib.sha256(body).hexdigest()}"
    headers = {"message_id": message_id}
    arrival = Arrival(Door.ACCESS_POINT, access_point, key, body, "application/json", headers)
    aside = await quarantine(node, arrival, *problems)
    return Accepted(aside.id, fresh=False, state=State.PARKED, problems=problems)


def _other_id(message_id: str) -> Problem:
    hint = "Send each message to the address of its own id."
    detail = "the message names another id than the address"
    return Problem("id-mismatch", detail, path="/message_id", value=message_id, hint=hint)
