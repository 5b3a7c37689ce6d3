"""Values for tests that keep things: complete, plainly invented, and different where asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from broker.model.cases import Alias, Case, Leg, RunningClock
from broker.model.exchanges import Direction, Exchange, State
from broker.model.journal import Entry
from broker.model.messages import Attachment, Door, KeptPart, Message
from broker.model.work import Attempt, Work, WorkKind

if TYPE_CHECKING:
    from broker.ports import Transaction

NOW = datetime(2027, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)
DATA = b"<example/>"


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def message(message_id: str = "m-1", **fields: Any) -> Message:
    made = Message(
        id=message_id,
        door=Door.HTTP,
        party="hdh",
        key=f"key-of-{message_id}",
        sha256=sha256(DATA).hexdigest(),
        size=len(DATA),
        content_type="application/xml",
        kept_at=NOW,
    )
    return replace(made, **fields)


def full_message() -> Message:
    """Every field says something."""
    attachments = tuple(Attachment(f"a-{n}", f"Pièce {n}.pdf", "application/pdf", n, f"{n:064x}") for n in (2, 1))
    return message(
        type="StatusUpdate",
        profile="fr-hdh-1",
        case_key="case-1",
        version=2,
        headers={"z": "1", "a": "é\x00"},
        attachments=attachments,
        causation_id="m-0",
        parts=tuple(KeptPart(cid, "text/xml", size, f"{size:064x}") for size, cid in enumerate(("cid:z", ""))),
    )


def exchange(exchange_id: str = "x-1", **fields: Any) -> Exchange:
    made = Exchange(
        id=exchange_id,
        message_id="m-1",
        direction=Direction.OUTBOUND,
        state=State.KEPT,
        addressee="cp",
        type="StatusUpdate",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **fields)


def full_exchange() -> Exchange:
    """Every field says something of its own."""
    moments = (
        *("signed_off_at", "submitted_at", "receipt_at", "validation_at"),
        *("answer_at", "delivered_at", "acknowledged_at", "due_at"),
    )
    words = (
        *("case_key", "leg", "profile", "wire_message_id", "document_sha256", "content_type", "report_sha256"),
        *("carry_sha256", "pivot_sha256", "receipt_sha256", "receipt_verdict", "signed_off_by", "reason", "answer"),
    )
    return exchange(
        state=State.ENDED,
        outcome="accepted",
        validation="validated",
        version=3,
        resend=1,
        problems=({"code": "x", "detail": "y"}, {"code": "z"}),
        losses=({"fact": "decision-kind"},),
        **{name: NOW + timedelta(hours=place) for place, name in enumerate(moments)},
        **{name: f"text of {name}" for name in words},
    )


def case(key: str = "case-1", **fields: Any) -> Case:
    return replace(Case(key, NOW, 1, (Alias("cp", f"CP-{key}"),)), **fields)


def leg(owner: str = "hdh", **fields: Any) -> Leg:
    return replace(Leg("case-1", owner, "AT_TDH", NOW, NOW, facts={"fees_notified": True}), **fields)


def running_clock(**fields: Any) -> RunningClock:
    return replace(RunningClock("case-1", "hdh", "decision", NOW, "2027-06-01", "running", "Art. 68(4)"), **fields)


def work(work_id: str = "w-1", subject: str = "m-1", **fields: Any) -> Work:
    return replace(Work(work_id, WorkKind.PREPARE, subject, NOW), **fields)


def attempt(attempt_id: str = "t-1", **fields: Any) -> Attempt:
    made = Attempt(attempt_id, "m-1", "prepare", 1, NOW, NOW + timedelta(seconds=1), "later", "unavailable", "no", "w")
    return replace(made, **fields)


def entry(entry_id: str = "j-1", **fields: Any) -> Entry:
    made = Entry(entry_id, NOW, "flow", "exchange.submitted", "x-1", "done", {"state": "SUBMITTED", "by": "é"})
    return replace(made, **fields)


async def keep_message(transaction: Transaction, kept: Message | None = None) -> Message:
    """A message with its bytes."""
    await transaction.put_content(DATA)
    kept = kept or message()
    await transaction.add_message(kept)
    return kept
