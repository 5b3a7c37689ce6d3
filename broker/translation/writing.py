"""Leaves as text: instance by instance, in the order of the schema, and parsed in one go.

Faster than making elements one by one. What stands between two leaves is worked out once and remembered with the
schema (`shapes.Edges`).
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from lxml import etree

from broker.translation.annexed import ENDS, HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from broker.translation.annexed import Annexed
    from broker.translation.leaves import Leaves, Place
    from broker.translation.shapes import Edges, Node

#: Position, node, and what is there: a text, nothing, an instance, or what is written already.
Entry = tuple[int, "Node", "str | list[Entry] | Ready | None"]


#: What is written already, tags and all, as it is sent.
Ready = bytes


class Layout:
    """The leaves of a document, sorted into instances."""

    def __init__(self, leaves: Leaves) -> None:
        self.body: list[Entry] = []
        self.used: dict[Place, set[int]] = {}
        self._instances: dict[Place, list[Entry]] = {}
        self._ready: list[tuple[int, Ready]] = []  #: and before which part it stands
        for where, found in leaves.items():
            if not where:
                self.body += [(node.position, node, text) for node, text in found.items()]
                continue
            last, entries = None, self.body
            for node, text in found.items():
                if node.group is not last and node.group is not None:
                    last = node.group
                    entries = self._instance(last, where)
                entries.append((node.position, node, text))

    def _instance(self, group: Node, where: tuple[int, ...]) -> list[Entry]:
        """Its entries; it is put into what is around it when first met."""
        entries = self._instances.get((group, where))
        if entries is None:
            entries = self._instances[group, where] = []
            around = self.body if group.outer is None else self._instance(group.outer, where[:-1])
            around.append((group.position + where[-1], group, entries))
            self.used.setdefault((group, where[:-1]), set()).add(where[-1])
        return entries

    def add(self, node: Node, text: Ready) -> None:
        """What is written already, in the place of a group."""
        self.body.append((node.position, node, text))

    def document(self, root: Node, namespace: str) -> bytes:
        """As it is sent."""
        parts = [f'{_HEAD}<{root.name} xmlns="{namespace}">']
        self._write(self.body, root.edges, parts)
        parts.append(f"</{root.name}>")
        return b"".join(self._encoded(parts))

    def _encoded(self, parts: list[str]) -> Iterator[bytes]:
        """Piece by piece, for most are ASCII, and widening all for the sake of a few takes longer."""
        at = 0
        for place, ready in (*self._ready, (len(parts), b"")):
            yield from (
                "".join(parts[start : min(start + _AT_ONCE, place)]).encode() for start in range(at, place, _AT_ONCE)
            )
            yield ready
            at = place

    def _write(self, entries: list[Entry], edges: Edges, parts: list[str]) -> None:
        """Leaves in document order, with what stands around them opened and closed."""
        entries.sort(key=_POSITION)
        is_special = _is_special("".join([content for _, _, content in entries if type(content) is str]))
        add = parts.append
        for _, node, content in entries:
            add(edges[node])
            edges = node.edges
            if type(content) is str:
                if node.is_attribute:
                    add(_quoted(content))
                else:
                    add(_text(content) if is_special else content)
            elif type(content) is list:
                self._write(content, node.first, parts)
                edges = node.after
            elif type(content) is bytes:
                self._ready.append((len(parts), content))
                edges = node.after
        add(edges[None])


def annex(entry: Node, path: Node, entries: Sequence[tuple[str, str]]) -> Ready:
    """The entries of an annex: (path, text) each."""
    start, end = f'<{entry.name} {path.tag}="', f"</{entry.name}>"
    return "".join([f'{start}{_quoted(where)}">{_text(text)}{end}' for where, text in entries]).encode()


def opening(entry: Node, path: Node, tail: str) -> str:
    """What stands before the text of an entry, the end of the one before included; `HEAD` for a part of the path."""
    return f'</{entry.name}><{entry.name} {path.tag}="{HEAD}{tail}{ENDS}'


def annex_as_met(entry: Node, annexed: Annexed) -> Ready:
    """The same in the order of the document; labelled paths have nothing to escape."""
    pieces = annexed.pieces
    if _is_special("".join(pieces[1::2])):
        pieces[1::2] = map(_text, pieces[1::2])
    end = f"</{entry.name}>".encode()
    runs = ["".join(run).replace(HEAD, instance.head).encode() for instance, run in annexed.runs()]
    return b"".join((*runs, end))[len(end) :]


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
_AT_ONCE: Final = 128
_POSITION: Final = itemgetter(0)
_PLAIN: Final = re.compile(r"[\w/\[\]:;.,@%~+ -]*").fullmatch
_ESCAPES: Final = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
