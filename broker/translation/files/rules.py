"""Which files a message may bring, judged by their bytes and not by their names alone.

Six types, 1 MB each (D6.3 Annex 5). What breaks that rule of the form is refused: the sender can send another file.
What only a person can judge is parked: an encrypted file that nobody can look into, one with macros, one without
content, one that is of two types at once, one that a scanner warns of. The bytes are kept either way.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Problem, Refused
from broker.payloads import Payload
from broker.translation.files import office, pdf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
#: What a person decides; everything else goes back to the sender.
FOR_A_PERSON: Final = frozenset(
    {
        "attachment-encrypted",
        "attachment-macros",
        "attachment-empty",
        "attachment-damaged",
        "attachment-infected",
        "attachment-two-types",
    }
)
_VALUE: Final = 80
_PROGRAM: Final = (b"MZ", b"\x7fELF")


@dataclass(frozen=True, slots=True)
class FileType:
    """One type of file: how its name ends, and how it is told from others by its bytes."""

    suffix: str
    media_type: str
    container: str  #: pdf, ole or zip
    marker: str = ""  #: a name within the container


@lru_cache(maxsize=1)
def shipped_file_rules() -> FileRules:
    """The rules that come with the program. Raises: ConfigurationError."""
    return FileRules(load_file_types(schemas_dir() / "codelists/attachment-types.toml"))


def load_file_types(path: Path) -> tuple[FileType, ...]:
    """Read the table. Raises: ConfigurationError."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["type"]
        return tuple(
            FileType(row["suffix"], row["media_type"], row["container"], row.get("marker", "")) for row in rows
        )
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"The table of file types {path.name} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class FileRules:
    """The types that may come."""

    types: tuple[FileType, ...]

    def media_type(self, name: str) -> str:
        """What a file's name says of it."""
        found = [one.media_type for one in self.types if one.suffix == suffix_of(name)]
        return found[0] if found else "application/octet-stream"

    def problems(self, name: str, given: bytes | Payload, *, path: str) -> tuple[Problem, ...]:
        """What is wrong with one file; `path` names it without its name, which may name a person."""
        suffix = suffix_of(name)
        if suffix and suffix not in {one.suffix for one in self.types}:
            return (self._of_another_type(path, suffix),)
        payload = Payload.of(given)
        if not payload.size or payload.size > MAX_BYTES:
            return (_too_large(path, payload.size) if payload.size else _finding("empty", path),)
        try:
            kind, found = self._look(payload.whole(), path)
        except Refused as refused:
            return refused.problems
        if kind is None and not suffix:
            return (self._of_another_type(path, suffix),)
        if kind is None or kind.suffix != (suffix or kind.suffix):
            return (_mismatch(path, suffix, kind.suffix if kind else ""),)
        return tuple(_finding(what, path) for what in sorted(found))

    def _look(self, data: bytes, path: str) -> tuple[FileType | None, frozenset[str]]:
        if pdf.is_pdf(data):
            also = {"two-types"} if data.startswith(_PROGRAM) or office.holds_archive(data) else set()
            return self._of("pdf", ()), pdf.findings(data) | also
        if data.startswith(office.OLE):
            return self._of("ole", (data,)), office.ole_findings(data)
        if data.startswith(office.ZIP):
            names = office.zip_names(data, path)
            return self._of("zip", names), office.zip_findings(data, names)
        return None, frozenset()

    def _of(self, container: str, inside: Iterable[str | bytes]) -> FileType | None:
        told = tuple(inside)
        fitting = [one for one in self.types if one.container == container]
        return next((one for one in fitting if not one.marker or _has(told, one.marker)), None)

    def _of_another_type(self, path: str, suffix: str) -> Problem:
        allowed = ", ".join(one.suffix for one in self.types)
        detail = f"The form takes files of six types: {allowed}."
        return Problem("attachment-type", detail, path, "six types", suffix[:_VALUE], f"Send it as one of {allowed}.")


def suffix_of(name: str) -> str:
    """The end of a name behind its last dot, lower case; "" if there is none."""
    return PurePosixPath(name).suffix.lower().removeprefix(".")


def _has(told: tuple[str | bytes, ...], marker: str) -> bool:
    return any(one.startswith(marker) if isinstance(one, str) else office.holds_stream(one, marker) for one in told)


_LOOK: Final = "Ask the sender for the file again, or sign the message off with a reason."


def _too_large(path: str, size: int) -> Problem:
    detail = f"The file has {size} bytes; {MAX_BYTES} are allowed."
    return Problem("attachment-too-large", detail, path, "1 MB", hint="Send a smaller file.")


def _mismatch(path: str, said: str, found: str = "") -> Problem:
    detail = f"The name says {said}, and the bytes say {found or 'nothing that the form takes'}."
    return Problem("attachment-mismatch", detail, path, "content", found, "Name the file by what it is.")


def _finding(what: str, path: str) -> Problem:
    if what == "encrypted":
        return Problem("attachment-encrypted", "The file is encrypted: nobody can look into it.", path, hint=_LOOK)
    if what == "macros":
        return Problem("attachment-macros", "The file has macros or scripts.", path, hint=_LOOK)
    if what == "empty":
        return Problem("attachment-empty", "The file has no bytes, or no page.", path, "not empty", hint=_LOOK)
    if what == "two-types":
        detail = "The file is a PDF, and an archive or a program at once: what is seen hangs on what opens it."
        return Problem("attachment-two-types", detail, path, "one type", hint=_LOOK)
    return Problem("attachment-damaged", "The file is cut off or broken.", path, hint=_LOOK)
