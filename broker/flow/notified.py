"""What the access point pushed: made durable before it hears that we have it.

The access point forgets a notification as soon as it is answered, and with polling switched off nobody else would
remember it. So a message to fetch becomes a work row, facts about what we sent go to their exchange, and what cannot
be read is kept with its bytes for a person.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import Problem
from broker.flow.answers import note_receipt
from broker.flow.arrival import Arrival
from broker.flow.fetch import arrival_of
from broker.flow.inbox import inbox_key
from broker.flow.keep import KeyReused, keep, quarantine
from broker.flow.lost import DELETED, NOT_RECEIVED, park_lost
from broker.flow.node import Node, commit, log
from broker.model.messages import Door
from broker.model.work import Work, WorkKind
from broker.ports import Notification, Told

if TYPE_CHECKING:
    from broker.payloads import Payload
    from broker.ports import Transaction

_MAY_BE_PENDING: Final = "The message that it tells of may still be pending at the access point."
_FETCHES: Final = uuid.UUID("3b0f6c52-0d0e-5a56-8a5e-6f3b1f0a7c11")


async def notified(node: Node, access_point: str, notification: Notification) -> None:
    """Take one notification. Once this returns it is committed. Raises: Unavailable."""
    log.info("push.notified", access_point=access_point, kind=notification.told.value)
    await _TAKE[notification.told](node, access_point, notification)


async def unreadable(node: Node, access_point: str, content_type: str, body: Payload, problem: Problem) -> None:
    """Keep what was pushed and cannot be read; a person must look at it. Raises: Unavailable."""
    told = replace(problem, rule="BackendService", hint=f"{problem.hint} {_MAY_BE_PENDING}")
    key = f"push|{body.sha256}"
    await quarantine(node, Arrival(Door.ACCESS_POINT, access_point, key, body, content_type[:200]), told)


async def _to_fetch(node: Node, access_point: str, notification: Notification) -> None:
    """Rows to fetch by; an id that is kept, or has its row, needs none: it may be notified any number of times."""

    async def change(tx: Transaction) -> None:
        for message_id in notification.message_ids:
            if await tx.message_by_key(Door.ACCESS_POINT, access_point, inbox_key(message_id)) is None:
                await tx.add_work_once(fetch_row(node, access_point, message_id))

    await commit(node, change)


def fetch_row(node: Node, access_point: str, message_id: str) -> Work:
    """The one row by which a message is fetched, however often somebody tells of it."""
    row_id = uuid.uuid5(_FETCHES, f"{access_point}|{message_id}")
    return Work(str(row_id), WorkKind.FETCH, message_id, node.clock.now())


async def _whole(node: Node, access_point: str, notification: Notification) -> None:
    assert notification.message is not None  # noqa: S101 -- the reader brings one with this kind
    arrival = arrival_of(access_point, notification.message)
    try:
        await keep(node, arrival)
    except KeyReused as reused:
        await quarantine(node, arrival, *reused.problems)
    await commit(node, partial(_to_mark, node, access_point, notification.message.message_id))


async def _to_mark(node: Node, access_point: str, message_id: str, tx: Transaction) -> None:
    """Its payload is here: by a row it is marked as downloaded, and not fetched a second time."""
    await tx.add_work_once(fetch_row(node, access_point, message_id))


async def _sent(node: Node, access_point: str, notification: Notification, *, status: str = "") -> None:
    """A status of something we sent; about what is not ours it says nothing, and the journal says that."""
    for message_id in notification.message_ids:
        async with node.store.transaction() as tx:
            exchange = await tx.exchange_by_wire_id(message_id)
        if exchange is None:
            await _note(node, access_point, notification, message_id)
        elif exchange.wire_message_id == message_id:
            await note_receipt(node, exchange.id, status or notification.status)


async def _lost(node: Node, access_point: str, notification: Notification, *, problem: Problem) -> None:
    """A message that will not come; about what is kept here, or was sent from here, that says nothing new."""
    for message_id in notification.message_ids:
        if not await _note(node, access_point, notification, message_id):
            await park_lost(node, access_point, message_id, problem)


async def _note(node: Node, access_point: str, notification: Notification, message_id: str) -> bool:
    """Write it down; whether the message is known here."""
    async with node.store.transaction() as tx:
        kept = await tx.message_by_key(Door.ACCESS_POINT, access_point, inbox_key(message_id))
        known = kept is not None or await tx.exchange_by_wire_id(message_id) is not None
        detail = {"access_point": access_point, "status": notification.status, "known": "yes" if known else "no"}
        await tx.write_entry(node.entry(f"push.{notification.told}", message_id, "noted", **detail))
    return known


_TAKE: Final[Mapping[Told, Callable[[Node, str, Notification], Awaitable[None]]]] = {
    Told.RECEIVED: _to_fetch,
    Told.MESSAGE: _whole,
    Told.SENT: partial(_sent, status="ACKNOWLEDGED"),
    Told.SEND_FAILED: partial(_sent, status="SEND_FAILURE"),
    Told.STATUS: _sent,
    Told.RECEIVE_FAILED: partial(_lost, problem=NOT_RECEIVED),
    Told.DELETED: partial(_lost, problem=DELETED),
}
