"""An exchange is a message's way to one addressee, and the answers to it.

States and steps are data; the SQL check constraints are held equal to them by a test.
Facts (`submitted_at`, `receipt_at`, `validation`, `answer`) arrive in any order; the state
says where the exchange stands for a person who looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Direction(StrEnum):
    """`outbound`: national to EU. `inbound`: EU to national. Notices to a back end are inbound."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class State(StrEnum):
    """States of both directions (design §5)."""

    KEPT = "KEPT"
    REFUSED = "REFUSED"  #: the sender must act
    SIGN_OFF = "SIGN_OFF"  #: a person must agree to what the translation loses
    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    ENDED = "ENDED"
    SEND_FAILED = "SEND_FAILED"
    PRESUMED_FAILED = "PRESUMED_FAILED"  #: silence, dated; a late answer overrules it
    PARKED = "PARKED"  #: a person must act
    CANCELLED = "CANCELLED"
    RECEIVED = "RECEIVED"
    HELD = "HELD"  #: waits for an earlier version
    READY = "READY"
    DELIVERED = "DELIVERED"
    ACKNOWLEDGED = "ACKNOWLEDGED"


STEPS: Final[dict[Direction, dict[State, tuple[State, ...]]]] = {
    Direction.OUTBOUND: {
        State.KEPT: (State.REFUSED, State.SIGN_OFF, State.QUEUED, State.PARKED, State.ENDED),
        State.REFUSED: (),
        State.SIGN_OFF: (State.QUEUED, State.CANCELLED),
        State.QUEUED: (State.SUBMITTING, State.PARKED, State.CANCELLED),
        State.SUBMITTING: (State.SUBMITTED, State.QUEUED, State.SEND_FAILED, State.PARKED, State.ENDED),
        State.SUBMITTED: (State.ENDED, State.SEND_FAILED, State.PRESUMED_FAILED),
        State.ENDED: (),
        State.SEND_FAILED: (State.QUEUED, State.SUBMITTED, State.CANCELLED, State.ENDED),
        State.PRESUMED_FAILED: (State.ENDED, State.QUEUED, State.CANCELLED),
        State.PARKED: (State.KEPT, State.QUEUED, State.CANCELLED),
        State.CANCELLED: (),
    },
    Direction.INBOUND: {
        State.RECEIVED: (State.REFUSED, State.HELD, State.READY, State.PARKED, State.ACKNOWLEDGED),
        State.REFUSED: (),
        State.HELD: (State.RECEIVED, State.READY, State.PARKED, State.CANCELLED),
        State.READY: (State.DELIVERED, State.ACKNOWLEDGED, State.PARKED, State.CANCELLED),
        State.DELIVERED: (State.ACKNOWLEDGED, State.READY, State.PARKED),
        State.ACKNOWLEDGED: (),
        State.PARKED: (State.RECEIVED, State.READY, State.CANCELLED),
        State.CANCELLED: (),
    },
}
FIRST: Final = {Direction.OUTBOUND: State.KEPT, Direction.INBOUND: State.RECEIVED}
#: States in which nothing more will happen by itself and nobody is asked to act.
FINAL: Final = frozenset({State.REFUSED, State.ENDED, State.CANCELLED, State.ACKNOWLEDGED})
#: States in which a person must act.
WAITING_FOR_A_PERSON: Final = frozenset({State.SIGN_OFF, State.PARKED, State.SEND_FAILED, State.PRESUMED_FAILED})


class Outcome(StrEnum):
    """How an ENDED exchange ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELIVERED = "delivered"  #: nothing was due in return
    RECORDED = "recorded"  #: the message had no addressee: its effect here was all there was to it


def may_step(direction: Direction, before: State, after: State) -> bool:
    """Whether the table allows this step."""
    return after in STEPS[direction][before]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One row: a message on its way to one addressee."""

    id: str
    message_id: str
    direction: Direction
    state: State
    addressee: str  #: back end name, or a nation's participant id behind the Central Platform; "" until routed
    type: str
    created_at: datetime
    updated_at: datetime
    case_key: str = ""
    leg: str = ""
    version: int = 0
    profile: str = ""  #: profile in which the document is (to be) delivered
    wire_message_id: str = ""  #: AS4 MessageId, derived and kept before the first submit
    document_sha256: str = ""  #: the document to deliver, translated and validated
    content_type: str = ""
    report_sha256: str = ""  #: compact translation report, kept as content
    carry_sha256: str = ""
    pivot_sha256: str = ""  #: the eu-1 document that was written into the addressee's profile
    losses: tuple[dict[str, str], ...] = ()  #: legal facts that the addressee's profile cannot carry
    signed_off_by: str = ""
    signed_off_at: datetime | None = None
    outcome: str = ""
    reason: str = ""  #: why parked, refused, held: plain words
    problems: tuple[dict[str, str], ...] = ()
    submitted_at: datetime | None = None
    receipt_at: datetime | None = None
    validation: str = ""  #: "validated" | "not-validated"
    validation_at: datetime | None = None
    answer: str = ""  #: type of the business answer
    answer_at: datetime | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    due_at: datetime | None = None  #: when silence becomes PRESUMED_FAILED
    resend: int = 0
    revision: int = 0  #: optimistic lock
    receipt_sha256: str = ""  #: the other side's signed AS4 receipt, kept as content
    receipt_verdict: str = ""  #: what was found of it: `kept`, `signed`, `proven`, or the code of what does not hold
