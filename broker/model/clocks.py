"""Legal clocks: when a period that starts now ends, and why.

Counting follows Regulation (EEC, Euratom) 1182/71 Art. 3: the day of the event is not counted; a period in
weeks or months ends on the day of the same name or number (else the last day of the month); a period that
would end on a public holiday, Sunday or Saturday ends with the next working day. Legal days are days in the
zone of the deciding body (the law names none: our reading). Expiry never decides anything: the Regulation has
no tacit decision.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from broker.model.cases import RunningClock
from broker.model.lifecycle import POLICIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from broker.model.cases import Leg
    from broker.model.lifecycle import Step

ALL: Final = "ALL"
_SATURDAY: Final = 5


class WorkingDays(Protocol):
    """The calendar of the state whose body acts."""

    zone: ZoneInfo

    def is_holiday(self, day: date) -> bool:
        """Whether it is a public holiday there."""
        ...


@dataclass(frozen=True, slots=True)
class Shorter:
    """Another length of a clock, for legs of which a fact is recorded."""

    fact: str
    length: Mapping[str, int]
    basis: str
    extension: Mapping[str, int] = field(default_factory=dict)  #: empty: it may not be extended


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One row of `schemas/lifecycles/clocks.toml`."""

    id: str
    what: str
    length: Mapping[str, int]
    basis: str
    strength: str
    note: str = ""
    require: tuple[str, ...] = ()  #: facts of the leg without which it does not start
    unless: tuple[str, ...] = ()  #: facts with which it does not start
    extension: Mapping[str, int] = field(default_factory=dict)  #: by how much it may be extended; empty: it may not
    extension_basis: str = ""
    shorter: Shorter | None = None  #: what holds in its place for some legs
    continues: str = ""  #: the policy with which a second start goes on with the first period
    anchors: Mapping[str, str] = field(default_factory=dict)  #: by policy: the fact since when it runs
    restarts: str = ""  #: the policy with which it runs again, whole, when it is resumed
    extended: str = ""  #: the fact that says that its whole includes the extension
    stated: str = ""  #: the fact of the leg that names the last day
    unstated: str = ""  #: what is known of it where the leg has no such fact
    late: str = ""  #: what a person should know when the applicant's part comes after the last day

    def of(self, leg: Leg) -> ClockRule:
        """The rule as it holds for this leg."""
        other = self.shorter
        if other is None or other.fact not in leg.facts:
            return self
        return replace(
            self,
            length=other.length,
            basis=other.basis,
            extension=other.extension,
            extension_basis=other.basis,
        )

    def concerns(self, leg: Leg) -> bool:
        """Whether a step starts it for this leg: a data request has other periods than an application."""
        return all(fact in leg.facts for fact in self.require) and not any(fact in leg.facts for fact in self.unless)


def read_clocks(table: Mapping[str, Any]) -> dict[str, ClockRule]:
    """Clock rules from the parsed TOML file, by id."""
    return {row["id"]: _read_rule(row) for row in table["clock"]}


def _read_rule(row: Mapping[str, Any]) -> ClockRule:
    return ClockRule(
        row["id"],
        row["what"],
        row["length"],
        row["basis"],
        row["strength"],
        note=row.get("note", ""),
        require=tuple(row.get("require", ())),
        unless=tuple(row.get("unless", ())),
        extension=row.get("extension", {}),
        extension_basis=row.get("extension_basis", ""),
        shorter=Shorter(**row["shorter"]) if "shorter" in row else None,
        continues=row.get("continues", ""),
        anchors=row.get("anchors", {}),
        restarts=row.get("restarts", ""),
        extended=row.get("extended", ""),
        stated=row.get("stated", ""),
        unstated=row.get("unstated", ""),
        late=row.get("late", ""),
    )


def is_working_day(day: date, days: WorkingDays) -> bool:
    """Neither Saturday, Sunday nor public holiday (1182/71 Art. 2(2))."""
    return day.weekday() < _SATURDAY and not days.is_holiday(day)


def add_months(day: date, months: int) -> date:
    """The same-numbered day, or the last day of a shorter month."""
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def last_day(start: datetime, length: Mapping[str, int], days: WorkingDays) -> date | None:
    """The last legal day of a period that starts with an event at `start`; None where the law gives no number."""
    day = start.astimezone(days.zone).date()
    if not length:
        return None
    if "working_days" in length:
        return _after_working_days(day, length["working_days"], days)
    end = add_months(day, length.get("months", 0)) + timedelta(days=length.get("days", 0) + 7 * length.get("weeks", 0))
    return _working_day_from(end, days)


def _working_day_from(day: date, days: WorkingDays) -> date:
    while not is_working_day(day, days):
        day += timedelta(days=1)
    return day


def _after_working_days(day: date, count: int, days: WorkingDays) -> date:
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, days)
    return day


def start_clock(rule: ClockRule, leg: Leg, at: datetime, days: WorkingDays) -> RunningClock:
    """The clock started by an event at `at`, with the reason for its date."""
    end = last_day(at, rule.length, days)
    due = leg.facts.get(rule.stated, "") if rule.stated else end.isoformat() if end else ""
    length = _said(rule.length) or (rule.note if due else rule.unstated or rule.note)
    start = at.astimezone(days.zone).date().isoformat()
    return RunningClock(
        case_key=leg.case_key,
        leg=leg.owner,
        clock=rule.id,
        started_at=at,
        due_on=due,
        state="running",
        reason=f"{rule.what}: {length} from {start} ({rule.basis}, {rule.strength})",
    )


def moved_clocks(
    running: Iterable[RunningClock],
    step: Step,
    leg: Leg,
    *,
    at: datetime,
    rules: Mapping[str, ClockRule],
    days: WorkingDays,
    policies: Collection[str] = POLICIES,
) -> tuple[RunningClock, ...]:
    """The clocks of the leg that this step starts, stops, pauses, resumes, extends or counts anew, as they are then."""
    known = [clock for clock in running if clock.leg == leg.owner]
    before = [clock for clock in known if clock.state in {"running", "paused"}]
    again = [clock for clock in before if clock.clock in step.resumes and _runs_again(clock, rules, policies)]
    others = [clock for clock in before if clock not in again]
    moved = [after for clock in others if (after := _moved(clock, step, leg, at, rules, days)) is not clock]
    started = [rules[name].of(leg) for name in step.starts if rules[name].concerns(leg)]
    return (
        *moved,
        *(one for clock in again for one in _restarted(clock, rules[clock.clock].of(leg), leg, at, days)),
        *(_started(rule, leg, known, at, days, policies) for rule in started),
    )


def _started(
    rule: ClockRule,
    leg: Leg,
    known: Iterable[RunningClock],
    at: datetime,
    days: WorkingDays,
    policies: Collection[str],
) -> RunningClock:
    """A new period; or the first one of those known, which goes on and is no longer for that."""
    earlier = (clock for clock in known if clock.clock == rule.id and rule.continues in policies)
    first = min(earlier, key=lambda clock: clock.started_at, default=None)
    on = at.astimezone(days.zone).date().isoformat()
    if first is not None:
        reason = f"{first.reason}; asked again on {on}, in the same period"
        return replace(first, state="running", stopped_at=None, reason=reason)
    policy = next((policy for policy in rule.anchors if policy in policies and rule.anchors[policy] in leg.facts), "")
    if not policy:
        return start_clock(rule, leg, at, days)
    clock = start_clock(rule, leg, datetime.fromisoformat(leg.facts[rule.anchors[policy]]), days)
    return replace(clock, reason=f"{clock.reason}; since then by {policy}, known on {on}")


def _runs_again(clock: RunningClock, rules: Mapping[str, ClockRule], policies: Collection[str]) -> bool:
    """Whether it is resumed as a whole new period (D6.4 section 8) instead of the remainder."""
    rule = rules.get(clock.clock)
    return clock.state == "paused" and rule is not None and rule.restarts in policies


def _restarted(
    clock: RunningClock, rule: ClockRule, leg: Leg, at: datetime, days: WorkingDays
) -> tuple[RunningClock, RunningClock]:
    """The period that is void, and the one that runs in its place; an extension that was notified holds for it, too."""
    longer = rule.extension if rule.extended in leg.facts else {}
    whole = {unit: rule.length.get(unit, 0) + longer.get(unit, 0) for unit in {**rule.length, **longer}}
    fresh = start_clock(replace(rule, length=whole), leg, at, days)
    on = fresh.started_at.astimezone(days.zone).date().isoformat()
    return (
        replace(clock, state="stopped", stopped_at=at, reason=f"{clock.reason}; void since {on} (D6.4 §8, guidance)"),
        replace(fresh, reason=f"{fresh.reason}; anew after an answer (D6.4 §8, guidance), before that {clock.due_on}"),
    )


def overdue(
    running: Iterable[RunningClock], moved: Iterable[RunningClock], step: Step, at: datetime, days: WorkingDays
) -> tuple[RunningClock, ...]:
    """The clocks that this step names, ends or lets go on after their last day, as they were or are.

    `ALL` is not a name: what ends everything comes late for nothing.
    """
    today = at.astimezone(days.zone).date()
    ended = [clock for clock in running if clock.clock in step.stops]
    begun = [clock for clock in moved if clock.clock in step.starts]
    return tuple(clock for clock in (*ended, *begun) if standing(clock, today) == "expired")


def _moved(
    clock: RunningClock, step: Step, leg: Leg, at: datetime, rules: Mapping[str, ClockRule], days: WorkingDays
) -> RunningClock:
    if ALL in step.stops or clock.clock in step.stops:
        return replace(clock, state="stopped", stopped_at=at)
    if clock.clock in step.pauses and clock.state == "running":
        return replace(clock, state="paused", paused_at=at)
    if clock.clock in step.resumes and clock.state == "paused" and clock.paused_at:
        return _resumed(clock, _legal_days(clock.paused_at, at, days), days)
    if clock.clock in step.extends:
        return _extended(clock, rules[clock.clock].of(leg), at, days)
    if clock.clock in step.recounts:
        return _recounted(clock, rules[clock.clock], leg, at, days)
    return clock


def standing(clock: RunningClock, today: date) -> str:
    """The state on a day of the body's calendar: a running clock whose last day is over has `expired`.

    That is told to people and decides nothing: the Regulation has no tacit decision.
    """
    over = clock.state == "running" and clock.due_on != "" and clock.due_on < today.isoformat()
    return "expired" if over else clock.state


def days_left(clock: RunningClock, today: date) -> int | None:
    """Days to the last day, below 0 after it; None for a clock that does not run or has no last day."""
    if clock.state != "running" or not clock.due_on:
        return None
    return (date.fromisoformat(clock.due_on) - today).days


def _legal_days(start: datetime, end: datetime, days: WorkingDays) -> int:
    """Days of the body's calendar, as every other period counts them: not spans of 24 hours."""
    return (end.astimezone(days.zone).date() - start.astimezone(days.zone).date()).days


def _extended(clock: RunningClock, rule: ClockRule, at: datetime, days: WorkingDays) -> RunningClock:
    """The whole period, longer by its extension, counted from its start; days that it stood still stay added."""
    whole = {unit: rule.length.get(unit, 0) + rule.extension.get(unit, 0) for unit in {**rule.length, **rule.extension}}
    before, after = last_day(clock.started_at, rule.length, days), last_day(clock.started_at, whole, days)
    if not rule.extension or not clock.due_on or before is None or after is None:
        return clock
    stood = (date.fromisoformat(clock.due_on) - before).days
    due = _working_day_from(after + timedelta(days=stood), days)
    on = at.astimezone(days.zone).date().isoformat()
    said = f"extended by {_said(rule.extension)} on {on} ({rule.extension_basis}), before that {clock.due_on}"
    return replace(clock, due_on=due.isoformat(), reason=f"{clock.reason}; {said}")


def _recounted(clock: RunningClock, rule: ClockRule, leg: Leg, at: datetime, days: WorkingDays) -> RunningClock:
    """The period that holds now, counted from the same start; days that it stood still stay added."""
    new, other = rule.of(leg), rule.shorter
    old = (rule.length if new is not rule else other.length) if other else rule.length
    before, after = last_day(clock.started_at, old, days), last_day(clock.started_at, new.length, days)
    if not clock.due_on or before is None or after is None:
        return clock
    stood = (date.fromisoformat(clock.due_on) - before).days
    due = _working_day_from(after + timedelta(days=stood), days)
    on = at.astimezone(days.zone).date().isoformat()
    reason = start_clock(new, leg, clock.started_at, days).reason
    said = f"counted anew on {on}, before that {clock.due_on}"
    return replace(clock, due_on=due.isoformat(), reason=f"{reason}; {said}")


def _said(length: Mapping[str, int]) -> str:
    return " ".join(f"{number} {unit.replace('_', ' ')}" for unit, number in length.items())


def _resumed(clock: RunningClock, pause: int, days: WorkingDays) -> RunningClock:
    """The remainder continues (D6.3 §8.2, pause); the statutory date without the pause stays visible in the reason."""
    if not clock.due_on:
        return replace(clock, state="running", paused_at=None)
    due = _working_day_from(date.fromisoformat(clock.due_on) + timedelta(days=pause), days)
    return replace(
        clock,
        state="running",
        paused_at=None,
        due_on=due.isoformat(),
        reason=f"{clock.reason}; paused {pause} days (D6.3 §8.2, guidance), without the pause {clock.due_on}",
    )
