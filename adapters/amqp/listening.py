"""Whether a consumer still consumes. One that waits for messages does nothing, so it cannot show it by working.

What can be said of it: its channel is open, RabbitMQ has it registered there, and no message is at work for too long. A
server that froze with its connections open is told by their heartbeats, and by the node's own check of the queue.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from aio_pika.abc import AbstractRobustChannel

_SECONDS: Final = 1.0


class Listening:
    """One consumer, seen from outside. `now` is a clock in seconds that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._registered_at = now()
        self._channel: AbstractRobustChannel | None = None
        self._tag = ""
        self._at_work: dict[object, float] = {}

    def attached(self, channel: AbstractRobustChannel, tag: str) -> None:
        """It was registered on this channel."""
        self._channel, self._tag = channel, tag

    def detached(self) -> None:
        """It takes no messages any more."""
        self._channel = None

    def began(self, work: object) -> None:
        """A message is at work from now on."""
        self._at_work[work] = self._now()

    def ended(self, work: object) -> None:
        """It is no more."""
        self._at_work.pop(work, None)

    async def silent(self) -> float:
        """Seconds since all was last well: it was registered, and the oldest message at work was begun."""
        registered, now = await self._is_registered(), self._now()
        if registered:
            self._registered_at = now
        return now - min(self._registered_at, *self._at_work.values(), now)

    async def _is_registered(self) -> bool:
        """A queue that was deleted takes its consumers with it, and leaves the channel open."""
        if self._channel is None or self._channel.is_closed:
            return False
        try:
            async with asyncio.timeout(_SECONDS):
                channel = await self._channel.get_underlay_channel()
        except (TimeoutError, *CONNECTION_EXCEPTIONS):
            return False
        return isinstance(channel, Channel) and self._tag in channel.consumers
