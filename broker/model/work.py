"""Work rows and attempts: what is still to do, and each try of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class WorkKind(StrEnum):
    """`prepare` takes a message id, `deliver` an exchange id, `fetch` a MessageId that the access point notified."""

    PREPARE = "prepare"
    DELIVER = "deliver"
    FETCH = "fetch"  #: done by the fetcher of the node's door, never by a ticket


#: Kinds whose rows are announced to workers.
TICKETED: Final = (WorkKind.PREPARE, WorkKind.DELIVER)


@dataclass(frozen=True, slots=True)
class Work:
    """One row of work: the truth behind a ticket. Deleted when done; attempts stay."""

    id: str
    kind: WorkKind
    subject: str
    next_attempt_at: datetime
    attempts: int = 0
    deadline: datetime | None = None
    last_error: str = ""
    claimed_by: str = ""
    claimed_until: datetime | None = None
    line: str = ""  #: who sent it: rows of one line about one case are done in the order of their subjects; "": none
    about: str = ""  #: the case, or an id that may become one; "" until the message was read


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step: kept for ever, shown in the timeline."""

    id: str
    subject: str  #: message or exchange id
    step: str  #: prepare, deliver
    number: int
    started_at: datetime
    ended_at: datetime
    outcome: str  #: done | later | refused | parked
    error_code: str = ""
    detail: str = ""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A destination to which a person lets nothing go, for maintenance or a disconnection (Art. 75(12))."""

    destination: str  #: a back end's name, or the Central Platform
    since: datetime
    actor: str
    reason: str
