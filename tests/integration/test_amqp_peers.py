"""Back ends that share no code with ours, on a real RabbitMQ: npm's amqplib, the C client of amqp-tools, and pika."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from adapters.backends.amqp import AmqpBackend
from adapters.backends.amqp_door import AmqpDoor, DoorSettings
from broker.model.messages import Door
from tests.support.amqp_fixtures import BACKENDS
from tests.support.deliveries import a_delivery
from tests.support.peers import MissingPeerError, in_node
from tests.support.pika_peer import Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from adapters.amqp.connection import Rabbit
    from broker.errors import Problem
    from broker.flow.arrival import Arrival
    from tests.support.amqp_fixtures import Vhost

BODY = bytes(range(256)) * 8


def amqplib_publishes(url: str, message_id: str, key: str) -> None:
    properties = {"userId": "hdh", "messageId": message_id, "contentType": "application/xml"}
    order = {"key": key, "body": base64.b64encode(BODY).decode(), "properties": properties}
    assert in_node("amqplib_peer.js", {"url": url, "publish": order}) == {"confirmed": True, "returned": []}


def pika_publishes(url: str, message_id: str, key: str) -> None:
    with Peer(url, "hdh") as peer:
        peer.publish(BODY, message_id, key=key)


def amqplib_receives(url: str) -> dict[str, Any]:
    got = in_node("amqplib_peer.js", {"url": url, "receive": "hdeu.in.hdh"})
    return {**got, "body": base64.b64decode(got["body"])}


def pika_receives(url: str) -> dict[str, Any]:
    with Peer(url, "hdh") as peer:
        got = peer.receive()
    known = got.properties
    return {
        "key": got.routing_key,
        "body": got.body,
        "messageId": known.message_id,
        "contentType": known.content_type,
        "deliveryMode": known.delivery_mode,
        "headers": known.headers,
    }


def amqp_tools(*command: str) -> bytes:
    if shutil.which(command[0]) is None:
        raise MissingPeerError(f"{command[0]} is not installed: run `make services` (amqp-tools)")
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Kept:
    """What the door hands over."""

    def __init__(self) -> None:
        self.kept: list[Arrival] = []
        self.aside: list[tuple[Arrival, Problem]] = []

    async def keep(self, arrival: Arrival) -> None:
        self.kept.append(arrival)

    async def quarantine(self, arrival: Arrival, problem: Problem) -> None:
        self.aside.append((arrival, problem))

    async def give_back(self, backend: str, delivery: str) -> bool:
        raise AssertionError(f"{backend} gave {delivery} back")


@asynccontextmanager
async def door(rabbit: Rabbit) -> AsyncIterator[Kept]:
    found = Kept()
    made = AmqpDoor(
        rabbit,
        backends=frozenset(BACKENDS),
        keep=found.keep,
        quarantine=found.quarantine,
        give_back=found.give_back,
        node="fr",
        settings=DoorSettings(grace=1),
    )
    task = asyncio.create_task(made.run())
    try:
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


@pytest.fixture
def hdh(vhost: Vhost) -> str:
    return vhost.add_user("hdh")


@pytest.fixture
def amqp_url(vhost: Vhost) -> str:
    """These tests need users of their own."""
    return vhost.url()


@pytest.mark.parametrize("publishes", [amqplib_publishes, pika_publishes])
async def test_what_a_back_end_publishes_is_kept_with_its_bytes_and_its_name(
    publishes: Callable[[str, str, str], None], rabbit: Rabbit, hdh: str
) -> None:
    async with door(rabbit) as found:
        await asyncio.to_thread(publishes, hdh, "m-1", "hdh.StatusUpdate")
        await until(lambda: found.kept)
    (arrival,) = found.kept
    assert (arrival.door, arrival.party, arrival.key, arrival.data) == (Door.AMQP, "hdh", "m-1", BODY)
    assert arrival.content_type == "application/xml"


@pytest.mark.parametrize("publishes", [amqplib_publishes, pika_publishes])
async def test_a_back_end_that_publishes_in_another_name_is_set_aside(
    publishes: Callable[[str, str, str], None], rabbit: Rabbit, hdh: str
) -> None:
    async with door(rabbit) as found:
        await asyncio.to_thread(publishes, hdh, "m-1", "findata.StatusUpdate")
        await until(lambda: found.aside)
    assert found.kept == []
    assert [problem.code for _, problem in found.aside] == ["routing-key-not-yours"]


@pytest.mark.parametrize("receives", [amqplib_receives, pika_receives])
async def test_a_delivery_is_read_whole_by_a_foreign_consumer(
    receives: Callable[[str], dict[str, Any]], rabbit: Rabbit, hdh: str
) -> None:
    delivery = a_delivery(BODY)
    await AmqpBackend("hdh", rabbit, node="fr", api_base="http://127.0.0.1:8080/").deliver(delivery)
    got = await asyncio.to_thread(receives, hdh)
    assert (got["key"], got["body"], got["messageId"]) == ("hdh.ApplicationSubmitted", BODY, delivery.id)
    assert (got["contentType"], got["deliveryMode"]) == ("application/xml", 2)
    assert (got["headers"]["ce-type"], got["headers"]["hdeu-sha256"]) == (
        "eu.hdeu.ApplicationSubmitted",
        delivery.sha256,
    )


async def test_amqp_tools_read_a_delivery_byte_for_byte(rabbit: Rabbit, hdh: str) -> None:
    await AmqpBackend("hdh", rabbit, node="fr", api_base="http://127.0.0.1:8080/").deliver(a_delivery(BODY))
    assert await asyncio.to_thread(amqp_tools, "amqp-get", "-u", hdh, "-q", "hdeu.in.hdh") == BODY


async def test_amqp_tools_can_prove_no_name_so_what_they_publish_is_set_aside(rabbit: Rabbit, hdh: str) -> None:
    """`amqp-publish` has no option for user_id: RabbitMQ vouches for nobody, and the bytes wait for a person."""
    command = ("amqp-publish", "-u", hdh, "-e", "hdeu.national.out", "-r", "hdh.StatusUpdate", "-p", "-b", "<Dossier/>")
    async with door(rabbit) as found:
        await asyncio.to_thread(amqp_tools, *command)
        await until(lambda: found.aside)
    ((arrival, problem),) = found.aside
    assert (arrival.data, arrival.party, problem.code) == (b"<Dossier/>", "", "user-id-missing")
