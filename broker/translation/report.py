"""The report of a translation: which leaf of the source became what. Kept compact, spelled out on demand.

Exactly the leaves that were present, once each; targets exactly those written. `schemas/report.schema.json`.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from broker.errors import Problem, TranslationError
from broker.translation.fates import Fate
from broker.translation.leaves import from_numbers, renumbered
from broker.translation.shapes import numbered
from broker.translation.steps import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from broker.translation.leaves import Moves, Place
    from broker.translation.own_language import Versions
    from broker.translation.plan import Op, Plan
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step

FORMAT: Final = 4
_ANNEXED: Final[int] = Outcome.ANNEXED.value
_OTHERWISE: Final[int] = Outcome.OTHERWISE.value
_BEFORE: Final = 3  #: reports in it are still read: all their numbers are wide
#: How the numbers of a report are packed.
_NARROW: Final = "h"
_WIDE: Final = "i"
_SAID_ANEW: Final = "the dispatcher says it itself: ids and parties are those of the network"
_ORPHANED: Final = "what it hung on was changed or is gone"
_READERS: Final = "the original: the field has the version in the language of its readers"
_IN_WORDS: Final = "said in words alone: the key that they would explain is missing"
_NOT_SHOWN: Final = frozenset({Fate.CARRIED.value, Fate.LEFT_OUT.value})


class Row(NamedTuple):
    """One leaf of the source: what was to be done, what was done, the places written."""

    node: Node
    where: Where
    op: Op
    fate: Fate
    places: tuple[Place, ...]
    versions: Versions | None = None  #: of a text that national fields have in the language of their readers


class MadeWith(NamedTuple):
    """Which plan the numbers of a report are those of."""

    mapping: str  #: profile and version, `fr-hdh-1@2026-11`
    forth: bool
    number: int  #: of the message rule
    digest: str  #: of all that a report says of its steps


@dataclass(frozen=True, slots=True)
class LegalFactLoss:
    """A fact with legal meaning that does not arrive as it was: a person must agree."""

    id: str
    path: str
    what: str  #: carried | dropped | downgraded | orphaned


@dataclass(frozen=True, slots=True)
class Lossy:
    """An eu-1 leaf that the wire form cannot say: dropped, or said less exactly."""

    path: str  #: numbered eu-1 path
    what: str = "dropped"


@dataclass(frozen=True, slots=True)
class Report:
    """One translation. Numbers of a plan; nothing is spelled out until asked for.

    `numbers` has the number of an outcome (`steps`) for each leaf of the source; -1 - n: n indices follow, of all
    leaves until the next such. `moves`: what the instances of the target are called at last, turn by turn.
    """

    plan: Plan | None = None
    numbers: tuple[int, ...] = ()
    slots: tuple[int, ...] | None = None  #: index of each annex entry written, in the order of rows; None: 0, 1, 2, …
    annex: tuple[int, ...] = ()  #: where each annex entry that was read belongs, in numbers (`leaves`)
    moves: tuple[Moves, ...] = ()
    constant_places: tuple[Place, ...] = ()
    restored_places: tuple[Place, ...] = ()
    orphaned: tuple[str, ...] = ()
    #: Of each text in the language of the readers: where it was written, in the national document or in the version.
    own: tuple[Where, ...] = ()
    mark: str = ""  #: how far the version in that language can be trusted
    anew: tuple[str, ...] = ()  #: leaves of the target that the flow said itself afterwards, in other words
    parts: tuple[bool, ...] = ()  #: of each text told apart by lead-ins: which of its targets were written
    _fields: list[dict[str, Any]] = field(default_factory=list, compare=False, repr=False)

    def rows(self) -> Iterator[Row]:
        """One for each leaf of the source, in the order of the document."""
        if self.plan is None:
            return
        steps, entries, parts, own = self.plan.steps.by_order, iter(self._slots()), iter(self.parts), iter(self.own)
        where: Where = ()
        numbers = iter(self.numbers)
        for number in numbers:
            if number < 0:
                where = tuple(islice(numbers, -1 - number))
                continue
            step, outcome = steps[number >> 2], number & 3
            if outcome == _OTHERWISE and step.has_twin:
                yield self._version(step, where, entries, own)
                continue
            fate, places = self._done(step, outcome, where, entries)
            if step.op is not None and step.op.before and fate is Fate.SPLIT:
                places = [place for place, is_said in zip(places, parts, strict=False) if is_said]
            if step.op is not None:
                yield Row(step.node, where, step.op, fate, tuple(map(self._moved, places) if self.moves else places))
        yield from self._entries(self.plan)

    def _version(self, step: Step, where: Where, entries: Iterator[int], own: Iterator[Where]) -> Row:
        """The original that has made way for the version in the language of the readers, or that version."""
        if self.plan is None or step.op is None:
            raise KeyError(step.node.path)
        if self.plan.forth and not step.op.is_twin:
            fate, places = self._done(step, Outcome.ANNEXED, where, entries)
            return Row(step.node, where, replace(step.op, reason=_READERS), fate, tuple(map(self._moved, places)))
        versions = replace(self.plan.versions, mark=self.mark) if self.plan.versions and self.mark else None
        there = step.op.twin or step.targets(Outcome.OTHERWISE)[0].node
        return Row(step.node, where, step.op, Fate.COPIED, (self._moved((there, next(own))),), versions)

    def _entries(self, plan: Plan) -> Iterator[Row]:
        """Two rows for each annex entry that was read: its text and its path."""
        for index, place in enumerate(from_numbers(plan.target.numbered, self.annex)):
            for node in (plan.annex_entry, plan.annex_path):
                if node is not None:
                    places = (self._moved(place),) if place else ()
                    yield Row(node, (index,), plan.ops[node], Fate.ANNEX if place else Fate.CARRIED, places)

    def _slots(self) -> Iterable[int]:
        return range(len(self.numbers)) if self.slots is None else self.slots

    def _done(self, step: Step, outcome: int, where: Where, entries: Iterator[int]) -> tuple[Fate, list[Place]]:
        if outcome == _ANNEXED and self.plan and self.plan.annex_entry and self.plan.annex_path:
            at = (next(entries),)
            return Fate.ANNEX, [(self.plan.annex_entry, at), (self.plan.annex_path, at)]
        return step.fate(outcome), [(target.node, target.place(where)) for target in step.targets(outcome)]

    def _moved(self, place: Place) -> Place:
        node, where = place
        for moves in self.moves:
            where = renumbered(node, where, moves)
        return node, where

    def fields(self) -> list[dict[str, Any]]:
        """One object per source leaf: source, fate, table, version, target (a list of paths), and the reason if any."""
        if not self._fields:
            anew = frozenset(self.anew)
            self._fields.extend(_shown(row, anew) for row in self.rows())
        return self._fields

    def constants(self) -> list[str]:
        """Target leaves that come from no source leaf but from the named structural constants."""
        named = (numbered(*self._moved(place)) for place in self.constant_places)
        return list(dict.fromkeys((*named, *self.anew)))

    def restored(self) -> list[str]:
        """Target leaves that were put back from the carry."""
        return [numbered(*self._moved(place)) for place in self.restored_places]

    def lost(self) -> list[dict[str, str]]:
        """What the other side does not get to see: source path, and how it was lost."""
        return _lost(self.fields(), self.orphaned)

    def as_dict(self) -> dict[str, Any]:
        """As `schemas/report.schema.json` says."""
        return {
            "fields": self.fields(),
            "constants": self.constants(),
            "restored": self.restored(),
            "lost": self.lost(),
        }

    def to_bytes(self) -> bytes:
        """As JSON."""
        return _json(self.as_dict())

    def compact(self) -> bytes:
        """As it is kept: numbers, to be spelled out with the mapping version that they were made with."""
        plan = self.plan
        code, numbers = _packed((*self.numbers, *self.annex))
        kept = {
            "format": FORMAT,
            "code": code,
            "plan": MadeWith(plan.mapping, plan.forth, plan.number, plan.steps.digest) if plan else None,
            "slots": self.slots,
            "rows": len(self.numbers),
            "annex": len(self.annex),
            "moves": [[[*_short(at), list(moved.items())] for at, moved in moves.items()] for moves in self.moves],
            "constants": list(map(_short, self.constant_places)),
            "restored": list(map(_short, self.restored_places)),
            "orphaned": self.orphaned,
            "own": self.own,
            "mark": self.mark,
            "parts": self.parts,
        }
        return zlib.compress(_json(kept) + b"\n" + numbers, 1)

    def counts(self) -> dict[str, int]:
        """How many leaves had each fate."""
        found: dict[str, int] = {}
        for row in self.rows():
            found[row.fate.value] = found.get(row.fate.value, 0) + 1
        return found


def read_report(kept: bytes, plan: Callable[[MadeWith], Plan]) -> Report:
    """A kept report; `plan` finds what its numbers stand for.

    Raises: TranslationError (report-unreadable), and what `plan` raises.
    """
    try:
        packed, more = _unpacked(kept)
        head, _, numbers = packed.partition(b"\n")
        anew = json.loads(zlib.decompress(more)) if more else ()
        return replace(_read(json.loads(head), numbers, plan), anew=tuple(anew))
    except (struct.error, ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        detail = f"The report cannot be read: {type(error).__name__}"
        raise TranslationError((Problem("report-unreadable", detail, hint="Translate the document again."),)) from error


def _unpacked(kept: bytes) -> tuple[bytes, bytes]:
    """A kept report, and what was appended to it. Raises: ValueError, if it was cut short."""
    packed = zlib.decompressobj()
    data = packed.decompress(kept)
    if not packed.eof:
        raise ValueError
    return data, packed.unused_data


def _packed(numbers: tuple[int, ...]) -> tuple[str, bytes]:
    """Numbers as bytes, and how; they are nearly always small."""
    try:
        return _NARROW, struct.pack(f"<{len(numbers)}{_NARROW}", *numbers)
    except struct.error:
        return _WIDE, struct.pack(f"<{len(numbers)}{_WIDE}", *numbers)


def _numbers(found: dict[str, Any], numbers: bytes) -> tuple[int, ...]:
    if found["format"] == _BEFORE:
        return struct.unpack(f"<{len(numbers) // struct.calcsize(_WIDE)}{_WIDE}", numbers)
    code = _NARROW if found["code"] == _NARROW else _WIDE
    return struct.unpack(f"<{found['rows'] + found['annex']}{code}", numbers)


def _read(found: dict[str, Any], numbers: bytes, plan: Callable[[MadeWith], Plan]) -> Report:
    if found["format"] not in (_BEFORE, FORMAT):
        raise ValueError(found["format"])
    if found["plan"] is None:
        return Report(orphaned=tuple(found["orphaned"]))
    made_with = plan(MadeWith(*found["plan"]))
    nodes, unpacked = made_with.target.numbered, _numbers(found, numbers)
    return Report(
        plan=made_with,
        numbers=unpacked[: found["rows"]],
        slots=found["slots"],
        annex=unpacked[found["rows"] :],
        moves=tuple({_group(nodes, at): dict(moved) for *at, moved in moves} for moves in found["moves"]),
        constant_places=_all(nodes, found["constants"]),
        restored_places=_all(nodes, found["restored"]),
        orphaned=tuple(found["orphaned"]),
        parts=tuple(found["parts"]),
        own=tuple(map(tuple, found["own"])),
        mark=found.get("mark", ""),
    )


def _short(place: Place) -> list[int]:
    """A place of the target in numbers."""
    return [place[0].order, *place[1]]


def _group(nodes: tuple[Node, ...], place: list[int]) -> Place:
    return nodes[place[0]], tuple(place[1:])


def _all(nodes: tuple[Node, ...], places: list[list[int]]) -> tuple[Place, ...]:
    return tuple(_group(nodes, place) for place in places)


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _shown(row: Row, anew: frozenset[str]) -> dict[str, Any]:
    op, said = row.op, [numbered(*place) for place in row.places]
    targets = [path for path in said if path not in anew] if anew else said
    fate = Fate.LEFT_OUT if said and not targets else row.fate
    shown: dict[str, Any] = {
        "source": numbered(row.node, row.where),
        "fate": fate.value,
        "table": op.table if fate is Fate.RECODED else "",
        "version": op.mapping,
        "target": targets,
    }
    if said and not targets:
        shown["reason"] = _SAID_ANEW
    elif row.versions is not None:
        shown |= {"language": row.versions.language, "mark": row.versions.mark}
    elif op.reason:
        shown["reason"] = _IN_WORDS if (op.fate, fate) == (Fate.CARRIED, Fate.ANNEX) else op.reason
    return shown


def _lost(fields: Iterable[dict[str, Any]], orphaned: Iterable[str]) -> list[dict[str, str]]:
    rows = [
        {"source": row["source"], "what": row["fate"], "reason": row.get("reason", "")}
        for row in fields
        if row["fate"] in _NOT_SHOWN
    ]
    return rows + [{"source": path, "what": "orphaned", "reason": _ORPHANED} for path in orphaned]


def with_anew(kept: bytes, anew: Iterable[str]) -> bytes:
    """A kept report that also names what the flow said itself afterwards: appended, so that the rest stays unread."""
    named = tuple(anew)
    return kept + zlib.compress(_json(named)) if kept and named else kept
