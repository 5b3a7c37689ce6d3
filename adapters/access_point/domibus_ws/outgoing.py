"""Bodies on their way out, written piece by piece: neither a payload nor its base64 stands in memory as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pybase64

from broker.payloads import Payload

if TYPE_CHECKING:
    from collections.abc import Iterator

SOAP_XML: Final = "application/soap+xml; charset=utf-8"
_SLICE: Final = 192 * 1024  # a multiple of three, so that slices of base64 need no padding


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes that travel as base64."""

    payload: Payload

    @property
    def size(self) -> int:
        """Bytes of base64."""
        return 4 * ((self.payload.size + 2) // 3)

    def whole(self) -> bytes:
        """The base64 at once, for what is small."""
        return pybase64.b64encode(self.payload.whole())

    def pieces(self, size: int) -> Iterator[bytes]:
        """The base64 of so many bytes at a time, a multiple of three."""
        for piece in self.payload.pieces(size):
            yield pybase64.b64encode(piece)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request's body: its pieces in order, and what they are."""

    pieces: tuple[Encoded | Payload, ...]
    content_type: str = SOAP_XML

    @classmethod
    def of(cls, *pieces: bytes | Payload | Encoded, content_type: str = SOAP_XML) -> Outgoing:
        """These, one behind the other."""
        return cls(tuple(Payload(one) if isinstance(one, bytes) else one for one in pieces), content_type)

    def __len__(self) -> int:
        return sum(piece.size for piece in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        """The body, a slice at a time."""
        for piece in self.pieces:
            yield from piece.pieces(_SLICE)

    def whole(self) -> bytes:
        """The body at once, for what is small."""
        return b"".join([piece.whole() for piece in self.pieces])
