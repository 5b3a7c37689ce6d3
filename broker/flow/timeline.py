"""One timeline of a message: dated facts, attempts, journal entries and the next try, in the order of their time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from broker.model.exchanges import Exchange
    from broker.model.journal import Entry
    from broker.model.messages import Message
    from broker.model.work import Attempt, Work

#: Journal actions that the rows tell already, with a date of their own.
TOLD_BY_ROWS: Final = frozenset(
    {
        "message.kept",
        "exchange.signed_off",
        "exchange.submitted",
        "exchange.receipt",
        "exchange.validation",
        "exchange.answered",
        "exchange.delivered",
        "exchange.acknowledged",
    }
)


@dataclass(frozen=True, slots=True)
class _Event:
    """One line; `rank` orders what happened within one clock tick by what must come first."""

    at: datetime
    rank: int
    what: str
    detail: str = ""
    exchange: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"at": stamp(self.at), "what": self.what, "detail": self.detail, "exchange": self.exchange}


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z` (D6.4 section 14.1, R15.1)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def compose(
    message: Message,
    exchanges: tuple[Exchange, ...],
    *,
    attempts: tuple[Attempt, ...],
    work: tuple[Work, ...],
    entries: tuple[Entry, ...],
) -> list[dict[str, str]]:
    """The timeline, oldest first; what is still to come stands last."""
    ids = frozenset(exchange.id for exchange in exchanges)
    events = [_Event(message.kept_at, 0, "kept", f"{message.size} bytes by {message.door} from {message.party}")]
    events += [event for exchange in exchanges for event in _facts(exchange)]
    events += [_tried(attempt, ids) for attempt in attempts]
    events += [event for exchange in exchanges for event in _sent_before(exchange, entries)]
    events += [_noted(entry, ids) for entry in entries if entry.action not in TOLD_BY_ROWS]
    past = sorted(events, key=lambda event: (event.at, event.rank))
    coming = sorted((_next(row, ids) for row in work), key=lambda event: event.at)
    return [event.as_dict() for event in (*past, *coming)]


def _facts(exchange: Exchange) -> Iterator[_Event]:
    """What is dated in the exchange's row. The ranks follow the way of a message."""
    dated = (
        (exchange.signed_off_at, "signed-off", f"by {exchange.signed_off_by}"),
        (exchange.submitted_at, "submitted", f"to {exchange.addressee} as {exchange.wire_message_id}"),
        (exchange.receipt_at, "receipt", "the other side's access point has it"),
        (exchange.validation_at, "validation", exchange.validation),
        (exchange.answer_at, "answer", exchange.answer),
        (exchange.delivered_at, "delivered", f"to {exchange.addressee}"),
        (exchange.acknowledged_at, "acknowledged", f"by {exchange.addressee}"),
    )
    for rank, (at, what, detail) in enumerate(dated, start=3):
        if at is not None:
            yield _Event(at, rank, what, detail, exchange.id)


def _sent_before(exchange: Exchange, entries: tuple[Entry, ...]) -> Iterator[_Event]:
    """What was sent before it was sent again or restored: the row tells of the last time alone."""
    for entry in entries:
        earlier = exchange.submitted_at is not None and entry.at < exchange.submitted_at
        if earlier and (entry.action, entry.target) == ("exchange.submitted", exchange.id):
            yield _Event(entry.at, 4, "submitted", f"to {exchange.addressee} as {entry.detail['wire_id']}", exchange.id)


def _tried(attempt: Attempt, ids: frozenset[str]) -> _Event:
    said = " ".join(part for part in (attempt.error_code, attempt.detail) if part)
    detail = f"{attempt.step} {attempt.number}: {attempt.outcome}" + (f" ({said})" if said else "")
    return _Event(attempt.ended_at, 2, "attempt", detail, _of(attempt.subject, ids))


def _noted(entry: Entry, ids: frozenset[str]) -> _Event:
    told = ((name, value) for name, value in sorted(entry.detail.items()) if value and not name.endswith("_sha256"))
    facts = (f"{name} {value}" for name, value in told)
    detail = ", ".join((f"by {entry.actor}", entry.outcome, *facts) if entry.outcome else (f"by {entry.actor}", *facts))
    return _Event(entry.at, 1, entry.action.rpartition(".")[2], detail, _of(entry.target, ids))


def _next(row: Work, ids: frozenset[str]) -> _Event:
    after = f" after {row.last_error}" if row.last_error else ""
    return _Event(
        row.next_attempt_at, 9, "next-attempt", f"{row.kind} {row.attempts + 1}{after}", _of(row.subject, ids)
    )


def _of(subject: str, ids: frozenset[str]) -> str:
    return subject if subject in ids else ""
