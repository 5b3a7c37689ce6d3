"""Between an lxml tree and a flat list of places: one pass in, one pass out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from broker.errors import Problem, TranslationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.translation.shapes import Node, Where

#: (node, where, text); text None: an element without content that could have some.
Fact = tuple["Node", "Where", "str | None"]


def flatten(root: etree._Element, shape: Node) -> list[Fact]:
    """Every leaf that is present, and every empty container, in document order.

    Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape.
    """
    facts: list[Fact] = []
    _walk(root, shape, (), facts)
    return facts


def _walk(element: etree._Element, node: Node, where: Where, facts: list[Fact]) -> None:
    counts: dict[Node, int] = {}
    children = node.children
    for child in element:
        below = children.get(child.tag)
        if below is None:
            if isinstance(child.tag, str):
                raise _unexpected("unexpected-element", f"{node.path}/{etree.QName(child).localname}")
            continue
        if below.repeats:
            index = counts.get(below, 0)
            counts[below] = index + 1
            place = (*where, index)
        else:
            place = where
        if below.attributes:
            _attributes(child, below, place, facts)
        if below.has_text:
            facts.append((below, place, (child.text or "") if not len(child) else "".join(_texts(child))))
        elif len(child):
            _walk(child, below, place, facts)
        elif not below.attributes or not child.attrib:
            facts.append((below, place, None))


def _attributes(element: etree._Element, node: Node, where: Where, facts: list[Fact]) -> None:
    for name, text in element.attrib.items():
        leaf = node.attributes.get(str(name))
        if leaf is not None:
            facts.append((leaf, where, str(text)))
        elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
            raise _unexpected("unexpected-attribute", f"{node.path}/@{name!s}")


def _texts(element: etree._Element) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _unexpected(code: str, path: str) -> TranslationError:
    hint = "Validate the document against its schema first."
    return TranslationError((Problem(code, "The schema has nothing of this name here.", path.lstrip("/"), hint=hint),))


def build(shape: Node, namespace: str, places: dict[tuple[Node, Where], str | None]) -> etree._Element:
    """A tree with exactly these leaves and empty elements, in the order of the schema."""
    root = etree.Element(shape.tag, nsmap={None: namespace})
    made: dict[tuple[int, ...], etree._Element] = {(): root}
    keyed = [(node.key(where), node, text) for (node, where), text in places.items()]
    keyed.sort(key=_first)
    for key, node, text in keyed:
        if node.is_attribute:
            holder = made.get(key[:-2])
            if holder is None:
                holder = _make(made, node.parent, key[:-2])
            holder.set(node.tag, text or "")
            continue
        element = made.get(key)
        if element is None:
            element = _make(made, node, key)
        if text:
            element.text = text
    return root


def _first(item: tuple[tuple[int, ...], Node, str | None]) -> tuple[int, ...]:
    return item[0]


def _make(made: dict[tuple[int, ...], etree._Element], node: Node | None, key: tuple[int, ...]) -> etree._Element:
    if node is None:  # the root has been made
        return made[()]
    above = made.get(key[:-2])
    if above is None:
        above = _make(made, node.parent, key[:-2])
    element = made[key] = etree.SubElement(above, node.tag)
    return element
