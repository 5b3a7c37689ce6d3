"""When to try again: back-off with jitter for work rows, a circuit breaker and a pause per destination.

Seconds inside one call are tenacity's, in the adapter; minutes to days are the work row's, from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

    from broker.model.work import Pause
    from broker.ports import Transaction

_FRESH: Final = timedelta(seconds=1)  #: how long what was read of pauses holds


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Times in seconds. `budget` must stay below the access point's retention of what was not downloaded."""

    base: float = 2.0
    cap: float = 900.0
    budget: float = 48 * 3600.0
    lease: float = 60.0  #: how long a worker may own a row before another may take it
    in_hand: float = 2.0  #: how long what is read waits for its turn before it goes back among the rows

    def delay(self, attempts: int, random: Random) -> timedelta:
        """Exponential, capped, with jitter over the upper half, so that many rows do not come back at once."""
        span = min(self.cap, self.base * 2 ** min(max(attempts - 1, 0), 20))
        return timedelta(seconds=span * (0.5 + random.random() / 2))


@dataclass(slots=True)
class Breaker:
    """Stops calling a destination that failed `threshold` times in a row, for `rest` seconds; then one call tries."""

    threshold: int = 5
    rest: float = 15.0
    failures: int = 0
    open_until: datetime | None = None

    def blocked(self, now: datetime) -> bool:
        """Whether to leave the destination alone for now."""
        return self.open_until is not None and now < self.open_until

    def succeeded(self) -> None:
        """The destination answered."""
        self.failures, self.open_until = 0, None

    def failed(self, now: datetime) -> None:
        """The destination did not answer."""
        self.failures += 1
        if self.failures >= self.threshold:
            self.open_until = now + timedelta(seconds=self.rest)


@dataclass(slots=True)
class Breakers:
    """One breaker per destination name, in this process."""

    threshold: int = 5
    rest: float = 15.0
    by_name: dict[str, Breaker] = field(default_factory=dict)

    def of(self, name: str) -> Breaker:
        """The destination's breaker."""
        return self.by_name.setdefault(name, Breaker(self.threshold, self.rest))


@dataclass(slots=True)
class PauseBoard:
    """What is paused, as it was read a moment ago: asking for each delivery would cost a round trip each."""

    by_name: dict[str, Pause] = field(default_factory=dict)
    read_at: datetime | None = None

    async def of(self, tx: Transaction, destination: str, now: datetime) -> Pause | None:
        """The destination's pause, if it has one."""
        if self.read_at is None or abs(now - self.read_at) > _FRESH:
            self.by_name = {pause.destination: pause for pause in await tx.pauses()}
            self.read_at = now
        return self.by_name.get(destination)
