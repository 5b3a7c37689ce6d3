"""What a mapping says about a leaf, looked up in its lines and tables: never in what the engine made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from broker.translation.conventions import CONVENTIONS
from broker.translation.mapping_file import EU, NATIONAL
from tests.fidelity.paths import unlabelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from broker.translation.mapping_file import Line, Profile

_LABELS = ("value", "label")


@dataclass(frozen=True, eq=False)
class Lookups:
    """The lines of a profile as one direction sees them."""

    profile: Profile
    forth: bool
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)  #: by family and leaf of the source

    def __post_init__(self) -> None:
        for name, family in self.profile.families.items():
            for line in family.lines:
                self.lines.update({(name, path): line for path in line.named(self.side)})

    @property
    def side(self) -> str:
        return EU if self.forth else NATIONAL

    def line(self, row: dict[str, Any], leaf: str) -> Line:
        """The line behind a row of a report."""
        return self.lines[row["version"].partition("/")[2].partition("@")[0], leaf]

    def looked_up(self, row: dict[str, Any], leaf: str, value: str) -> set[str | None]:
        """What the table or the convention that the row names may make of a value."""
        line = self.line(row, leaf)
        if row["table"] in CONVENTIONS and line.text == row["table"]:
            convention = CONVENTIONS[line.text]
            return {convention.forth(value) if self.forth else convention.back(value)}
        if line.table != row["table"]:
            return set()
        table = self.profile.families[row["version"].partition("/")[2].partition("@")[0]].tables[line.table]
        if self.forth:
            return {table.rows.get(value)}
        rows = (*table.rows.items(), *((key, said) for key, values in table.several.items() for said in values))
        return {*(key for key, said in rows if said == value), *table.ambiguous.get(value, ())}

    def paired(self, row: dict[str, Any], leaf: str) -> bool:
        """Whether this leaf and another beside it may say the same."""
        line = self.lines.get((row["version"].partition("/")[2].partition("@")[0], leaf))
        return not self.forth and line is not None and bool(line.otherwise)

    @cached_property
    def constants(self) -> dict[str, set[str]]:
        """The structural constants: leaf and the values that rules give it."""
        found: dict[str, set[str]] = {}
        for rule in self.profile.messages if self.forth else ():
            for path, value in rule.when.items():
                if isinstance(value, str):
                    found.setdefault(path, set()).add(value)
        return found

    @cached_property
    def special(self) -> frozenset[str]:
        """Leaves of the source whose texts are no free texts: tables, conventions, keys, conditions, the annex."""
        annex = self.profile.annex
        paths = {f"{annex.entry}/@{annex.path}"} if annex and not self.forth else set()
        paths |= {path for (_, path), line in self.lines.items() if line.table or line.text or line.by or line.before}
        return frozenset(paths | self.leading)

    @cached_property
    def leading(self) -> frozenset[str]:
        """Leaves of the source on which the place of others depends.

        Keys, what says which message it is, and fields that become one text only together.
        """
        found = set()
        for family in self.profile.families.values():
            for group in family.groups:
                found |= {group.key} if self.forth else {group.national_key, *self._partners(group.key)}
            if self.forth:
                found |= {path for line in family.lines if line.by for path in line.others}
        for rule in self.profile.messages:
            found |= set(rule.when_eu if self.forth else rule.when)
        return frozenset(found - {""})

    def leads(self, path: str, leaf: etree._Element) -> bool:
        """Whether the place of others depends on this leaf element; so it may be an entry of the annex."""
        annex = self.profile.annex
        if annex is None or self.forth or path != annex.entry:
            return path in self.leading or path in self._explaining
        return unlabelled(leaf.get(annex.path, "")) in self._leading_entries

    @cached_property
    def _explaining(self) -> frozenset[str]:
        """Keys of choices: without one, the label says by itself what was chosen, and has a place of its own."""
        if self.forth:
            return self._keys_of_choices
        return frozenset(partner for key in self._keys_of_choices for partner in self._partners(key))

    @cached_property
    def _keys_of_choices(self) -> frozenset[str]:
        families = self.profile.families.values()
        return frozenset(
            line.anchor for family in families for line in family.lines if line.side == EU and line.kind == "carried"
        ) - {""}

    @cached_property
    def _leading_entries(self) -> frozenset[str]:
        """The same of what the annex shows: keys, which language a form is in, and what a label explains."""
        keys = {group.key for family in self.profile.families.values() for group in family.groups}
        keys |= self._keys_of_choices
        versions = self.profile.versions
        if versions is None:
            return frozenset(keys)
        return frozenset({*keys, *map(versions.twin, keys), f"{versions.others}/@{versions.spoken}"})

    def _partners(self, leaf: str) -> Iterator[str]:
        for family in self.profile.families.values():
            for line in family.lines:
                if line.side == EU and line.leaf == leaf:
                    yield from line.named(NATIONAL)

    def told(self, row: dict[str, Any], leaf: str) -> bool:
        """Whether this leaf is looked up in a table that has no way out, wherever it stands."""
        family = row["version"].partition("/")[2].partition("@")[0]
        line = self.lines.get((family, leaf))
        if line is None or not line.table or line.otherwise or row.get("reason") == _CONTEXT:
            return False
        return not self._conditional(family, line)

    def failed(self, row: dict[str, Any], leaf: str) -> bool:
        """Whether a leaf stands in the annex though its line sends it elsewhere, wherever its group stands."""
        family = row["version"].partition("/")[2].partition("@")[0]
        line = self.lines.get((family, leaf))
        sent = line is not None and line.kind in ("copy", "recode", "split", "join") and not line.readers
        return row["fate"] == "annex" and line is not None and sent and not self._conditional(family, line)

    def _conditional(self, family: str, line: Line) -> bool:
        groups = self.profile.families[family].groups
        return any(group.only and line.leaf.startswith(f"{group.path}/") for group in groups)


def is_label(path: str) -> bool:
    """Whether an eu-1 leaf is the label of a choice, next to its key."""
    return path.rpartition("/")[2].partition("[")[0] in _LABELS


_CONTEXT = "repeated from an earlier message"
