"""The one thing every door does: keep the original bytes before anything else, in one commit.

The commit holds the bytes by SHA-256, the inbox key, the exchange, the journal entry and the next work row.
Only after it does a door acknowledge.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import rfc8785

from broker.errors import Conflict, Problem, Unavailable
from broker.flow.arrival import Arrival
from broker.flow.node import log
from broker.flow.notices import repeat_notices
from broker.model.exchanges import FIRST, Direction, Exchange, State
from broker.model.messages import Door, KeptPart, Message
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from broker.flow.node import Node
    from broker.ports import Part, Transaction


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
    kept = await _insert(node, message, arrival)
    if kept is None:
        await node.hint(WorkKind.PREPARE, message.id)
        log.info("message.kept", message_id=message.id, door=message.door.value, party=message.party)
        return Kept(message, fresh=True)
    if kept.fingerprint != message.fingerprint:
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
    payload = arrival.payload
    return Message(
        id=node.ids.new(),
        door=arrival.door,
        party=arrival.party,
        key=arrival.key,
        sha256=payload.sha256,
        size=payload.size,
        content_type=arrival.content_type,
        kept_at=node.clock.now(),
        headers=dict(arrival.headers),
        parts=tuple(_kept_part(part) for part in arrival.parts),
    )


def _kept_part(part: Part) -> KeptPart:
    return KeptPart(part.href, part.media_type, part.payload.size, part.payload.sha256)


async def keep_apart(node: Node, tx: Transaction, whole: Message, entries: Sequence[bytes]) -> None:
    """Keep the messages that one holds, each under a key of its own, through the transaction that ends the one."""
    for number, data in enumerate(entries, start=1):
        headers = {**whole.headers, "whole": whole.id, "entry": f"{number}/{len(entries)}"}
        key = f"{whole.key}#{number}"
        arrival = Arrival(whole.door, whole.party, key, data, whole.content_type, headers)
        message = _message(node, arrival)
        await _write_kept(node, tx, message, arrival)
        await tx.add_work(replace(node.work(WorkKind.PREPARE, message.id), line=_line(message)))


async def _insert(node: Node, message: Message, arrival: Arrival) -> Message | None:
    try:
        async with node.store.transaction() as tx:
            if (known := await tx.message_by_key(message.door, message.party, message.key)) is not None:
                return known
            await _write_kept(node, tx, message, arrival)
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


async def _write_kept(
    node: Node, tx: Transaction, message: Message, arrival: Arrival, *, parked: Sequence[Problem] = ()
) -> None:
    """Write bytes, message, first exchange and journal entry through an open transaction."""
    evidence = await _put_contents(tx, message, arrival)
    await tx.add_message(message)
    exchange = first_exchange(node, message, parked)
    await tx.add_exchange(exchange)
    detail = {"door": message.door.value, "party": message.party, "sha256": message.sha256, **evidence}
    await tx.write_entry(node.entry("message.kept", message.id, exchange.state, **detail))


async def _put_contents(tx: Transaction, message: Message, arrival: Arrival) -> dict[str, str]:
    """Keep the bytes of every part, and the header; the hashes that the journal names beside the document's."""
    if message.door is not Door.ACCESS_POINT or not message.headers:
        await tx.put_content(arrival.data)
        return {}
    if not arrival.payload.size:
        await tx.put_content(b"")
    payloads = [part.payload for part in arrival.parts] or [arrival.payload]
    *_, header = await tx.put_contents(*payloads, _manifest(message))
    numbered = enumerate(message.parts, start=1)
    return {"header_sha256": header, **{f"part_{number}_sha256": part.sha256 for number, part in numbered if part.size}}


def _manifest(message: Message) -> bytes:
    """Header and list of parts as JSON: what the journal's hash of the header is made over."""
    return rfc8785.dumps({"header": message.headers, "parts": [asdict(part) for part in message.parts]})


def first_exchange(node: Node, message: Message, parked: Sequence[Problem] = ()) -> Exchange:
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
        reason=parked[0].detail if parked else "",
        problems=tuple(problem.as_dict() for problem in parked),
    )


async def quarantine(node: Node, arrival: Arrival, problem: Problem, *more: Problem) -> Message:
    """Keep what must not be processed: its bytes, and all that is wrong with it, for a person to see."""
    message = _message(node, arrival)
    async with node.store.transaction() as tx:
        known = await tx.message_by_key(message.door, message.party, message.key)
        if known is not None and known.fingerprint == message.fingerprint:
            return known
        if known is not None:
            message = _under_another_key(message)
            if (again := await tx.message_by_key(message.door, message.party, message.key)) is not None:
                return again
        await _write_kept(node, tx, message, arrival, parked=(problem, *more))
    log.warning("message.quarantined", message_id=message.id, door=message.door.value, code=problem.code)
    return message


def _under_another_key(message: Message) -> Message:
    return replace(message, key=f"{message.key}#{message.fingerprint[:16]}")
