"""Recode tables: which value of eu-1 is which national value, and where it is not one for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.translation.mapping_source import Place


@dataclass(frozen=True, slots=True)
class Table:
    """A recode table, from eu-1 to national. No value stands in more than one of the three.

    `rows` hold both ways. A value of `several` is said in several ways on the national side: each of them is read as
    that value. A national value of `ambiguous` may be one of several of eu-1: another leaf must say which.
    """

    name: str
    source: str
    rows: dict[str, str]
    ambiguous: dict[str, tuple[str, ...]]
    several: dict[str, tuple[str, ...]]
    at: Place

    @property
    def eu(self) -> tuple[str, ...]:
        """Every value of eu-1 that the table knows."""
        return tuple(dict.fromkeys((*self.rows, *self.several, *_all(self.ambiguous))))

    @property
    def national(self) -> tuple[str, ...]:
        """Every national value that the table knows."""
        return (*self.rows.values(), *_all(self.several), *self.ambiguous)

    def meant(self) -> dict[str, frozenset[str]]:
        """For each national value: the values of eu-1 that it may be."""
        certain = {value: (key,) for key, values in self.several.items() for value in values}
        return {value: frozenset(keys) for value, keys in (*certain.items(), *self.ambiguous.items())}

    def said(self) -> dict[str, frozenset[str]]:
        """For each value of eu-1 without a row: the national values that may be it."""
        wide = _all(self.ambiguous)
        found = {key: {*self.several.get(key, ())} for key in (*self.several, *wide)}
        for value, keys in self.ambiguous.items():
            for key in keys:
                found[key].add(value)
        return {key: frozenset(values) for key, values in found.items()}

    @property
    def unsure(self) -> set[str]:
        """Values of eu-1 that no single national value is."""
        return {*self.several, *_all(self.ambiguous)}


def _all(lists: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(value for values in lists.values() for value in values)
