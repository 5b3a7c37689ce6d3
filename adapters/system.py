"""The machine's time, ids that sort by it, and the public holidays of a state."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

_COUNTER_BITS = 12
_RANDOM_BITS = 62


class SystemClock:
    """The machine's clock, UTC."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)


class TimeSortedIds:
    """UUIDv7 (RFC 9562 §5.7), in ascending order also within one millisecond of this process."""

    def __init__(self, milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._milliseconds = milliseconds
        self._last = 0
        self._counter = 0

    def new(self) -> str:
        """The next id."""
        now = max(self._milliseconds(), self._last)
        self._counter = self._counter + 1 if now == self._last else secrets.randbelow(1 << (_COUNTER_BITS - 2))
        if self._counter >> _COUNTER_BITS:
            now, self._counter = now + 1, 0
        self._last = now
        value = now << 80 | 0x7 << 76 | self._counter << 64 | 0b10 << 62 | secrets.randbits(_RANDOM_BITS)
        return str(uuid.UUID(int=value))


class StateDays:
    """Public holidays and legal days of one state (ISO 3166-1 alpha-2); source: the `holidays` package."""

    def __init__(self, nation: str, zone: str) -> None:
        import holidays  # noqa: PLC0415 - slow to load, and the command line needs the clock alone

        self.zone = ZoneInfo(zone)
        self._holidays = holidays.country_holidays(nation)

    def is_holiday(self, day: date) -> bool:
        """Whether it is a public holiday there."""
        return day in self._holidays
