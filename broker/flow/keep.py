"""The one thing every door does: keep the original bytes before anything else, in one commit.

The commit holds the bytes by SHA-256, the inbox key, the exchange, the journal entry and the next work row.
Only after it does a door acknowledge.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from broker.errors import Conflict, Problem, Unavailable
from broker.flow.node import log
from broker.flow.record import repeat_notices
from broker.model.exchanges import FIRST, Direction, Exchange, State
from broker.model.messages import Door, Message
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.flow.arrival import Arrival
    from broker.flow.node import Node
    from broker.ports import Transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """The message a door brought; `fresh` is False when the same key brought the same bytes before."""

    message: Message
    fresh: bool


def direction_of(door: Door) -> Direction:
    """What comes from the access point goes in; everything else goes out."""
    return Direction.INBOUND if door is Door.ACCESS_POINT else Direction.OUTBOUND


async def keep(node: Node, arrival: Arrival) -> Kept:
    """Keep an arrival and make its first work row.

    Raises: Conflict with code `key-reused`, if the key was used for other bytes; Unavailable, if nothing was kept.
    """
    message = _message(node, arrival)
    kept = await _insert(node, message, arrival.data)
    if kept is None:
        await node.hint(WorkKind.PREPARE, message.id)
        log.info("message.kept", message_id=message.id, door=message.door.value, party=message.party)
        return Kept(message, fresh=True)
    if kept.sha256 != message.sha256:
        raise KeyReused(kept)
    log.info("message.repeated", message_id=kept.id, door=message.door.value, party=message.party)
    if message.door is Door.AMQP:
        await repeat_notices(node, kept)
    return Kept(kept, fresh=False)


class KeyReused(Conflict):
    """This key was used before, with other content."""

    code = "key-reused"

    def __init__(self, first: Message) -> None:
        self.first = first
        self.problems = (
            Problem(
                code=self.code,
                detail="this key was used before, with other content",
                value=first.key,
                hint="Send other content under a new key; repeat the first content to hear its first outcome.",
            ),
        )
        super().__init__(f"this key was used before, with other content, for message {first.id}")


def _message(node: Node, arrival: Arrival) -> Message:
    return Message(
        id=node.ids.new(),
        door=arrival.door,
        party=arrival.party,
        key=arrival.key,
        sha256=hashlib.sha256(arrival.data).hexdigest(),
        size=len(arrival.data),
        content_type=arrival.content_type,
        kept_at=node.clock.now(),
        headers=dict(arrival.headers),
    )


async def _insert(node: Node, message: Message, data: bytes) -> Message | None:
    try:
        async with node.store.transaction() as tx:
            if (known := await tx.message_by_key(message.door, message.party, message.key)) is not None:
                return known
            await write_kept(node, tx, message, data)
            await tx.add_work(replace(node.work(WorkKind.PREPARE, message.id), line=_line(message)))
    except Conflict as conflict:
        async with node.store.transaction() as tx:
            known = await tx.message_by_key(message.door, message.party, message.key)
        if known is None:  # it was not the key that collided: nothing is kept, and nobody may believe so
            raise Unavailable("the message could not be kept: send it again") from conflict
        return known
    return None


def _line(message: Message) -> str:
    """What comes from the EU stands in no line: AS4 does not keep order, and each message is answered for itself."""
    return message.party if direction_of(message.door) is Direction.OUTBOUND else ""


async def write_kept(
    node: Node, tx: Transaction, message: Message, data: bytes, *, parked: Problem | None = None
) -> Exchange:
    """Write bytes, message, first exchange and journal entry through an open transaction."""
    await tx.put_content(data)
    await tx.add_message(message)
    exchange = first_exchange(node, message, parked)
    await tx.add_exchange(exchange)
    detail = {"door": message.door.value, "party": message.party, "sha256": message.sha256}
    await tx.write_entry(node.entry("message.kept", message.id, exchange.state, **detail))
    return exchange


def first_exchange(node: Node, message: Message, parked: Problem | None = None) -> Exchange:
    """The exchange that every message starts with; its addressee is found out later."""
    direction = direction_of(message.door)
    return Exchange(
        id=node.ids.new(),
        message_id=message.id,
        direction=direction,
        state=State.PARKED if parked else FIRST[direction],
        addressee="",
        type=message.type,
        created_at=message.kept_at,
        updated_at=message.kept_at,
        reason=parked.detail if parked else "",
        problems=(parked.as_dict(),) if parked else (),
    )


async def quarantine(node: Node, arrival: Arrival, problem: Problem) -> Message:
    """Keep what must not be processed: its bytes, and why a person must look at it."""
    message = _message(node, arrival)
    async with node.store.transaction() as tx:
        known = await tx.message_by_key(message.door, message.party, message.key)
        if known is not None and known.sha256 == message.sha256:
            return known
        if known is not None:
            message = _under_another_key(message)
            if (again := await tx.message_by_key(message.door, message.party, message.key)) is not None:
                return again
        await write_kept(node, tx, message, arrival.data, parked=problem)
    log.warning("message.quarantined", message_id=message.id, door=message.door.value, code=problem.code)
    return message


def _under_another_key(message: Message) -> Message:
    return replace(message, key=f"{message.key}#{message.sha256[:16]}")
