"""Between an lxml tree and a flat list of places: one pass in, one pass out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from broker.errors import Problem, TranslationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from broker.translation.shapes import Node, Where

Places = dict["tuple[Node, Where]", "str | None"]
Repeats = dict["tuple[Node, Where]", int]


def flatten(root: etree._Element, shape: Node, repeats: Repeats | None = None) -> Places:
    """Every leaf that is present, and every empty container, in document order. Text None: an element without content.

    `repeats` is filled with the number of instances of each repeated element in each place.

    Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape.
    """
    facts: Places = {}
    _walk(root, shape, (), facts, {} if repeats is None else repeats)
    return facts


def _walk(element: etree._Element, node: Node, where: Where, facts: Places, repeats: Repeats) -> None:
    children = node.children
    for child in element:
        below = children.get(child.tag)
        if below is None:
            if not callable(child.tag):  # comments and processing instructions have a function for a tag
                raise _unexpected("unexpected-element", f"{node.path}/{etree.QName(child).localname}")
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


def _attributes(element: etree._Element, node: Node, where: Where, facts: Places) -> None:
    for name, text in element.attrib.items():
        leaf = node.attributes.get(str(name))
        if leaf is not None:
            facts[leaf, where] = str(text)
        elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
            raise _unexpected("unexpected-attribute", f"{node.path}/@{name!s}")


def _texts(element: etree._Element) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _unexpected(code: str, path: str) -> TranslationError:
    hint = "Validate the document against its schema first."
    return TranslationError((Problem(code, "The schema has nothing of this name here.", path.lstrip("/"), hint=hint),))


def build(
    shape: Node,
    namespace: str,
    places: Mapping[tuple[Node, Where], str | None],
    annex: tuple[Node, Node, Sequence[tuple[str, str]]] | None = None,
) -> etree._Element:
    """A tree with exactly these leaves and empty elements, in the order of the schema.

    `annex` is its repeated entry, the attribute for the path, and (path, text) of each entry. The document is
    written as text and parsed in one go: faster than making its elements one by one.
    """
    attributes: dict[tuple[int, ...], str] = {}
    entries: list[tuple[tuple[int, ...], bool, int, Node, str | None]] = []
    for number, ((node, where), text) in enumerate(places.items()):
        key = node.key(where) if where else node.ordinals
        if node.is_attribute and node.parent is not None:
            holder = key[:-2]
            attributes[holder] = f"{attributes.get(holder, '')} {node.tag}={_quoted(text or '')}"
            entries.append((holder, True, number, node.parent, None))
        else:
            entries.append((key, text is None, number, node, text))
    raw = ""
    if annex is not None:
        entries.append((annex[0].ordinals, False, -1, annex[0], None))
        raw = _annex(*annex)
    entries.sort()
    body = _written(entries, attributes, raw)
    return etree.fromstring(f'<{shape.name} xmlns="{namespace}">{body}</{shape.name}>', _parser())


def _written(
    entries: list[tuple[tuple[int, ...], bool, int, Node, str | None]],
    attributes: Mapping[tuple[int, ...], str],
    raw: str,
) -> str:
    """Leaves in document order, with what stands around them opened and closed. Entry number -1 is written as `raw`."""
    parts: list[str] = []
    opened: list[tuple[tuple[int, ...], str]] = [((), "")]
    around: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    for key, _, number, node, text in entries:
        if key == last:
            continue  # the same element again, named by its attribute
        last = key
        if key[:-2] != around:
            while key[: len(opened[-1][0])] != opened[-1][0]:
                parts.append(opened.pop()[1])
            for step in node.chain[len(opened) - 1 : -1]:
                place = key[: 2 * len(opened)]
                parts.append(f"<{step.name}{attributes.get(place, '')}>")
                opened.append((place, f"</{step.name}>"))
            around = key[:-2]
        if number < 0:
            parts.append(raw)
        elif node.has_text:
            start = f"<{node.name}{attributes[key]}" if key in attributes else f"<{node.name}"
            parts.append(f"{start}>{_text(text)}</{node.name}>" if text else f"{start}/>")
        else:
            parts.append(f"<{node.name}{attributes.get(key, '')}>")
            opened.append((key, f"</{node.name}>"))
            around = key
    parts.extend(close for _, close in reversed(opened))
    return "".join(parts)


def _annex(entry: Node, path: Node, entries: Sequence[tuple[str, str]]) -> str:
    name, attribute = entry.name, path.tag
    return "".join(
        f"<{name} {attribute}={_quoted(where)}>{_text(text)}</{name}>"
        if text
        else f"<{name} {attribute}={_quoted(where)}/>"
        for where, text in entries
    )


def _text(text: str) -> str:
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        return escape(text, {"\r": "&#13;"})
    return text


def _quoted(text: str) -> str:
    return f'"{text}"' if _PLAIN.fullmatch(text) else quoteattr(text, _ESCAPES)


def _parser() -> etree.XMLParser:
    """No DTD is written here and none is read; what comes in may be large, for it was let in before."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


_PLAIN: Final = re.compile(r"[\w/\[\]:;.,@%~+ -]*")
_ESCAPES: Final = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
