"""What a scripted national office is: it is handed a delivery and says which documents it sends back, in order."""

from __future__ import annotations

import hashlib
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


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that an office writes: the pre-permit of a decision, the signed permit."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """In lower-case hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def facts(self, *names: str) -> list[tuple[str, Content]]:
        """The reference to it: identifier, name, size, media type and hash, as a national form calls them."""
        said = (self.sha256[:24], self.name, str(len(self.data)), "application/pdf", self.sha256)
        return list(zip(names, said, strict=True))


def printed(name: str, *lines: str) -> Paper:
    """One page of text in ASCII, as PDF 1.4."""
    text = "BT /F1 12 Tf 72 760 Td 16 TL " + " ".join(f"({_escaped(line)}) Tj T*" for line in lines) + " ET"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            " /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    data, places = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n"
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    tail = f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    return Paper(name, f"{data}xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{rows}{tail}".encode("ascii"))


def _escaped(line: str) -> str:
    plain = line.encode("ascii", "replace").decode("ascii")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


class Office(Protocol):
    """A national case system with a script for a mind."""

    papers: list[Paper]  #: written, and to be handed over before the documents that name them

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
