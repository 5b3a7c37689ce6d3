"""An lxml tree as a flat list of places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from broker.translation.reading import unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.shapes import Node, Where

Places = dict["tuple[Node, Where]", "str | None"]
Repeats = dict["tuple[Node, Where]", int]


def flatten(root: etree._Element, shape: Node) -> Places:
    """Every leaf that is present, and every empty container, in document order. Text None: an element without content.

    Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape.
    """
    facts: Places = {}
    _walk(root, shape, (), facts, {})
    return facts


def _walk(element: etree._Element, node: Node, where: Where, facts: Places, repeats: Repeats) -> None:
    children = node.children
    for child in element:
        below = children.get(child.tag)
        if below is None:
            if not callable(child.tag):  # comments and processing instructions have a function for a tag
                raise unexpected("unexpected-element", f"{node.path}/{etree.QName(child).localname}")
            continue
        if below.repeats:
            index = repeats.get((below, where), 0)
            repeats[below, where] = index + 1
            place = (*where, index)
        else:
            place = where
        if below.attributes:
            _attributes(child, below, place, facts)
        if below.has_text:
            facts[below, place] = (child.text or "") if not len(child) else "".join(_texts(child))
        elif len(child):
            _walk(child, below, place, facts, repeats)
        elif not below.attributes or not child.attrib:
            facts[below, place] = None


def _texts(element: etree._Element) -> Iterator[str]:
    """The text of an element that comments cut up, piece by piece."""
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _attributes(element: etree._Element, node: Node, where: Where, facts: Places) -> None:
    for name, text in element.attrib.items():
        leaf = node.attributes.get(str(name))
        if leaf is not None:
            facts[leaf, where] = str(text)
        elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
            raise unexpected("unexpected-attribute", f"{node.path}/@{name!s}")
