"""A message for us that nobody can fetch any more: nothing of it is left but its id, and a person must hear of it.

Should it come after all, that settles itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import rfc8785

from broker.errors import Problem
from broker.flow.arrival import Arrival
from broker.flow.inbox import lost_key
from broker.flow.keep import quarantine
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.flow.node import Node

_HINT: Final = (
    "Ask the Central Platform to send it again, under another MessageId. Should it come after all, this ends by itself."
)
NOT_RECEIVED: Final = Problem("message-not-received", "the access point could not receive a message", hint=_HINT)
DELETED: Final = Problem("message-deleted", "the access point deleted a message before it was fetched", hint=_HINT)
GONE: Final = Problem("message-gone", "the access point told of a message and does not have it", hint=_HINT)


async def park_lost(node: Node, access_point: str, message_id: str, problem: Problem) -> None:
    """Put what is known of it before a person, once for each id. Raises: Unavailable."""
    known = rfc8785.dumps({"access_point": access_point, "message_id": message_id})
    header = {"message_id": message_id}
    arrival = Arrival(Door.ACCESS_POINT, access_point, lost_key(message_id), known, "application/json", header)
    await quarantine(node, arrival, problem)
    node.observe("fetch", "lost", 0.0)
