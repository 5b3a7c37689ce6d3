"""MTOM answers: `multipart/related` with an XOP root part, read as leniently as Apache CXF reads it.

Peers differ: `start` with or without angle brackets or missing, `start-info` of SOAP 1.1, Content-ID
percent-encoded in the `href`, quoted boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

from adapters.access_point.domibus_ws.hardened import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Related:
    """The root part and the others by Content-ID without brackets."""

    root: bytes
    parts: Mapping[str, bytes]

    def resolve(self, href: str) -> bytes:
        """The bytes behind `cid:…`. Raises: Unreadable."""
        try:
            return self.parts[_bare(unquote(href.removeprefix("cid:")))]
        except KeyError as error:
            raise Unreadable(f"no MIME part {href}") from error


def is_related(content_type: str) -> bool:
    """Whether a Content-Type announces MTOM."""
    return content_type.lower().lstrip().startswith("multipart/related")


def split(content_type: str, body: bytes) -> Related:
    """Take the parts of a multipart/related body apart. Raises: Unreadable."""
    headers = Message()
    headers["Content-Type"] = content_type
    boundary, start = headers.get_boundary(), headers.get_param("start")
    if not boundary:
        raise Unreadable("multipart/related without a boundary")
    found = [_part(chunk) for chunk in _chunks(body, boundary.encode())]
    if not found:
        raise Unreadable("multipart/related without a part")
    parts: dict[str, bytes] = {}
    for name, data in found:
        if name and name in parts:
            raise Unreadable(f"two MIME parts are called {name}")
        parts[name] = data
    root = parts.get(_bare(start)) if isinstance(start, str) else found[0][1]
    return Related(root=found[0][1] if root is None else root, parts=parts)


def _bare(content_id: str) -> str:
    return content_id.strip().removeprefix("<").removesuffix(">")


def _chunks(body: bytes, boundary: bytes) -> list[bytes]:
    """Between the delimiters, without the line break that belongs to the delimiter. Raises: Unreadable."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not pieces[-1].startswith(b"--"):
        raise Unreadable("multipart/related is cut short: the closing delimiter is missing")
    return pieces[1:-1]


def _part(chunk: bytes) -> tuple[str, bytes]:
    head, separator, data = chunk.partition(b"\r\n\r\n")
    if not separator:
        raise Unreadable("a MIME part without an end of its headers")
    headers = BytesHeaderParser().parsebytes(head.lstrip(b" \t\r\n"))
    encoding = (headers.get("Content-Transfer-Encoding") or "binary").strip().lower()
    if encoding not in {"binary", "8bit", "7bit"}:
        raise Unreadable(f"a MIME part in the transfer encoding {encoding}")
    return _bare(headers.get("Content-ID") or ""), data
