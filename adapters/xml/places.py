"""Where an element stands, and texts on one line, for whoever speaks of a document."""

from __future__ import annotations

from typing import Final

from lxml import etree

_VALUE_LENGTH: Final = 80


def shortened(text: str, length: int = _VALUE_LENGTH) -> str:
    """The text on one line, cut where it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def place(element: etree._Element) -> str:
    """The way to an element by local names; an index where siblings share the name."""
    above = element.getparent()
    name = etree.QName(element).localname
    if above is None:
        return f"/{name}"
    twins = [sibling for sibling in above if sibling.tag == element.tag]
    index = f"[{twins.index(element) + 1}]" if len(twins) > 1 else ""
    return f"{place(above)}/{name}{index}"
