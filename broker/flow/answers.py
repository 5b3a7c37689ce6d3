"""Facts that come back to an exchange: receipt, validation, business answer, silence. In any order, each dated.

The state is computed from the facts. Silence is a state too; a late answer overrules it and both facts stay.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import Unavailable
from broker.flow.node import Due, commit, log
from broker.model.exchanges import Exchange, Outcome, State, may_step

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import AccessPoint, Transaction

_RECEIPTED: Final = frozenset({"ACKNOWLEDGED", "ACKNOWLEDGED_WITH_WARNING"})


def settled(exchange: Exchange, due: Due) -> Exchange:
    """The exchange with the state that its facts amount to."""
    outcome = _outcome(exchange, due)
    if outcome is None or not may_step(exchange.direction, exchange.state, State.ENDED):
        return exchange
    return replace(exchange, state=State.ENDED, outcome=outcome.value, due_at=None)


def _outcome(exchange: Exchange, due: Due) -> Outcome | None:
    if exchange.validation == "not-validated":
        return Outcome.REJECTED
    if due.what == "none":
        return Outcome.DELIVERED if exchange.receipt_at else None
    if due.what == "validation":
        return Outcome.ACCEPTED if exchange.validation else None
    return Outcome.ACCEPTED if exchange.answer else None


async def note_receipt(node: Node, exchange_id: str, status: str) -> bool:
    """Record what the access point says of a submitted message; True if that was the receipt."""

    async def change(tx: Transaction) -> bool:
        exchange = await tx.exchange(exchange_id)
        if status in _RECEIPTED and exchange.receipt_at is None:
            noted = replace(exchange, receipt_at=node.clock.now(), updated_at=node.clock.now())
            await tx.save_exchange(settled(noted, node.due.get(exchange.type, Due())))
            await tx.write_entry(node.entry("exchange.receipt", exchange_id, status))
            return True
        if status == "SEND_FAILURE" and exchange.state is State.SUBMITTED:
            why = "the access point gave up sending (SEND_FAILURE): restore it there, or send it again from here"
            await tx.save_exchange(replace(exchange, state=State.SEND_FAILED, reason=why, updated_at=node.clock.now()))
            await tx.write_entry(node.entry("exchange.send_failed", exchange_id, status))
        return False

    return await commit(node, change)


async def watch_receipts(node: Node, access_point: AccessPoint, *, limit: int = 50) -> int:
    """Ask for the status of what was submitted and has no AS4 receipt yet; how many got one."""
    async with node.store.transaction() as tx:
        waiting = await tx.unreceipted_exchanges(limit)
    receipts = 0
    for exchange in waiting:
        try:
            status = await access_point.status(exchange.wire_message_id)
        except Unavailable as problem:
            log.warning("receipts.unavailable", code=problem.code)
            break
        receipts += await note_receipt(node, exchange.id, status)
    return receipts


async def presume_failed(node: Node, *, limit: int = 50) -> int:
    """Make silence a state: what was due and did not come by its date is PRESUMED_FAILED; how many."""
    async with node.store.transaction() as tx:
        overdue = await tx.overdue_exchanges(node.clock.now(), limit)
    for exchange in overdue:
        await commit(node, partial(_note_silence, node, exchange.id))
    return len(overdue)


async def _note_silence(node: Node, exchange_id: str, tx: Transaction) -> None:
    exchange = await tx.exchange(exchange_id)
    if exchange.state is not State.SUBMITTED or exchange.due_at is None:
        return
    why = f"no answer by {exchange.due_at.isoformat()}; a late answer still counts"
    after = replace(exchange, state=State.PRESUMED_FAILED, reason=why, due_at=None, updated_at=node.clock.now())
    await tx.save_exchange(after)
    await tx.write_entry(node.entry("exchange.presumed_failed", exchange_id, after.state))
