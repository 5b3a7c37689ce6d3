"""SOAP documents read with suspicion: no DTD, no entities, no network, no huge trees.

libxml2 refuses text nodes over 10 MB unless all its limits are lifted. Instead of lifting them, long runs of
base64 are cut out of the bytes before parsing and looked up afterwards: lxml sees the envelope only.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONG_BASE64: Final = re.compile(rb">([A-Za-z0-9+/=\s]{65536,})<")
_WHITE_SPACE: Final = bytes(range(9, 14)) + b" "


class Unreadable(ValueError):
    """Bytes that are not the SOAP that was expected. The text names no content."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed envelope and the base64 that was cut out of it, by the token that stands in its place."""

    root: etree._Element
    cut: Mapping[str, bytes]

    def base64(self, element: etree._Element) -> bytes:
        """The decoded content of an element. Raises: Unreadable."""
        text = element.text or ""
        encoded = self.cut.get(text, text.encode()).translate(None, _WHITE_SPACE)
        try:
            return binascii.a2b_base64(encoded, strict_mode=True)
        except binascii.Error as error:
            raise Unreadable(f"invalid base64 in {etree.QName(element).localname}: {error}") from error


def parse(data: bytes, *, limit: int) -> Document:
    """Parse one envelope; `limit` bounds what is left after the cuts. Raises: Unreadable."""
    if b"<!DOCTYPE" in data:
        raise Unreadable("a document type declaration is not accepted")
    short, cut = _cut(data)
    if len(short) > limit:
        raise Unreadable(f"larger than {limit} bytes without its payloads")
    # The encoding is fixed: a declared one could hide a DOCTYPE from the check above.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )
    try:
        return Document(root=etree.fromstring(short, parser), cut=cut)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"not well-formed XML: {error.msg}") from error


def _cut(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Replace every long run of base64 by a token that occurs nowhere in the document."""
    mark = b"cut"
    while mark in data:
        mark += b"-"
    cut: dict[str, bytes] = {}

    def take(match: re.Match[bytes]) -> bytes:
        token = b"%b%d" % (mark, len(cut))
        cut[token.decode()] = match.group(1)
        return b">" + token + b"<"

    return _LONG_BASE64.sub(take, data), cut
