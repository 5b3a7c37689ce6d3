"""The clocks that a message moves, and what a person should know of a period that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import Problem
from broker.model.clocks import moved_clocks, overdue

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.flow.passage import Passage
    from broker.model.cases import Leg, RunningClock
    from broker.model.clocks import ClockRule
    from broker.model.lifecycle import Change, Step


def periods(
    node: Node, passage: Passage, changes: tuple[Change, ...]
) -> tuple[tuple[RunningClock, ...], tuple[Problem, ...]]:
    """The clocks as they are after these changes, and hints; nothing is refused for a period that is over."""
    moved = [(change.leg, step, _moved(node, passage, change.leg, step)) for change in changes for step in change.steps]
    hints = (hint for leg, step, clocks in moved for hint in _late(node, passage, leg, step, clocks))
    return tuple(clock for *_, clocks in moved for clock in clocks), tuple(hints)


def _moved(node: Node, passage: Passage, leg: Leg, step: Step) -> tuple[RunningClock, ...]:
    return moved_clocks(
        passage.clocks,
        step,
        leg,
        at=passage.message.kept_at,
        rules=node.clocks,
        days=node.days,
        policies=node.policies_of(leg.owner),
    )


def _late(node: Node, passage: Passage, leg: Leg, step: Step, moved: tuple[RunningClock, ...]) -> tuple[Problem, ...]:
    before = (clock for clock in passage.clocks if clock.leg == leg.owner)
    over = overdue(before, moved, step, passage.message.kept_at, node.days)
    return tuple(_is_over(clock, node.clocks[clock.clock]) for clock in over if node.clocks[clock.clock].late)


def _is_over(clock: RunningClock, rule: ClockRule) -> Problem:
    return Problem(
        code="period-over",
        detail=f"The period ended on {clock.due_on}: {rule.what}.",
        path="leg",
        rule=rule.basis,
        value=clock.due_on,
        hint=rule.late,
    )
