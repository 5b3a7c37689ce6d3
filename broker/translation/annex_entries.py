"""The entries of an annex that holds nothing else, read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from lxml import etree

if TYPE_CHECKING:
    from broker.translation.shapes import Node

_IS_MIXED: Final = etree.XPath("boolean(*/node()[not(self::text())])")


class AnnexEntries:
    """The entries of one schema: an element with a text, its path in an attribute."""

    def __init__(self, entry: Node, path: Node) -> None:
        namespace = etree.QName(entry.tag).namespace or ""
        self._paths = etree.XPath(f"e:{entry.name}/@{path.tag}", namespaces={"e": namespace}, smart_strings=False)

    def read(self, element: etree._Element) -> tuple[list[str], list[str]] | None:
        """Paths and texts of the entries in an element; None if something else is in it."""
        paths = cast("list[str]", self._paths(element))
        if len(paths) != len(element) or _IS_MIXED(element):
            return None
        return paths, [child.text or "" for child in element]
