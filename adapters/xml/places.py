"""Where an element stands, and texts on one line, for whoever speaks of a document."""

from __future__ import annotations

from typing import Final

from lxml import etree

_VALUE_LENGTH: Final = 80


def shortened(text: str, length: int = _VALUE_LENGTH) -> str:
    """The text on one line, cut where it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def spot(line: int, column: int) -> str:
    """Where in a text something is wrong, as an editor shows it: both are counted from 1."""
    return f"line {line}, column {column}"


def place(element: etree._Element) -> str:
    """The way to an element by local names; an index where siblings share the name. A long name is cut."""
    above = element.getparent()
    name = shortened(etree.QName(element).localname)
    if above is None:
        return f"/{name}"
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    is_alone = not before and next(element.itersiblings(element.tag), None) is None
    return f"{place(above)}/{name}{'' if is_alone else f'[{before + 1}]'}"
