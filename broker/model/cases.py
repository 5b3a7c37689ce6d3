"""Cases and legs.

A *case* is one application across versions, under a key of ours with aliases. A *leg* is one
owner's part of a case. Each leg decides alone (Art. 68(5)); news of others never changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Alias:
    """A foreign id of a case: scheme `cp`, or a back end's name, and the value in that scheme."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Case:
    """One application across versions. `news` are statuses and decisions of other legs, as told."""

    key: str
    created_at: datetime
    version: int = 0  #: highest version applied
    aliases: tuple[Alias, ...] = ()
    news: tuple[dict[str, Any], ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Leg:
    """One owner's part of a case. `state` is internal (richer than the wire); see schemas/lifecycles."""

    case_key: str
    owner: str  #: back end name that decides this leg
    state: str
    created_at: datetime
    updated_at: datetime
    origin: str = ""  #: the state AWAITING_INFO came from
    national_state: str = ""  #: state of the national sub-lifecycle, if the owner's profile has one
    facts: dict[str, Any] = field(default_factory=dict)  #: recorded by guards: e.g. fees_notified, complete_at
    revision: int = 0


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A legal or policy clock of one leg. Times are UTC; `due_on` is the last legal day in the owner's zone."""

    case_key: str
    leg: str
    clock: str  #: id in schemas/lifecycles/clocks.toml
    started_at: datetime
    due_on: str  #: ISO date, "" where the law gives no number
    state: str  #: running | paused | stopped
    reason: str  #: why this date: start, length, calendar, source
    paused_at: datetime | None = None
    stopped_at: datetime | None = None
