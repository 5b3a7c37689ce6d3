"""A message that the access point lists and does not hand out: since when, and put before a person once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import rfc8785

from broker.errors import Problem
from broker.flow.arrival import Arrival
from broker.flow.inbox import inbox_key, unavailable_key
from broker.flow.keep import quarantine
from broker.model.messages import Door
from broker.model.work import Attempt

if TYPE_CHECKING:
    from datetime import datetime

    from broker.flow.node import Node

UNAVAILABLE: Final = Problem(
    "message-unavailable",
    "the access point lists a message and does not hand it out",
    hint="Look for its MessageId in the access point's log. It is asked for on, and this ends by itself when it comes.",
)
_STEP: Final = "fetch"


async def failing_since(node: Node, access_point: str, message_id: str, code: str) -> datetime:
    """When this message was first found not to be had, in whatever process; `code` says how, if that is just now.

    What failed before the message was kept is over: then it is marking it that fails. Raises: Unavailable.
    """
    now, subject = node.clock.now(), f"{access_point}|{message_id}"
    async with node.store.transaction() as tx:
        kept = await tx.message_by_key(Door.ACCESS_POINT, access_point, inbox_key(message_id))
        tried = [one.started_at for one in await tx.attempts((subject,)) if not kept or one.started_at >= kept.kept_at]
        if tried:
            return min(tried)
        await tx.add_attempt(Attempt(node.ids.new(), subject, _STEP, 1, now, now, "later", code, worker=node.worker))
    return now


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
