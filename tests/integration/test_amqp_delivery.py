"""Deliveries over a real RabbitMQ, read by pika; and what happens when they cannot be delivered."""

from __future__ import annotations

import asyncio
import json

import pytest

from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.topology import Topology, in_queue
from adapters.backends.amqp import CLAIM_CHECK, CLAIM_CHECK_ABOVE, AmqpBackend
from broker.errors import ConfigurationError, Unavailable
from broker.model.messages import MessageType
from tests.support.amqp_door import give_back
from tests.support.amqp_fixtures import BACKENDS
from tests.support.deliveries import a_delivery
from tests.support.pika_peer import Peer, Received


def backend(rabbit: Rabbit, name: str = "hdh") -> AmqpBackend:
    return AmqpBackend(name, rabbit, node="fr", api_base="http://127.0.0.1:8080/")


async def received(url: str, name: str = "hdh", *, queue: str = "") -> Received:
    def run() -> Received:
        with Peer(url, name) as peer:
            return peer.receive(queue)

    return await asyncio.to_thread(run)


async def test_a_delivery_reaches_its_back_end_persistent_with_id_type_and_hash(rabbit: Rabbit, amqp_url: str) -> None:
    delivery = a_delivery("<Dossier>é</Dossier>".encode(), causation_id="m-9")
    assert await backend(rabbit).deliver(delivery) is False
    got = await received(amqp_url)
    assert got.body == delivery.document
    assert got.routing_key == "hdh.ApplicationSubmitted"
    assert (got.properties.message_id, got.properties.content_type) == ("d-1", "application/xml")
    assert got.properties.delivery_mode == 2
    headers = {name: value for name, value in got.properties.headers.items() if name != "x-delivery-count"}
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": "d-1",
        "ce-source": "urn:hdeu:node:fr",
        "ce-type": "eu.hdeu.ApplicationSubmitted",
        "ce-subject": "case-1",
        "hdeu-profile": "fr-hdh-1",
        "hdeu-sha256": delivery.sha256,
        "hdeu-causation": "m-9",
    }


@pytest.mark.parametrize(
    ("message_type", "key"), [(MessageType.ERROR_NOTICE, "hdh.error"), (MessageType.OUTCOME_NOTICE, "hdh.outcome")]
)
async def test_notices_have_short_keys(rabbit: Rabbit, amqp_url: str, message_type: str, key: str) -> None:
    await backend(rabbit).deliver(a_delivery(b"{}", type=message_type, content_type="application/json"))
    assert (await received(amqp_url)).routing_key == key


async def test_back_ends_get_only_their_own(rabbit: Rabbit, amqp_url: str) -> None:
    await backend(rabbit, "findata").deliver(a_delivery(b"<Hakemus/>"))
    await backend(rabbit, "hdh").deliver(a_delivery(b"<Dossier/>"))
    assert (await received(amqp_url, "hdh")).body == b"<Dossier/>"
    assert (await received(amqp_url, "findata")).body == b"<Hakemus/>"


async def test_the_largest_plain_body_goes_as_it_is(rabbit: Rabbit, amqp_url: str) -> None:
    await backend(rabbit).deliver(a_delivery(b"x" * CLAIM_CHECK_ABOVE))
    assert (await received(amqp_url)).body == b"x" * CLAIM_CHECK_ABOVE


async def test_a_larger_body_goes_by_claim_check(rabbit: Rabbit, amqp_url: str) -> None:
    delivery = a_delivery(b"x" * (CLAIM_CHECK_ABOVE + 1))
    await backend(rabbit).deliver(delivery)
    got = await received(amqp_url)
    assert got.properties.content_type == CLAIM_CHECK
    assert got.properties.headers["hdeu-content-type"] == "application/xml"
    assert got.properties.headers["hdeu-sha256"] == delivery.sha256
    assert json.loads(got.body) == {
        "href": f"http://127.0.0.1:8080/api/v1/contents/{delivery.sha256}",
        "sha256": delivery.sha256,
        "size": CLAIM_CHECK_ABOVE + 1,
    }


async def test_a_delivery_that_no_queue_takes_is_unavailable(rabbit: Rabbit) -> None:
    with pytest.raises(Unavailable) as unavailable:
        await backend(rabbit, "nobody").deliver(a_delivery())
    assert unavailable.value.facts["reason"] == "unroutable"


async def test_many_at_once_are_told_apart(rabbit: Rabbit) -> None:
    names = ["hdh", "nobody"] * 20
    given = (backend(rabbit, name).deliver(a_delivery(id=str(at))) for at, name in enumerate(names))
    results = await asyncio.gather(*given, return_exceptions=True)
    assert [isinstance(result, Unavailable) for result in results] == [name == "nobody" for name in names]


async def test_a_full_queue_is_unavailable(amqp_url: str) -> None:
    rabbit = await connect(amqp_url, Topology(BACKENDS, max_length=3))

    async def fill() -> None:
        for number in range(20):
            await backend(rabbit).deliver(a_delivery(id=str(number)))

    with pytest.raises(Unavailable) as unavailable:
        await fill()
    assert unavailable.value.facts["reason"] == "not-confirmed"
    assert (await received(amqp_url)).properties.message_id == "0"
    await rabbit.close()


async def test_what_a_back_end_gives_back_too_often_is_kept_among_the_dead(rabbit: Rabbit, amqp_url: str) -> None:
    await backend(rabbit).deliver(a_delivery())

    assert (
        await asyncio.to_thread(give_back, amqp_url, in_queue("hdh")) == 21
    )  # the limit counts returns: the first delivery is none
    dead = await received(amqp_url, queue="hdeu.in.hdh.dead")
    assert (dead.body, dead.properties.message_id) == (b"<Dossier/>", "d-1")
    assert dead.properties.headers["x-death"][0]["reason"] == "delivery_limit"


async def test_other_arguments_on_a_queue_are_a_configuration_error(rabbit: Rabbit, amqp_url: str) -> None:
    assert not rabbit.closed
    with pytest.raises(ConfigurationError, match="declared otherwise"):
        await connect(amqp_url, Topology(BACKENDS, max_length=7))


async def test_a_wrong_password_is_a_configuration_error_at_once(amqp_url: str) -> None:
    wrong = amqp_url.replace("guest:guest", "guest:wrong")
    assert wrong != amqp_url
    with pytest.raises(ConfigurationError, match="user or password"):
        await connect(wrong, Topology(), patience=30)


async def test_a_server_that_is_not_there_is_unavailable_after_the_patience() -> None:
    with pytest.raises(Unavailable):
        await connect("amqp://127.0.0.1:1/", Topology(), patience=0.5)
