"""The AMQP door on its own: what it hands over is kept in a list, and pika is the back end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from adapters.backends.amqp_door import AmqpDoor, DoorSettings
from tests.support.amqp_fixtures import BACKENDS
from tests.support.pika_peer import Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from adapters.amqp.connection import Rabbit
    from broker.errors import Problem
    from broker.flow.arrival import Arrival

QUICK = DoorSettings(first_pause=0.02, longest_pause=0.1, patience=0.3, grace=1)


class Keeper:
    """Keeps arrivals as the flow would; `answer` may raise what the flow would raise."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Arrival] = {}
        self.set_aside: list[tuple[Arrival, Problem]] = []
        self.tries = 0
        self.delivered: set[str] = set()  #: ids of deliveries that the node made
        self.given_back: list[tuple[str, str]] = []
        self.answer: Callable[[Arrival], None] = lambda _: None

    async def keep(self, arrival: Arrival) -> None:
        self.tries += 1
        self.answer(arrival)
        self.kept[arrival.party, arrival.key] = arrival

    async def quarantine(self, arrival: Arrival, problem: Problem) -> None:
        self.set_aside.append((arrival, problem))

    async def give_back(self, backend: str, delivery: str) -> bool:
        self.given_back.append((backend, delivery))
        return delivery in self.delivered

    def keys(self) -> set[str]:
        return {key for _, key in self.kept}


async def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


async def left_in(rabbit: Rabbit, queue: str) -> int:
    """Messages ready or unacked would be redelivered to us: an empty queue gives none."""
    channel = await rabbit.channel(1)
    declared = await channel.declare_queue(queue, passive=True, robust=False)
    await channel.close()
    return declared.declaration_result.message_count or 0


@asynccontextmanager
async def opened(
    rabbit: Rabbit, keeper: Keeper, settings: DoorSettings = QUICK, *, beat: Callable[[float], None] = lambda _: None
) -> AsyncIterator[None]:
    door = AmqpDoor(
        rabbit,
        backends=frozenset(BACKENDS),
        keep=keeper.keep,
        quarantine=keeper.quarantine,
        give_back=keeper.give_back,
        node="fr",
        settings=settings,
        beat=beat,
    )
    task = asyncio.create_task(door.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def give_back(url: str, queue: str) -> int:
    """Take one message and return it, as often as it comes; how often it came."""
    with Peer(url, "hdh") as peer:
        count = 0
        for method, _, _ in peer.channel.consume(queue, inactivity_timeout=2):
            if method is None:
                break
            count += 1
            peer.channel.basic_nack(method.delivery_tag, requeue=True)
        peer.channel.cancel()
        return count


async def publish(url: str, name: str, *messages: tuple[bytes, str | None, dict[str, object]]) -> None:
    def run() -> None:
        with Peer(url, name) as peer:
            for body, message_id, others in messages:
                peer.publish(body, message_id, **others)

    await asyncio.to_thread(run)
