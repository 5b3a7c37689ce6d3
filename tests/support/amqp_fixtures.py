"""Fixtures: one private RabbitMQ node per session, one vhost per test."""

from __future__ import annotations

import os
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pika
import pytest
import pytest_asyncio

from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.topology import Topology
from tests.support.announced import announce
from tests.support.rabbitmq import ADMIN, RabbitNode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BACKENDS = ("hdh", "findata")


@dataclass(frozen=True)
class Vhost:
    """A vhost of the private node, empty at the start of a test."""

    node: RabbitNode
    name: str

    def url(self, user: str = ADMIN) -> str:
        return self.node.url(user, self.name)

    def api_path(self, kind: str, name: str) -> str:
        return f"/api/{kind}/{urllib.parse.quote(self.name, safe='')}/{name}"

    def add_user(self, name: str) -> str:
        """A user who may do everything here; its AMQP address."""
        self.node.add_user(name)
        self.node.allow(name, self.name)
        return self.url(name)


@pytest.fixture(scope="session")
def rabbit_node(request: pytest.FixtureRequest) -> Iterator[RabbitNode]:
    """The private node; a missing server fails the test."""
    node = RabbitNode()
    try:
        node.start()
        announce(request.config, f"RabbitMQ {node.version} on private port {node.port}")
        yield node
    finally:
        node.stop()


@pytest.fixture
def vhost(rabbit_node: RabbitNode) -> Iterator[Vhost]:
    """An empty vhost."""
    name = f"t-{uuid.uuid4().hex}"
    rabbit_node.add_vhost(name)
    yield Vhost(rabbit_node, name)
    rabbit_node.delete_vhost(name)


def _emptied(url: str) -> str:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for queue in Topology(BACKENDS).queues:
            channel.queue_delete(queue.name)
    return url


@pytest.fixture
def amqp_url(request: pytest.FixtureRequest) -> str:
    """Where a test that needs neither users nor faults finds a RabbitMQ: `TEST_AMQP_URL`, or an own vhost."""
    if given := os.environ.get("TEST_AMQP_URL"):
        return _emptied(given)
    own: Vhost = request.getfixturevalue("vhost")
    return own.url()


@pytest_asyncio.fixture
async def rabbit(amqp_url: str) -> AsyncIterator[Rabbit]:
    """A connection with the whole topology declared."""
    made = await connect(amqp_url, Topology(BACKENDS))
    yield made
    await made.close()
