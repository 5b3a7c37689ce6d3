"""Facts that come back to an exchange: receipt, validation, business answer, silence. In any order, each dated.

The state is computed from the facts. Silence is a state too; a late answer overrules it and both facts stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, Unavailable
from broker.flow.node import Due, commit, log
from broker.model.exchanges import Exchange, Outcome, State, may_step

if TYPE_CHECKING:
    from datetime import datetime

    from broker.flow.node import Node
    from broker.ports import AccessPoint, Transaction

_SILENT: Final = 3  #: answers that did not come, one after another, after which the access point is left alone
_MOST_ERRORS: Final = 5
_RECEIPTED: Final = frozenset({"ACKNOWLEDGED", "ACKNOWLEDGED_WITH_WARNING"})


def settled(exchange: Exchange, due: Due) -> Exchange:
    """The exchange with the state that its facts amount to."""
    outcome = _outcome(exchange, due)
    if outcome is None or not may_step(exchange.direction, exchange.state, State.ENDED):
        return exchange
    return replace(exchange, state=State.ENDED, outcome=outcome.value, due_at=None)


def due_by(node: Node, kind: str, since: datetime) -> datetime | None:
    """When silence about a message of this type, sent then, becomes a state; None where nothing is due."""
    due = node.due.get(kind)
    return since + timedelta(days=due.days) if due and due.days else None


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
    errors = await _errors(node, exchange_id) if status == "SEND_FAILURE" else ()

    async def change(tx: Transaction) -> bool:
        exchange = await tx.exchange(exchange_id)
        if status in _RECEIPTED and exchange.receipt_at is None:
            noted = replace(exchange, receipt_at=node.clock.now(), updated_at=node.clock.now())
            await tx.save_exchange(settled(noted, node.due.get(exchange.type, Due())))
            await tx.write_entry(node.entry("exchange.receipt", exchange_id, status))
            return True
        if status == "SEND_FAILURE" and exchange.state is State.SUBMITTED:
            because = f" because of {', '.join(errors)}" if errors else ""
            why = f"the access point gave up sending (SEND_FAILURE){because}: restore it there, or retry from here"
            await tx.save_exchange(replace(exchange, state=State.SEND_FAILED, reason=why, updated_at=node.clock.now()))
            await tx.write_entry(node.entry("exchange.send_failed", exchange_id, status))
        return False

    return await commit(node, change)


async def _errors(node: Node, exchange_id: str) -> tuple[str, ...]:
    """Why the access point gave up, in codes; () where it does not say."""
    async with node.store.transaction() as tx:
        exchange = await tx.exchange(exchange_id)
    try:
        found = await node.access_point.errors(exchange.wire_message_id) if node.access_point else ()
    except BrokerError as problem:
        log.warning("receipts.no_errors", exchange_id=exchange_id, code=problem.code)
        return ()
    return tuple(dict.fromkeys(found))[:_MOST_ERRORS]


@dataclass(slots=True)
class Receipts:
    """Asks for the status of what was submitted and has no AS4 receipt yet, a batch at a time, round and round.

    One message about which the access point cannot answer does not hold up those behind it.
    """

    node: Node
    access_point: AccessPoint
    limit: int = 50
    after: str = ""

    async def watch(self) -> int:
        """Ask about the next batch; how many got their receipt."""
        async with self.node.store.transaction() as tx:
            waiting = await tx.unreceipted_exchanges(self.limit, after=self.after)
        self.after = waiting[-1].id if len(waiting) == self.limit else ""
        receipts, silent = 0, 0
        for exchange in waiting:
            try:
                status = await self.access_point.status(exchange.wire_message_id)
            except Unavailable as problem:
                log.warning("receipts.unavailable", exchange_id=exchange.id, code=problem.code)
                silent += 1
                if silent >= _SILENT:
                    break
                continue
            silent = 0
            receipts += await note_receipt(self.node, exchange.id, status)
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
