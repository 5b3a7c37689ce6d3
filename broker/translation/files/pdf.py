"""What can be said of a PDF without drawing it (ISO 32000-1 section 7.5): encrypted, active, empty, cut off."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_WITHIN: Final = 1024  #: bytes; readers look for the header in so many
_END_WITHIN: Final = 2048
_INFLATED: Final = 8 * 1024 * 1024  #: bytes of one object stream that are looked at; pages stand near its beginning
_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_ENCRYPTED: Final = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_ACTIVE: Final = re.compile(rb"/(?:JavaScript|Launch|JS)(?![A-Za-z])")
_OBJECT_STREAM: Final = re.compile(rb"/ObjStm(?![A-Za-z])[^>]*>>\s*stream\r?\n|/ObjStm.{0,400}?stream\r?\n", re.DOTALL)


def is_pdf(data: bytes) -> bool:
    """Whether the bytes begin as a PDF does."""
    return b"%PDF-" in data[:_HEADER_WITHIN]


def findings(data: bytes) -> frozenset[str]:
    """Of `encrypted`, `macros`, `damaged`, `empty`: what holds. An encrypted one hides whether the rest does."""
    if b"startxref" not in data or b"%%EOF" not in data[-_END_WITHIN:]:
        return frozenset({"damaged"})
    if _ENCRYPTED.search(data):
        return frozenset({"encrypted"})
    texts = [data, *_object_streams(data)]
    found = {"macros"} if any(_ACTIVE.search(text) for text in texts) else set()
    return frozenset(found if any(_PAGE.search(text) for text in texts) else found | {"empty"})


def _object_streams(data: bytes) -> Iterator[bytes]:
    """Objects that stand packed in streams, as PDF 1.5 allows; a stream that cannot be unpacked says nothing."""
    for found in _OBJECT_STREAM.finditer(data):
        try:
            yield zlib.decompressobj().decompress(data[found.end() :], _INFLATED)
        except zlib.error:
            continue
