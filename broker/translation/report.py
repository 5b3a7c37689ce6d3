"""The report of a translation: which leaf of the source became what. Kept compact, `expanded` on demand.

Exactly the leaves that were present, once each; targets exactly those written. `schemas/report.schema.json`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from broker.translation.plan import Fate
from broker.translation.shapes import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from broker.translation.engine import Place, Row
    from broker.translation.plan import Op

_NOT_SHOWN: Final = frozenset({Fate.CARRIED.value, Fate.LEFT_OUT.value})
_ZLIB: Final = b"\x78"  #: how a compact report begins; a spelled out one begins with a brace
#: Fate, table, mapping and reason, as many leaves share them.
Done = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class LegalFactLoss:
    """A fact with legal meaning that does not arrive as it was: a person must agree."""

    id: str
    path: str
    what: str  #: carried | dropped | downgraded | orphaned


@dataclass(frozen=True, slots=True)
class Lossy:
    """An eu-1 leaf that the next hop cannot say: dropped, or said less exactly (`target` is what remains of it)."""

    path: str  #: numbered eu-1 path
    what: str = "dropped"
    target: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One hop, or several chained. `rows` are places of the schema; nothing is spelled out until asked for."""

    rows: tuple[Row, ...] = ()
    constant_places: tuple[Place, ...] = ()
    restored_places: tuple[Place, ...] = ()
    orphaned: tuple[str, ...] = ()
    next_hop: tuple[Lossy, ...] = ()
    _fields: list[dict[str, Any]] = field(default_factory=list, compare=False, repr=False)

    def fields(self) -> list[dict[str, Any]]:
        """One object per source leaf: source, fate, table, version, target (a list of paths), and the reason if any."""
        if not self._fields:
            lossy = {item.path: item.what for item in self.next_hop}
            self._fields.extend(
                _shown(_done(row), numbered(*row[:2]), [numbered(*place) for place in row[4]], lossy)
                for row in self.rows
            )
        return self._fields

    def constants(self) -> list[str]:
        """Target leaves that come from no source leaf but from the named structural constants."""
        return [numbered(*place) for place in self.constant_places]

    def restored(self) -> list[str]:
        """Target leaves that were put back from the carry."""
        return [numbered(*place) for place in self.restored_places]

    def lost(self) -> list[dict[str, str]]:
        """What the other side does not get to see: source path, and how it was lost."""
        return _lost(self.fields(), [(item.path, item.what) for item in self.next_hop], self.orphaned)

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
        """As it is kept: about a twentieth of the JSON that `expanded` makes of it."""
        known: dict[Done, int] = {}
        numbers: dict[tuple[Op, Fate], int] = {}  # by identity: quicker to find than by four texts
        rows: list[list[int | str]] = []
        for row in self.rows:
            node, where, op, fate, places = row
            number = numbers.get((op, fate), -1)
            if number < 0:
                number = numbers[op, fate] = known.setdefault(_done(row), len(known))
            rows.append([number, numbered(node, where), *[numbered(*place) for place in places]])
        kept = {
            "done": list(known),
            "rows": rows,
            "constants": self.constants(),
            "restored": self.restored(),
            "orphaned": self.orphaned,
            "next_hop": [(item.path, item.what) for item in self.next_hop],
        }
        return zlib.compress(_json(kept), 1)

    def counts(self) -> dict[str, int]:
        """How many leaves had each fate."""
        found: dict[str, int] = {}
        for row in self.rows:
            found[row[3].value] = found.get(row[3].value, 0) + 1
        return found


def expanded(kept: bytes) -> bytes:
    """A kept report as JSON, as `Report.to_bytes` writes it; one that was kept spelled out stays as it is."""
    if not kept.startswith(_ZLIB):
        return kept
    found = json.loads(zlib.decompress(kept))
    done: list[Done] = [(fate, table, version, reason) for fate, table, version, reason in found["done"]]
    lossy = dict(found["next_hop"])
    fields = [_shown(done[number], source, targets, lossy) for number, source, *targets in found["rows"]]
    lost = _lost(fields, found["next_hop"], found["orphaned"])
    return _json({"fields": fields, "constants": found["constants"], "restored": found["restored"], "lost": lost})


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _done(row: Row) -> Done:
    op, fate = row[2], row[3]
    return fate.value, op.table if fate is Fate.RECODED else "", op.mapping, op.reason


def _shown(done: Done, source: str, targets: list[str], lossy: Mapping[str, str]) -> dict[str, Any]:
    fate, table, version, reason = done
    shown: dict[str, Any] = {"source": source, "fate": fate, "table": table, "version": version, "target": targets}
    if reason:
        shown["reason"] = reason
    gone = [lossy[path] for path in targets if path in lossy] if lossy and fate not in _NOT_SHOWN else []
    if gone:
        shown["lost_at_next_hop"] = gone
    return shown


def _lost(
    fields: Iterable[dict[str, Any]], next_hop: Iterable[tuple[str, str]], orphaned: Iterable[str]
) -> list[dict[str, str]]:
    rows = [
        {"source": row["source"], "what": row["fate"], "reason": row.get("reason", "")}
        for row in fields
        if row["fate"] in _NOT_SHOWN
    ]
    rows += [{"source": path, "what": what, "reason": "next hop"} for path, what in next_hop]
    return rows + [{"source": path, "what": "orphaned", "reason": "its anchor changed"} for path in orphaned]


def chain(report: Report, lossy: Iterable[Lossy]) -> Report:
    """The report over two hops: what the second (eu-1 to wire) cannot say, by eu-1 path."""
    return replace(report, next_hop=(*report.next_hop, *lossy), _fields=[])
