"""Whether the AMQP door stands still: never because nothing comes, always because nothing could come in."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from pika.exceptions import UnroutableError
from yarl import URL

from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.listening import Listening
from adapters.amqp.topology import OUT, Topology
from adapters.backends.amqp_door import DoorSettings
from tests.support.amqp_door import Keeper, opened, publish, until
from tests.support.amqp_fixtures import BACKENDS
from tests.support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from broker.flow.arrival import Arrival
    from tests.support.amqp_fixtures import Vhost

SETTINGS = DoorSettings(first_pause=0.02, longest_pause=0.1, patience=30, grace=0.2, look=0.05)


class Pulse:
    """What a door says of itself."""

    def __init__(self) -> None:
        self.silent, self.beats = 0.0, 0

    def __call__(self, silent: float) -> None:
        self.silent, self.beats = silent, self.beats + 1

    async def grows(self) -> None:
        await until(lambda: self.silent > 1)

    async def is_well(self) -> None:
        before = self.beats
        await until(lambda: self.beats > before and self.silent < 0.5)


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


def watched(rabbit: Rabbit, keeper: Keeper, pulse: Pulse) -> AbstractAsyncContextManager[None]:
    return opened(rabbit, keeper, SETTINGS, beat=pulse)


async def test_an_idle_door_is_well(rabbit: Rabbit, keeper: Keeper, pulse: Pulse) -> None:
    async with watched(rabbit, keeper, pulse):
        await pulse.is_well()
        before = pulse.beats
        await asyncio.sleep(1.5)
        assert pulse.silent < 0.5
        assert pulse.beats - before > 10


async def test_a_door_whose_connection_is_gone_stands_still_until_it_is_back(
    vhost: Vhost, keeper: Keeper, pulse: Pulse
) -> None:
    url = URL(vhost.url())
    hdh = vhost.add_user("hdh")
    async with TcpProxy("127.0.0.1", url.port or 0) as proxy:
        through = str(url.with_port(proxy.port).update_query(reconnect_interval="0.1"))
        rabbit = await connect(through, Topology(BACKENDS))
        async with watched(rabbit, keeper, pulse):
            await pulse.is_well()
            proxy.cut()
            await pulse.grows()
            assert proxy.fired
            proxy.lift()
            await pulse.is_well()
            await publish(hdh, "hdh", (b"<Dossier/>", "m-1", {}))
            await until(lambda: ("hdh", "m-1") in keeper.kept)
        await rabbit.close()


async def test_a_queue_that_somebody_deletes_comes_back_with_its_binding_and_the_door_is_well(
    rabbit: Rabbit, vhost: Vhost, keeper: Keeper, pulse: Pulse
) -> None:
    hdh = vhost.add_user("hdh")
    async with watched(rabbit, keeper, pulse):
        await pulse.is_well()
        channel = await rabbit.channel(1)
        await channel.queue_delete(OUT)
        async with asyncio.timeout(20):
            while ("hdh", "m-1") not in keeper.kept:
                with suppress(UnroutableError):
                    await publish(hdh, "hdh", (b"<Dossier/>", "m-1", {}))
                await asyncio.sleep(0.1)
        await pulse.is_well()
        await channel.close()


async def test_a_consumer_that_rabbitmq_no_longer_knows_is_seen_although_its_channel_is_open(rabbit: Rabbit) -> None:
    listening, channel = Listening(), await rabbit.channel(1)
    queue = await channel.declare_queue(OUT, passive=True, robust=False)

    async def ignore(_: object) -> None:
        """Nothing comes."""

    tag = await queue.consume(ignore)
    listening.attached(channel, tag)
    await asyncio.sleep(0.3)
    assert await listening.silent() < 0.2
    await (await channel.get_underlay_channel()).basic_cancel(tag)
    await asyncio.sleep(0.3)
    assert not channel.is_closed
    assert await listening.silent() >= 0.3
    await channel.close()


async def test_a_message_that_is_at_work_for_too_long_is_seen_until_it_ends(
    rabbit: Rabbit, vhost: Vhost, pulse: Pulse
) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    class Stuck(Keeper):
        async def keep(self, arrival: Arrival) -> None:
            entered.set()
            await release.wait()
            await super().keep(arrival)

    stuck = Stuck()
    async with watched(rabbit, stuck, pulse):
        await publish(vhost.add_user("hdh"), "hdh", (b"<Dossier/>", "m-1", {}))
        await entered.wait()
        await pulse.grows()
        release.set()
        await until(lambda: ("hdh", "m-1") in stuck.kept)
        await pulse.is_well()
