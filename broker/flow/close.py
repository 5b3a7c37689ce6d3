"""A person ends what nothing else will end: what was set aside or never comes, or was settled by other means.

The case stays where the message took it: legs and clocks move by messages alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import Conflict
from broker.flow.node import Node, commit, log
from broker.flow.notices import write_notice
from broker.flow.order import next_in_turn
from broker.flow.reasons import journal_decision, need_reason
from broker.flow.staff import following, of_message
from broker.model.exchanges import WAITING_FOR_A_PERSON, Direction, Exchange, State, may_step
from broker.model.messages import MessageType
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.ports import Transaction

_HINT: Final = "Say how the matter was settled, or why nothing is left to settle."


async def close(node: Node, message_id: str, *, actor: str, reason: str) -> str:
    """End the exchanges of a message that wait for a person, and what waits for them; if none does, those under way.

    The back end that brought the message hears of it. Returns the new state. Raises: NotFound, Refused
    (`reason-missing`), Conflict (nothing to close, or in hand just now), LostLease (it was taken in hand meanwhile).
    """
    need_reason(reason, "closing a message", _HINT)

    async def change(tx: Transaction) -> list[str]:
        ended = _closable(message_id, await of_message(tx, message_id))
        ended += [exchange for exchange in await following(tx, ended[0]) if exchange not in ended]
        told = [await _end(node, tx, exchange, actor, reason.strip()) for exchange in ended]
        return [*told, *[await next_in_turn(tx, exchange) for exchange in ended]]

    for exchange_id in filter(None, await commit(node, change)):
        await node.hint(WorkKind.DELIVER, exchange_id)
    log.info("message.closed", message_id=message_id)
    return State.CANCELLED.value


def _closable(message_id: str, exchanges: tuple[Exchange, ...]) -> list[Exchange]:
    possible = [one for one in exchanges if may_step(one.direction, one.state, State.CANCELLED)]
    if not possible:
        states = ", ".join(exchange.state for exchange in exchanges)
        raise Conflict(f"message {message_id} is {states}: there is nothing to close in that state")
    return [one for one in possible if one.state in WAITING_FOR_A_PERSON] or possible


async def _end(node: Node, tx: Transaction, exchange: Exchange, actor: str, reason: str) -> str:
    """The id of the notice that tells of it; "" where nobody is told."""
    await _drop_work(node, tx, exchange)
    now = node.clock.now()
    after = replace(exchange, state=State.CANCELLED, reason=f"closed: {reason}", due_at=None, updated_at=now)
    after = await tx.save_exchange(after)
    await journal_decision(node, tx, "exchange.closed", exchange.id, after.state, actor=actor, reason=reason)
    if exchange.direction is Direction.INBOUND:
        return ""
    return await write_notice(node, tx, after, MessageType.OUTCOME_NOTICE)


async def _drop_work(node: Node, tx: Transaction, exchange: Exchange) -> None:
    """What is left to do for it, unless somebody is at it. Raises: Conflict, LostLease."""
    held = exchange.state is State.HELD  # then the message itself waits to be prepared
    for work in await tx.work_of((exchange.message_id if held else exchange.id,)):
        if work.claimed_until and work.claimed_until > node.clock.now():
            raise Conflict(f"message {exchange.message_id} is in hand just now: try again in a moment")
        await tx.finish_work(work)
