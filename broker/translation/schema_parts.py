"""The parts of the plain model of an XSD: elements in order, how often they stand, what their texts may be.

Paths run from below the root element, with `/` between names: `content/form/section6/country_id`; an attribute is
`content/title/text/@lang`. Indices never stand in them: a path names a kind of leaf, not one of a document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

XS: Final = "http://www.w3.org/2001/XMLSchema"


@dataclass(frozen=True, slots=True)
class SimpleType:
    """What a text may be. `base` is the XSD built-in type it rests on, without prefix.

    `patterns` has one entry per restriction step; its alternatives are joined by `|`, and each step must match.
    """

    name: str
    base: str
    enumeration: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    bounds: tuple[tuple[str, str], ...] = ()  #: (facet, value): minInclusive, maxExclusive, …
    #: Whether a text is in the value space, by built-in type, enumeration, length and pattern.
    fits: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fits", _all_of(tuple(_checks(self)), self.normalised))

    @property
    def is_free(self) -> bool:
        """Whether every text is of this type."""
        return self.base in _ANY_TEXT and not any(True for _ in _checks(self))

    @property
    def keeps_white_space(self) -> bool:
        """Whether white space is part of the value (xs:string), or is collapsed before it is looked at."""
        return self.base == "string"

    def normalised(self, text: str) -> str:
        """The text as the schema sees it, after white space handling."""
        if self.keeps_white_space or not (" " in text or "\n" in text or "\t" in text or "\r" in text):
            return text
        return " ".join(word for word in _SPACE.split(text) if word)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an element."""

    name: str
    type: SimpleType
    required: bool


@dataclass(frozen=True, slots=True)
class Element:
    """One element declaration, where it stands. `max_occurs` None: any number."""

    name: str
    type_name: str
    min_occurs: int = 1
    max_occurs: int | None = 1
    children: tuple[Element, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    text: SimpleType | None = None  #: set for leaves: elements that hold a text
    choice: int | None = None  #: siblings with the same number exclude each other
    source: str = ""  #: file and line of the declaration
    _by_name: dict[str, Element] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update((child.name, child) for child in self.children)

    @property
    def is_leaf(self) -> bool:
        """Whether it holds a text."""
        return self.text is not None

    @property
    def repeats(self) -> bool:
        """Whether it may stand more than once."""
        return self.max_occurs != 1

    @property
    def optional(self) -> bool:
        """Whether it may be absent."""
        return self.min_occurs == 0

    def child(self, name: str) -> Element | None:
        """The child of that name, or None."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class LeafPath:
    """A leaf that documents of one root may have: a text or an attribute."""

    path: str
    type: SimpleType
    optional: bool  #: it, or an element above it, may be absent
    repeats: bool  #: it, or an element above it, may stand more than once
    source: str  #: file and line of the declaration

    @property
    def is_attribute(self) -> bool:
        """Whether it is an attribute."""
        return self.path.rpartition("/")[2].startswith("@")


@dataclass(frozen=True, slots=True)
class SchemaModel:
    """A compiled schema: its namespace and its global elements."""

    namespace: str
    roots: dict[str, Element]

    def element(self, name: str) -> Element:
        """The global element of that name. Raises: KeyError."""
        return self.roots[name]

    def at(self, root_name: str, path: str) -> Element | None:
        """The element declaration at a path below a root; the empty path is the root. None: there is none."""
        found: Element | None = self.roots.get(root_name)
        for name in path.split("/") if path else ():
            if found is None:
                return None
            found = found.child(name)
        return found

    def leaves(self, root_name: str) -> tuple[LeafPath, ...]:
        """Every leaf below a root, in document order; attributes follow the element they stand on."""
        return tuple(_leaves_below(self.roots[root_name], prefix="", optional=False, repeats=False))


def _leaves_below(element: Element, *, prefix: str, optional: bool, repeats: bool) -> Iterator[LeafPath]:
    for attribute in element.attributes:
        path = f"{prefix}@{attribute.name}"
        yield LeafPath(path, attribute.type, optional or not attribute.required, repeats, element.source)
    for child in element.children:
        yield from _leaves_of(child, prefix=prefix, optional=optional, repeats=repeats)


def _leaves_of(element: Element, *, prefix: str, optional: bool, repeats: bool) -> Iterator[LeafPath]:
    path = f"{prefix}{element.name}"
    optional, repeats = optional or element.optional, repeats or element.repeats
    if element.text is not None:
        yield LeafPath(path, element.text, optional, repeats, element.source)
    yield from _leaves_below(element, prefix=f"{path}/", optional=optional, repeats=repeats)


def _all_of(checks: tuple[Callable[[str], object], ...], normalised: Callable[[str], str]) -> Callable[[str], bool]:
    """One question for all of them, in turn, of a text after white space handling."""
    if len(checks) == 1:
        (only,) = checks
        return lambda text: bool(only(normalised(text)))

    def fits(text: str) -> bool:
        value = normalised(text)
        return all(check(value) for check in checks)

    return fits


def _checks(type_: SimpleType) -> Iterator[Callable[[str], object]]:
    """What a value must answer to; what says no most cheaply stands first."""
    if type_.base in _LEXICAL:
        yield _LEXICAL[type_.base]
    if type_.enumeration:
        yield frozenset(type_.enumeration).__contains__
    least, most = type_.min_length, type_.max_length
    if least or most is not None:
        yield lambda value: least <= len(value) and (most is None or len(value) <= most)
    for pattern in type_.patterns:
        yield re.compile(pattern).fullmatch
    for bound in type_.bounds:
        yield partial(_within, bound)


def _matches(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


def _parses(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _is_date_time(value: str) -> bool:
    head, dot, rest = value.partition(".")
    zone = rest.lstrip("0123456789") if dot else ""
    return len(head) >= len("2026-01-01T00:00:00") and value[10] == "T" and _parses(datetime.fromisoformat, head + zone)


def _is_date(value: str) -> bool:
    return len(value) == len("2026-01-01") and value[4] == "-" and _parses(date.fromisoformat, value)


def _within(bound: tuple[str, str], value: str) -> bool:
    facet, limit = bound
    left, right = _comparable(value), _comparable(limit)
    return {
        "minInclusive": left >= right,
        "maxInclusive": left <= right,
        "minExclusive": left > right,
        "maxExclusive": left < right,
    }[facet]


def _comparable(value: str) -> tuple[Decimal, str]:
    try:
        return Decimal(value), ""
    except InvalidOperation:
        return Decimal(0), value


_SPACE: Final = re.compile(r"[ \t\r\n]+")
_ANY_TEXT: Final = frozenset({"string", "normalizedString", "token"})
_LEXICAL: Final[dict[str, Callable[[str], object]]] = {
    "boolean": frozenset({"true", "false", "1", "0"}).__contains__,
    "integer": _matches(r"[+-]?[0-9]+"),
    "nonNegativeInteger": _matches(r"\+?[0-9]+"),
    "positiveInteger": _matches(r"\+?0*[1-9][0-9]*"),
    "decimal": _matches(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    "date": _is_date,
    "dateTime": _is_date_time,
}
