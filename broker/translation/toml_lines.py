"""On which line of a TOML file each key stands; the reader of the standard library does not tell."""

from __future__ import annotations

import re

_KEY = re.compile(r"""^\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")
_HEADER = re.compile(r"^\s*\[\[?\s*(.+?)\s*\]\]?\s*(?:#.*)?$")


def line_numbers(text: str) -> dict[tuple[str, str], int]:
    """By table and key; the nth of an array of tables is `table.n`, a table itself has the key ""."""
    numbers: dict[tuple[str, str], int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _KEY.match(line):
            numbers.setdefault((table, found[1].strip("\"'")), number)
        elif found := _HEADER.match(line):
            table = found[1].replace('"', "")
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            numbers[(table, "")] = number
    return numbers
