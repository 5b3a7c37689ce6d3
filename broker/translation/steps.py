"""A plan laid over the tree of its source: what the engine meets element by element, and numbers for what became of it.

Each leaf of the source has four numbers in a row, one for each outcome: as planned, shown in the annex, kept for the
way back, sent to the field for what no table knows. A report is a list of such numbers.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.translation.annex_entries import AnnexEntries
from broker.translation.fates import Do, Fate
from broker.translation.white_space import collapsed
from broker.translation.writing import opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker.translation.plan import Only, Op, Plan, Shift, Target
    from broker.translation.shapes import Node


class Outcome(IntEnum):
    """What became of a leaf, beside what its line says; the numbers are kept in reports."""

    PLANNED = 0
    ANNEXED = 1
    KEPT = 2
    OTHERWISE = 3


class Way(IntEnum):
    """Where the first pass puts a leaf that does not go at once."""

    WAIT = 0  #: worked out when all leaves are known
    ANNEX = 1
    KEEP = 2


class Look(IntEnum):
    """What the first pass has to look at in an element."""

    ALL = 0  #: attributes, instances, white space, and so on
    SHOW = 1  #: a text that is shown in the annex
    SEND = 2  #: a text that goes as it is
    TEXT = 3  #: a text of which others are worked out, or which is made into another
    CHILDREN = 4
    ENTRY = 5  #: an entry of the annex


#: What the first pass needs of a child, side by side: how it looks at it, the number that it gets at first, and what
#: stands before its text in the annex (`SHOW`) or where that goes (`SEND`).
Child = tuple[Look, int, str, "Node | None", "Step"]


class Step:
    """One node of the source, in one plan.

    What the first pass does with an element hangs on `look`. A text goes to `goes`: as it is, or as what `turn` makes
    of it (None: it waits), at the indices that `shift` makes.

    Below a group of which the other side takes some instances alone there are two sets of steps: `chosen` for those
    that it takes, and `passed` for all others.
    """

    __slots__ = (
        "annexed",
        "attributes",
        "careful",
        "carefully",
        "children",
        "chosen",
        "explains",
        "goes",
        "has_twin",
        "is_annexed",
        "is_asked",
        "is_kept",
        "look",
        "node",
        "number",
        "only",
        "op",
        "opens",
        "passed",
        "sends",
        "shift",
        "turn",
        "usual",
        "way",
    )

    def __init__(self, plan: Plan, node: Node, *, is_asked: bool, is_shared: bool, taken: bool | None = None) -> None:
        self.node, self.op = node, plan.ops.get(node)
        is_passed = taken is False and self.op is not None and self.op.only is not None
        self.way = _way(plan, self.op, is_passed=is_passed)
        self.goes, self.turn, self.shift = (None, None, None) if is_shared else _quickly(self.op, is_taken=bool(taken))
        self.is_asked = is_asked  #: whether others are worked out by its text: keys and anchors
        self.is_annexed, self.is_kept = self.way is Way.ANNEX, self.way is Way.KEEP
        self.explains = _explained(plan, self.op)
        self.has_twin = not is_passed and self.op is not None and (self.op.twin is not None or self.op.is_twin)
        self.look = self._look(plan, is_careful=False)
        self.careful = self._look(plan, is_careful=True)  #: the same where versions in other languages count
        #: What stands before its text in an annex entry.
        self.opens = (
            opening(plan.annex_entry, plan.annex_path, node.tail) if plan.annex_entry and plan.annex_path else ""
        )
        self.children: dict[str, Child] = {}
        self.carefully: dict[str, Child] = {}  #: the same where versions in other languages count
        self.attributes: dict[str, Step] = {}
        self.sends = False  #: whether one of the children goes at once
        self.only: Only | None = None
        self.chosen = self.passed = self
        self.number = 4 * node.order
        self.annexed: int = self.number + Outcome.ANNEXED
        self.usual: int = self.annexed if self.is_annexed else self.number  #: the number that it gets at first

    def _look(self, plan: Plan, *, is_careful: bool) -> Look:
        if not plan.forth and self.node is plan.annex_entry:
            return Look.ENTRY
        if self.node.repeats or self.node.attributes:
            return Look.ALL
        if not self.node.has_text:
            return Look.CHILDREN
        if self.is_asked or (is_careful and self.has_twin) or self.turn is not None or self.shift is not None:
            return Look.TEXT
        if self.is_annexed:
            return Look.SHOW
        return Look.TEXT if self.goes is None else Look.SEND

    def fate(self, outcome: int) -> Fate:
        """What to call an outcome. Raises: KeyError, if nothing is planned for this node."""
        if self.op is None:
            raise KeyError(self.node.path)
        return _FATES.get(outcome, self.op.fate)

    def targets(self, outcome: int) -> tuple[Target, ...]:
        """What is written; an annex entry is not among them."""
        op = self.op
        if op is None or outcome in (Outcome.ANNEXED, Outcome.KEPT):
            return ()
        if outcome == Outcome.OTHERWISE:
            return (op.otherwise,) if op.otherwise else ()
        return (op.joined.target,) if op.joined else op.targets


#: What an outcome is called that is not what the line says.
_FATES: Final[dict[int, Fate]] = {
    Outcome.ANNEXED: Fate.ANNEX,
    Outcome.KEPT: Fate.CARRIED,
    Outcome.OTHERWISE: Fate.COPIED,
}


class Steps:
    """All steps of a plan. `digest` tells whether a report was made with the same."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        asked = {*plan.source_keys.values(), *(only.key for only in plan.only)}
        asked |= {op.anchor for op in plan.ops.values() if op.anchor is not None}
        written = Counter(target.node for op in plan.ops.values() for target in _all_targets(op))
        shared = {node for node, op in plan.ops.items() if any(written[one.node] > 1 for one in _all_targets(op))}

        def step(node: Node, *, taken: bool | None = None) -> Step:
            return Step(plan, node, is_asked=node in asked, is_shared=node in shared, taken=taken)

        self.by_order = tuple(map(step, plan.source.numbered))
        self.annex = self._annex()  #: what holds the annex entries, and nothing else
        _link(dict(zip(plan.source.numbered, self.by_order, strict=True)))
        for only in plan.only if plan.annex_entry is not None and plan.forth else ():
            if only.steps_to_key is not None:
                here = self.by_order[only.group.order]
                here.only = only
                here.chosen, here.passed = (
                    _link({node: step(node, taken=taken) for node in only.group.all_below()})[only.group]
                    for taken in (True, False)
                )
        self.root = self.by_order[plan.source.order]
        self.shows = plan.forth and plan.annex_entry is not None  #: whether the target has an annex
        self.entries = AnnexEntries(plan.annex_entry, plan.annex_path) if plan.annex_entry and plan.annex_path else None
        self.path = plan.annex_path.tag if plan.annex_path else ""  #: the attribute of an annex entry
        said = (*map(_said, self.by_order), *(node.path for node in plan.target.numbered))
        self.digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    def _annex(self) -> Step | None:
        entry = self.plan.annex_entry if not self.plan.forth else None
        around = self.by_order[entry.parent.order] if entry is not None and entry.parent is not None else None
        if around is None or around.look is not Look.CHILDREN or len(around.node.children) > 1:
            return None
        around.look = around.careful = Look.ALL
        return around


def _link(steps: dict[Node, Step]) -> dict[Node, Step]:
    for node, step in steps.items():
        below = {tag: steps[one] for tag, one in node.children.items()}
        step.children = step.carefully = {tag: _child(one, one.look) for tag, one in below.items()}
        if any(one.look is not one.careful for one in below.values()):
            step.carefully = {tag: _child(one, one.careful) for tag, one in below.items()}
        step.attributes = {name: steps[leaf] for name, leaf in node.attributes.items()}
        step.sends = any(one.goes is not None for one in below.values())
    return steps


def _child(step: Step, look: Look) -> Child:
    return look, step.usual, step.opens, step.goes, step


def _way(plan: Plan, op: Op | None, *, is_passed: bool) -> Way:
    if is_passed or (op is not None and op.do is Do.ANNEX and plan.annex_entry is not None):
        return Way.ANNEX
    return Way.KEEP if op is not None and op.do is Do.KEEP else Way.WAIT


def _explained(plan: Plan, op: Op | None) -> Node | None:
    """What a leaf is kept for, because that says the same by its key: where it is missing, readers see the leaf."""
    shows = plan.forth and plan.annex_entry is not None
    return op.anchor if shows and op is not None and op.fate is Fate.CARRIED else None


_Quickly = tuple["Node | None", "Callable[[str], str | None] | None", "Shift | None"]


def _quickly(op: Op | None, *, is_taken: bool) -> _Quickly:
    """Where a text goes at once, as what, and with which indices; no place, where other leaves must be known first."""
    if op is None or (op.only is not None and not is_taken) or op.do not in (Do.COPY, Do.CONVERT):
        return None, None, None
    if op.otherwise is not None or op.usual is not None:
        return None, None, None
    (target,) = op.targets
    if op.do is Do.CONVERT:
        return target.node, partial(_converted, op.convert or _unknown), target.shift
    return target.node, partial(_fitting, target.fits) if target.fits else None, target.shift


def _unknown(_: str) -> None:
    return None


def _converted(convert: Callable[[str], str | None], text: str) -> str | None:
    return convert(collapsed(text))


def _fitting(fits: Callable[[str], bool], text: str) -> str | None:
    return text if fits(text) else None


def _all_targets(op: Op) -> tuple[Target, ...]:
    joined = (op.joined.target,) if op.joined is not None and not op.member else ()
    return (*op.targets, *joined, *((op.otherwise,) if op.otherwise and not op.is_twin else ()))


def _said(step: Step) -> str:
    """All that a report says of a step."""
    op = step.op
    if op is None:
        return step.node.path
    paths = [f"{target.node.path}{target.shift or ''}" for outcome in Outcome for target in step.targets(outcome)]
    return "|".join(
        (
            *(step.node.path, op.fate, op.table, op.mapping, op.reason, op.do.name if op.do is Do.ANNEX else ""),
            *paths,
            *((op.twin.path,) if op.twin is not None else ()),
        )
    )
