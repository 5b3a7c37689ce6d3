"""Carry out a plan on one document: one pass over the source, then what is put back, then the target tree.

Nothing is invented: every target leaf comes from a source leaf, from the carry, or from the named constants. Whatever a
line cannot do is kept (in the annex, or in the carry), reported, and flagged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from broker.errors import Problem
from broker.translation.carry import anchor_hash
from broker.translation.places import Instances, innermost
from broker.translation.plan import Fate
from broker.translation.restore import Restorer, renumbered
from broker.translation.shapes import numbered
from broker.translation.trees import build, flatten
from broker.translation.unsent import annex_order, carry_of
from broker.translation.wording import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lxml import etree

    from broker.translation.carry import Carry
    from broker.translation.plan import Joined, Only, Op, Plan, Shift, Target, Usual
    from broker.translation.shapes import Node, Where
    from broker.translation.trees import Repeats

Place = tuple["Node", "Where"]
#: (source leaf, its place, what was to be done, what was done, the places written)
Row = tuple["Node", "Where", "Op", Fate, "tuple[Place, ...]"]
_LIMIT = 80
_SELECTOR = re.compile(r"\[[^\[\]]*\]")
_NOT_SENT: Final = (Fate.ANNEX, Fate.CARRIED, Fate.LEFT_OUT)


def shifted(where: Where, shift: Shift | None) -> Where:
    """The indices of the target for those of the source."""
    return where if shift is None else tuple(0 if at is None else where[at] for at in shift)


class Run:
    """One document on its way through one plan."""

    def __init__(self, plan: Plan, root: etree._Element) -> None:
        self.plan = plan
        self.repeats: Repeats = {}
        self.values = flatten(root, plan.source, self.repeats)
        self.written: dict[Place, str | None] = {}
        self.rows: list[Row] = []
        self.flagged_late = False  #: annex entries were not met in document order
        self.annex_written: list[tuple[str, str]] = []  #: (path, text) of annex entries that stand beside no other
        self.problems: list[Problem] = []
        self.constants: list[Place] = []
        self.restored: list[Place] = []
        self.orphaned: list[str] = []
        self.kept: list[tuple[Node, Where, str | None, Op | None]] = []
        self.annexed: list[tuple[Node, Where, str, int]] = []
        self.entries: dict[Where, dict[Node, str]] = {}
        self._parts: dict[tuple[Joined, Where], list[tuple[Op, Node, Where, str] | None]] = {}
        self._chosen: dict[tuple[Node, Where], int | None] = {}
        self._aside: dict[str, int] = {}
        self._unsent: Carry | None = None
        self.left_aside: dict[str, int] = {}
        #: leaves that say what another usually says: (leaf, the other, their place, hash of what it would say)
        self.instead: list[tuple[Node, Node, Where, str]] = []
        self.order: list[tuple[str, str]] = []  #: annex entries as they were: usual path, written path
        self.annex_order: list[tuple[str, str]] = []  #: the same of the annex that was read, if not the usual one

    def translate(self, carry: Carry | None, given: Mapping[tuple[str, Where], str]) -> None:
        """Fill `written`."""
        ops = self.plan.ops
        self._aside = carry.aside if carry else {}
        written, rows = self.written, self.rows
        for (node, where), text in self.values.items():
            op = ops.get(node)
            if op is None or text is None:
                self.kept.append((node, where, text, None))
            elif op.plain is not None:  # the usual line: same text, same indices, nothing to check
                place = (op.plain, where)
                written[place] = text
                rows.append((node, where, op, Fate.COPIED, (place,)))
            else:
                _HANDLERS[op.do](self, op, node, where, text)
        self._join()
        for node, value in self.plan.constants:
            self.written[(node, ())] = value
            self.constants.append((node, ()))
        if not self.plan.forth:
            self._fill(given)
        self._put_back(carry)
        if self.plan.forth:
            self.unsent()  # the annex is a part of the document
        self._close_gaps()

    def unsent(self) -> Carry:
        """What was not sent."""
        if self._unsent is None:
            self._unsent = carry_of(self)
        return self._unsent

    # one handler for each way of treating a leaf

    def copy(self, op: Op, node: Node, where: Where, text: str) -> None:
        """Write the same text."""
        if op.only is not None and not self._is_chosen(op, where):
            self._fallback(op, node, where, text)
            return
        target = op.targets[0]
        if target.fits is not None and not target.fits(text):
            self._flag(op, node, where, text, "not-convertible")
            return
        self._send(op, node, where, ((target, text),), op.fate)
        if op.usual is not None and self.rows[-1][3] is op.fate:
            self._note_instead(op.usual, node, where, text)

    def _note_instead(self, usual: Usual, node: Node, where: Where, text: str) -> None:
        """Remember that this leaf says what another one usually says."""
        if (said := usual.convert(text)) is not None:
            self.instead.append((node, usual.node, where, anchor_hash(said)))

    def convert(self, op: Op, node: Node, where: Where, text: str) -> None:
        """Write what the table or the convention makes of it."""
        if op.only is not None and not self._is_chosen(op, where):
            self._fallback(op, node, where, text)
            return
        value = " ".join(text.split())
        if value in op.ambiguous:
            self._flag(op, node, where, text, "ambiguous-value")
            return
        found = op.convert(value) if op.convert is not None else None
        if found is None and op.otherwise is not None:
            self._send(op, node, where, ((op.otherwise, text),), Fate.COPIED)
        elif found is None:
            self._flag(op, node, where, text, "unmapped-value")
        else:
            self._send(op, node, where, ((op.targets[0], found),), op.fate)

    def split(self, op: Op, node: Node, where: Where, text: str) -> None:
        """Write its parts."""
        if op.only is not None and not self._is_chosen(op, where):
            self._fallback(op, node, where, text)
            return
        parts = text.split(op.by)
        fits = len(parts) == len(op.targets) and all(
            target.fits is None or target.fits(part) for target, part in zip(op.targets, parts, strict=True)
        )
        if fits:
            self._send(op, node, where, tuple(zip(op.targets, parts, strict=True)), op.fate)
        else:
            self._flag(op, node, where, text, "not-convertible")

    def join(self, op: Op, node: Node, where: Where, text: str) -> None:
        """Keep it until its fellows are met."""
        if op.joined is None or (op.only is not None and not self._is_chosen(op, where)):
            self._fallback(op, node, where, text)
            return
        place = (op.joined, shifted(where, op.joined.target.shift))
        parts = self._parts.setdefault(place, [None] * op.joined.members)
        parts[op.member] = (op, node, where, text)

    def annex(self, op: Op, node: Node, where: Where, text: str) -> None:
        """Show it in the annex, by path."""
        if self.plan.annex_entry is None:
            self.keep(op, node, where, text, Fate.CARRIED)
            return
        self.annexed.append((node, where, text, len(self.rows)))
        self.rows.append((node, where, op, Fate.ANNEX, ()))

    def keep(self, op: Op, node: Node, where: Where, text: str, fate: Fate | None = None) -> None:
        """Keep it for the way back."""
        self.kept.append((node, where, text, op))
        self.rows.append((node, where, op, fate or op.fate, ()))

    def annex_entry(self, _: Op, node: Node, where: Where, text: str) -> None:
        """Gather the two leaves of an annex entry."""
        self.entries.setdefault(where, {})[node] = text

    def condition(self, op: Op, node: Node, where: Where, text: str) -> None:
        """It says which message this is: nothing to write."""
        wanted = self.plan.rule.when.get(node.path)
        if isinstance(wanted, bool):
            self.kept.append((node, where, text, op))
        self.rows.append((node, where, op, Fate.CARRIED if isinstance(wanted, bool) else op.fate, ()))

    def tree(self, namespace: str) -> etree._Element:
        """The target document."""
        entry, path = self.plan.annex_entry, self.plan.annex_path
        annex = (entry, path, self.annex_written) if entry and path and self.annex_written else None
        return build(self.plan.target, namespace, self.written, annex)

    # what the handlers share

    def _send(self, op: Op, node: Node, where: Where, parts: tuple[tuple[Target, str], ...], fate: Fate) -> None:
        places = tuple((target.node, shifted(where, target.shift)) for target, _ in parts)
        if any(place in self.written for place in places):
            self._flag(op, node, where, parts[0][1], "two-values")
            return
        for place, (_, text) in zip(places, parts, strict=True):
            self.written[place] = text
        self.rows.append((node, where, op, fate, places))

    def sent(self) -> set[Place]:
        """The innermost source instances of which something went to the other side as itself."""
        return {(row[0].groups[-1], row[1]) for row in self.rows if row[1] and row[3] not in _NOT_SENT}

    def _fallback(self, op: Op, node: Node, where: Where, text: str) -> None:
        if self.plan.forth:
            self.annex(op, node, where, text)
        else:
            self.keep(op, node, where, text, Fate.CARRIED)

    def _flag(self, op: Op, node: Node, where: Where, text: str, code: str) -> None:
        path = numbered(node, where)
        detail, hint = WORDS[code]
        coded = code in ("unmapped-value", "ambiguous-value")
        value = text[:_LIMIT] if coded else ""
        self.problems.append(Problem(code, detail, path, f"{op.mapping} {op.table}".strip(), value, hint))
        self._fallback(op, node, where, text)

    def _is_chosen(self, op: Op, where: Where) -> bool:
        only = op.only
        if only is None:
            return True
        depth = only.group.depth
        place = (only.group, where[: depth - 1])
        if only.first:
            if place not in self._chosen:
                self._chosen[place] = self._first(op, place[1])
            return self._chosen[place] == where[depth - 1]
        return (self.values.get((only.key, where[:depth])) or "").strip() in only.values

    def _first(self, op: Op, around: Where) -> int | None:
        only = op.only
        if only is None:
            return None
        fits = [where[-1] for where in _matching(only, self.values) if where[:-1] == around]
        return None if self._aside.get(only.group.path) == len(fits) else min(fits, default=None)

    def _join(self) -> None:
        for (joined, where), members in self._parts.items():
            present = [member for member in members if member is not None]
            text = joined.by.join(member[3] for member in present)
            target = joined.target
            fits = target.fits is None or target.fits(text)
            place = (target.node, where)
            again = text.split(joined.by) == [member[3] for member in present]
            if len(present) == joined.members and fits and again and place not in self.written:
                self.written[place] = text
                self.rows += [(node, at, op, op.fate, (place,)) for op, node, at, _ in present]
                continue
            self.flagged_late = True
            for op, node, at, part in present:
                self._flag(op, node, at, part, "not-convertible")

    def _fill(self, given: Mapping[tuple[str, Where], str]) -> None:
        present = {node for node, _ in self.written}
        for (path, where), value in given.items():
            node = self.plan.target.find(path)
            if node is not None and node not in present:
                self.written[(node, where)] = value
                self.constants.append((node, where))

    def _put_back(self, carry: Carry | None) -> None:
        entries = [
            (where[0], parts.get(self.plan.annex_path, ""), parts.get(self.plan.annex_entry, ""))
            for where, parts in sorted(self.entries.items())
            if self.plan.annex_path is not None and self.plan.annex_entry is not None
        ]
        if not entries and carry is None:
            return
        taken = {group for node, _ in self.written for group in node.groups}
        restorer = Restorer(self.plan, self.written, given=self.constants)
        places = restorer.annex(entries)
        self._read_annex(entries, places)
        if carry is not None:
            self._say_instead(restorer.instead(carry))
            self.restored, self.orphaned = restorer.carry(carry)
            self.problems += [_orphan(path) for path in self.orphaned]
            self.order = carry.annex
        if not self.plan.forth:
            fits = {
                only: len(list(_matching(only, self.written))) for only in self.plan.only if only.group not in taken
            }
            self.left_aside = {only.group.path: count for only, count in fits.items() if only.first and count}
        moves = restorer.reorder(carry.order if carry else {})
        if moves is not None:
            self._move(moves)
            places = [moves(place) if place else None for place in places]
        self._note_annex([written for _, written, _ in entries], places)

    def _say_instead(self, places: dict[Place, Place]) -> None:
        """Move recoded values that stood, untranslated, in another leaf: usual place to the place they had."""
        for number, (node, where, op, fate, targets) in enumerate(self.rows if places else ()):
            place = places.get(targets[0]) if fate is Fate.RECODED else None
            if place is not None:
                del self.written[targets[0]]
                self.written[place] = self.values[node, where]
                self.rows[number] = (node, where, op, Fate.COPIED, (place,))

    def _note_annex(self, written: list[str], places: list[Place | None]) -> None:
        """Remember how the annex was written, where writing it again would order or name its entries otherwise."""
        sent = innermost(place for *_, fate, targets in self.rows if fate not in _NOT_SENT for place in targets)
        instances = Instances(self.written, self.plan.target_keys, self.plan.target_mapped, lambda: sent)
        usual = [instances.path(*place) if place else "" for place in places]
        keys = [annex_order(place) for place in places if place]
        if keys != sorted(keys) or usual != written:
            self.annex_order = list(zip(usual, written, strict=True))

    def _read_annex(self, entries: list[tuple[int, str, str]], places: list[Place | None]) -> None:
        entry, path = self.plan.annex_entry, self.plan.annex_path
        if entry is None or path is None:
            return
        for (index, written, text), place in zip(entries, places, strict=True):
            op, at = self.plan.ops[entry], (index,)
            targets = (place,) if place else ()
            fate = Fate.ANNEX if place else Fate.CARRIED
            self.rows += [(entry, at, op, fate, targets), (path, at, op, fate, targets)]
            if place is None:
                self.kept += [(path, at, written, op), (entry, at, text, op)]
            if place is None and _SELECTOR.sub("", written) not in self.plan.elsewhere:
                detail, hint = WORDS["annex-path"]
                self.problems.append(
                    Problem("annex-path", detail, f"{entry.path}[{index + 1}]", value=written[:_LIMIT], hint=hint)
                )

    def _move(self, moves: Callable[[Place], Place]) -> None:
        self.written = {moves(place): text for place, text in self.written.items()}
        self.restored = [moves(place) for place in self.restored]
        self.rows = [(node, at, op, fate, tuple(map(moves, places))) for node, at, op, fate, places in self.rows]

    def _close_gaps(self) -> None:
        """Number the target's instances as they will stand: those of which nothing was sent leave no number behind."""
        used: dict[Place, set[int]] = {}
        for inner, where in innermost(self.written):
            for group in inner.groups:
                used.setdefault((group, where[: group.depth - 1]), set()).add(where[group.depth - 1])
        gaps = {
            place: {old: new for new, old in enumerate(sorted(found))}
            for place, found in used.items()
            if max(found) >= len(found)
        }
        if gaps:
            self._move(lambda place: renumbered(place, gaps))


def _matching(only: Only, places: Mapping[Place, str | None]) -> Iterator[Where]:
    """Where instances stand whose key is one of the wanted."""
    for (node, where), text in places.items():
        if node is only.key and (text or "").strip() in only.values:
            yield where


def _orphan(path: str) -> Problem:
    detail, hint = WORDS["orphaned"]
    return Problem("orphaned", detail, path, hint=hint)


#: In the order of `Do`.
_HANDLERS: Final[tuple[Callable[[Run, Op, Node, Where, str], None], ...]] = (
    Run.copy,
    Run.convert,
    Run.split,
    Run.join,
    Run.annex,
    Run.keep,
    Run.annex_entry,
    Run.condition,
)
