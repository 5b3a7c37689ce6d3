"""Facts with legal meaning: when one does not arrive as it was, the message waits until a person agrees."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.translation.plan import Do, Fate
from broker.translation.report import LegalFactLoss
from broker.translation.shapes import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from broker.translation.engine import Row, Run
    from broker.translation.plan import Op, Plan
    from broker.translation.report import Report
    from broker.translation.shapes import Node

_GONE = {Fate.CARRIED: "carried", Fate.LEFT_OUT: "dropped"}


@dataclass(frozen=True, slots=True)
class LegalFacts:
    """Rows of `codelists/legal-facts.toml`: id by eu-1 path (a leaf, or a whole subtree)."""

    by_path: dict[str, str]

    def of(self, path: str) -> str:
        """The id of the fact that an eu-1 path (without numbers) belongs to, or ""."""
        while path:
            if path in self.by_path:
                return self.by_path[path]
            path = path.rpartition("/")[0]
        return ""

    def losses(self, plan: Plan, run: Run) -> tuple[LegalFactLoss, ...]:
        """What this translation carried, dropped or said less exactly."""
        return tuple(dict.fromkeys((*self._rows(plan, run), *self._orphans(plan, run))))

    def _rows(self, plan: Plan, run: Run) -> Iterator[LegalFactLoss]:
        for row in run.rows:
            what = _what(row, forth=plan.forth)
            if what is None:
                continue
            node, where, op = row[:3]
            for leaf in (node,) if plan.forth else _wanted(op):
                if found := self.of(leaf.path):
                    yield LegalFactLoss(found, numbered(node, where), what)

    def _orphans(self, plan: Plan, run: Run) -> Iterator[LegalFactLoss]:
        if plan.forth:
            return
        for path in run.orphaned:
            plain = "/".join(step.partition("[")[0] for step in path.split("/"))
            if found := self.of(plain):
                yield LegalFactLoss(found, path, "orphaned")

    def after(self, report: Report) -> tuple[LegalFactLoss, ...]:
        """What the next hop of a chained report loses."""
        found = []
        for item in report.next_hop:
            plain = "/".join(step.partition("[")[0] for step in item.path.split("/"))
            if fact := self.of(plain):
                found.append(LegalFactLoss(fact, item.path, item.what))
        return tuple(dict.fromkeys(found))


def _what(row: Row, *, forth: bool) -> str | None:
    op, fate = row[2], row[3]
    if op.context or (forth and op.anchor is not None and op.do is Do.KEEP):
        return None  # repeated from an earlier message; the label of a choice whose key was sent
    if fate in _GONE:
        return _GONE[fate]
    return "downgraded" if fate is Fate.ANNEX and op.do not in (Do.ANNEX, Do.ANNEX_ENTRY) and _failed(op) else None


def _failed(op: Op) -> bool:
    return op.only is None


def _wanted(op: Op) -> tuple[Node, ...]:
    targets = [target.node for target in op.targets]
    if op.joined is not None:
        targets.append(op.joined.target.node)
    return tuple(targets)


def load_legal_facts(file: Path) -> LegalFacts:
    """Read the list."""
    with file.open("rb") as handle:
        rows = tomllib.load(handle)["fact"]
    return LegalFacts({path: row["id"] for row in rows for path in row["paths"]})
