"""What all access points do alike: how long a call may last, what it broke by, and whether it is tried again."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
import tenacity

from broker.errors import OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_Value = TypeVar("_Value")
_SECOND: Final = 2


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and the number of tries of one call. Longer waits are the work row's business.

    After `retry_within` seconds no new try begins, so that a stalled other side costs one time-out and not three.
    """

    connect: float = 5.0
    total: float = 60.0
    tries: int = 3
    retry_within: float = 10.0
    first_pause: float = 0.2
    longest_pause: float = 2.0

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """For aiohttp."""
        return aiohttp.ClientTimeout(total=self.total, connect=self.connect)


class NotConnected(Unavailable):
    """No connection was made: nothing was sent, so the call may be repeated at once."""


@contextmanager
def one_call(name: str) -> Iterator[None]:
    """Tell apart by what one HTTP exchange broke. Only the class of an error is told: its text may hold credentials.

    Raises: NotConnected; OutcomeUnknown, if it broke off after connecting.
    """
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise NotConnected(f"no connection to {name}: {type(error).__name__}") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OutcomeUnknown(f"{name} fell silent: {type(error).__name__}") from error


async def patiently(call: Callable[[], Awaitable[_Value]], patience: Patience, *, once: bool) -> _Value:
    """A few tries within seconds. What may take effect `once` is tried again only if no connection was made.

    Raises: Unavailable; OutcomeUnknown, of such a call alone.
    """
    try:
        return await _tried(call, patience, NotConnected if once else Unavailable)
    except NotConnected as error:
        raise Unavailable(error.detail) from error
    except OutcomeUnknown as error:
        if once:
            raise
        raise Unavailable(error.detail) from error


async def _tried(call: Callable[[], Awaitable[_Value]], patience: Patience, error: type[Unavailable]) -> _Value:
    """The first try needs no machinery, and most need no second."""
    started = time.monotonic()
    try:
        return await call()
    except error:
        left = patience.retry_within - (time.monotonic() - started)
        if patience.tries < _SECOND or left <= 0:
            raise
    await asyncio.sleep(random.uniform(0, patience.first_pause))  # noqa: S311 -- jitter
    async for attempt in _retrying(patience, error, left):
        with attempt:
            return await call()
    raise AssertionError("unreachable")


def _retrying(patience: Patience, error: type[Unavailable], left: float) -> tenacity.AsyncRetrying:
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(error),
        stop=tenacity.stop_after_attempt(patience.tries - 1) | tenacity.stop_after_delay(left),
        wait=tenacity.wait_random_exponential(multiplier=patience.first_pause, max=patience.longest_pause),
        reraise=True,
    )
