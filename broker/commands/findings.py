"""What the doctor says of one thing: it works, it fails, or it cannot be seen from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Seen(StrEnum):
    """How it looks."""

    WORKS = "works"
    FAILS = "FAILS"
    UNKNOWN = "unknown"  #: not visible from here: the sentence says how to look


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it looks, and what to do."""

    name: str
    seen: Seen
    detail: str

    @property
    def ok(self) -> bool:
        """Whether nothing is known to be wrong with it."""
        return self.seen is not Seen.FAILS

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"check": self.name, "ok": self.ok, "state": self.seen.lower(), "detail": self.detail}


def works(name: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(name, Seen.WORKS, detail)


def fails(name: str, detail: str) -> Finding:
    """What to change stands in the detail."""
    return Finding(name, Seen.FAILS, detail)


def unknown(name: str, detail: str) -> Finding:
    """How to look stands in the detail."""
    return Finding(name, Seen.UNKNOWN, detail)
