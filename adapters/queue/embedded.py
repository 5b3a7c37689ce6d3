"""Tickets within one process, for the embedded mode: gone with the process, issued again by the sweeper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from broker.errors import Unavailable
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.ports import TicketHandler

_log = structlog.get_logger()

MAX_LENGTH: Final = 10_000
GRACE_SECONDS: Final = 10.0


class EmbeddedTickets:
    """The `Tickets` port in memory. A ticket that already waits is not put twice."""

    def __init__(self, *, max_length: int = MAX_LENGTH, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace
        self._closed = False
        self._waiting: dict[WorkKind, dict[str, None]] = {kind: {} for kind in WorkKind}
        self._tokens: dict[WorkKind, asyncio.Queue[str]] = {kind: asyncio.Queue(max_length) for kind in WorkKind}

    async def put(self, kind: WorkKind, subject: str) -> None:
        """Raises: Unavailable, if the queue is full or closed."""
        if self._closed:
            raise Unavailable("The queue is closed", reason="closed")
        if subject in self._waiting[kind]:
            return
        try:
            self._tokens[kind].put_nowait(subject)
        except asyncio.QueueFull:
            raise Unavailable(f"The queue {kind} is full", reason="not-confirmed") from None
        self._waiting[kind][subject] = None

    async def consume(self, kind: WorkKind, handler: TicketHandler, *, concurrency: int) -> None:
        """Call the handler for each ticket until cancelled; tickets at work then get some seconds to end."""
        free = asyncio.Semaphore(concurrency)
        running: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            running.discard(task)
            free.release()

        try:
            while True:
                await free.acquire()
                subject = await self._tokens[kind].get()
                del self._waiting[kind][subject]
                task = asyncio.create_task(_handle(kind, handler, subject))
                running.add(task)
                task.add_done_callback(ended)
        finally:
            await self._wind_down(running)

    async def ping(self) -> None:
        """Raises: Unavailable, once closed."""
        if self._closed:
            raise Unavailable("The queue is closed", reason="closed")

    async def close(self) -> None:
        """Take no more tickets."""
        self._closed = True

    async def _wind_down(self, running: set[asyncio.Task[None]]) -> None:
        if running:
            await asyncio.wait(running, timeout=self._grace)
        late = tuple(running)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _handle(kind: WorkKind, handler: TicketHandler, subject: str) -> None:
    try:
        await handler(subject)
    except Exception as error:  # noqa: BLE001 - the row keeps what is left to do; the ticket is spent
        _log.error("ticket.handler_failed", kind=kind, error=type(error).__name__)
