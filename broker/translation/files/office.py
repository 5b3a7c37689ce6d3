"""What can be said of an office document without opening it: its kind, whether it is encrypted, whether it has macros.

Older ones are compound files ([MS-CFB]), whose streams have names in UTF-16; newer ones are ZIP archives.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Final

from broker.errors import Refused
from broker.translation.codecs.zip_parts import ZipLimits, list_zip, read_zip

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP: Final = b"PK\x03\x04"
_LIMITS: Final = ZipLimits(entries=2000)
_SECTOR: Final = 512  #: bytes; every stream of a compound file begins on a multiple of it
_FIB: Final = b"\xec\xa5"  #: how a WordDocument stream begins ([MS-DOC] 2.5.2)
_FIB_FLAGS: Final = 0x0B  #: the byte that holds fEncrypted, in bit 0
_WORKBOOK: Final = b"\x09\x08\x10\x00\x00\x06\x05\x00"  #: BOF of workbook globals ([MS-XLS] 2.4.21), 20 bytes in all
_FILEPASS: Final = b"\x2f\x00"  #: the record after BOF, if the workbook is encrypted ([MS-XLS] 2.4.117)
#: Visual Basic, what its controls are made of, sheets of macros of before Visual Basic; the two of ODF.
_MACRO_ENTRIES: Final = ("vbaproject.bin", "activex/", "macrosheets/", "basic/", "scripts/")
_MACRO_TYPES: Final = (
    b"macroenabled",
    b"vbaproject",
    b"macrosheet",
)  #: in the content types, whatever a part is called
_DECLARATIONS: Final = frozenset({"[content_types].xml", "meta-inf/manifest.xml", "mimetype"})


def holds_stream(data: bytes, name: str) -> bool:
    """Whether a compound file has a stream or storage of this name."""
    return name.encode("utf-16-le") in data


def ole_findings(data: bytes) -> frozenset[str]:
    """Of `encrypted`, `macros`: what holds of a compound file."""
    found = set()
    if holds_stream(data, "EncryptedPackage") or _is_locked(data):
        found.add("encrypted")
    if holds_stream(data, "_VBA_PROJECT") or holds_stream(data, "Macros"):
        found.add("macros")
    return frozenset(found)


def _is_locked(data: bytes) -> bool:
    for start in range(_SECTOR, len(data), _SECTOR):
        if data.startswith(_FIB, start) and data[start + _FIB_FLAGS : start + _FIB_FLAGS + 1] > b"":
            return bool(data[start + _FIB_FLAGS] & 1)
        if data.startswith(_WORKBOOK, start):
            return data.startswith(_FILEPASS, start + 20)
    return False


def zip_names(data: bytes, path: str) -> tuple[str, ...]:
    """The entries of a document that is an archive. Raises: Refused, as `zip_parts.read_zip` does."""
    return list_zip(data, _LIMITS, part=path)


def zip_findings(data: bytes, names: tuple[str, ...]) -> frozenset[str]:
    """Of `encrypted`, `macros`, `damaged`: what holds of a document that is an archive.

    Names of parts are the same in upper and in lower case, and the declarations may be UTF-16 (ISO/IEC 29500-2).
    """
    declarations = frozenset(name for name in names if name.lower() in _DECLARATIONS)
    try:
        said = b"\n".join(read_zip(data, _LIMITS, only=declarations).values()).replace(b"\0", b"").lower()
    except Refused:
        return frozenset({"damaged"})
    found = {"encrypted"} if b"encryption-data" in said else set()
    lowered = [name.lower() for name in names]
    if any(one in said for one in _MACRO_TYPES) or any(part in name for name in lowered for part in _MACRO_ENTRIES):
        found.add("macros")
    return frozenset(found)


def holds_archive(data: bytes) -> bool:
    """Whether a program that unpacks archives finds files in the bytes, whatever stands before them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return bool(archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        return False
