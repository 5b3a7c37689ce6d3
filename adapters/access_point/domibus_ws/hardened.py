"""SOAP documents read with suspicion: no DTD, no entities, no network, no huge trees."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

import pybase64
from lxml import etree

from adapters.access_point.bodies import Unreadable
from adapters.access_point.domibus_ws.malformed import is_html, why_not_xml
from broker.payloads import Payload

if TYPE_CHECKING:
    from collections.abc import Mapping

_INCLUDE: Final = "Envelope/Body//xop:Include"
_WHITE_SPACE: Final = bytes(range(9, 14)) + b" "
# One for all, as making one costs as much as parsing a short answer; lxml lets one caller in at a time.
# The encoding is fixed: a declared one could hide a DOCTYPE from the check in `parse`.
_PARSER: Final = etree.XMLParser(
    encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
)


class Cut(Protocol):
    """A long text that was taken out of a document."""

    def end(self) -> Payload:
        """Its bytes. Raises: Unreadable."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed envelope; the texts that were cut out of it, by the token in their place; the MIME parts beside it."""

    root: etree._Element
    cut: Mapping[str, Cut] = field(default_factory=dict)
    parts: Mapping[str, Payload] | None = None

    def base64(self, element: etree._Element) -> Payload:
        """The decoded content of an element. Raises: Unreadable."""
        text = element.text or ""
        if self.cut and text in self.cut:
            return self.cut[text].end()
        return Payload(decoded(text, etree.QName(element).localname))

    def part(self, href: str) -> Payload:
        """The bytes behind `cid:…`. Raises: Unreadable."""
        if self.parts is None:
            raise Unreadable("mime-part-missing", "an xop:Include, and no MIME part beside the envelope", _INCLUDE)
        name = unquote(href.removeprefix("cid:")).strip().removeprefix("<").removesuffix(">")
        if name not in self.parts:
            raise Unreadable("mime-part-missing", "an xop:Include of a MIME part that is not there", _INCLUDE)
        return self.parts[name]


def parse(data: bytes, *, limit: int, cut: Mapping[str, Cut] | None = None) -> Document:
    """Parse one envelope of at most `limit` bytes. Raises: Unreadable."""
    if is_html(data):
        raise Unreadable("soap-html", "a web page stands in the place of SOAP", "line 1")
    if b"<!DOCTYPE" in data:
        raise Unreadable("soap-dtd", "a document type declaration is not accepted", _line(data, b"<!DOCTYPE"))
    if len(data) > limit:
        raise Unreadable("soap-too-large", f"larger than {limit} bytes without its payloads", "Envelope")
    try:
        return Document(etree.fromstring(data, _PARSER), cut or {})
    except etree.XMLSyntaxError as error:
        raise why_not_xml(data, error) from error


def decoded(text: str | memoryview, where: str) -> bytes:
    """Base64 as bytes; white space in it is passed over. Raises: Unreadable, naming the element `where` it stood."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:  # most comes without white space, and needs no copy
        pass
    raw = text.encode() if isinstance(text, str) else bytes(text)
    try:
        return binascii.a2b_base64(raw.translate(None, _WHITE_SPACE), strict_mode=True)
    except binascii.Error as error:
        raise Unreadable("bad-base64", f"invalid base64: {error}", where) from error


def _line(data: bytes, what: bytes) -> str:
    number = data[: data.index(what)].count(b"\n") + 1
    return f"line {number}"
