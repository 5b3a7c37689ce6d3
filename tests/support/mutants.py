"""Well-formed mutants of a valid document: still valid, one facet broken, or whatever comes."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.documents import value_of
from tests.support.edits import edited

if TYPE_CHECKING:
    from random import Random

    from lxml import etree

    from broker.translation.schema_parts import SimpleType
    from tests.support.sides import Side

VALUES = (
    *("", " ", " a ", "true", "TRUE", "1", "+1", "-1", "01", "1.0", "1.", ".5", "1e3", "999999999999", "9999999999999"),
    *("2026-02-28", "2026-02-29", "2024-02-29", "0000-01-01", "2026-1-1", "2026-01-01Z", "2026-13-01"),
    *("2026-01-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00.123456789Z"),
    *("2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00+15:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z"),
    *("FR", "fr", "ÉÉ", "FRA", "a", "f", "g", "SUBMITTED", " SUBMITTED ", "\u00a0", "\u0661", "a" * 64, "A" * 64),
)


@dataclass(frozen=True)
class Mutant:
    """A changed document; `facets` are those that its one changed text breaks, if that is all that was changed."""

    root: etree._Element
    facets: tuple[str, ...] = ()


def mutated(root: etree._Element, side: Side, random: Random) -> Mutant:
    """One mutant: a third edited as anybody may, a third with one facet broken, a third changed blindly."""
    kind = random.randrange(100)
    if kind < 40:
        return Mutant(edited(root, side, random, 3))
    if kind < 75:
        return _one_facet(root, side, random)
    return _blindly(root, random)


def _one_facet(root: etree._Element, side: Side, random: Random) -> Mutant:
    """Another text in one leaf that its type admits but for one facet; unchanged, if there is no such leaf."""
    made = deepcopy(root)
    found = [(leaf, type_) for leaf, type_ in _typed(made, side) if type_.enumeration or type_.patterns]
    random.shuffle(found)
    for leaf, type_ in found:
        for _ in range(20):
            text = random.choice((*VALUES, value_of(type_, random)[:-1], f"{value_of(type_, random)}x"))
            broken = broken_facets(type_, text)
            if len(broken) == 1:
                leaf.text = text
                return Mutant(made, broken)
    return Mutant(made)


def broken_facets(type_: SimpleType, text: str) -> tuple[str, ...]:
    """The facets of a type that a text breaks; none, if it is not even in the space of the built-in type beneath."""
    value, bare = type_.normalised(text), type(type_)(type_.name, type_.base)
    if not bare.fits(value):
        return ()
    checks = [("enumeration", not type_.enumeration or value in type_.enumeration)]
    checks += [(f"pattern {pattern}", bool(re.fullmatch(pattern, value))) for pattern in type_.patterns]
    checks += [("minLength", len(value) >= type_.min_length)]
    checks += [("maxLength", type_.max_length is None or len(value) <= type_.max_length)]
    return tuple(name for name, holds in checks if not holds)


def _typed(root: etree._Element, side: Side) -> list[tuple[etree._Element, SimpleType]]:
    name = _local(root)
    found = []
    for leaf in root.iterdescendants():
        path = "/".join(_local(above) for above in [*reversed([*leaf.iterancestors()][:-1]), leaf])
        declared = side.model.at(name, path)
        if declared is not None and declared.text is not None:
            found.append((leaf, declared.text))
    return found


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _blindly(root: etree._Element, random: Random) -> Mutant:
    made = deepcopy(root)
    elements = [*made.iterdescendants()]
    chosen = random.choice(elements)
    parent = chosen.getparent()
    assert parent is not None
    match random.randrange(6):
        case 0 | 1:
            random.choice([element for element in elements if not len(element)]).text = random.choice(VALUES)
        case 2:
            parent.remove(chosen)
        case 3:
            parent.append(deepcopy(chosen))
        case 4:
            parent.insert(random.randrange(len(parent)), chosen)
        case _:
            chosen.set(random.choice(["lang", "path", "scheme", "other"]), random.choice(VALUES))
    return Mutant(made)
