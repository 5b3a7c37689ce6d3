"""The door of REMS: an event is kept once, by its id; the same id with other bytes is kept for a person."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from broker.flow.arrival import Arrival
from broker.flow.keep import KeyReused, keep, quarantine
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.errors import Problem
    from broker.flow.node import Node

JSON: Final = "application/json"


async def take_event(node: Node, backend: str, data: bytes) -> None:
    """Keep the body of an event notification; returns once it is committed. Raises: Unavailable."""
    arrival = Arrival(Door.REMS, backend, event_key(data), data, JSON)
    try:
        await keep(node, arrival)
    except KeyReused as reused:
        await quarantine(node, arrival, *reused.problems)


async def set_event_aside(node: Node, backend: str, sent: bytes, problem: Problem) -> None:
    """Keep a body that nobody here can unpack, as it was sent, for a person to see. Raises: Unavailable."""
    key = f"sha256:{hashlib.sha256(sent).hexdigest()}"
    headers = {"Content-Encoding": problem.value} if problem.value else {}
    await quarantine(node, Arrival(Door.REMS, backend, key, sent, JSON, headers), problem)


def event_key(data: bytes) -> str:
    """The id of the event; of a body that has none, its SHA-256: it is kept all the same, and refused later."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    identifier = event.get("event/id") if isinstance(event, dict) else None
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
