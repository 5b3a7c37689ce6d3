"""Valid documents drawn from a compiled schema: every leaf can occur, in every number, with every kind of value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from re import _parser as sre
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from random import Random

    from broker.translation.schema_parts import Element, SchemaModel, SimpleType

WORDS = (
    *("Étude", "données", "a/b", "x;1", "[2]", "  deux  espaces ", "é́", "Ελληνικά", "<&>", "100 %", "nom", "", "سنة"),
    *("\u00a0", "\u2003x\u0085"),  # no white space to XML
)
_SAMPLES = {
    "dateTime": ("2026-03-01T10:11:12Z", "2026-03-01T10:11:12.123456789+02:00", "2024-02-29T23:59:59.5Z"),
    "date": ("2026-11-23", "2024-02-29", "2030-01-01"),
    "boolean": ("true", "false", "1", "0"),
}


@dataclass
class Documents:
    """Draws documents. `values` gives texts by the last step of a path or the whole path; `density` how full.

    What stands in `sure` is there, what stands in `drop` is not, and `fixed` texts are as they are.
    """

    model: SchemaModel
    random: Random
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    density: float = 0.5
    most: int = 3
    drop: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    fixed: dict[str, str] = field(default_factory=dict)
    hit: set[str] = field(default_factory=set)

    def draw(self, name: str) -> etree._Element:
        """One document with this global element."""
        return self._element(self.model.roots[name], "", None)

    def _element(self, element: Element, path: str, parent: etree._Element | None) -> etree._Element:
        tag = f"{{{self.model.namespace}}}{element.name}"
        made = (
            etree.Element(tag, nsmap={None: self.model.namespace}) if parent is None else etree.SubElement(parent, tag)
        )
        for attribute in element.attributes:
            at = f"{path}/@{attribute.name}"
            if attribute.required or at in self.sure or self.random.random() < self.density:
                made.set(attribute.name, self._text(attribute.type, at))
        if element.text is not None:
            made.text = self._text(element.text, path)
        for child in element.children:
            self._children(child, f"{path}/{child.name}".lstrip("/"), made)
        return made

    def _children(self, child: Element, path: str, parent: etree._Element) -> None:
        if path in self.drop:
            return
        lowest = max(1, child.min_occurs) if path in self.sure else child.min_occurs
        count = lowest
        if self.random.random() < self.density:
            count = max(1, lowest) if child.max_occurs == 1 else self.random.randint(max(1, lowest), self.most)
        for _ in range(count):
            self._element(child, path, parent)

    def _text(self, type_: SimpleType, path: str) -> str:
        self.hit.add(path)
        if path in self.fixed:
            return self.fixed[path]
        offered = self.values.get(path) or self.values.get(path.rpartition("/")[2])
        fitting = [text for text in offered or () if type_.fits(text)]
        if fitting and self.random.random() < 0.9:
            return self.random.choice(fitting)
        return value_of(type_, self.random)


def value_of(type_: SimpleType, random: Random) -> str:
    """A text in the value space of a type."""
    if type_.enumeration:
        return random.choice(type_.enumeration)
    if type_.base in _SAMPLES:
        return random.choice(_SAMPLES[type_.base])
    if type_.patterns:
        return _matching(type_.patterns[-1], random)
    text = " ".join(random.choice(WORDS) for _ in range(random.randint(1, 3)))
    return text if len(text.strip()) >= type_.min_length else "x" * max(1, type_.min_length)


def _matching(pattern: str, random: Random) -> str:
    return "".join(_parts(sre.parse(pattern), random))


def _parts(tokens: object, random: Random) -> list[str]:
    made: list[str] = []
    for kind, value in tokens:  # type: ignore[attr-defined]  # the parser of the standard library has no types
        name = str(kind)
        if name == "LITERAL":
            made.append(chr(value))
        elif name == "ANY":
            made.append(random.choice("aé ;/[%"))
        elif name == "IN":
            made.append(_one_of(value, random))
        elif name == "MAX_REPEAT":
            low, high, inner = value
            for _ in range(random.randint(low, min(high, low + 3) if high != sre.MAXREPEAT else low + 3)):
                made += _parts(inner, random)
        elif name == "SUBPATTERN":
            made += _parts(value[3], random)
        elif name == "BRANCH":
            made += _parts(random.choice(value[1]), random)
        else:
            raise NotImplementedError(name)
    return made


def _one_of(choices: list[tuple[object, object]], random: Random) -> str:
    if str(choices[0][0]) == "NEGATE":
        return "x" if not _is_among("x", choices[1:]) else random.choice("é ")
    kind, value = random.choice(choices)
    if str(kind) == "RANGE":
        return chr(random.randint(*value))  # type: ignore[misc]  # a pair of code points
    return chr(value)  # type: ignore[arg-type]  # a code point


def canonical(root: etree._Element) -> bytes:
    """A document, or a part of one, as bytes that do not depend on how it was built."""
    return etree.tostring(root, method="c14n")


def leaves(root: etree._Element) -> dict[str, str]:
    """Numbered path and text of every leaf that is present, found without the engine."""
    found: dict[str, str] = {}
    _collect(root, "", found)
    return found


def _collect(element: etree._Element, path: str, found: dict[str, str]) -> None:
    counts: dict[str, int] = {}
    for child in element:
        name = re.sub(r"\{.*\}", "", str(child.tag))
        counts[name] = counts.get(name, 0) + 1
        below = f"{path}/{name}[{counts[name]}]".lstrip("/")
        for attribute, text in child.attrib.items():
            found[f"{below}/@{attribute}"] = str(text)
        if len(child):
            _collect(child, below, found)
        else:
            found[below] = child.text or ""


def _is_among(sign: str, choices: list[tuple[object, object]]) -> bool:
    ranges = (value if str(kind) == "RANGE" else (value, value) for kind, value in choices)
    return any(low <= ord(sign) <= high for low, high in ranges)  # type: ignore[misc]  # pairs of code points
