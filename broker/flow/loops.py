"""The loops that keep a node moving: worker, sweeper, fetcher, receipts, silence. Each beats a heart.

A loop never dies of one failure: it logs the code, waits and goes on. Readiness tells when one stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, Unavailable
from broker.flow.deliver import deliver
from broker.flow.node import Node, log
from broker.flow.prepare import prepare
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.ports import TicketHandler

Beat = Callable[[str], None]
_REISSUE: Final = timedelta(seconds=5)  #: a ticket that was issued less long ago is not issued again


async def repeat(
    name: str,
    every: float,
    work: Callable[[], Awaitable[object]],
    beat: Beat,
    *,
    wake: asyncio.Event | None = None,
) -> None:
    """Run `work` every `every` seconds, or when woken, until cancelled; failures are logged and never end it."""
    pause = every
    while True:
        try:
            await work()
            pause = every
        except Unavailable as problem:
            log.warning("loop.unavailable", loop=name, code=problem.code)
            pause = min(max(pause * 2, 0.5), 5.0)
        except BrokerError as problem:
            log.error("loop.failed", loop=name, code=problem.code)
        except Exception as error:  # noqa: BLE001 -- a loop outlives what it did not foresee; readiness shows it
            log.error("loop.failed", loop=name, code="internal-error", exc_info=error)
        beat(name)
        await _rest(pause, wake)


async def _rest(pause: float, wake: asyncio.Event | None) -> None:
    if wake is None:
        await asyncio.sleep(pause)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(pause):
            await wake.wait()
    wake.clear()


def handler(node: Node, kind: WorkKind, beat: Callable[[], None] = lambda: None) -> TicketHandler:
    """What a worker does with a ticket: the row is the truth, a ticket whose row can't be claimed does nothing."""
    step = prepare if kind is WorkKind.PREPARE else deliver

    async def handle(subject: str) -> None:
        try:
            await step(node, subject)
        except Unavailable as problem:
            log.warning("work.unavailable", kind=kind.value, subject=subject, code=problem.code)
        except Exception as error:  # noqa: BLE001 -- the row stays and is tried again when its lease is over
            log.error("work.failed", kind=kind.value, subject=subject, code="internal-error", exc_info=error)
        beat()

    return handle


@dataclass(slots=True)
class Sweeper:
    """Issues tickets for due rows: after a crash, a lost ticket, a back-off, or a row that the CLI wrote."""

    node: Node
    batch: int = 200
    issued: dict[str, datetime] = field(default_factory=dict)

    async def sweep(self) -> int:
        """Issue tickets for due rows; how many."""
        now = self.node.clock.now()
        self.issued = {key: at for key, at in self.issued.items() if now - at < _REISSUE}
        async with self.node.store.transaction() as tx:
            due = await tx.due_work(now, self.batch)
        fresh = [work for work in due if f"{work.id}/{work.attempts}" not in self.issued]
        for work in fresh:
            await self.node.tickets.put(work.kind, work.subject)
            self.issued[f"{work.id}/{work.attempts}"] = now
        return len(fresh)
