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


class Way(IntEnum):
    """Where the first pass puts a leaf that does not go as it is; the order is that of the lists of `reading`."""

    WAIT = 0  #: worked out when all leaves are known
    ANNEX = 1
    KEEP = 2


class Step:
    """One node of the source, in one plan."""

    __slots__ = (
        "annexed",
        "attributes",
        "children",
        "is_asked",
        "is_quick",
        "node",
        "number",
        "op",
        "plain",
        "tail",
        "usual",
        "way",
    )

    def __init__(self, node: Node, op: Op | None, way: Way, *, is_asked: bool) -> None:
        self.node, self.op, self.way = node, op, way
        self.plain = op.plain if op else None  #: where the text goes as it is, with the same indices
        self.is_asked = is_asked  #: whether others are worked out by its text: keys and anchors
        simple = node.has_text and not node.repeats and not node.attributes and not is_asked
        #: Whether nothing has to be looked at but its text.
        self.is_quick = simple and (self.plain is not None or way is Way.ANNEX)
        self.tail = node.tail
        self.children: dict[str, Step] = {}
        self.attributes: dict[str, Step] = {}
        self.number = 4 * node.order
        self.annexed: int = self.number + Outcome.ANNEXED
        self.usual: int = self.annexed if way is Way.ANNEX else self.number  #: the number that it gets at first

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
        asked = {*plan.source_keys.values(), *(only.key for only in plan.only)}
        asked |= {op.anchor for op in plan.ops.values() if op.anchor is not None}
        self.by_order = tuple(
            Step(node, op := plan.ops.get(node), _way(plan, op), is_asked=node in asked)
            for node in plan.source.numbered
        )
        for step in self.by_order:
            node = step.node
            step.children = {tag: self.by_order[below.order] for tag, below in node.children.items()}
            step.attributes = {name: self.by_order[leaf.order] for name, leaf in node.attributes.items()}
        self.root = self.by_order[plan.source.order]
        reads = not plan.forth and plan.annex_entry is not None
        self.entry = self.by_order[plan.annex_entry.order] if reads and plan.annex_entry else None
        self.path = plan.annex_path.tag if plan.annex_path else ""  #: the attribute of an annex entry
        said = (*map(_said, self.by_order), *(node.path for node in plan.target.numbered))
        self.digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _way(plan: Plan, op: Op | None) -> Way:
    if op is not None and op.do is Do.ANNEX and plan.annex_entry is not None:
        return Way.ANNEX
    return Way.KEEP if op is not None and op.do is Do.KEEP else Way.WAIT


def _said(step: Step) -> str:
    """All that a report says of a step."""
    op = step.op
    if op is None:
        return step.node.path
    paths = [f"{target.node.path}{target.shift or ''}" for outcome in Outcome for target in step.targets(outcome)]
    return "|".join(
        (step.node.path, op.fate, op.table, op.mapping, op.reason, op.do.name if op.do is Do.ANNEX else "", *paths)
    )
