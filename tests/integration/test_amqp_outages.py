"""RabbitMQ dies, or the way to it breaks, while tickets and messages are under way."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.topology import Topology
from adapters.backends.amqp import AmqpBackend
from adapters.queue.rabbitmq import RabbitTickets
from broker.errors import Unavailable
from broker.model.work import WorkKind
from tests.support.amqp_fixtures import BACKENDS
from tests.support.deliveries import a_delivery
from tests.support.rabbitmq import SETTLE_SECONDS, RabbitNode, own_rabbit
from tests.support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.support.amqp_fixtures import Vhost

RECOVERY_SECONDS = 60


@pytest_asyncio.fixture
async def proxy(vhost: Vhost) -> AsyncIterator[TcpProxy]:
    async with TcpProxy("127.0.0.1", vhost.node.port) as running:
        yield running


@pytest_asyncio.fixture
async def rabbit(vhost: Vhost, proxy: TcpProxy) -> AsyncIterator[Rabbit]:
    url = vhost.url().replace(f":{vhost.node.port}/", f":{proxy.port}/") + "?heartbeat=2"
    made = await connect(url, Topology(BACKENDS))
    yield made
    await made.close()


@pytest.fixture
def mortal_node() -> Iterator[RabbitNode]:
    """A node to kill: RabbitMQ 3.10 may come back without its quorum queues' logs, and others share the usual node."""
    with own_rabbit() as node:
        yield node


class Worker:
    """Notes tickets; with `gate` closed it keeps them at work."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.done: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, subject: str) -> None:
        self.started.append(subject)
        await self.gate.wait()
        self.done.append(subject)


@asynccontextmanager
async def working(rabbit: Rabbit, worker: Worker, concurrency: int = 4) -> AsyncIterator[None]:
    task = asyncio.create_task(RabbitTickets(rabbit).consume(WorkKind.PREPARE, worker, concurrency=concurrency))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool], *, seconds: float = RECOVERY_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.05)


async def put_until_taken(tickets: RabbitTickets, subject: str) -> int:
    """As the relay does it: again until it is confirmed. How often it was not."""
    refused = 0
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            try:
                await tickets.put(WorkKind.PREPARE, subject)
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.2)
            else:
                return refused


@pytest.mark.timeout(240)
async def test_tickets_survive_a_sigkill_of_rabbitmq_and_work_goes_on(mortal_node: RabbitNode) -> None:
    rabbit = await connect(f"{mortal_node.url()}?heartbeat=2", Topology(BACKENDS))
    tickets, worker = RabbitTickets(rabbit), Worker()
    await asyncio.sleep(SETTLE_SECONDS)
    for number in range(10):
        await tickets.put(WorkKind.PREPARE, f"before-{number}")
    worker.gate.clear()
    async with working(rabbit, worker):
        await until(lambda: len(worker.started) == 4)
        pid = mortal_node.pid
        await asyncio.to_thread(mortal_node.kill)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(Unavailable):
            await tickets.put(WorkKind.PREPARE, "during")
        with pytest.raises(Unavailable):
            await tickets.ping()
        worker.gate.set()
        await until(lambda: len(worker.done) == 4)  # work under way ends, RabbitMQ or not
        await asyncio.to_thread(mortal_node.restart)
        await put_until_taken(tickets, "after")
        await until(lambda: "after" in worker.done)
        await until(lambda: {f"before-{number}" for number in range(10)} <= set(worker.done))
        await tickets.ping()
    await rabbit.close()


@pytest.mark.parametrize("fault", ["cut", "reset"])
async def test_a_lost_connection_comes_back_by_itself(rabbit: Rabbit, proxy: TcpProxy, fault: str) -> None:
    tickets, worker = RabbitTickets(rabbit), Worker()
    async with working(rabbit, worker):
        await put_until_taken(tickets, "before")
        await until(lambda: worker.done == ["before"])
        getattr(proxy, fault)()
        assert proxy.fired >= 1
        refused = asyncio.create_task(put_until_taken(tickets, "during"))
        await asyncio.sleep(2)
        proxy.lift()
        if fault == "cut":
            assert await refused >= 1
        await refused
        await until(lambda: "during" in worker.done)
    assert proxy.connections >= 2


async def test_a_stalled_connection_is_noticed_and_replaced(rabbit: Rabbit, proxy: TcpProxy) -> None:
    tickets, worker = RabbitTickets(rabbit), Worker()
    async with working(rabbit, worker):
        await put_until_taken(tickets, "before")
        await until(lambda: worker.done == ["before"])
        proxy.stall()
        with pytest.raises(Unavailable):
            await tickets.ping()
        with pytest.raises(Unavailable):
            await tickets.put(WorkKind.PREPARE, "during")
        proxy.lift()
        await put_until_taken(tickets, "after")
        await until(lambda: "after" in worker.done)


async def test_work_under_way_outlives_the_connection_that_brought_it(rabbit: Rabbit, proxy: TcpProxy) -> None:
    tickets, worker = RabbitTickets(rabbit), Worker()
    worker.gate.clear()
    async with working(rabbit, worker):
        await tickets.put(WorkKind.PREPARE, "slow")
        await until(lambda: worker.started == ["slow"])
        proxy.reset()
        await until(lambda: worker.started == ["slow", "slow"])  # delivered again: the row decides who works
        worker.gate.set()
        await until(lambda: worker.done == ["slow", "slow"])
        await put_until_taken(tickets, "next")
        await until(lambda: "next" in worker.done)


async def test_publishes_in_flight_at_a_cut_each_end_confirmed_or_unavailable(rabbit: Rabbit, proxy: TcpProxy) -> None:
    backend = AmqpBackend("hdh", rabbit, node="fr", api_base="http://127.0.0.1:8080")
    flying = [asyncio.create_task(backend.deliver(a_delivery(id=str(number)))) for number in range(500)]
    await asyncio.sleep(0.02)
    proxy.cut()
    results = await asyncio.gather(*flying, return_exceptions=True)
    proxy.lift()
    assert {type(result) for result in results} <= {bool, Unavailable}
    assert any(isinstance(result, Unavailable) for result in results)


async def test_a_server_that_lost_its_queues_gets_them_again(rabbit: Rabbit, proxy: TcpProxy, vhost: Vhost) -> None:
    backend = AmqpBackend("hdh", rabbit, node="fr", api_base="http://127.0.0.1:8080")
    await asyncio.to_thread(vhost.node.api, "DELETE", vhost.api_path("queues", "hdeu.in.hdh"))
    with pytest.raises(Unavailable):
        await backend.deliver(a_delivery())
    proxy.reset()

    async def delivered() -> bool:
        with suppress(Unavailable):
            return await backend.deliver(a_delivery()) is False
        return False

    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await delivered():  # noqa: ASYNC110 - only another try can tell
            await asyncio.sleep(0.2)


async def test_closing_ends_in_time_even_if_the_server_does_not_answer(vhost: Vhost, proxy: TcpProxy) -> None:
    made = await connect(vhost.url().replace(f":{vhost.node.port}/", f":{proxy.port}/"), Topology(BACKENDS))
    proxy.stall()
    async with asyncio.timeout(15):
        await made.close()
