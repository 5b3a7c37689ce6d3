"""Leaves as text: instance by instance, in the order of the schema, and parsed in one go.

Faster than making elements one by one. What stands between two leaves is worked out once and remembered with the
schema (`shapes.Edges`).
"""

from __future__ import annotations

import re
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from broker.translation.annexed import Annexed
    from broker.translation.leaves import Leaves, Place
    from broker.translation.shapes import Edges, Node

#: Position, node, and what is there: a text, nothing, an instance, or what is written already.
Entry = tuple[int, "Node", "str | list[Entry] | Ready | None"]


#: What is written already, tags and all, piece by piece.
Ready = tuple[str, ...]


class Layout:
    """The leaves of a document, sorted into instances."""

    def __init__(self, leaves: Leaves) -> None:
        self.body: list[Entry] = []
        self.used: dict[Place, set[int]] = {}
        self._instances: dict[Place, list[Entry]] = {}
        for where, found in leaves.items():
            if not where:
                self.body += [(node.order << _INDEX, node, text) for node, text in found.items()]
                continue
            last, entries = None, self.body
            for node, text in found.items():
                if node.group is not last and node.group is not None:
                    last = node.group
                    entries = self._instance(last, where)
                entries.append((node.order << _INDEX, node, text))

    def _instance(self, group: Node, where: tuple[int, ...]) -> list[Entry]:
        """Its entries; it is put into what is around it when first met."""
        entries = self._instances.get((group, where))
        if entries is None:
            entries = self._instances[group, where] = []
            around = self.body if group.outer is None else self._instance(group.outer, where[:-1])
            around.append(((group.order << _INDEX) + where[-1], group, entries))
            self.used.setdefault((group, where[:-1]), set()).add(where[-1])
        return entries

    def add(self, node: Node, text: Ready) -> None:
        """What is written already, in the place of a group."""
        self.body.append((node.order << _INDEX, node, text))

    def document(self, root: Node, namespace: str) -> bytes:
        """As it is sent."""
        parts = [f'{_HEAD}<{root.name} xmlns="{namespace}">']
        _write(self.body, root.edges, parts)
        parts.append(f"</{root.name}>")
        return "".join(parts).encode()


def _write(entries: list[Entry], edges: Edges, parts: list[str]) -> None:
    """Leaves in document order, with what stands around them opened and closed."""
    entries.sort(key=_POSITION)
    add = parts.append
    for _, node, content in entries:
        add(edges[node])
        if content is None:
            edges = node.edges
        elif type(content) is str:
            if content:
                add(_quoted(content) if node.is_attribute else _text(content))
            edges = node.edges
        elif type(content) is list:
            _write(content, node.first, parts)
            edges = node.after
        elif type(content) is tuple:
            parts.extend(content)
            edges = node.after
    add(edges[None])


def annex(entry: Node, path: Node, entries: Sequence[tuple[str, str]]) -> Ready:
    """The entries of an annex: (path, text) each."""
    start, end = f'<{entry.name} {path.tag}="', f"</{entry.name}>"
    return tuple([f'{start}{_quoted(where)}">{_text(text)}{end}' for where, text in entries])


def annex_as_met(entry: Node, path: Node, annexed: Annexed) -> Ready:
    """The same in the order of the document; labelled paths have nothing to escape."""
    between = f'</{entry.name}><{entry.name} {path.tag}="'
    is_special = _is_special("".join(filter(None, annexed.texts)))
    parts: list[str] = []
    for instance, steps, texts in annexed.runs():
        shown = map(_text, texts) if is_special else texts
        parts += chain.from_iterable(zip(repeat(between + instance.head), [step.opens for step in steps], shown))
    parts[0] = parts[0].partition(">")[2]
    parts.append(f"</{entry.name}>")
    return tuple(parts)


def _is_special(text: str) -> bool:
    return "&" in text or "<" in text or ">" in text or "\r" in text


def _text(text: str) -> str:
    return escape(text, {"\r": "&#13;"}) if _is_special(text) else text


def _quoted(text: str) -> str:
    return text if _PLAIN(text) else escape(text, _ESCAPES)


def serialised(root: etree._Element) -> bytes:
    """A document that is there as a tree, as it is sent."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def tree(document: bytes) -> etree._Element:
    """No DTD is written here and none is read; what comes in may be large, for it was let in before."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    return etree.fromstring(document, parser)


_HEAD: Final = "<?xml version='1.0' encoding='UTF-8'?>\n"
_INDEX: Final = 32  #: bits of a position that count instances
_POSITION: Final = itemgetter(0)
_PLAIN: Final = re.compile(r"[\w/\[\]:;.,@%~+ -]*").fullmatch
_ESCAPES: Final = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
