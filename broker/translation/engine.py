"""Carry out a plan on one document: one pass over the source, then what is put back, then the target tree.

Nothing is invented: every target leaf comes from a source leaf, from the carry, or from the named constants. Whatever a
line cannot do is kept (in the annex, or in the carry), reported, and flagged.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

from broker.errors import Problem
from broker.translation.carry import Said, anchor_hash
from broker.translation.fates import Do
from broker.translation.lead_ins import apart, divided, together
from broker.translation.leaves import gaps
from broker.translation.reading import Reading
from broker.translation.report import Report
from broker.translation.returning import put_back
from broker.translation.shapes import numbered
from broker.translation.steps import Outcome
from broker.translation.unsent import carry_of
from broker.translation.white_space import collapsed, trimmed
from broker.translation.wording import WORDS
from broker.translation.writing import Layout, annex, annex_as_met

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

    from broker.translation.carry import Carry
    from broker.translation.instances import Leaf
    from broker.translation.leaves import Moves, Place
    from broker.translation.plan import Joined, Only, Op, Plan, Target, Usual
    from broker.translation.shapes import Node, Where

_LIMIT: Final = 80


class Run:
    """One document on its way through one plan."""

    def __init__(self, plan: Plan, root: etree._Element, carry: Carry | None = None) -> None:
        self.plan = plan
        self._carry, self.aside = carry, carry.aside if carry else {}
        self.source = Reading(plan.steps, self.aside)
        self.source.read(root)
        self.values, self.written, self.rows = self.source.values, self.source.written, self.source.rows
        self.moves: list[Moves] = []  #: what the target's instances are called, after what the rows call them
        self.slots: list[int] | None = None  #: index of each annex entry, in the order of the rows; None: as they come
        self.annex_written: list[tuple[str, str]] = []  #: (path, text) of annex entries that stand beside no other
        self.annex_read: list[int] = []  #: where each entry belongs, in numbers (`leaves`)
        self.problems: list[Problem] = []
        self.constants: list[Place] = []
        self.restored: list[Place] = []
        self.orphaned: list[str] = []
        self.kept, self.annexed = self.source.kept, self.source.annexed
        self.fallen: list[Leaf] = []  #: what could not go as its line says, and is shown in the annex
        self.kept_entries: list[tuple[Node, Where, str]] = []  #: annex entries that could not be read
        self.joined: dict[tuple[Joined, Where], list[Leaf | None]] = {}
        self.parts: dict[int, tuple[bool, ...]] = {}  #: by row: which parts a text had that was told apart by lead-ins
        self.mark = (
            self.source.version.mark if self.source.version else ""
        )  #: how far the readers' version can be trusted
        self.left_aside: dict[str, int] = {}
        #: Leaves that say what another usually says, or say it too: (leaf, the other, their place, how it is said).
        self.instead: list[tuple[Node, Node, Where, Said]] = []
        self.order: list[tuple[str, str]] = []  #: annex entries as they were: usual path, written path
        self.annex_order: list[tuple[str, str]] = []  #: the same of the annex that was read, if not the usual one
        self._chosen: dict[Place, bool] = {}
        self._unsent: Carry | None = None
        self._layout: Layout | None = None

    def translate(self, given: Mapping[tuple[str, Where], str], *, stand_in: bool = False) -> None:
        """Fill `written`. What is given goes before the carry, or only stands in for what the carry has not either."""
        carry = self._carry
        for leaf in self.source.waiting:
            op = leaf[1].op
            if op is not None:
                _HANDLERS[op.do](self, op, leaf)
        self._join()
        self._settle()
        sent = self.written.instances() if self.source.paths or carry else set()
        for node, value in self.plan.constants:
            self.written.put(node, (), value)
            self.constants.append((node, ()))
        if not stand_in:
            self._fill(given)
        if self.source.paths or carry:
            put_back(self, carry, sent)
        if stand_in:
            self._fill(given)
        if self.plan.forth:
            self.unsent()  # the annex is a part of the document
        self._layout = Layout(self.written)
        self.moves += [found] if (found := gaps(self._layout.used)) else []

    def _settle(self) -> None:
        """Bring back into the order of the document what was worked out later."""
        if self.source.waiting:
            self.kept.sort(key=itemgetter(0))

    def unsent(self) -> Carry:
        """What was not sent."""
        if self._unsent is None:
            self._unsent = carry_of(self)
        return self._unsent

    def document(self, namespace: str) -> bytes:
        """The target document."""
        layout, entry, path = self._layout or Layout(self.written), self.plan.annex_entry, self.plan.annex_path
        if entry and path and self.slots is None and len(self.annexed):
            layout.add(entry, annex_as_met(entry, self.annexed))
        elif entry and path and self.annex_written:
            layout.add(entry, annex(entry, path, self.annex_written))
        return layout.document(self.plan.target, namespace)

    def report(self) -> Report:
        """What became of each leaf."""
        return Report(
            plan=self.plan,
            numbers=tuple(self.rows),
            slots=None if self.slots is None else tuple(self.slots),
            annex=tuple(self.annex_read),
            moves=tuple(self.moves),
            constant_places=tuple(self.constants),
            restored_places=tuple(self.restored),
            orphaned=tuple(self.orphaned),
            own=tuple(where for _, where in sorted(self.source.own.items())),
            mark=self.mark,
            parts=tuple(said for row in sorted(self.parts) for said in self.parts[row]),
        )

    # one handler for each way of treating a leaf

    def copy(self, op: Op, leaf: Leaf) -> None:
        """Write the same text."""
        if op.only is not None and not self._is_chosen(op.only, leaf[2].where):
            self._fallback(leaf)
            return
        target = op.targets[0]
        if target.fits is not None and not target.fits(leaf[3]):
            self._flag(leaf, "not-convertible")
            return
        said_already = op.usual is not None and self.written.value(target.node, target.place(leaf[2].where)) == leaf[3]
        if not said_already:
            self._send(leaf, ((target, leaf[3]),))
        if op.usual is not None and self.rows[leaf[0]] == leaf[1].number + Outcome.PLANNED:
            self._note_instead(op.usual, leaf, beside=said_already)

    def _note_instead(self, usual: Usual, leaf: Leaf, *, beside: bool) -> None:
        """Remember that this leaf says what another one usually says."""
        _, step, instance, text = leaf
        if (said := usual.convert(text)) is not None:
            how = Said("", "", anchor_hash(said), beside=beside)
            self.instead.append((step.node, usual.node, instance.where, how))

    def convert(self, op: Op, leaf: Leaf) -> None:
        """Write what the table or the convention makes of it."""
        if op.only is not None and not self._is_chosen(op.only, leaf[2].where):
            self._fallback(leaf)
            return
        value = collapsed(leaf[3])
        found = op.convert(value) if op.convert is not None else None
        if found is not None:
            self._send(leaf, ((op.targets[0], found),))
        elif op.otherwise is not None and (op.otherwise.fits is None or op.otherwise.fits(leaf[3])):
            self._send(leaf, ((op.otherwise, leaf[3]),), Outcome.OTHERWISE)
            self._ask_for_review(op, leaf)
        elif value in op.several:
            self._settled(op, leaf, op.several[value])
        else:
            self._flag(leaf, "unmapped-value")

    def _ask_for_review(self, op: Op, leaf: Leaf) -> None:
        if op.review:
            detail, hint = WORDS["review-due"]
            rule, at = f"{op.mapping} {op.table}", numbered(leaf[1].node, leaf[2].where)
            self.problems.append(Problem("review-due", f"{detail}: {op.review}.", at, rule, leaf[3][:_LIMIT], hint))

    def _settled(self, op: Op, leaf: Leaf, meant: frozenset[str]) -> None:
        """Write the one of several values that is meant: the only one, or the one that the leaf beside it says."""
        where = leaf[2].where
        said = self.values.value(op.anchor, where) if op.anchor is not None else None
        agreed = said is not None and collapsed(said) in meant
        if said is not None and agreed:
            text = said
        elif len(meant) == 1 and not self.plan.forth:
            (text,) = meant
        else:
            self._flag(leaf, "ambiguous-value" if said is None else "two-values")
            return
        self._send(leaf, ((op.targets[0], text),))
        if op.anchor is not None and self.rows[leaf[0]] == leaf[1].number + Outcome.PLANNED:
            how = Said("", "", anchor_hash(text), leaf[3], agreed)
            self.instead.append((leaf[1].node, op.anchor, where, how))

    def split(self, op: Op, leaf: Leaf) -> None:
        """Write its parts."""
        if op.only is not None and not self._is_chosen(op.only, leaf[2].where):
            self._fallback(leaf)
            return
        fits = [target.node.fits for target in op.targets]
        parts = apart(leaf[3], op.before, fits, op.alone) if op.before else divided(leaf[3], op.by, fits)
        if parts is None:
            self._flag(leaf, "not-convertible")
            return
        present = [(target, part) for target, part in zip(op.targets, parts, strict=True) if part is not None]
        self._send(leaf, tuple(present))
        if self.rows[leaf[0]] == leaf[1].number + Outcome.PLANNED:
            self.parts[leaf[0]] = tuple(part is not None for part in parts)

    def join(self, op: Op, leaf: Leaf) -> None:
        """Keep it until its fellows are met."""
        if op.joined is None or (op.only is not None and not self._is_chosen(op.only, leaf[2].where)):
            self._fallback(leaf)
            return
        place = (op.joined, op.joined.target.place(leaf[2].where))
        self.joined.setdefault(place, [None] * op.joined.members)[op.member] = leaf

    def keep(self, _: Op, leaf: Leaf) -> None:
        """Keep for the way back what has no annex to be shown in."""
        self._keep(leaf, Outcome.KEPT)

    def explain(self, op: Op, leaf: Leaf) -> None:
        """Keep what explains another leaf; where that is missing, it is all that was said, and its readers see it."""
        anchor, where = op.anchor, leaf[2].where
        if anchor is not None and not self.values.has(anchor, where[: anchor.depth]):
            self._fallback(leaf)
        else:
            self.kept.append(leaf)

    def condition(self, _: Op, leaf: Leaf) -> None:
        """It says which message this is: nothing to write."""
        if isinstance(self.plan.rule.when.get(leaf[1].node.path), bool):
            self._keep(leaf, Outcome.KEPT)

    # what the handlers share

    def _keep(self, leaf: Leaf, outcome: Outcome) -> None:
        self.kept.append(leaf)
        self.rows[leaf[0]] = leaf[1].number + outcome

    def _send(self, leaf: Leaf, parts: tuple[tuple[Target, str], ...], outcome: Outcome = Outcome.PLANNED) -> None:
        row, step, instance, _ = leaf
        where = instance.where
        places = [(target.node, target.place(where)) for target, _ in parts]
        if any(self.written.has(*place) for place in places):
            self._flag(leaf, "two-values")
            return
        for (node, at), (_, text) in zip(places, parts, strict=True):
            self.written.put(node, at, text)
        self.rows[row] = step.number + outcome
        instance.is_sent = True

    def _fallback(self, leaf: Leaf) -> None:
        if self.plan.steps.shows:
            self.annexed.take(leaf[0], leaf[1], leaf[3])
            self.fallen.append(leaf)
            self.rows[leaf[0]] = leaf[1].number + Outcome.ANNEXED
        else:
            self._keep(leaf, Outcome.KEPT)

    def _flag(self, leaf: Leaf, code: str) -> None:
        _, step, instance, text = leaf
        detail, hint = WORDS[code]
        value = text[:_LIMIT] if code in ("unmapped-value", "ambiguous-value") else ""
        rule = f"{step.op.mapping} {step.op.table}".strip() if step.op else ""
        self.problems.append(Problem(code, detail, numbered(step.node, instance.where), rule, value, hint))
        self._fallback(leaf)

    def _is_chosen(self, only: Only, where: Where) -> bool:
        """Whether this instance is one that the other side takes."""
        at = where[: only.group.depth]
        known = self._chosen.get((only.group, at))
        if known is None:
            known = self._chosen[only.group, at] = self._fits(only, at)
        return known

    def _fits(self, only: Only, at: Where) -> bool:
        if not only.first:
            return trimmed(self.values.value(only.key, at) or "") in only.values
        fits = [where[-1] for where in only.matching(self.values) if where[:-1] == at[:-1]]
        return self.aside.get(only.group.path) != len(fits) and at[-1] == min(fits, default=None)

    def _join(self) -> None:
        for (joined, where), members in self.joined.items():
            present = [member for member in members if member is not None]
            text, target = _joined(joined, [member and member[3] for member in members]), joined.target
            fits = text is not None and (target.fits is None or target.fits(text))
            if fits and not self.written.has(target.node, where):
                self.written.put(target.node, where, text)
                for _, _, instance, _ in present:
                    instance.is_sent = True
                continue
            for member in present:
                self._flag(member, "not-convertible")

    def _fill(self, given: Mapping[tuple[str, Where], str]) -> None:
        present = {node for found in self.written.values() for node in found} if given else set()
        for (path, where), value in given.items():
            node = self.plan.target.find(path)
            if node is not None and node not in present:
                self.written.put(node, where, value)
                self.constants.append((node, where))


def _joined(joined: Joined, members: list[str | None]) -> str | None:
    """One text of several; None where they could not be told apart again."""
    if joined.before:
        return together(tuple(members), joined.before, joined.fits, joined.alone)
    present = [member for member in members if member is not None]
    text = joined.by.join(present)
    return text if len(present) == joined.members and text.split(joined.by) == present else None


#: What is left for a second look.
_HANDLERS: Final[dict[Do, Callable[[Run, Op, Leaf], None]]] = {
    Do.COPY: Run.copy,
    Do.CONVERT: Run.convert,
    Do.SPLIT: Run.split,
    Do.JOIN: Run.join,
    Do.ANNEX: Run.keep,
    Do.KEEP: Run.explain,
    Do.CONDITION: Run.condition,
}
