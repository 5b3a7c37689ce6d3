"""What can be said of a PDF without drawing it (ISO 32000-1 section 7.5): encrypted, active, empty, cut off."""

from __future__ import annotations

import itertools
import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_WITHIN: Final = 1024  #: bytes; readers look for the header in so many
_END_WITHIN: Final = 2048
_INFLATED: Final = 8 * 1024 * 1024  #: bytes of all object streams together that are looked at: no bomb goes further
_STREAMS: Final = 1000
_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_ENCRYPTED: Final = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_ACTIVE: Final = re.compile(rb"/(?:JavaScript|Launch|JS)(?![A-Za-z])")
_OBJECT_STREAM: Final = re.compile(rb"/ObjStm(?![A-Za-z]).{0,300}?stream\r?\n", re.DOTALL)


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
    left, view = _INFLATED, memoryview(data)
    for found in itertools.islice(_OBJECT_STREAM.finditer(data), _STREAMS):
        try:
            text = zlib.decompressobj().decompress(view[found.end() :], left)
        except zlib.error:
            continue
        yield text
        left -= len(text)
        if left <= 0:
            return
