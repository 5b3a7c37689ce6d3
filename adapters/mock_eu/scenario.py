"""A scenario in TOML: who does what, when, with which fault, and what must be true at the end.

`[[step]]` has `do` and its own members; `[[end]]` names messages by who sent them and their type, and one exact state
for each of them, in order: `"DOWNLOADED / DELIVERED"` is the state at the access point and the one at the dispatcher,
`absent` where one of them does not know the message. `[[leg]]` says what the platform has of a nation, `[[noted]]` what
the dispatcher wrote down of a type's messages.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

#: Step → members that it needs, members that it may have.
STEPS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "arm": (
        frozenset({"name"}),
        frozenset({"nation", "type", "nth", "probability", "seed", "times", "seconds", "amount", "fired"}),
    ),
    "disarm": (frozenset(), frozenset()),
    "file": (frozenset(), frozenset({"nations", "form"})),
    "applicant": (frozenset({"call"}), frozenset({"body"})),
    "post": (frozenset({"document"}), frozenset({"status"})),
    "until": (frozenset({"from", "type", "states"}), frozenset()),
    "restore": (frozenset({"type"}), frozenset()),
    "receipt": (frozenset({"type"}), frozenset({"status"})),
    "health": (frozenset({"says"}), frozenset()),
    "retention": (frozenset(), frozenset({"downloaded", "undownloaded", "sent", "delete_metadata", "metadata_offset"})),
    "struck": (frozenset({"name"}), frozenset({"times"})),
    "later": (frozenset({"minutes"}), frozenset({"deleted", "forgotten"})),
    "wait": (frozenset({"seconds"}), frozenset()),
}
SIDES: Final = ("platform", "nation")


class BadScenario(ValueError):
    """The file is no scenario; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody does."""

    do: str
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The messages of one type from one side, and the exact state of each, in the order in which they arose."""

    side: str
    type: str
    states: tuple[str, ...]
    waits: bool = False  #: a dispatcher must say until when each of them waits


@dataclass(frozen=True, slots=True)
class Leg:
    """What the platform must have of a nation: its status, whether it validated, which news it has."""

    nation: str
    status: str = ""
    validated: bool | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """What the dispatcher's timeline says under `what` of every message of a type from a side, oldest first."""

    side: str
    type: str
    what: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`seconds` is how long the end may take, `quiet` how long it must then hold."""

    path: Path
    title: str
    nation: str = "fr"
    seconds: float = 20.0
    quiet: float = 0.5
    steps: tuple[Step, ...] = ()
    ends: tuple[End, ...] = ()
    legs: tuple[Leg, ...] = ()
    noted: tuple[Noted, ...] = ()
    faults: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def load(path: Path) -> Scenario:
    """Read one. Raises: BadScenario, OSError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadScenario(f"{path}: {error}") from error
    steps = tuple(_step(path, number, row) for number, row in enumerate(table.pop("step", []), 1))
    ends = tuple(_end(path, row) for row in table.pop("end", []))
    legs = tuple(_leg(path, row) for row in table.pop("leg", []))
    noted = tuple(_noted(path, row) for row in table.pop("noted", []))
    if not ends:
        raise BadScenario(f"{path}: no [[end]]")
    unknown = set(table) - {"title", "nation", "seconds", "quiet"}
    if unknown or "title" not in table:
        raise BadScenario(f"{path}: unknown members {sorted(unknown)}" if unknown else f"{path}: no title")
    faults = tuple(step.given["name"] for step in steps if step.do == "arm")
    return Scenario(path, steps=steps, ends=ends, legs=legs, noted=noted, faults=faults, **table)


def _step(path: Path, number: int, row: dict[str, Any]) -> Step:
    given = dict(row)
    do = given.pop("do", "")
    if do not in STEPS:
        raise BadScenario(f"{path}: step {number}: {do!r} is none of {', '.join(STEPS)}")
    needed, allowed = STEPS[do]
    if needed - given.keys() or given.keys() - needed - allowed:
        raise BadScenario(f"{path}: step {number}: {do} takes {', '.join(sorted(needed | allowed)) or 'nothing'}")
    return Step(do, given)


def _end(path: Path, row: dict[str, Any]) -> End:
    if set(row) - {"waits"} != {"from", "type", "states"} or row["from"] not in SIDES:
        raise BadScenario(f"{path}: an end has from (platform or nation), type and states, and may have waits")
    return End(row["from"], row["type"], tuple(row["states"]), row.get("waits") is True)


def _leg(path: Path, row: dict[str, Any]) -> Leg:
    unknown = set(row) - {each.name for each in fields(Leg)}
    if unknown or "nation" not in row:
        raise BadScenario(f"{path}: a leg has nation, status, validated, has, lacks")
    lists = {name: tuple(row.get(name, ())) for name in ("has", "lacks")}
    return Leg(**{**row, **lists})


def _noted(path: Path, row: dict[str, Any]) -> Noted:
    if set(row) != {"from", "type", "what", "says"} or row["from"] not in SIDES:
        raise BadScenario(f"{path}: a noted has from (platform or nation), type, what and says")
    return Noted(row["from"], row["type"], row["what"], tuple(row["says"]))
