"""What one back end says of one case is decided in the order in which it was kept, and arrives in that order.

Several hands prepare and deliver at once, and a try may fail; neither may let a later status overtake an earlier one:
the addressee would end with what is no longer true. What waits for a person holds nobody up; neither does what has no
work left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from broker.flow.arrival import REDELIVERED
from broker.model.exchanges import State
from broker.ports import ExchangeFilter

if TYPE_CHECKING:
    from datetime import datetime

    from broker.flow.passage import Passage
    from broker.model.exchanges import Exchange
    from broker.model.work import Work
    from broker.ports import Transaction

_UNDER_WAY: Final = (State.QUEUED, State.SUBMITTING, State.READY)
A_MOMENT: Final = timedelta(milliseconds=50)  #: what is in hand is soon done, and then the next one gets its ticket
EARLY: Final = "early"  #: why a message waits that lacks something which was published before it and kept after it
_UNREAD_CLAIMS: Final = 3  #: as often as this, what nobody could read holds up all that its sender sent after it


async def waits_its_turn(tx: Transaction, work: Work, exchange: Exchange, now: datetime) -> bool:
    """Whether another exchange must arrive before this one; then the row is put behind it, and no try is counted."""
    ahead = [other for other in await _line(tx, exchange) if other.id < exchange.id]
    rows = await tx.work_of(tuple(other.id for other in ahead)) if ahead else ()
    if not rows:
        return False
    first = min(rows, key=lambda row: row.subject)
    at = max(first.next_attempt_at, now) + A_MOMENT
    await put_behind(tx, work, at)
    return True


async def put_behind(tx: Transaction, work: Work, at: datetime) -> None:
    """Look again at `at`; no try is counted, for none was made."""
    await tx.postpone_work(
        replace(work, attempts=work.attempts - 1), at=at, error="in-order: waits for what goes before it"
    )


def spoken_of(work: Work, passage: Passage) -> Work:
    """The row, with the case that its message was found to speak of, or with the id that may become one."""
    known = "" if passage.new_case else passage.message.case_key
    return replace(work, about=known or _alias(passage)) if work.line else work


async def comes_too_soon(tx: Transaction, work: Work, passage: Passage) -> bool:
    """Whether the same back end sent something about the same case before, and that is not decided yet.

    What RabbitMQ delivered again may have been published before what was kept meanwhile, and be what the line lacks.
    """
    if not work.line or not work.about:
        return False
    ahead = await tx.work_ahead(work, _alias(passage) or work.about, patience=_UNREAD_CLAIMS)
    stands_still = bool(ahead) and ahead[0].last_error.startswith(EARLY)
    return bool(ahead) and not (stands_still and REDELIVERED in passage.message.headers)


def _alias(passage: Passage) -> str:
    """The sender's own number of the case before the Central Platform's: it comes with its every message."""
    if passage.facts is None:
        return ""
    own = (value for scheme, value in passage.facts.national_ids if scheme in {passage.message.party, ""})
    return next(own, passage.facts.application_id)


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
