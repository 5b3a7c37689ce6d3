"""What every `Tickets` adapter promises."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from adapters.amqp.connection import connect
from adapters.amqp.topology import Topology
from adapters.queue.embedded import EmbeddedTickets
from adapters.queue.rabbitmq import RabbitTickets
from broker.errors import Unavailable
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker.ports import TicketHandler, Tickets

SMALL = 5


@pytest_asyncio.fixture(params=["embedded", "rabbitmq"])
async def tickets(request: pytest.FixtureRequest) -> AsyncIterator[Tickets]:
    if request.param == "embedded":
        yield EmbeddedTickets(max_length=SMALL, grace=2)
        return
    rabbit = await connect(request.getfixturevalue("amqp_url"), Topology(max_length=SMALL))
    yield RabbitTickets(rabbit)
    await rabbit.close()


@asynccontextmanager
async def consuming(
    tickets: Tickets, handler: TicketHandler, *, kind: WorkKind = WorkKind.PREPARE, concurrency: int = 1
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(tickets.consume(kind, handler, concurrency=concurrency))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Seen:
    """A handler that notes what it gets."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self._changed = asyncio.Condition()

    async def __call__(self, subject: str) -> None:
        async with self._changed:
            self.subjects.append(subject)
            self._changed.notify_all()

    async def wait_for(self, count: int) -> list[str]:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.subjects) >= count)
        return self.subjects


async def test_a_ticket_reaches_a_worker_once(tickets: Tickets) -> None:
    seen = Seen()
    await tickets.put(WorkKind.PREPARE, "m-1")
    async with consuming(tickets, seen):
        await seen.wait_for(1)
        await tickets.put(WorkKind.PREPARE, "m-2")
        await seen.wait_for(2)
        await asyncio.sleep(0.3)
    assert seen.subjects == ["m-1", "m-2"]


async def test_kinds_do_not_mix(tickets: Tickets) -> None:
    seen = Seen()
    await tickets.put(WorkKind.PREPARE, "message")
    await tickets.put(WorkKind.DELIVER, "exchange")
    async with consuming(tickets, seen, kind=WorkKind.DELIVER):
        await seen.wait_for(1)
        await asyncio.sleep(0.3)
    assert seen.subjects == ["exchange"]


async def test_a_handler_that_raises_spends_its_ticket_and_stops_nothing(tickets: Tickets) -> None:
    seen = Seen()

    async def failing(subject: str) -> None:
        await seen(subject)
        raise ValueError(subject)

    await tickets.put(WorkKind.PREPARE, "bad")
    await tickets.put(WorkKind.PREPARE, "good")
    async with consuming(tickets, failing):
        await seen.wait_for(2)
        await asyncio.sleep(0.3)
    assert seen.subjects == ["bad", "good"]


async def test_no_more_handlers_run_at_once_than_wanted(tickets: Tickets) -> None:
    running = most = 0
    seen = Seen()

    async def slow(subject: str) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1
        await seen(subject)

    for number in range(SMALL):
        await tickets.put(WorkKind.PREPARE, str(number))
    async with consuming(tickets, slow, concurrency=2):
        await seen.wait_for(SMALL)
    assert most == 2


async def test_a_full_queue_is_unavailable_and_takes_again_once_emptied(tickets: Tickets) -> None:
    async def fill() -> None:
        for number in range(SMALL * 3):
            await tickets.put(WorkKind.PREPARE, str(number))

    with pytest.raises(Unavailable):
        await fill()
    seen = Seen()
    async with consuming(tickets, seen):
        await seen.wait_for(SMALL)
    await tickets.put(WorkKind.PREPARE, "after")


async def test_work_under_way_ends_before_consuming_does(tickets: Tickets) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        started.set()
        await asyncio.sleep(0.5)
        ended.set()

    await tickets.put(WorkKind.PREPARE, "m-1")
    async with consuming(tickets, slow):
        async with asyncio.timeout(20):
            await started.wait()
    assert ended.is_set()


async def test_a_ticket_not_yet_taken_waits_for_the_next_worker(tickets: Tickets) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def blocked(_: str) -> None:
        started.set()
        await go.wait()

    await tickets.put(WorkKind.PREPARE, "first")
    async with consuming(tickets, blocked):
        async with asyncio.timeout(20):
            await started.wait()
        await tickets.put(WorkKind.PREPARE, "second")
        asyncio.get_running_loop().call_later(0.3, go.set)
    seen = Seen()
    async with consuming(tickets, seen):
        await seen.wait_for(1)
        await asyncio.sleep(0.3)
    assert seen.subjects == ["second"]


async def test_ping_answers(tickets: Tickets) -> None:
    await tickets.ping()
