"""What can be wrong with the bytes of the SOAP interface: each cause a code of its own, and no content quoted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.access_point.bodies import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_TAG: Final = re.compile(rb"<([^\s!?/<>]+)")
_DECLARED: Final = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)""")
_HTML: Final = (b"<!doctype html", b"<html")
_NO_BYTE_OF_XML: Final = b"\0"
_BYTE_ORDER: Final = (b"\xff\xfe", b"\xfe\xff")
_ENTITY: Final[int] = etree.ErrorTypes.ERR_UNDECLARED_ENTITY
_LIMIT: Final[int] = etree.ErrorTypes.ERR_RESOURCE_LIMIT
_OURS: Final = frozenset({b"utf-8", b"utf8", b"us-ascii"})


def why_not_xml(data: bytes, error: etree.XMLSyntaxError) -> Unreadable:
    """Why bytes are no XML: the first reason that holds."""
    line, column = error.position
    where = f"line {line}, column {column}"
    reasons: tuple[tuple[Callable[[bytes, etree.XMLSyntaxError], bool], str, str], ...] = (
        (_is_empty, "soap-empty", "there are no bytes"),
        (_is_otherwise_encoded, "soap-encoding", "the bytes are not UTF-8"),
        (_is_no_xml, "soap-not-xml", "the bytes are no XML at all"),
        (_names_an_entity, "soap-entity", "the XML refers to an entity, and none is accepted"),
        (_is_too_deep, "soap-too-deep", "the XML is nested deeper, or has longer texts, than any message"),
        (_has_no_end, "soap-truncated", "the XML stops before its end"),
    )
    for holds, code, detail in reasons:
        if holds(data, error):
            return Unreadable(code, detail, where)
    return Unreadable("soap-malformed", "the XML breaks the rules of XML", where)


def is_html(data: bytes) -> bool:
    """Whether it begins as a web page does."""
    return data.lstrip()[:20].lower().startswith(_HTML)


def _is_empty(data: bytes, _: etree.XMLSyntaxError) -> bool:
    return not data.strip()


def _is_otherwise_encoded(data: bytes, _: etree.XMLSyntaxError) -> bool:
    declared = _DECLARED.match(data[:200])
    return (
        data.startswith(_BYTE_ORDER)
        or _NO_BYTE_OF_XML in data[:4]
        or (declared is not None and declared.group(1).lower() not in _OURS)
        or _breaks_utf8(data)
    )


def _breaks_utf8(data: bytes) -> bool:
    """Before its end: a cut may go through a character."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"
    return False


def _is_no_xml(data: bytes, _: etree.XMLSyntaxError) -> bool:
    return not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _names_an_entity(_: bytes, error: etree.XMLSyntaxError) -> bool:
    return _code(error) == _ENTITY


def _is_too_deep(_: bytes, error: etree.XMLSyntaxError) -> bool:
    return _code(error) == _LIMIT


def _code(error: etree.XMLSyntaxError) -> int:
    code: int = getattr(error, "code", 0)  # not in the stubs
    return code


def _has_no_end(data: bytes, _: etree.XMLSyntaxError) -> bool:
    first = _FIRST_TAG.search(data)
    return first is None or re.search(rb"</%b\s*>\s*\Z" % re.escape(first.group(1)), data) is None
