"""Bytes too many to be held at once: written one behind the other into a spool, read as often as wanted, in pieces.

A spool holds what is small in memory and lays what is large into a file without a name: nobody else can open it, and it
is gone with the last payload in it, or with the process.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from broker.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE: Final = 256 * 1024  #: bytes that are handed on at once, and up to which a spool stays in memory
_BUFFER: Final = 64 * 1024


class Spool:
    """Bytes written one behind the other. `folder` takes the file of a large one; None is the system's own for such.

    What its disk says no to is Unavailable, so that nobody takes it for a fault of the bytes.
    """

    __slots__ = ("__weakref__", "_file", "_held", "folder", "size")

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder
        self._held = bytearray()
        self._file = -1
        self.size = 0

    def write(self, data: ReadableBuffer) -> None:
        """Put these behind what is there. Raises: Unavailable."""
        view = memoryview(data)
        if self._file < 0 and self.size + len(view) <= PIECE:
            self._held += view
        else:
            with _disk():
                self._lay_down()
                _write(self._file, view)
        self.size += len(view)

    def read(self, start: int, count: int) -> bytes:
        """So many bytes from there on, fewer only at the end. Raises: Unavailable."""
        if self._file < 0:
            return bytes(self._held[start : start + count])
        with _disk():
            return os.pread(self._file, count, start)

    def amend(self, start: int, data: ReadableBuffer) -> None:
        """Put these from there on in the place of what is there, and behind it. Raises: Unavailable."""
        view = memoryview(data)
        inside = view[: self.size - start]
        if self._file < 0:
            self._held[start : start + len(inside)] = inside
        else:
            with _disk():
                _amend(self._file, start, inside)
        self.write(view[len(inside) :])

    def since(self, start: int) -> Payload:
        """What was written from there on."""
        return Payload(self, start, self.size - start)

    def file(self) -> BinaryIO:
        """A file that is written from here on, and sought in: `zipfile` goes back to the heads of its entries."""
        return cast("BinaryIO", _Writing(self))

    def _lay_down(self) -> None:
        """Go over to a file, once."""
        if self._file >= 0:
            return
        with tempfile.TemporaryFile(dir=self.folder, buffering=0) as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        _write(self._file, memoryview(self._held))
        self._held = bytearray()


class Payload:
    """Bytes by their number and SHA-256, in memory or in a spool; equal to others with the same bytes."""

    __slots__ = ("_sha256", "_source", "_start", "size")

    def __init__(self, source: bytes | Spool, start: int = 0, size: int | None = None) -> None:
        self._source = source
        self._start = start
        self._sha256 = ""
        self.size = (len(source) if isinstance(source, bytes) else source.size) - start if size is None else size

    @classmethod
    def of(cls, data: bytes | Payload) -> Payload:
        """The same bytes, whichever way they are given."""
        return data if isinstance(data, Payload) else cls(data)

    @property
    def sha256(self) -> str:
        """In lower-case hexadecimal; worked out once."""
        if not self._sha256:
            digest = hashlib.sha256()
            for piece in self.pieces():
                digest.update(piece)
            self._sha256 = digest.hexdigest()
        return self._sha256

    def read(self, start: int, count: int) -> bytes:
        """So many bytes from there on, fewer only at the end. Raises: Unavailable."""
        count = min(count, self.size - start)
        first = self._start + start
        return (
            self._source[first : first + count] if isinstance(self._source, bytes) else self._source.read(first, count)
        )

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """All of it, so many bytes at a time. Raises: Unavailable."""
        for start in range(0, self.size, size):
            yield self.read(start, size)

    def whole(self) -> bytes:
        """All of it at once, for what is known to be small. Raises: Unavailable."""
        return self.read(0, self.size)

    def file(self) -> BinaryIO:
        """All of it as a file that can be read and sought in; several do not disturb each other."""
        return cast("BinaryIO", io.BufferedReader(_Reading(self), _BUFFER))

    def beside(self) -> Spool:
        """A new spool in the same folder, for what is found in these bytes."""
        return Spool(self._source.folder if isinstance(self._source, Spool) else None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Payload):
            return NotImplemented
        return self.size == other.size and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"Payload({self.size} bytes)"


class _Writing(io.RawIOBase):
    """What is written into a spool, from its end of now on."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool
        self._start = spool.size
        self._at = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._spool.size - self._start}[whence]
        if not 0 <= base + offset <= self._spool.size - self._start:
            raise OSError("a place where nothing was written")
        self._at = base + offset
        return self._at

    def write(self, data: ReadableBuffer) -> int:
        count = len(memoryview(data).cast("B"))
        self._spool.amend(self._start + self._at, data)
        self._at += count
        return count


class _Reading(io.RawIOBase):
    """One way through a payload."""

    def __init__(self, payload: Payload) -> None:
        super().__init__()
        self._payload = payload
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._payload.size}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        found = self._payload.read(self._at, len(view)) if self._at < self._payload.size else b""
        view[: len(found)] = found
        self._at += len(found)
        return len(found)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"What is large cannot be laid aside: {error.strerror}.") from error


def _amend(file: int, start: int, view: memoryview) -> None:
    while view:
        written = os.pwrite(file, view, start)
        start, view = start + written, view[written:]


def _write(file: int, view: memoryview) -> None:
    while view:
        view = view[os.write(file, view) :]
