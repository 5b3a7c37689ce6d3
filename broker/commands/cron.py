"""How long a Quartz cron expression lets things wait: `seconds minutes hours day-of-month month day-of-week [year]`."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

_DAY: Final = 86_400
_LENGTHS: Final = (60, 60, 24)  #: of the fields that are read
_FIELDS: Final = (6, 7)
_EVERY_DAY: Final = {"*", "?"}


def longest_wait(expression: str) -> float | None:
    """Seconds between two runs that lie furthest apart; None where it does not run every day, or cannot be read."""
    fields = expression.split()
    if len(fields) not in _FIELDS or not set(fields[3:]) <= _EVERY_DAY:
        return None
    try:
        seconds, minutes, hours = (_values(field, length) for field, length in zip(fields[:3], _LENGTHS, strict=True))
    except ValueError:
        return None
    moments = [hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds]
    return float(max(later - earlier for earlier, later in pairwise([*moments, moments[0] + _DAY])))


def _values(field: str, length: int) -> list[int]:
    """What `*`, `5`, `0/30`, `1-5`, `1-9/2` and lists of them stand for, in order. Raises: ValueError."""
    found = sorted({value for item in field.split(",") for value in _item(item, length)})
    if not found or found[-1] >= length:
        raise ValueError(field)
    return found


def _item(item: str, length: int) -> range:
    span, _, step = item.partition("/")
    if span in _EVERY_DAY:
        first, last = 0, length - 1
    else:
        start, _, end = span.partition("-")
        first = int(start)
        last = int(end) if end else (length - 1 if step else first)
    return range(first, last + 1, int(step) if step else 1)
