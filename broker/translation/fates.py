"""What can be done with a leaf, and what became of it."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Fate(StrEnum):
    """What became of a leaf of the source document."""

    COPIED = "copied"
    RECODED = "recoded"
    SPLIT = "split"
    JOINED = "joined"
    ANNEX = "annex"
    CARRIED = "carried"
    LEFT_OUT = "left-out"


class Do(IntEnum):
    """How the engine treats a leaf; the order is that of its handlers."""

    COPY = 0
    CONVERT = 1
    SPLIT = 2
    JOIN = 3
    ANNEX = 4
    KEEP = 5
    ANNEX_ENTRY = 6
    CONDITION = 7
