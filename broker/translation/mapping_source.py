"""A TOML file of a mapping, and where in it everything stands. Errors: ConfigurationError, `<file>:<line>: …`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.errors import ConfigurationError
from broker.translation.mapping_entries import wrong_entry
from broker.translation.toml_lines import doubled, line_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from broker.translation.mapping_entries import Kind


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a mapping."""

    at: Place
    detail: str

    def __str__(self) -> str:
        return f"{self.at}: {self.detail}"


class Source:
    """A TOML file with the line numbers of its keys."""

    def __init__(self, file: Path, base: Path) -> None:
        self.file, self.name = file, file.relative_to(base).as_posix()
        text = self._text()
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found[1]) if found else 1
            raise ConfigurationError(f"{self.name}:{line}: {_no_toml(text, line, error)}") from None
        self._lines = line_numbers(text)

    def _text(self) -> str:
        """What the file says; an editor may have put a byte order mark before it."""
        try:
            return self.file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise ConfigurationError(f"{self.name}:1: no such mapping file") from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            detail = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file with the encoding UTF-8"
            raise ConfigurationError(f"{self.name}:{line}: {detail}") from None

    def must_be(self, row: Any, known: Mapping[str, Kind], table: str, key: str = "") -> None:
        """Every entry of a row is known, and is what it must be. Raises: ConfigurationError."""
        if found := wrong_entry(row, known):
            entry, detail = found
            raise self.error(f"{key!r}: {detail}" if key else detail, table, key or entry)

    def place(self, table: str, key: str) -> Place:
        """Of a key, or of the table of that name; else of the table that it would stand in."""
        written = ((table, key), (f"{table}.{key}".strip("."), ""), (table, ""))
        return Place(self.name, next((self._lines[one] for one in written if one in self._lines), 1))

    def error(self, detail: str, table: str, key: str) -> ConfigurationError:
        """What is wrong, with the place of a key."""
        return ConfigurationError(str(Fault(self.place(table, key), detail)))

    def text(self, key: str) -> str:
        """What a key of the file says. Raises: ConfigurationError, if it says no text."""
        value = self.data.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key!r} is missing or no text", "", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list. Raises: ConfigurationError, if it is none."""
        value = self.data.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} is missing or no list of texts", "", key)
        return tuple(value)


def _no_toml(text: str, line: int, error: tomllib.TOMLDecodeError) -> str:
    """What is wrong with a file that is no TOML: of a name that stands twice, where it stands first."""
    if twice := doubled(text, line):
        name, first = twice
        return f"{name!r} stands in line {first} already; leave one of the two"
    curled = any(mark in text.split("\n")[line - 1] for mark in "“”„«»")
    way_out = '; quotation marks are straight here, "…"' if curled else ""
    return f"this cannot be read: {error}{way_out}"
