"""Look for texts in a carry, in whatever encoding somebody might have hidden them there."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import json
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEPTH = 4
_SHORTEST = 8


def mark(number: int) -> str:
    """A text that stands nowhere else."""
    return f"jeton{number:05d}vif"


def marks_in(carry: bytes) -> set[str]:
    """Every mark that the carry holds, plain or encoded."""
    found: set[str] = set()
    for layer in _layers(carry, _DEPTH):
        for text in (layer, layer[::-1], layer.replace(b"\0", b"")):
            found.update(match.decode() for match in _MARK.findall(text))
    return found


def _layers(data: bytes, depth: int) -> Iterator[bytes]:
    yield data
    if not depth:
        return
    for text in _strings(data):
        yield from _layers(text, depth - 1)
    for decode in _DECODERS:
        try:
            inner = decode(data)
        except (ValueError, OSError, EOFError, binascii.Error, zlib.error, lzma.LZMAError):
            continue
        if len(inner) >= _SHORTEST and inner != data:
            yield from _layers(inner, depth - 1)


def _strings(data: bytes) -> Iterator[bytes]:
    """The long texts of a JSON document, one by one."""
    if not data.startswith((b"{", b"[")):
        return
    try:
        pending = [json.loads(data)]
    except ValueError:
        return
    while pending:
        value = pending.pop()
        if isinstance(value, str) and len(value) >= _SHORTEST and not _WORDS.search(value):
            yield value.encode()
        elif isinstance(value, dict):
            pending += [*value, *value.values()]
        elif isinstance(value, list):
            pending += value


_MARK: Final = re.compile(rb"jeton\d{5}vif")
_WORDS: Final = re.compile(r"[ \[]|/content|^content")  #: no encoding has a blank or a bracket
_DECODERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: base64.b64decode(data + b"=" * (-len(data) % 4), validate=True),
    lambda data: base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4)) if b"-" in data or b"_" in data else b"",
    base64.b32decode,
    base64.b85decode,
    binascii.unhexlify,
    lambda data: unquote_to_bytes(data) if b"%" in data else b"",
    zlib.decompress,
    gzip.decompress,
    bz2.decompress,
    lzma.decompress,
)
