"""Messages about one case reach one addressee in the order in which they were kept.

A try that fails must not let a later status overtake an earlier one: the addressee would end with what is no longer
true. What waits for a person holds nobody up; neither does what has no work left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from broker.model.exchanges import State
from broker.ports import ExchangeFilter

if TYPE_CHECKING:
    from datetime import datetime

    from broker.model.exchanges import Exchange
    from broker.model.work import Work
    from broker.ports import Transaction

_UNDER_WAY: Final = (State.QUEUED, State.SUBMITTING, State.READY)
_A_MOMENT: Final = timedelta(milliseconds=50)  #: what is in hand is soon done, and then the next one gets its ticket


async def waits_its_turn(tx: Transaction, work: Work, exchange: Exchange, now: datetime) -> bool:
    """Whether another exchange must arrive before this one; then the row is put behind it, and no try is counted."""
    ahead = [other for other in await _line(tx, exchange) if other.id < exchange.id]
    rows = await tx.work_of(tuple(other.id for other in ahead)) if ahead else ()
    if not rows:
        return False
    first = min(rows, key=lambda row: row.subject)
    at = max(first.next_attempt_at, now) + _A_MOMENT
    await tx.finish_work(work)
    unclaimed = replace(work, attempts=work.attempts - 1, claimed_by="", claimed_until=None)
    await tx.add_work(replace(unclaimed, next_attempt_at=at, last_error="in-order: waits for what goes before it"))
    return True


async def next_in_turn(tx: Transaction, exchange: Exchange) -> str:
    """The exchange whose turn it is when this one is over; "" if none waits."""
    behind = [other.id for other in await _line(tx, exchange) if other.id > exchange.id]
    return min(behind, default="")


async def _line(tx: Transaction, exchange: Exchange) -> tuple[Exchange, ...]:
    """What is under way to the same addressee about the same case."""
    if not exchange.case_key:
        return ()
    wanted = ExchangeFilter(
        states=_UNDER_WAY,
        direction=exchange.direction,
        addressee=exchange.addressee,
        case_key=exchange.case_key,
        limit=500,
    )
    return await tx.exchanges(wanted)
