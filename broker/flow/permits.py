"""What a decision amounts to for a permit, and what was said of it: nothing is told twice, no number is made up.

A body may say a change of its permit by the decision, by PermitStatusChange, or by both, in either order. The platform
hears of one change once: from a decision the broker writes the change of status if it knows the number of the permit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import Problem
from broker.model.lifecycle import PERMIT, PERMIT_BASE, PERMIT_STATUS, PERMIT_STATUS_CHANGE, TOLD, Event, told
from broker.translation import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from broker.flow.node import Node
    from broker.flow.passage import Passage
    from broker.model.cases import Leg
    from broker.model.lifecycle import Change

#: D6.4 v0.5 R9.3.7: each amended or renewed version has a number of its own.
_NUMBERED_ANEW: Final = frozenset({"AMENDED", "RENEWED"})
#: What a change of status may say that no decision does.
_MORE: Final = ("basePermitId", "version", "effectiveFrom", "document")
SAID: Final = "the platform heard this change of the permit already, by the decision"


def is_said_again(leg: Leg, event: Event) -> bool:
    """Whether the platform heard this change of this permit last."""
    return event.type == PERMIT_STATUS_CHANGE and leg.facts.get(TOLD) == told(event)


def says_more(root: etree._Element) -> bool:
    """Whether a change of status says what the decision did not."""
    return any(root.find(f"{{*}}content/{{*}}{name}") is not None for name in _MORE)


def with_implied(
    before: Leg, change: Change, named: str, advance: Callable[[Leg, Event], Change]
) -> tuple[Change, tuple[Problem, ...]]:
    """The change with what the decision amounts to for the permit, and what the body still owes.

    `named` is the number that the decision names. Raises: Refused, where the permit cannot be changed so.
    """
    owed = (_owed(change.step.due, change.step.due_by),) if change.step.due else ()
    status = change.step.implies
    if not status or _is_said(before, status, named):
        return change, owed
    number = _number(before, status, named)
    implied = advance(change.leg, Event(PERMIT_STATUS_CHANGE, status, permit=number))
    if not number:
        return change, (*owed, _owed(PERMIT_STATUS_CHANGE, "D6.4 v0.5 R9.3.7"))
    national = implied.national_step or change.national_step
    return replace(change, leg=implied.leg, implied=implied.step, national_step=national), owed


def permit_status_change(node: Node, passage: Passage, change: Change, head: build.Envelope) -> etree._Element:
    """The change of status that a decision amounts to."""
    before = next(leg for leg in passage.legs if leg.owner == change.leg.owner)
    number, old = change.leg.facts[TOLD].partition(" ")[2], before.facts.get(PERMIT, "")
    kept = change.leg.facts.get(PERMIT_STATUS, "GRANTED")
    return build.permit_status_change(
        head,
        passage.tree,
        status=node.lifecycle.permit_status(node.release, change.step.implies, kept),
        permit_id=number,
        supersedes=old if old != number else "",
    )


def _is_said(before: Leg, status: str, named: str) -> bool:
    said, _, number = before.facts.get(TOLD, "").partition(" ")
    return said == status and named in {"", number, before.facts.get(PERMIT_BASE)}


def _number(before: Leg, status: str, named: str) -> str:
    """The number of the permit that the decision speaks of; "" where a new one is due and it names none."""
    current = before.facts.get(PERMIT, "")
    other = "" if named in {current, before.facts.get(PERMIT_BASE)} else named
    return other if status in _NUMBERED_ANEW else other or current


def _owed(kind: str, article: str) -> Problem:
    return Problem(
        code="still-due",
        detail=f"A {kind} is still due.",
        path="leg",
        rule=article,
        value=kind,
        hint="The decision does not say all that it needs, so the broker cannot write it: send it yourself.",
    )
