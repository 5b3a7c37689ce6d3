"""The entries of an annex that holds nothing else, read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

    from broker.translation.shapes import Node


class AnnexEntries:
    """The entries of one schema: an element with a text, its path in an attribute."""

    def __init__(self, entry: Node, path: Node) -> None:
        self._tag, self._path = entry.tag, path.tag

    def read(self, element: etree._Element) -> tuple[list[str], list[str]] | None:
        """Paths and texts of the entries in an element; None if something else is in it."""
        entries = list(element.iterchildren(self._tag))
        if len(entries) != len(element):
            return None
        return [entry.get(self._path, "") for entry in entries], [entry.text or "" for entry in entries]
