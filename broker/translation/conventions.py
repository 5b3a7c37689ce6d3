"""Text conventions: the same fact written in another way; pairs of functions that give None instead of guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Convention:
    """`forth` goes from eu-1 to national, `back` the other way; None means: not written after this convention."""

    forth: Callable[[str], str | None]
    back: Callable[[str], str | None]
    example: str  #: a text of eu-1 that is written so


def _day(separator: str) -> Convention:
    national = re.compile(re.escape(separator).join(("([0-9]{2})", "([0-9]{2})", "([0-9]{4})")))

    def forth(text: str) -> str | None:
        found = _ISO_DAY.fullmatch(text)
        return separator.join((found[3], found[2], found[1])) if found else None

    def back(text: str) -> str | None:
        found = national.fullmatch(text)
        return f"{found[3]}-{found[2]}-{found[1]}" if found else None

    return Convention(forth, back, "2026-11-23")


def _words(yes: str, no: str) -> Convention:
    forth = {"true": yes, "false": no}
    back = {yes: "true", no: "false"}
    return Convention(forth.get, back.get, "true")


CONVENTIONS: Final[dict[str, Convention]] = {
    "day-month-year": _day("/"),
    "day-dot-month": _day("."),
    "day-colon-month": _day(":"),
    "yes-no-fr": _words("oui", "non"),
    "yes-no-fi": _words("kyllä", "ei"),
}
