"""What a person can decide: to sign off a loss, to try again. Every decision is journalled with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from broker.errors import ConfigurationError, Conflict, NotFound
from broker.flow.answers import due_by
from broker.flow.examine import TO_LOOK_AT
from broker.flow.node import Node, commit, log
from broker.flow.opinion import DISPUTED
from broker.flow.reasons import journal_decision, need_reason
from broker.model.exchanges import FIRST, Direction, Exchange, State
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.ports import Transaction


async def sign_off(node: Node, message_id: str, *, actor: str, reason: str) -> str:
    """Let a message go although its wire form loses legal facts, or a person had to look at its attachments.

    In the first case the full document goes along; in the second it is prepared from the beginning.
    Returns the exchange's new state. Raises: NotFound, Refused (`reason-missing`), Conflict (nothing to sign off).
    """
    need_reason(reason, "a sign-off", "Say why the loss is right.")

    async def change(tx: Transaction) -> list[Exchange]:
        first = await _one(tx, message_id, _signable)
        if _waits_for(first, TO_LOOK_AT):
            return [await _prepare_again(node, tx, first, actor, reason)]
        ways = (first, *await following(tx, first))
        return [await _release(node, tx, exchange, actor, reason) for exchange in ways]

    released = await commit(node, change)
    for exchange in released:
        begins = exchange.state is FIRST[exchange.direction]
        subject = exchange.message_id if begins else exchange.id
        await node.hint(WorkKind.PREPARE if begins else WorkKind.DELIVER, subject)
    log.info("exchange.signed_off", exchange_id=released[0].id)
    return released[0].state.value


async def _release(node: Node, tx: Transaction, exchange: Exchange, actor: str, reason: str) -> Exchange:
    state = State.QUEUED if exchange.direction is Direction.OUTBOUND else State.READY
    await tx.add_work(node.work(WorkKind.DELIVER, exchange.id))
    return await _signed(node, tx, replace(exchange, state=state, reason=f"signed off: {reason}"), actor, reason)


async def _prepare_again(node: Node, tx: Transaction, exchange: Exchange, actor: str, reason: str) -> Exchange:
    await tx.add_work(node.work(WorkKind.PREPARE, exchange.message_id))
    begun = replace(exchange, state=FIRST[exchange.direction], reason="", problems=())
    return await _signed(node, tx, begun, actor, reason)


async def _signed(node: Node, tx: Transaction, exchange: Exchange, actor: str, reason: str) -> Exchange:
    now = node.clock.now()
    after = await tx.save_exchange(replace(exchange, signed_off_by=actor, signed_off_at=now, updated_at=now))
    await journal_decision(node, tx, "exchange.signed_off", exchange.id, after.state, actor=actor, reason=reason)
    return after


async def following(tx: Transaction, first: Exchange) -> list[Exchange]:
    """What a rule emitted because of the message, and what waits for the same sign-off."""
    if not first.case_key:
        return []
    caused = [m for m in await tx.messages_of_case(first.case_key) if m.causation_id == first.message_id]
    found = [exchange for message in caused for exchange in await tx.exchanges_of_message(message.id)]
    return [exchange for exchange in found if exchange.state is State.SIGN_OFF]


def _signable(exchange: Exchange) -> bool:
    parked = exchange.state is State.PARKED
    return exchange.state is State.SIGN_OFF or (
        parked and (bool(exchange.losses) or _waits_for(exchange, TO_LOOK_AT | DISPUTED))
    )


def _waits_for(exchange: Exchange, why: frozenset[str]) -> bool:
    """Whether it was parked for what only a person can judge (its attachments, a dispute of validators)."""
    codes = {problem["code"] for problem in exchange.problems}
    return exchange.state is State.PARKED and bool(codes) and codes <= why


async def retry(node: Node, message_id: str, *, actor: str) -> str:
    """Try a parked, failed or silent message again, from where it stopped.

    Returns the exchange's new state. Raises: NotFound, Conflict (nothing to retry).
    """

    async def change(tx: Transaction) -> tuple[Exchange, WorkKind]:
        exchange = await _one(tx, message_id, _retryable)
        prepared = bool(exchange.document_sha256 or exchange.pivot_sha256)
        if prepared and not await tx.attempts((exchange.id,)):
            raise Conflict(f"message {message_id} was applied, and its document cannot be written: nothing can go out")
        again = replace(_again(node, exchange, prepared=prepared), updated_at=node.clock.now())
        after = await tx.save_exchange(again)
        if after.wire_message_id != exchange.wire_message_id:
            await tx.add_former_wire_id(exchange.wire_message_id, exchange.id)
        kind = WorkKind.DELIVER if prepared else WorkKind.PREPARE
        subject = exchange.id if prepared else exchange.message_id
        waiting = await tx.work_of((subject,))
        if not waiting:
            await tx.add_work(node.work(kind, subject))
        await tx.write_entry(node.entry("exchange.retried", exchange.id, after.state, actor=actor))
        return after, kind

    after, kind = await commit(node, change)
    await node.hint(kind, after.id if kind is WorkKind.DELIVER else after.message_id)
    return after.state.value


async def restore(node: Node, message_id: str, *, actor: str) -> str:
    """Let the access point itself send again, under the same MessageId, what it gave up.

    Returns the exchange's new state. Raises: NotFound, Conflict (nothing was given up, or the access point does not
    say so), Unavailable; ConfigurationError, if the access point cannot be asked to.
    """
    async with node.store.transaction() as tx:
        exchange = await _one(tx, message_id, _given_up)
    if node.access_point is None:
        raise ConfigurationError("no access point is configured (access_point.url)")
    status = await node.access_point.status(exchange.wire_message_id)
    if status == "SEND_FAILURE":
        await node.access_point.restore(exchange.wire_message_id)
    elif status in {"NOT_FOUND", "DELETED"}:
        raise Conflict(f"the access point says {status} of message {message_id}: retry sends it under another id")
    after = await commit(node, lambda tx: _restored(node, tx, exchange.id, actor))
    return after.state.value


async def _restored(node: Node, tx: Transaction, exchange_id: str, actor: str) -> Exchange:
    exchange = await tx.exchange(exchange_id)
    if exchange.state is not State.SEND_FAILED:
        return exchange
    now = node.clock.now()
    again = replace(
        exchange,
        state=State.SUBMITTED,
        reason="",
        updated_at=now,
        submitted_at=now,
        due_at=due_by(node, exchange.type, now),
    )
    after = await tx.save_exchange(again)
    await tx.write_entry(node.entry("exchange.restored", exchange.id, after.state, actor=actor))
    return after


def _given_up(exchange: Exchange) -> bool:
    return exchange.state is State.SEND_FAILED


def _again(node: Node, exchange: Exchange, *, prepared: bool) -> Exchange:
    if not prepared:
        return replace(exchange, state=FIRST[exchange.direction], reason="", problems=())
    if exchange.state is State.SEND_FAILED:
        exchange = _under_another_id(node, exchange)
    state = State.QUEUED if exchange.direction is Direction.OUTBOUND else State.READY
    return replace(exchange, state=state, reason="", problems=())


def _under_another_id(node: Node, exchange: Exchange) -> Exchange:
    """The access point gave up on the first MessageId for good: it would take it for a duplicate."""
    number = exchange.resend + 1
    wire_id = node.wire_id(exchange.wire_message_id, "resend", str(number))
    return replace(exchange, wire_message_id=wire_id, resend=number)


def _retryable(exchange: Exchange) -> bool:
    stopped = exchange.state in {State.PARKED, State.SEND_FAILED, State.PRESUMED_FAILED}
    return stopped and (not exchange.losses or exchange.signed_off_at is not None)


async def of_message(tx: Transaction, message_id: str) -> tuple[Exchange, ...]:
    """The ways of a message, oldest first. Raises: NotFound."""
    exchanges = await tx.exchanges_of_message(message_id)
    if not exchanges:
        raise NotFound(f"no message {message_id} is kept here")
    return exchanges


async def _one(tx: Transaction, message_id: str, wanted: Callable[[Exchange], bool]) -> Exchange:
    exchanges = await of_message(tx, message_id)
    fitting = [exchange for exchange in exchanges if wanted(exchange)]
    if not fitting:
        states = ", ".join(exchange.state for exchange in exchanges)
        raise Conflict(f"message {message_id} is {states}: there is nothing to decide in that state")
    return fitting[0]
