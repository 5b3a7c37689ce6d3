"""The one hardened parser: no DTD, no entities, no network, bounded in size and depth.

A first look with expat reads the prolog alone and stops at the first element, so that a document type declaration
is refused before any of its declarations are read, and only encodings that both parsers read alike come through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

from lxml import etree

from adapters.xml.places import place, spot
from broker.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_ENCODING_ERRORS: Final = {
    31,
    32,
    81,
    6003,
}  #: XML_ERR_UNKNOWN_ENCODING, _UNSUPPORTED_, _INVALID_; XML_I18N_CONV_FAILED
_DECLARATION: Final = len(b"\xef\xbb\xbf<?")  #: how far the beginning of a declaration reaches
_RESOURCE_ERRORS: Final = {114, 116}  #: XML_ERR_INTERNAL_ERROR (older) and XML_ERR_RESOURCE_LIMIT: only depth is left
_EXPAT_ENCODING_ERRORS: Final = {18, 19}  #: XML_ERROR_UNKNOWN_ENCODING, XML_ERROR_INCORRECT_ENCODING
_INVALID_CHARACTER: Final = 9  #: XML_ERR_INVALID_CHAR
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNSAID: Final = {b"<\0", b"\0<"}  #: UTF-16, here without byte order mark; not all of it says so in a declaration
#: How UTF-32 and EBCDIC begin (XML 1.0 Appendix F.1), which no parser here reads.
_STRANGE: Final = (b"\0\0\xfe\xff", b"\xff\xfe\0\0", b"\0\0\0<", b"<\0\0\0", b"\x4c\x6f\xa7\x94")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may measure: bytes, elements within each other, and attributes of one element."""

    document_bytes: int = 10 * 1024 * 1024
    depth: int = 64
    attributes: int = 16  #: twice as many as any element of the schemas has


def parse(data: bytes, limits: Limits | None = None) -> etree._Element:
    """Read a document; comments and processing instructions are not part of what it says and are left out.

    Raises: Refused, with one of `empty-document`, `document-too-large`, `dtd-forbidden`, `bad-encoding`,
    `bad-character`, `not-xml`, `too-deep`, `too-many-attributes`.
    """
    limits = limits or Limits()
    if not data.strip():
        _refuse("empty-document", "The document is empty.", hint="Send the document as the body.")
    if len(data) > limits.document_bytes:
        _refuse("document-too-large", f"The document has {len(data)} bytes; {limits.document_bytes} are allowed.")
    if data.startswith(_STRANGE):
        _refuse("bad-encoding", "The document is UTF-32 or EBCDIC.", hint="Use UTF-8.")
    _look_at_prolog(data)
    root = _parsed(data, limits)
    if root.getroottree().docinfo.internalDTD is not None:
        _refuse_dtd()
    if _deeper(limits.depth)(root):
        _refuse_depth(limits)
    _look_at_attributes(root, limits)
    return root


def _look_at_attributes(root: etree._Element, limits: Limits) -> None:
    for element in _overladen(limits.attributes)(root):
        detail = f"The element has {len(element.attrib)} attributes; {limits.attributes} are allowed."
        _refuse("too-many-attributes", detail, place(element), rule=f"{limits.attributes} attributes")


@lru_cache
def _overladen(attributes: int) -> Callable[[etree._Element], list[etree._Element]]:
    path = f"/descendant::*/@*[{attributes + 1}]/.."
    return etree.XPath(path)  # type: ignore[return-value] # elements, and nothing else


@lru_cache
def _deeper(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


class _SeenEnough(Exception):
    """The first element begins."""


def _look_at_prolog(data: bytes) -> None:
    prolog = expat.ParserCreate()
    prolog.StartDoctypeDeclHandler = lambda *_: _refuse_dtd(
        spot(prolog.CurrentLineNumber, prolog.CurrentColumnNumber + 1)
    )
    prolog.StartElementHandler = _stop
    try:
        prolog.Parse(data, True)  # noqa: FBT003 # expat takes it by position: this is all there is
    except _SeenEnough:
        return
    except (LookupError, ValueError) as error:
        _refuse("bad-encoding", f"The encoding is not one that is read here: {error}.", hint="Use UTF-8.")
    except expat.ExpatError as error:
        code = "bad-encoding" if error.code in _EXPAT_ENCODING_ERRORS else "not-xml"
        said = expat.ErrorString(error.code)
        _refuse(code, f"The document is not well-formed XML: {said}.", spot(error.lineno, error.offset + 1))


def _stop(*_: object) -> NoReturn:
    raise _SeenEnough


def _parsed(data: bytes, limits: Limits) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=_is_cut_by_tags_alone(data),
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        _refuse_malformed(error, data, limits)


def _is_cut_by_tags_alone(data: bytes) -> bool:
    """Whether blanks between tags can only be layout: then they are dropped while it is read.

    Blanks before a comment or a CDATA section may be the beginning of a text.
    """
    return b"\0" not in data[:4] and not any(_follows_a_bracket(sign, data) for sign in (b"!", b"?"))


def _follows_a_bracket(sign: bytes, data: bytes) -> bool:
    """Whether `<` and a sign stand behind the XML declaration. One byte is found many times as quickly as two."""
    at = data.find(sign, _DECLARATION)
    while at > 0 and data[at - 1 : at] != b"<":
        at = data.find(sign, at + 1)
    return at > 0


def _refuse_malformed(error: etree.XMLSyntaxError, data: bytes, limits: Limits) -> NoReturn:
    code = _code_of(error, data)
    if code == "too-deep":
        _refuse_depth(limits)
    said = " ".join(str(error.msg).split())  # libxml2 ends some of its sentences with a line of their own
    line, column = error.position
    _refuse(code, f"The document is not well-formed XML: {said}.", spot(line, column) if line else "")


def _code_of(error: etree.XMLSyntaxError, data: bytes) -> str:
    number = getattr(error, "code", 0)
    if number in _RESOURCE_ERRORS:
        return "too-deep"
    is_wide = b"\0" in data[:4]
    is_unsaid = data[:2] in _UNSAID and number == _INVALID_CHARACTER
    if is_unsaid or number in _ENCODING_ERRORS:
        return "bad-encoding"
    has_control = not is_wide and _CONTROL.search(data) is not None
    return "bad-character" if has_control or number == _INVALID_CHARACTER else "not-xml"


def _refuse_depth(limits: Limits) -> NoReturn:
    _refuse("too-deep", f"Elements stand within each other more than {limits.depth} deep.")


def _refuse_dtd(place: str = "") -> NoReturn:
    _refuse("dtd-forbidden", "The document has a document type declaration.", place, hint="Send it without DOCTYPE.")


def _refuse(code: str, detail: str, path: str = "", *, rule: str = "", hint: str = "") -> NoReturn:
    raise Refused((Problem(code, detail, path, rule=rule, hint=hint),))
