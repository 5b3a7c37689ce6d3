"""The report of a translation: which leaf of the source became what. Kept compact, expanded on demand.

Exactly the leaves that were present, once each; targets exactly those written. `schemas/report.schema.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from broker.translation.plan import Fate
from broker.translation.shapes import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.translation.engine import Place, Row

_NOT_SHOWN = frozenset({Fate.CARRIED, Fate.LEFT_OUT})


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
            lossy = {item.path: item for item in self.next_hop}
            self._fields.extend(_expanded(row, lossy) for row in self.rows)
        return self._fields

    def constants(self) -> list[str]:
        """Target leaves that come from no source leaf but from the named structural constants."""
        return [numbered(*place) for place in self.constant_places]

    def restored(self) -> list[str]:
        """Target leaves that were put back from the carry."""
        return [numbered(*place) for place in self.restored_places]

    def lost(self) -> list[dict[str, str]]:
        """What the other side does not get to see: source path, and how it was lost."""
        rows = [
            {"source": row["source"], "what": row["fate"], "reason": row.get("reason", "")}
            for row in self.fields()
            if row["fate"] in _NOT_SHOWN
        ]
        rows += [{"source": item.path, "what": item.what, "reason": "next hop"} for item in self.next_hop]
        return rows + [{"source": path, "what": "orphaned", "reason": "its anchor changed"} for path in self.orphaned]

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
        return json.dumps(self.as_dict(), ensure_ascii=False, separators=(",", ":")).encode()

    def counts(self) -> dict[str, int]:
        """How many leaves had each fate."""
        found: dict[str, int] = {}
        for row in self.rows:
            found[row[3].value] = found.get(row[3].value, 0) + 1
        return found


def _expanded(row: Row, lossy: dict[str, Lossy]) -> dict[str, Any]:
    node, where, op, fate, places = row
    targets = [numbered(*place) for place in places]
    shown = {
        "source": numbered(node, where),
        "fate": fate.value,
        "table": op.table if fate is Fate.RECODED else "",
        "version": op.mapping,
        "target": targets,
    }
    if op.reason:
        shown["reason"] = op.reason
    gone = [lossy[path] for path in targets if path in lossy]
    if gone and fate not in _NOT_SHOWN:
        shown["lost_at_next_hop"] = [item.what for item in gone]
    return shown


def chain(report: Report, lossy: Iterable[Lossy]) -> Report:
    """The report over two hops: what the second (eu-1 to wire) cannot say, by eu-1 path."""
    return replace(report, next_hop=(*report.next_hop, *lossy), _fields=[])
