"""The leg's machine: steps are data (`schemas/lifecycles/*.toml`), this module only reads the table.

A step is found by the leg's state and the event; guards are facts recorded by earlier steps. An
event that no step allows is an illegal step and is refused before anything leaves the house. News of
other legs never comes here (Art. 68(5): each body decides within its remit).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from broker.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from broker.model.cases import Leg

NONE: Final = "NONE"  #: the state of a leg that does not exist yet
ORIGINATED: Final = "ORIGINATED"  #: lodged here; the Central Platform has not sent it to the bodies yet
BRANCH: Final = "branch"  #: the fact of a leg that says on which road of its national chain it is
COMPLETE: Final = "complete"  #: the fact that the assessment has begun
ACCELERATED: Final = "accelerated"  #: the fact that the leg is on the track of Art. 68(6)
TRACK_SAID: Final = "track_said"  #: the fact that the body itself said on which track it is
PERMIT: Final = "permit"  #: the fact that names the permit of a leg, by its newest number
PERMIT_BASE: Final = "permit_base"  #: the fact that names what all versions of it share
PERMIT_UNTIL: Final = "permit_until"  #: the fact that names its last day
PERMIT_STATUS: Final = "permit_status"  #: its status (D6.4 v0.5 section 9.3 Table 3)
CHANGE: Final = "change_request"  #: the change of it that was asked for last, and what became of that
TOLD: Final = "told"  #: the change of status that the platform heard last, with the number of the permit
PERMIT_STATUS_CHANGE: Final = "PermitStatusChange"
OPEN: Final = "OPEN"  #: in a table: any state that is not terminal
#: What a body chose where the sources differ, as `name:value`; these hold for one that chose nothing (`leg.toml`).
POLICIES: Final = frozenset({"appeals:negative", "completion:one-window", "anchor:last-item", "suspension:pause"})


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a lifecycle table."""

    id: str
    sources: tuple[str, ...]
    on: str
    to: str
    require: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    recounts: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()  #: facts that hold no more
    branch: str = ""  #: the road that it puts the leg on, where a chain has several
    policy: str = ""  #: only for bodies that chose so
    permit: str = ""  #: the status of the permit then
    change: str = ""  #: the request for a change of it, and what became of it
    implies: str = ""  #: the status of the permit that a decision amounts to
    due: str = ""  #: a message that the body still owes then
    due_by: str = ""  #: by which article
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A table of steps with its version, its terminal states and its projections onto the wire."""

    id: str
    version: str
    steps: tuple[Step, ...]
    terminal: frozenset[str]
    projections: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, tuple[str, ...]]
    branch_leaf: str = ""  #: where a national document says which road of the chain it is on
    permit_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: by release: statuses of a permit

    def status(self, release: str, state: str) -> str:
        """What the wire of a D6.4 release calls this internal state; "" if it has no word for it."""
        return self.projections.get(release, {}).get(state, "")

    def permit_status(self, release: str, said: str, kept: str) -> str:
        """What the wire of a D6.4 release calls a change of a permit; if it has no word, the status that is `kept`."""
        return self.permit_words.get(release, {}).get(said, said) or kept

    def group(self, kind: str) -> str:
        """The group (positive, negative, procedural) of a decision kind; the kind itself if unknown."""
        return next((name for name, kinds in self.groups.items() if kind in kinds), kind)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: a message type, what tells its variants apart (status, response, …), and how it came out."""

    type: str
    variant: str = ""
    outcome: str = ""  #: of a national step: what was opined, declared or chosen
    #: Of an application: whether its form asks for the accelerated track (Art. 68(6)); None: it says nothing of it.
    accelerated: bool | None = field(default=None, compare=False)
    permit: str = field(default="", compare=False)  #: the number of the permit that it issues or changes
    permit_base: str = field(default="", compare=False)  #: what all versions of that permit share
    permit_until: str = field(default="", compare=False)  #: its last day

    @property
    def name(self) -> str:
        """As a table writes it, whatever came out."""
        return f"{self.type}:{self.variant}" if self.variant else self.type

    @property
    def names(self) -> tuple[str, ...]:
        """As a table may write it: with the outcome first, for a state that asks for it."""
        return (f"{self.name}:{self.outcome}", self.name) if self.variant and self.outcome else (self.name,)


@dataclass(frozen=True, slots=True)
class Change:
    """What one event does to one leg: the leg after it, and what to emit and which clocks to move."""

    leg: Leg
    step: Step
    national_step: Step | None = None
    implied: Step | None = None  #: what a decision amounts to for the permit

    @property
    def steps(self) -> tuple[Step, ...]:
        """That of the leg, what it implies, and that of the national chain; those that were taken."""
        return tuple(step for step in (self.step, self.implied, self.national_step) if step is not None)


def read_lifecycle(table: Mapping[str, Any]) -> Lifecycle:
    """A lifecycle from its parsed TOML file."""
    return Lifecycle(
        id=table["id"],
        version=table["version"],
        steps=tuple(_read_step(row) for row in table["step"]),
        terminal=frozenset(table.get("terminal", ())),
        projections=table.get("projection", {}),
        groups={name: tuple(kinds) for name, kinds in table.get("groups", {}).items()},
        branch_leaf=table.get("branch_leaf", ""),
        permit_words=table.get("permit", {}),
    )


def _read_step(row: Mapping[str, Any]) -> Step:
    lists = (
        *("require", "unless", "record", "drop", "emits"),
        *("starts", "stops", "pauses", "resumes", "extends", "recounts"),
    )
    words = ("branch", "policy", "permit", "change", "implies", "due", "due_by")
    given: dict[str, Any] = {name: row.get(name, "") for name in words} | {
        name: tuple(row.get(name, ())) for name in lists
    }
    return Step(
        id=row["id"], sources=tuple(row["from"]), on=row["on"], to=row["to"], basis=row.get("source", ""), **given
    )


def advance(
    leg: Leg,
    event: Event,
    *,
    lifecycle: Lifecycle,
    national: Lifecycle | None,
    at: datetime,
    policies: Collection[str] = POLICIES,
) -> Change:
    """What the event does to the leg of a body with these policies.

    Raises: Refused with code `illegal-step` (the state does not allow it), `outside-policy` (it does, and the body
    chose otherwise), `guard-unmet` (a fact is missing or already there) or `illegal-national-step` (the national chain
    is not there yet).
    """
    step = _find(lifecycle, leg.state, event)
    if step is None:
        raise Refused((_illegal(leg, event, lifecycle, policies),))
    if step.policy and step.policy not in policies:
        raise Refused((_outside(leg, event, step, policies),))
    _check_guards(leg, event, step)
    national_step = _national_step(leg, event, national)
    if national_step:
        _check_guards(leg, event, national_step)
    after = replace(
        leg,
        state=_target(leg, step),
        origin=leg.state if step.to == "AWAITING_INFO" else leg.origin,
        national_state=_national_target(leg, national_step),
        facts=_facts(leg, event, (step, national_step) if national_step else (step,), at),
        updated_at=at,
    )
    return Change(after, step, national_step)


def off_branch(leg: Leg, said: str, national: Lifecycle) -> tuple[Problem, ...]:
    """What a person must look at, where a national document says another road than the one that the leg is on."""
    taken = leg.facts.get(BRANCH, "")
    if not said or not taken or said == taken:
        return ()
    return (
        Problem(
            code="branch-contradicted",
            detail="The document names another procedure than the one that its file is on.",
            path=national.branch_leaf,
            rule=f"{national.id}: {taken}",
            value=said,
            hint="Find out which is right: correct the document, or say the procedure of the file again.",
        ),
    )


def _facts(leg: Leg, event: Event, steps: tuple[Step, ...], at: datetime) -> dict[str, str]:
    """What is on record afterwards. A form settles its track until it is complete, or the body has said which it is."""
    facts = dict(leg.facts)
    if event.accelerated is not None and COMPLETE not in facts and TRACK_SAID not in facts:
        facts.pop(ACCELERATED, None)
        facts |= {ACCELERATED: at.isoformat()} if event.accelerated else {}
    for step in steps:
        facts = {name: text for name, text in facts.items() if name not in step.drop}
        facts |= {fact: at.isoformat() for fact in step.record}
        facts |= {BRANCH: step.branch} if step.branch else {}
        facts |= _of_the_permit(event, step)
    return facts


def _of_the_permit(event: Event, step: Step) -> dict[str, str]:
    said = {PERMIT_STATUS: step.permit, CHANGE: step.change}
    if step.permit:
        said |= {PERMIT: event.permit, PERMIT_BASE: event.permit_base, PERMIT_UNTIL: event.permit_until}
    if event.type == PERMIT_STATUS_CHANGE and event.variant:
        said[TOLD] = told(event)
    return {name: text for name, text in said.items() if text}


def told(event: Event) -> str:
    """A change of a permit's status, and of which, in one line."""
    return f"{event.variant} {event.permit}"


def _national_target(leg: Leg, step: Step | None) -> str:
    return leg.national_state if step is None or step.to == "SAME" else step.to


def _target(leg: Leg, step: Step) -> str:
    return {"SAME": leg.state, "ORIGIN": leg.origin}.get(step.to, step.to)


def _find(lifecycle: Lifecycle, state: str, event: Event) -> Step | None:
    named = any(step.on in event.names for step in lifecycle.steps)
    names = event.names if named else (event.type,)  # a row for every variant does not catch one with rows of its own
    rows = (step for name in names for step in lifecycle.steps if step.on == name)
    return next((step for step in rows if _allows(lifecycle, step, state)), None)


def _allows(lifecycle: Lifecycle, step: Step, state: str) -> bool:
    if state in step.sources:
        return True
    return OPEN in step.sources and state != NONE and state not in lifecycle.terminal


def _check_guards(leg: Leg, event: Event, step: Step) -> None:
    missing = ", ".join(fact for fact in step.require if fact not in leg.facts)
    present = ", ".join(fact for fact in step.unless if fact in leg.facts)
    if missing:
        raise Refused((_guard(leg, step, f"{event.name} is not lawful yet: {missing} must be recorded first"),))
    if present:
        raise Refused((_guard(leg, step, f"{event.name} came again: {present} is recorded already"),))


def _guard(leg: Leg, step: Step, detail: str) -> Problem:
    return Problem(
        code="guard-unmet",
        detail=detail,
        path="leg",
        rule=f"{step.id} ({step.basis})",
        value=leg.state,
        hint="Look at the leg's timeline for what was recorded, and send what is missing first.",
    )


def _national_step(leg: Leg, event: Event, national: Lifecycle | None) -> Step | None:
    if national is None:
        return None
    state = leg.national_state or NONE
    step = _find(national, state, event)
    if step is not None:
        return step
    named = [row for row in national.steps if row.on == event.type or _is_of(row, event)]
    if not named and event.type != "NationalStep":
        return None
    raise Refused(
        (
            Problem(
                code="illegal-national-step",
                detail=f"{event.name} is not possible while the national chain {national.id} is at {state}",
                path="leg",
                rule=", ".join(f"{row.id} ({row.basis})" for row in named) or national.id,
                value=state,
                hint=f"It is possible from: {', '.join(_ways(named, event)) or 'no state'}.",
            ),
        )
    )


def _ways(rows: list[Step], event: Event) -> Iterator[str]:
    """From which states, and with which outcome where a row asks for one."""
    for row in rows:
        outcome = row.on.removeprefix(event.name).lstrip(":") if _is_of(row, event) else ""
        yield from (f"{state} ({outcome})" if outcome else state for state in row.sources)


def _is_of(row: Step, event: Event) -> bool:
    return row.on == event.name or row.on.startswith(f"{event.name}:")


def _outside(leg: Leg, event: Event, step: Step, policies: Collection[str]) -> Problem:
    name, _, value = step.policy.partition(":")
    chosen = next((one.partition(":")[2] for one in policies if one.partition(":")[0] == name), "")
    where = f"backends.{leg.owner}.{name}"
    return Problem(
        code="outside-policy",
        detail=f"{event.name} from {leg.state} is outside the policy {where} = {chosen}",
        path="leg",
        rule=f"{step.id} ({step.basis})",
        value=leg.state,
        hint=f'National law decides. If it allows this, set {where} = "{value}" and retry the message; '
        "if not, tell the sender, and close it with the reason.",
    )


def _illegal(leg: Leg, event: Event, lifecycle: Lifecycle, policies: Collection[str]) -> Problem:
    allowed = (step for step in lifecycle.steps if not step.policy or step.policy in policies)
    possible = sorted({step.on for step in allowed if _allows(lifecycle, step, leg.state)})
    return Problem(
        code="illegal-step",
        detail=f"{event.name} is not a lawful step from {leg.state}",
        path="leg",
        rule=f"{lifecycle.id}-{lifecycle.version}",
        value=leg.state,
        hint=f"From {leg.state} these are possible: {', '.join(possible) or 'none'}.",
    )
