"""Bodies on their way out, written piece by piece: a payload's base64 never stands in memory as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pybase64

if TYPE_CHECKING:
    from collections.abc import Iterator

SOAP_XML: Final = "application/soap+xml; charset=utf-8"
_SLICE: Final = 192 * 1024  # a multiple of three, so that slices of base64 need no padding


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes that travel as base64."""

    data: bytes

    def __len__(self) -> int:
        return 4 * ((len(self.data) + 2) // 3)

    def whole(self) -> bytes:
        """The base64 at once, for what is small."""
        return pybase64.b64encode(self.data)

    def chunks(self) -> Iterator[bytes]:
        """The base64, a slice at a time."""
        view = memoryview(self.data)
        for start in range(0, len(view), _SLICE):
            yield pybase64.b64encode(view[start : start + _SLICE])


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request's body: its pieces in order, and what they are."""

    pieces: tuple[bytes | Encoded, ...]
    content_type: str = SOAP_XML

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        """The body, a slice at a time."""
        for piece in self.pieces:
            if isinstance(piece, Encoded):
                yield from piece.chunks()
            else:
                view = memoryview(piece)
                yield from (bytes(view[start : start + _SLICE]) for start in range(0, len(view), _SLICE))

    def whole(self) -> bytes:
        """The body at once, for what is small."""
        return b"".join([piece.whole() if isinstance(piece, Encoded) else piece for piece in self.pieces])
