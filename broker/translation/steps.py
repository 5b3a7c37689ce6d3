"""A plan laid over the tree of its source: what the engine meets element by element, and numbers for what became of it.

Each leaf of the source has four numbers in a row, one for each outcome: as planned, shown in the annex, kept for the
way back, sent to the field for what no table knows. A report is a list of such numbers.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import TYPE_CHECKING

from broker.translation.fates import Do, Fate

if TYPE_CHECKING:
    from broker.translation.plan import Op, Plan, Target
    from broker.translation.shapes import Node


class Outcome(IntEnum):
    """What became of a leaf, beside what its line says; the numbers are kept in reports."""

    PLANNED = 0
    ANNEXED = 1
    KEPT = 2
    OTHERWISE = 3


class Step:
    """One node of the source, in one plan."""

    __slots__ = ("attributes", "children", "is_plain_leaf", "node", "number", "op", "plain")

    def __init__(self, node: Node, op: Op | None) -> None:
        self.node, self.op = node, op
        self.plain = op.plain if op else None  #: where the text goes as it is, with the same indices
        self.is_plain_leaf = node.has_text and not node.repeats and not node.attributes
        self.children: dict[str, Step] = {}
        self.attributes: dict[str, Step] = {}
        self.number = 4 * node.order

    def fate(self, outcome: int) -> Fate:
        """What to call an outcome. Raises: KeyError, if nothing is planned for this node."""
        if self.op is None:
            raise KeyError(self.node.path)
        return self.op.fate if outcome == Outcome.PLANNED else _FATES[Outcome(outcome)]

    def targets(self, outcome: int) -> tuple[Target, ...]:
        """What is written; an annex entry is not among them."""
        op = self.op
        if op is None or outcome in (Outcome.ANNEXED, Outcome.KEPT):
            return ()
        if outcome == Outcome.OTHERWISE:
            return (op.otherwise,) if op.otherwise else ()
        return (op.joined.target,) if op.joined else op.targets


_FATES = {Outcome.ANNEXED: Fate.ANNEX, Outcome.KEPT: Fate.CARRIED, Outcome.OTHERWISE: Fate.COPIED}


class Steps:
    """All steps of a plan. `digest` tells whether a report was made with the same."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.by_order = tuple(Step(node, plan.ops.get(node)) for node in plan.source.numbered)
        for step in self.by_order:
            node = step.node
            step.children = {tag: self.by_order[below.order] for tag, below in node.children.items()}
            step.attributes = {name: self.by_order[leaf.order] for name, leaf in node.attributes.items()}
        self.root = self.by_order[plan.source.order]
        self.digest = hashlib.sha256("\n".join(map(_said, self.by_order)).encode()).hexdigest()[:16]


def _said(step: Step) -> str:
    """All that a report says of a step."""
    op = step.op
    if op is None:
        return step.node.path
    paths = [target.node.path for outcome in Outcome for target in step.targets(outcome)]
    return "|".join(
        (step.node.path, op.fate, op.table, op.mapping, op.reason, op.do.name if op.do is Do.ANNEX else "", *paths)
    )
