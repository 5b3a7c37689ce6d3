"""How a body is packed (RFC 9110 section 8.4): told apart, unpacked within bounds, or refused with a word of ours.

aiohttp unpacks what the libraries of an installation happen to know, answers the rest as text, and hands on a list of
codings as if nothing were packed. The node therefore serves with `auto_decompress` off and unpacks here.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from broker.web.problem import UNREADABLE, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

GZIP: Final = "gzip"
DEFLATE: Final = "deflate"
#: x-gzip is another word for gzip (RFC 9110 section 8.4.1.3).
_KNOWN: Final = {GZIP: GZIP, "x-gzip": GZIP, DEFLATE: DEFLATE}
_ACCEPTED: Final = f"{GZIP}, {DEFLATE}, identity"
_PIECE: Final = 2**16  #: bytes handed out at once
_SHOWN: Final = 80  #: characters of a header that a problem repeats
_ZLIB_METHOD: Final = 8  #: RFC 1950 section 2.2, the low bits of the first byte; senders of bare RFC 1951 have others


class Unpackable(RequestError):
    """The body cannot be unpacked as `Content-Encoding` says, or breaks off."""

    def __init__(
        self, code: str = "body-unreadable", detail: str = UNREADABLE, *, value: str = "", hint: str = ""
    ) -> None:
        super().__init__(code, detail, path="Content-Encoding", value=value, hint=hint)


class UnsupportedCoding(Unpackable):
    """The body is packed in a way that is not taken here; `Accept-Encoding` says what is (RFC 9110 section 15.5.16)."""

    def __init__(self, coding: str, *, accepted: str = _ACCEPTED, hint: str = "") -> None:
        detail = f"a body packed so is not taken here; what is taken: {accepted}"
        value = coding.encode("ascii", "replace").decode("ascii")[:_SHOWN]
        super().__init__("content-encoding-unsupported", detail, value=value, hint=hint)
        self.headers = {"Accept-Encoding": accepted}


def codings_of(request: web.Request) -> str:
    """The codings that the headers name, in their order; empty if the body is not packed."""
    named = ",".join(request.headers.getall("Content-Encoding", ())).split(",")
    return ", ".join(coding for one in named if (coding := one.strip().lower()) not in {"", "identity"})


def coding_of(request: web.Request) -> str:
    """How the body is packed: `gzip`, `deflate`, or empty for not at all.

    Raises: UnsupportedCoding: by another coding, or by several one after another.
    """
    codings = codings_of(request)
    if codings and codings not in _KNOWN:
        raise UnsupportedCoding(codings)
    return _KNOWN.get(codings, "")


class Unpacking:
    """One body, unpacked as it comes, in pieces of bounded size; without a coding, as it is."""

    def __init__(self, coding: str) -> None:
        self._coding, self._begun = coding, False
        self._inner = _inflate(coding)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What these bytes unpack to. Raises: Unpackable: they are not packed as it was said."""
        if not self._coding:
            yield chunk
            return
        if chunk and not self._begun:
            self._begin(chunk)
        while chunk:
            if self._inner.eof:
                self._another()
            piece = self._piece(chunk)
            chunk = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            yield piece

    def end(self) -> Iterator[bytes]:
        """What is left. Raises: Unpackable: the body breaks off."""
        while self._begun and not self._inner.eof:
            piece = self._piece(b"")
            if not piece:
                raise Unpackable
            yield piece

    def _piece(self, chunk: bytes) -> bytes:
        try:
            return self._inner.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise Unpackable from error

    def _begin(self, chunk: bytes) -> None:
        self._begun = True
        if self._coding == DEFLATE and chunk[0] & 0xF != _ZLIB_METHOD:
            self._inner = zlib.decompressobj(wbits=-zlib.MAX_WBITS)

    def _another(self) -> None:
        """A further gzip member (RFC 1952 section 2.2). Raises: Unpackable: deflate knows none."""
        if self._coding != GZIP:
            raise Unpackable
        self._inner = _inflate(GZIP)


def _inflate(coding: str) -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16 if coding == GZIP else zlib.MAX_WBITS)
