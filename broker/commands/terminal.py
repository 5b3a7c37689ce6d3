"""What commands write: results on stdout, everything else on stderr; tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from broker.errors import Problem

PIPED_WIDTH: Final = 240  #: columns where nobody looks: wide enough that no id is folded
#: Colours repeat what the word says; they never say it alone.
STYLES: Final = {
    "PARKED": "bold red",
    "REFUSED": "red",
    "SEND_FAILED": "bold red",
    "PRESUMED_FAILED": "bold red",
    "SIGN_OFF": "bold yellow",
    "ENDED": "green",
    "ACKNOWLEDGED": "green",
    "DELIVERED": "green",
}


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """A line beside the result."""
    sys.stderr.write(f"{text}\n")


def problems(found: Iterable[Problem]) -> None:
    """One line each, on stdout: they are the result of `validate`."""
    for problem in found:
        say(problem.as_line())


def what_next(found: Iterable[Problem]) -> None:
    """What to do about problems, each advice once; beside the result, where one line is one problem."""
    for hint in dict.fromkeys(problem.hint for problem in found if problem.hint not in problem.detail):
        note(f"next: {hint}")


def as_json(value: Any) -> None:
    """The result for programs."""
    say(json.dumps(value, ensure_ascii=False, indent=2))


def raw(data: bytes) -> None:
    """Bytes as they are."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for people."""
    from rich.table import Table  # noqa: PLC0415 - slow to load, and programs ask for JSON
    from rich.text import Text  # noqa: PLC0415 - same

    console = _console()
    grid = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for name in columns:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(grid)


def facts(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line; empty ones are left out."""
    table(title, ("", ""), ((name, value) for name, value in pairs if value))


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - as above

    if sys.stdout.isatty():
        return Console(file=sys.stdout)
    return Console(file=sys.stdout, width=PIPED_WIDTH)
