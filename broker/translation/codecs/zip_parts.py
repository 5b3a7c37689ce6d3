"""ZIP archives from the wire, read with a guard, and written so that equal content gives equal bytes."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from broker.payloads import PIECE, Payload
from broker.translation.codecs.json_text import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from broker.payloads import Spool

_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED: Final = 0x1
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_DRIVE: Final = re.compile("[A-Za-z]:")
_SMALL: Final = 100 * 1024  #: bytes; below this a high ratio is no threat


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """What an archive may hold: entries, bytes of all entries together, and how much smaller it may be than they."""

    entries: int = 200
    total_bytes: int = 64 * 1024 * 1024
    ratio: int = 200


def read_zip(data: bytes, limits: ZipLimits, *, part: str = "", only: frozenset[str] | None = None) -> dict[str, bytes]:
    """Name and bytes of every file in an archive, or of those that are asked for.

    Raises: Refused, with `bad-zip`, `zip-bomb`, `zip-duplicate`, `zip-path` or `zip-encrypted`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = _checked(archive, limits, part)
            return {info.filename: _read(archive, info) for info in infos if only is None or info.filename in only}
    except _BROKEN as error:
        refuse("bad-zip", f"The archive cannot be read: {error}.", part)


def unpack_zip(payload: Payload, limits: ZipLimits, spool: Spool, *, part: str = "") -> dict[str, Payload]:
    """Name of every file in an archive, and its bytes, unpacked into a spool. Raises: Refused, as `read_zip` does."""
    try:
        with zipfile.ZipFile(payload.file()) as archive:
            return {info.filename: _unpacked(archive, info, spool) for info in _checked(archive, limits, part)}
    except _BROKEN as error:
        refuse("bad-zip", f"The archive cannot be read: {error}.", part)


def list_zip(data: bytes, limits: ZipLimits, *, part: str = "") -> tuple[str, ...]:
    """The names of all files in an archive. Raises: Refused, as `read_zip` does."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return tuple(info.filename for info in _checked(archive, limits, part))
    except _BROKEN as error:
        refuse("bad-zip", f"The archive cannot be read: {error}.", part)


def write_zip(files: Iterable[tuple[str, bytes | Payload]]) -> bytes:
    """An archive of files in the given order, without times of its own."""
    buffer = io.BytesIO()
    _pack(files, buffer)
    return buffer.getvalue()


def pack_zip(files: Iterable[tuple[str, bytes | Payload]], spool: Spool) -> Payload:
    """The same, in a spool."""
    start = spool.size
    _pack(files, spool.file())
    return spool.since(start)


def _pack(files: Iterable[tuple[str, bytes | Payload]], target: BinaryIO) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            payload = Payload.of(data)
            info.file_size = payload.size
            with archive.open(info, "w") as file:
                for piece in payload.pieces():
                    file.write(piece)


def is_plain(name: str) -> bool:
    """Whether the name of an entry leads nowhere else: no absolute path, no drive, no way up, no backslash."""
    return not (name.startswith("/") or "\\" in name or _DRIVE.match(name) or ".." in name.split("/"))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile("an entry has another size than it says")
    return data


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, spool: Spool) -> Payload:
    start = spool.size
    with archive.open(info) as file:
        while (piece := file.read(PIECE)) and spool.size - start <= info.file_size:
            spool.write(piece)
    if spool.size - start != info.file_size:
        raise zipfile.BadZipFile("an entry has another size than it says")
    return spool.since(start)


def _checked(archive: zipfile.ZipFile, limits: ZipLimits, part: str) -> list[zipfile.ZipInfo]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > limits.entries:
        refuse("zip-bomb", f"The archive has {len(infos)} entries; {limits.entries} are allowed.", part)
    total = sum(info.file_size for info in infos)
    if total > limits.total_bytes:
        refuse("zip-bomb", f"The entries have {total} bytes together; {limits.total_bytes} are allowed.", part)
    if len({info.filename for info in infos}) != len(infos):
        refuse("zip-duplicate", "Two entries of the archive have the same name.", part, hint="Name each entry once.")
    for info in infos:
        _check_entry(info, limits, f"{part}/{info.filename}" if part else info.filename)
    return infos


def _check_entry(info: zipfile.ZipInfo, limits: ZipLimits, path: str) -> None:
    if _leaves_its_folder(info):
        refuse("zip-path", "The name of an entry leads out of the archive.", path)
    if info.flag_bits & _ENCRYPTED:
        refuse("zip-encrypted", "An entry is encrypted.", path)
    if info.compress_type not in _METHODS:
        refuse("bad-zip", "An entry is packed in a way that is not read here.", path, hint="Use deflate.")
    if info.file_size > _SMALL and info.file_size > limits.ratio * max(info.compress_size, 1):
        refuse("zip-bomb", f"An entry grows more than {limits.ratio} times when it is unpacked.", path)


def _leaves_its_folder(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16) or "\\" in info.orig_filename or not is_plain(info.filename)
