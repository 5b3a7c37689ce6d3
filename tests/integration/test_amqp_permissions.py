"""`config/definitions.json` in a real RabbitMQ: what each user may do, and may not."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from adapters.amqp.connection import connect
from adapters.amqp.topology import Topology
from adapters.backends.amqp import AmqpBackend
from adapters.queue.rabbitmq import RabbitTickets
from broker.model.work import WorkKind
from tests.support.amqp_fixtures import BACKENDS
from tests.support.deliveries import a_delivery
from tests.support.pika_peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.rabbitmq import RabbitNode

DEFINITIONS = Path(__file__).parents[2] / "config/definitions.json"
VHOST = "/hdeu"


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    return {user: secrets.token_hex(8) for user in ("hdeu", *BACKENDS)}


@pytest.fixture(scope="module")
def installed(rabbit_node: RabbitNode, passwords: dict[str, str]) -> Iterator[RabbitNode]:
    rabbit_node.import_definitions(DEFINITIONS)
    with pytest.raises(ProbableAuthenticationError):  # until it has a password, nobody can be this user
        pika.BlockingConnection(pika.URLParameters(rabbit_node.url("hdh", VHOST)))
    for user, password in passwords.items():
        rabbit_node.ctl("change_password", user, password)
    yield rabbit_node
    rabbit_node.delete_vhost(VHOST)


@pytest.fixture
def hdh(installed: RabbitNode, passwords: dict[str, str]) -> Iterator[Peer]:
    with Peer(installed.url("hdh", VHOST, passwords["hdh"]), "hdh") as peer:
        yield peer


async def test_the_broker_finds_its_queues_as_it_would_declare_them_and_uses_them(
    installed: RabbitNode, passwords: dict[str, str], hdh: Peer
) -> None:
    rabbit = await connect(installed.url("hdeu", VHOST, passwords["hdeu"]), Topology(BACKENDS))
    await RabbitTickets(rabbit).put(WorkKind.PREPARE, "m-1")
    await AmqpBackend("hdh", rabbit, node="fr", api_base="").deliver(a_delivery())
    await rabbit.ping()
    await rabbit.close()
    assert hdh.receive().body == b"<Dossier/>"


def test_a_back_end_publishes_under_its_own_name(hdh: Peer) -> None:
    hdh.publish(b"<Dossier/>", "m-1")


FORBIDDEN: dict[str, Callable[[Peer], object]] = {
    "publish under another back end's key": lambda peer: peer.publish(b"", "m", key="findata.StatusUpdate"),
    "publish under a key that only begins alike": lambda peer: peer.publish(b"", "m", key="hdhx.StatusUpdate"),
    "publish as another user": lambda peer: peer.publish(b"", "m", user_id="findata"),
    "publish as the broker": lambda peer: peer.channel.basic_publish("hdeu.national.in", "hdh.error", b""),
    "publish to another's queue": lambda peer: peer.channel.basic_publish("", "hdeu.in.findata", b""),
    "make up a ticket": lambda peer: peer.channel.basic_publish("", "hdeu.work.prepare", b"id"),
    "make up a dead letter": lambda peer: peer.channel.basic_publish("hdeu.dead", "hdeu.out", b""),
    "read another's queue": lambda peer: peer.channel.basic_get("hdeu.in.findata"),
    "read what back ends publish": lambda peer: peer.channel.basic_get("hdeu.out"),
    "read tickets": lambda peer: peer.channel.basic_get("hdeu.work.prepare"),
    "read dead letters": lambda peer: peer.channel.basic_get("hdeu.in.hdh.dead"),
    "declare a queue": lambda peer: peer.channel.queue_declare("mine"),
    "listen in": lambda peer: peer.channel.queue_bind("hdeu.in.hdh", "hdeu.national.in", "findata.#"),
    "delete its queue": lambda peer: peer.channel.queue_delete("hdeu.in.hdh"),
    "empty another's queue": lambda peer: peer.channel.queue_purge("hdeu.in.findata"),
}


@pytest.mark.parametrize("act", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_back_end_may_not(hdh: Peer, act: Callable[[Peer], object]) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        act(hdh)
    assert closed.value.reply_code in {403, 406}  # access refused; user_id of somebody else
