"""Facts with legal meaning: when one does not arrive as it was, the message waits until a person agrees."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol

from lxml import etree

from broker.errors import ConfigurationError
from broker.translation.fates import Do, Fate
from broker.translation.report import LegalFactLoss, Lossy
from broker.translation.shapes import numbered, shape
from broker.translation.trees import flatten
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from broker.translation.engine import Run
    from broker.translation.leaves import Place
    from broker.translation.plan import Op, Plan
    from broker.translation.schema_parts import SchemaModel
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step

_GONE: Final = {Fate.CARRIED: "carried", Fate.LEFT_OUT: "dropped"}
#: Kinds that D6.4's `Positive` and `Negative` say in full (D6.4 section 9; Art. 68(3)).
_SAID_IN_FULL: Final = frozenset({"PERMIT_GRANTED", "PERMIT_REFUSED", "REQUEST_APPROVED", "REQUEST_REFUSED"})
_DAY: Final = len("2026-11-23")


class Wire(Protocol):
    """What is asked of a codec."""

    def lossy_leaves(self, message_type: str) -> tuple[str, ...]:
        """The leaves of eu-1 that the wire form of a type cannot carry."""
        ...


@dataclass(frozen=True, slots=True)
class LegalFacts:
    """Rows of `codelists/legal-facts.toml`: id by eu-1 path (a leaf, or a whole subtree), and by national leaf.

    National leaves are those that say a fact which no leaf of eu-1 may come to say; first the profile, then the path.
    """

    by_path: Mapping[str, str]
    model: SchemaModel
    national: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: By plan and number of an outcome: the facts that it loses, and how.
    _known: dict[Plan, dict[int, tuple[tuple[str, str], ...]]] = field(default_factory=dict, compare=False, repr=False)
    _shapes: dict[str, Node] = field(default_factory=dict, compare=False, repr=False)

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
        found: list[tuple[int, Step, Where, tuple[tuple[str, str], ...]]] = []
        known = self._known.setdefault(plan, {})
        for row, step, instance, _ in (*run.kept, *run.fallen):
            number = run.rows[row]
            if number not in known:
                known[number] = tuple(self._of_outcome(plan, step, number & 3))
            if known[number]:
                found.append((row, step, instance.where, known[number]))
        for _, step, where, facts in sorted(found, key=itemgetter(0)):
            yield from (LegalFactLoss(fact, numbered(step.node, where), what) for fact, what in facts)

    def _of_outcome(self, plan: Plan, step: Step, outcome: int) -> Iterator[tuple[str, str]]:
        """Facts that an outcome of a line loses, and how; the same for every document."""
        op = step.op
        what = _what(op, step.fate(outcome), forth=plan.forth) if op else None
        if op is None or what is None:
            return
        for leaf in (step.node, *_in_words(op)) if plan.forth else _wanted(op):
            if found := self.of(leaf.path):
                yield found, what
        if not plan.forth and (fact := self.national.get(plan.profile, {}).get(step.node.path)):
            yield fact, what

    def _orphans(self, plan: Plan, run: Run) -> Iterator[LegalFactLoss]:
        if plan.forth:
            return
        for path in run.orphaned:
            if found := self.of(_plain(path)):
                yield LegalFactLoss(found, path, "orphaned")

    def after(self, lossy: tuple[Lossy, ...]) -> tuple[LegalFactLoss, ...]:
        """What of the next hop's losses has legal meaning."""
        found = [(self.of(_plain(item.path)), item) for item in lossy]
        return tuple(dict.fromkeys(LegalFactLoss(fact, item.path, item.what) for fact, item in found if fact))

    def wire_losses(self, root: etree._Element, codec: Wire) -> tuple[LegalFactLoss, ...]:
        """What of an eu-1 document with legal meaning its wire form cannot say."""
        return self.after(self.lossy(root, codec))

    def lossy(self, root: etree._Element, codec: Wire) -> tuple[Lossy, ...]:
        """Every leaf of an eu-1 document that its wire form cannot say. Raises: TranslationError, if it is not eu-1."""
        kind = etree.QName(root).localname
        lost = frozenset(codec.lossy_leaves(kind))
        if not lost or kind not in self.model.roots:
            return ()
        if kind not in self._shapes:
            self._shapes[kind] = shape(self.model, kind)
        values = {place: text for place, text in flatten(root, self._shapes[kind]).items() if text is not None}
        single = {node.path: text for (node, where), text in values.items() if not where}
        return tuple(_lossy(place, single) for place in values if place[0].path in lost and not _is_said(place, single))


def _is_said(place: Place, single: Mapping[str, str | None]) -> bool:
    """Whether the wire form says it after all, in other words."""
    match place[0].path:
        case "content/kind":
            return trimmed(single["content/kind"] or "") in _SAID_IN_FULL
        case "content/issuedAt":
            day = trimmed(single["content/issuedAt"] or "")[:_DAY]
            return trimmed(single.get("content/legalIssueDate") or day) == day
        case _:
            return False


def _lossy(place: Place, single: Mapping[str, str | None]) -> Lossy:
    downgraded = place[0].path == "content/kind" and bool(single.get("content/kind"))
    return Lossy(numbered(*place), "downgraded" if downgraded else "dropped")


def _plain(path: str) -> str:
    return "/".join(step.partition("[")[0] for step in path.split("/"))


def _what(op: Op, fate: Fate, *, forth: bool) -> str | None:
    if op.context or (forth and op.do is Do.KEEP and op.anchor is not None and fate is not Fate.ANNEX):
        return None  # repeated from an earlier message; the label of a choice whose key is translated by its own line
    if fate in _GONE:
        return _GONE[fate]
    failed = fate is Fate.ANNEX and op.do not in (Do.ANNEX, Do.ANNEX_ENTRY) and op.only is None
    return "downgraded" if failed else None


def _in_words(op: Op) -> tuple[Node, ...]:
    """The key of a choice, for its label: that alone was said, and the other side finds it in the annex only."""
    return (op.anchor,) if op.do is Do.KEEP and op.anchor is not None else ()


def _wanted(op: Op) -> tuple[Node, ...]:
    joined = (op.joined.target.node,) if op.joined is not None else ()
    return (*(target.node for target in op.targets), *joined)


def load_legal_facts(file: Path, model: SchemaModel) -> LegalFacts:
    """Read the list. Raises: ConfigurationError."""
    try:
        rows = tomllib.loads(file.read_text(encoding="utf-8"))["fact"]
        national: dict[str, dict[str, str]] = {}
        for row in rows:
            for profile, paths in row.get("national", {}).items():
                national.setdefault(profile, {}).update(dict.fromkeys(paths, row["id"]))
        return LegalFacts({path: row["id"] for row in rows for path in row["paths"]}, model, national)
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"The list of legal facts {file.name} cannot be read: {error}") from error
