"""Notices: what became of a message of a back end, told to the back end that brought it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.flow.node import commit
from broker.model.exchanges import Direction, Exchange, State
from broker.model.messages import Door, Message, MessageType
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.errors import Problem
    from broker.flow.node import Node
    from broker.ports import Transaction

_JSON: Final = "application/json"
_PROFILE: Final = "notice-1"


async def write_notice(
    node: Node, tx: Transaction, exchange: Exchange, kind: MessageType, problems: tuple[Problem, ...] = ()
) -> str:
    """Tell the back end that brought the message how it ended, or why it was refused; the notice's exchange id."""
    source = await tx.message(exchange.message_id)
    link = node.backends.get(source.party)
    if link is None or not link.wants_notices or source.door in {Door.RULE, Door.ACCESS_POINT}:
        return ""
    document = _document(source, exchange, problems)
    message = _message(node, source, exchange, kind, document)
    notice = _exchange(node, message, link.name)
    await tx.put_content(document)
    await tx.add_message(message)
    await tx.add_exchange(notice)
    await tx.add_work(node.work(WorkKind.DELIVER, notice.id))
    return notice.id


def _document(source: Message, exchange: Exchange, problems: tuple[Problem, ...]) -> bytes:
    told = {
        "message": source.id,
        "key": source.key,
        "message_id": source.key,
        "type": exchange.type,
        "state": exchange.state.value,
        "outcome": exchange.outcome,
        "problems": [problem.as_dict() for problem in problems] or list(exchange.problems),
    }
    return json.dumps({name: value for name, value in told.items() if value}, sort_keys=True).encode()


def _message(node: Node, source: Message, exchange: Exchange, kind: MessageType, document: bytes) -> Message:
    return Message(
        id=node.ids.new(),
        door=Door.RULE,
        party=node.name,
        key=_notice_key(source, kind, exchange),
        sha256=hashlib.sha256(document).hexdigest(),
        size=len(document),
        content_type=_JSON,
        kept_at=node.clock.now(),
        type=kind,
        profile=_PROFILE,
        case_key=exchange.case_key,
        causation_id=source.id,
    )


def _exchange(node: Node, message: Message, addressee: str) -> Exchange:
    return Exchange(
        id=node.ids.new(),
        message_id=message.id,
        direction=Direction.INBOUND,
        state=State.READY,
        addressee=addressee,
        type=message.type,
        created_at=message.kept_at,
        updated_at=message.kept_at,
        case_key=message.case_key,
        profile=message.profile,
        document_sha256=message.sha256,
        content_type=message.content_type,
    )


def _notice_key(source: Message, kind: MessageType, exchange: Exchange) -> str:
    return f"{source.id}|{kind}|{exchange.id}"


async def repeat_notices(node: Node, source: Message) -> None:
    """Hand over again, under the same id, what the back end was told of this message: it asks, so it did not hear."""

    async def change(tx: Transaction) -> list[str]:
        told = [await _told(node, tx, source, exchange) for exchange in await tx.exchanges_of_message(source.id)]
        again = [notice for notices in told for notice in notices if notice.state is State.DELIVERED]
        for notice in again:
            await tx.save_exchange(replace(notice, state=State.READY, updated_at=node.clock.now()))
            await tx.add_work(node.work(WorkKind.DELIVER, notice.id))
        return [notice.id for notice in again]

    for exchange_id in await commit(node, change):
        await node.hint(WorkKind.DELIVER, exchange_id)


async def _told(node: Node, tx: Transaction, source: Message, exchange: Exchange) -> list[Exchange]:
    keys = [_notice_key(source, kind, exchange) for kind in (MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE)]
    notices = [await tx.message_by_key(Door.RULE, node.name, key) for key in keys]
    return [one for notice in notices if notice for one in await tx.exchanges_of_message(notice.id)]
