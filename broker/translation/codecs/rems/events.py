"""Which event of REMS is which message, and what it says without writing it: `schemas/rems/1/events.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from broker.errors import ConfigurationError
from broker.translation.codecs.rems.facts import is_xml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from broker.translation.codecs.rems.facts import Facts

EVENT: Final = "application.event/"
REMARKED: Final = f"{EVENT}remarked"
STEP: Final = "NationalStep"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row for a message type."""

    type: str
    events: tuple[str, ...] = ()
    marked: bool = False  #: no event alone is this message: the document says so
    with_reference: bool = False  #: only for an application that the broker lodged itself
    moment: str = ""
    number: str = ""
    decides: str = ""
    step: str = ""
    says: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event decides: by the kind of application, and what else it may be told to have decided."""

    event: str
    by_type: Mapping[str, str]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Events:
    """The whole table."""

    rules: Mapping[str, Rule]
    outcomes: tuple[Outcome, ...]
    known: frozenset[str]

    def rule(self, message: str) -> Rule:
        """The row of a message type; an empty one where an event says nothing by itself."""
        return self.rules.get(message) or Rule(message)

    def message(self, event: str, *, lodged: bool) -> str:
        """The message that an event is by itself; `lodged`: the application names the number the broker gave it."""
        fitting = [rule for rule in self.rules.values() if event in rule.events and not rule.marked]
        chosen = next((rule for rule in fitting if rule.with_reference == lodged), None)
        return (chosen or next((rule for rule in fitting if not rule.with_reference), Rule(STEP))).type

    def usual(self, message: str, facts: Facts) -> str:
        """The event of a message, where the document does not name another."""
        rule = self.rule(message)
        if rule.decides:
            said = facts.get(rule.decides, "")
            decided = (one.event for one in self.outcomes if said in (*one.by_type.values(), *one.others))
            return next(decided, REMARKED)
        if rule.step:
            event = f"{EVENT}{facts.get(rule.step, '')}"
            return event if self.message(event, lodged=False) == STEP and self._is_event(event) else REMARKED
        return rule.events[0] if rule.events else REMARKED

    def _is_event(self, event: str) -> bool:
        return event in self.known

    def said(self, message: str, event: Mapping[str, Any], application_type: str) -> Facts:
        """The facts that an event states by itself."""
        rule, kind = self.rule(message), str(event.get("event/type", ""))
        facts = dict(rule.says)
        for path, member in ((rule.moment, "event/time"), (rule.number, "event/id")):
            if path and isinstance(event.get(member), (str, int)) and not isinstance(event[member], bool):
                facts[path] = str(event[member])
        if rule.step and kind.startswith(EVENT):
            facts[rule.step] = kind.removeprefix(EVENT)
        decided = next((one.by_type.get(application_type) for one in self.outcomes if one.event == kind), None)
        if rule.decides and decided:
            facts[rule.decides] = decided
        return {path: text for path, text in facts.items() if is_xml(text)}


def load_events(path: Path) -> Events:
    """Read the table. Raises: ConfigurationError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        rules = {row["type"]: Rule(**{**row, "events": tuple(row.get("events", ()))}) for row in data["message"]}
        outcomes = tuple(_outcome(row) for row in data["outcome"])
        return Events(rules, outcomes, frozenset(f"{EVENT}{name}" for name in data["known"]["events"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The table of REMS events {path.name} cannot be read: {error}") from error


def _outcome(row: dict[str, Any]) -> Outcome:
    kinds = {key: value for key, value in row.items() if key not in ("event", "others")}
    return Outcome(row["event"], kinds, tuple(row.get("others", ())))
