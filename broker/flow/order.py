"""What one back end says of one case is decided in the order in which it was kept, and arrives in that order.

Several hands prepare and deliver at once, and a try may fail; neither may let a later status overtake an earlier one:
the addressee would end with what is no longer true. What waits for a person holds nobody up; neither does what has no
work left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
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
ELSEWHERE: Final = 0.02  #: seconds between two looks at what another process has in hand
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


async def comes_after(tx: Transaction, work: Work, passage: Passage, hands: Hands) -> str:
    """The message that the same back end sent before about the same case, and that is not decided yet; or "".

    What RabbitMQ delivered again may have been published before what was kept meanwhile, and be what the line lacks.
    """
    if not work.line or not work.about:
        return ""
    same = {work.about, _alias(passage) or work.about}
    ahead = [
        other
        for other in await tx.work_ahead(work, max(same - {work.about}, default=work.about), patience=_UNREAD_CLAIMS)
        if (other.about or hands.about(other.subject)) in {"", *same}
    ]
    if not ahead or (ahead[0].last_error.startswith(EARLY) and REDELIVERED in passage.message.headers):
        return ""
    return ahead[0].subject


@dataclass(slots=True)
class _Hand:
    about: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Hands:
    """What is in hand in this process, and what it speaks of as soon as that is known: to ask the store costs more."""

    by_message: dict[str, _Hand] = field(default_factory=dict)

    @contextmanager
    def holding(self, message_id: str) -> Iterator[None]:
        """The message is in hand for as long as this lasts."""
        hand = self.by_message[message_id] = _Hand()
        try:
            yield
        finally:
            hand.moved.set()
            if self.by_message.get(message_id) is hand:  # else its claim ran out, and it is in hand again
                del self.by_message[message_id]

    def say(self, message_id: str, about: str) -> bool:
        """What a message in hand speaks of; whether that is new."""
        hand = self.by_message[message_id]
        if hand.about == about:
            return False
        hand.about, moved, hand.moved = about, hand.moved, asyncio.Event()
        moved.set()
        return True

    def about(self, message_id: str) -> str:
        """What it speaks of; "" where that is not known here."""
        hand = self.by_message.get(message_id)
        return hand.about if hand else ""

    async def move(self, message_id: str, seconds: float) -> None:
        """Until the message is read or no longer in hand; in another process that is hard to say."""
        hand = self.by_message.get(message_id)
        if hand is None:
            await asyncio.sleep(min(seconds, ELSEWHERE))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await hand.moved.wait()


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
