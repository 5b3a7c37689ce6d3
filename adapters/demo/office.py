"""What a scripted national office is: it is handed a delivery and says which documents it sends back, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from lxml import etree

#: children of an element: text, or a list of (name, text or children)
Content = str | list[tuple[str, "Content"]]


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery of the broker."""

    id: str
    type: str
    case: str
    body: bytes


class Office(Protocol):
    """A national case system with a script for a mind."""

    def react(self, received: Received) -> list[bytes]:
        """The documents to send because of this delivery, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Chance:
    """Time and numbers of one run: chosen when it runs, so that nothing can be canned."""

    now: Callable[[], datetime]
    number: Callable[[], int]

    def moment(self) -> str:
        """The present moment, ISO 8601 UTC."""
        return self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def day(self, years: int = 0) -> str:
        """Today, or the same day of a later year (29 February becomes the 28th)."""
        today = self.now().date()
        last = min(today.day, 28) if today.month == 2 else today.day  # noqa: PLR2004 -- February
        return today.replace(year=today.year + years, day=last).isoformat()


def parse(body: bytes) -> etree._Element:
    """A delivered document."""
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


def element(namespace: str, name: str, content: Content, **attributes: str) -> etree._Element:
    """An element with its children, in the order given."""
    made = etree.Element(f"{{{namespace}}}{name}", attributes, nsmap={None: namespace})  # type: ignore[dict-item] # the stubs do not know the default prefix
    if isinstance(content, str):
        made.text = content
    else:
        made.extend([element(namespace, child, inner) for child, inner in content])
    return made


def write(root: etree._Element) -> bytes:
    """The document's bytes."""
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
