"""What breaks the schema in a large document, found in passing.

libxml2 tells every breach of a tree, of elements and of attributes, and for each one counts the siblings in front of
it: of a million elements that all break a rule, it is busy for hours, and needs a kilobyte for each. Read piece by
piece it stops at the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE: Final = 1 << 14
#: So many elements below one parent, each with as many odd attributes as the parser lets pass, cost a second or two; a
#: full form has two thousand. Counting the attributes as well takes longer than the verdict over a small document.
_ELEMENTS: Final = etree.XPath("count(/descendant::*) > 3000")


@dataclass(frozen=True, slots=True)
class Breach:
    """The first one: what libxml2 says, and how many bytes it had read by then."""

    entry: etree._LogEntry
    read: int


def is_large(root: etree._Element) -> bool:
    """Whether to look at it in passing first: twice the work, for a document that has far more than a form."""
    return bool(_ELEMENTS(root))


def first_breach(schema: etree.XMLSchema, data: bytes) -> Breach | None:
    """The first one, with the end of the tag that it was found at; None if there is none."""
    piece = _broken(schema, _cut(data))
    return None if piece is None else _broken(schema, _cut_at_tags(data, max(0, piece.read - _PIECE)))


def breaks(schema: etree.XMLSchema, data: bytes) -> bool:
    """Whether there is one."""
    return _broken(schema, _cut(data)) is not None


def _broken(schema: etree.XMLSchema, pieces: Iterable[bytes]) -> Breach | None:
    parser = etree.XMLParser(
        target=_Nothing(),  # type: ignore[arg-type] # the stubs want methods that lxml does without
        schema=schema,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
    )
    read = 0
    for piece in pieces:
        parser.feed(piece)
        read += len(piece)
        if (said := next(iter(parser.feed_error_log), None)) is not None:
            return Breach(said, read)
    return None


def _cut(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]


def _cut_at_tags(data: bytes, start: int) -> Iterator[bytes]:
    yield data[:start]
    for piece in data[start:].split(b">"):
        yield piece + b">"


class _Nothing:
    """Builds no tree."""

    def close(self) -> None:
        """There is nothing to give."""
