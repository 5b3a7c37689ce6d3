"""A tree as a plain table of facts, and back: numbered dotted path and text, `said.fees[1].amount`.

An attribute is `head.number[1]@scheme`. Only what repeats is numbered, from 1.
A container without content has no facts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from broker.translation.schema_parts import Element

Facts = dict[str, str]
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STEP: Final = re.compile(r"([^.\[\]@]+)(?:\[([1-9][0-9]{0,5})\])?")


def flat(root: etree._Element, declared: Element) -> Facts:
    """The facts of a tree, in document order."""
    facts: Facts = {}
    _attributes(root, declared, "", facts)
    _gather(root, declared, "", facts)
    return facts


def _gather(element: etree._Element, declared: Element, around: str, facts: Facts) -> None:
    """No generators, and no call for a leaf: there may be thousands, some levels deep."""
    seen: dict[str, int] = {}
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        below = declared.child(name)
        if below is None:
            continue
        path = around + name
        if below.max_occurs != 1:
            seen[name] = number = seen.get(name, 0) + 1
            path = f"{path}[{number}]"
        if below.text is not None:
            facts[path] = child.text or ""
        if below.attributes:
            _attributes(child, below, path, facts)
        if below.children:
            _gather(child, below, f"{path}.", facts)


def _attributes(element: etree._Element, declared: Element, path: str, facts: Facts) -> None:
    for attribute in declared.attributes:
        text = element.get(attribute.name)
        if text is not None:
            facts[f"{path}@{attribute.name}"] = text


def grow(namespace: str, declared: Element, facts: Facts) -> etree._Element:
    """The tree that has these facts, in the order of the schema. Every path must be one that the schema has."""
    nsmap: dict[str | None, str] = {None: namespace}
    root = etree.Element(f"{{{namespace}}}{declared.name}", nsmap=nsmap)  # type: ignore[arg-type] # the stubs do not know the default prefix
    _fill(root, f"{{{namespace}}}", declared, _nested(facts))
    return root


@dataclass(slots=True)
class _Knot:
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    below: dict[str, dict[int, _Knot]] = field(default_factory=dict)


def _nested(facts: Facts) -> _Knot:
    top = _Knot()
    for path, text in facts.items():
        knot, (steps, attribute) = top, parted(path)
        for name, number in steps:
            knot = knot.below.setdefault(name, {}).setdefault(number, _Knot())
        if attribute:
            knot.attributes[attribute] = text
        else:
            knot.text = text
    return top


def _fill(element: etree._Element, prefix: str, declared: Element, knot: _Knot) -> None:
    if knot.text:
        element.text = knot.text
    for name, text in knot.attributes.items():
        element.set(name, text)
    for child in declared.children if knot.below else ():
        for _, inner in sorted(knot.below.get(child.name, {}).items()):
            _fill(etree.SubElement(element, prefix + child.name), prefix, child, inner)


def parted(path: str) -> tuple[list[tuple[str, int]], str]:
    """The steps of a path, each with its number (0: does not repeat), and the attribute at its end, if any."""
    steps, _, attribute = path.partition("@")
    return [(match[1], int(match[2] or 0)) for match in _STEP.finditer(steps)], attribute


def leaf(declared: Element, path: str) -> Element | None:
    """The leaf that a path of facts leads to; None, if the schema has no such fact."""
    steps, attribute = parted(path)
    place: Element | None = declared
    for name, number in steps:
        place = place.child(name) if place is not None else None
        if place is None or place.repeats != bool(number):
            return None
    if place is None or not place.is_leaf or _joined(steps, attribute) != path:
        return None
    return place if not attribute or attribute in {one.name for one in place.attributes} else None


def _joined(steps: list[tuple[str, int]], attribute: str) -> str:
    said = ".".join(f"{name}[{number}]" if number else name for name, number in steps)
    return f"{said}@{attribute}" if attribute else said


def is_xml(text: str) -> bool:
    """Whether XML has every character of a text."""
    return _NO_XML.search(text) is None
