"""On which line of a TOML file each key stands; the reader of the standard library does not tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = re.compile(r"""^\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")
_HEADER = re.compile(r"^\s*\[\[?\s*(.+?)\s*\]\]?\s*(?:#.*)?$")


def line_numbers(text: str) -> dict[tuple[str, str], int]:
    """By table and key; the nth of an array of tables is `table.n`, a table itself has the key ""."""
    numbers: dict[tuple[str, str], int] = {}
    for number, table, key in _keys(text):
        if key:
            numbers.setdefault((table, key), number)
        else:
            numbers[table, key] = number
    return numbers


def doubled(text: str, line: int) -> tuple[str, int] | None:
    """The key or table on a line that stands further up already, and where; None, if nothing there does."""
    seen: dict[tuple[str, str], int] = {}
    for number, table, key in _keys(text):
        if number == line:
            return (key or table, seen[table, key]) if (table, key) in seen else None
        seen.setdefault((table, key), number)
    return None


def _keys(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, table and key of everything that is named."""
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _KEY.match(line):
            yield number, table, found[1].strip("\"'")
        elif found := _HEADER.match(line):
            table = found[1].replace('"', "")
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            yield number, table, ""
