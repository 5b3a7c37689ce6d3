"""The AMQP door on a real RabbitMQ, with pika as the back end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import aio_pika
import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from adapters.amqp.connection import connect
from adapters.amqp.topology import OUT, Topology, dead_queue, in_queue
from adapters.backends.amqp import AmqpBackend
from adapters.backends.amqp_door import AmqpDoor
from broker.errors import Conflict, Problem, Refused, Unavailable
from broker.model.messages import Door
from tests.support.amqp_door import QUICK, Keeper, give_back, left_in, opened, publish, until
from tests.support.amqp_fixtures import BACKENDS
from tests.support.deliveries import a_delivery
from tests.support.pika_peer import Peer

if TYPE_CHECKING:
    from adapters.amqp.connection import Rabbit
    from broker.flow.arrival import Arrival
    from tests.support.amqp_fixtures import Vhost


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def hdh(vhost: Vhost) -> str:
    return vhost.add_user("hdh")


@pytest.fixture
def amqp_url(vhost: Vhost) -> str:
    """These tests need users of their own."""
    return vhost.url()


async def received(url: str, name: str) -> tuple[str, pika.BasicProperties, bytes]:
    def run() -> tuple[str, pika.BasicProperties, bytes]:
        with Peer(url, name) as peer:
            got = peer.receive()
            return got.routing_key, got.properties, got.body

    return await asyncio.to_thread(run)


async def test_a_message_is_handed_over_with_its_bytes_and_who_sent_it(
    rabbit: Rabbit, hdh: str, keeper: Keeper
) -> None:
    headers = {"ce-type": "eu.hdeu.StatusUpdate", "hdeu-profile": "fr-hdh-1", "x-secret": "no", "ce-number": 5}
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<Dossier/>", "m-1", {"headers": headers}))
        await until(lambda: bool(keeper.kept))
    arrival = keeper.kept["hdh", "m-1"]
    assert (arrival.door, arrival.data, arrival.content_type) == (Door.AMQP, b"<Dossier/>", "application/xml")
    assert arrival.headers == {
        "ce-type": "eu.hdeu.StatusUpdate",
        "hdeu-profile": "fr-hdh-1",
        "routing-key": "hdh.StatusUpdate",
        "message-id": "m-1",
    }
    assert await left_in(rabbit, OUT) == 0


async def test_a_message_is_acked_only_once_it_is_kept(rabbit: Rabbit, hdh: str, keeper: Keeper) -> None:
    entered = asyncio.Event()

    async def stuck(_: Arrival) -> None:
        entered.set()
        await asyncio.Event().wait()

    door = AmqpDoor(
        rabbit,
        backends=frozenset(BACKENDS),
        keep=stuck,
        quarantine=keeper.quarantine,
        give_back=keeper.give_back,
        node="fr",
        settings=QUICK,
    )
    task = asyncio.create_task(door.run())
    await publish(hdh, "hdh", (b"<Dossier/>", "m-1", {}))
    await entered.wait()
    await rabbit.close()  # as if the process had died
    again = await connect(hdh, Topology(BACKENDS))
    async with opened(again, keeper):
        await until(lambda: bool(keeper.kept))
    await again.close()
    assert keeper.keys() == {"m-1"}
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (Refused((Problem("not-xml", "no"), Problem("too-deep", "no"))), ["not-xml", "too-deep"]),
        (Conflict("the key was used for other bytes"), ["conflict"]),
    ],
)
async def test_a_refusal_is_told_to_the_sender_and_the_next_message_passes(
    rabbit: Rabbit, hdh: str, keeper: Keeper, error: Exception, codes: list[str]
) -> None:
    def answer(arrival: Arrival) -> None:
        if arrival.key == "bad":
            raise error

    keeper.answer = answer
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"garbage", "bad", {}), (b"<Dossier/>", "good", {}))
        await until(lambda: bool(keeper.kept))
        key, properties, body = await received(hdh, "hdh")
    told = json.loads(body)
    assert keeper.keys() == {"good"}
    assert (key, properties.content_type, properties.delivery_mode) == ("hdh.error", "application/json", 2)
    assert told["message_id"] == "bad" == properties.correlation_id
    assert [problem["code"] for problem in told["problems"]] == codes
    assert await left_in(rabbit, OUT) == 0


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"message_id": None}, "message-id-missing"),
        ({"content_type": None}, "content-type-missing"),
        ({"content_encoding": "gzip"}, "content-encoding-unsupported"),
        ({"key": "findata.StatusUpdate"}, "routing-key-not-yours"),
        ({"key": "hdh"}, "routing-key-malformed"),
        ({"key": "findata.X", "headers": {"x-death": [{"routing-keys": ["hdh.X"]}]}}, "routing-key-not-yours"),
    ],
)
async def test_a_message_that_breaks_one_rule_is_set_aside_told_and_lets_the_next_pass(
    rabbit: Rabbit, hdh: str, keeper: Keeper, properties: dict[str, object], code: str
) -> None:
    given = {"message_id": "bad", **properties}
    async with opened(rabbit, keeper):
        await publish(
            hdh,
            "hdh",
            (b"\xff\x00 bytes", given.pop("message_id"), given),
            (b"<Dossier/>", "good", {}),  # type: ignore[arg-type]
        )
        await until(lambda: bool(keeper.kept and keeper.set_aside))
        key, _, body = await received(hdh, "hdh")
    [(arrival, problem)] = keeper.set_aside
    assert keeper.keys() == {"good"}
    assert (arrival.party, arrival.data, problem.code) == ("hdh", b"\xff\x00 bytes", code)
    assert arrival.key == f"sha256:{hashlib.sha256(arrival.data).hexdigest()}"
    assert problem.hint
    assert key == "hdh.error"
    assert [told["code"] for told in json.loads(body)["problems"]] == [code]
    assert await left_in(rabbit, OUT) == 0


async def test_a_message_without_a_user_is_set_aside_as_nobodys_and_nobody_is_told(
    rabbit: Rabbit, hdh: str, keeper: Keeper
) -> None:
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"whose?", "m-1", {"user_id": None}), (b"<Dossier/>", "good", {}))
        await until(lambda: bool(keeper.kept and keeper.set_aside))
    [(arrival, problem)] = keeper.set_aside
    assert (arrival.party, problem.code) == ("", "user-id-missing")
    assert await left_in(rabbit, "hdeu.in.hdh") == 0


async def test_a_user_who_is_no_back_end_and_has_no_queue_stops_nothing(
    rabbit: Rabbit, hdh: str, vhost: Vhost, keeper: Keeper
) -> None:
    stranger = vhost.add_user("stranger")
    async with opened(rabbit, keeper):
        await publish(stranger, "stranger", (b"hello", "m-1", {}))
        await publish(hdh, "hdh", (b"<Dossier/>", "good", {}))
        await until(lambda: bool(keeper.kept and keeper.set_aside))
    [(arrival, problem)] = keeper.set_aside
    assert (arrival.party, problem.code) == ("stranger", "unknown-backend")
    assert await left_in(rabbit, OUT) == 0


async def test_rabbitmq_itself_refuses_a_forged_user(rabbit: Rabbit, hdh: str, keeper: Keeper) -> None:
    async with opened(rabbit, keeper):
        with pytest.raises((ChannelClosedByBroker, ConnectionClosedByBroker)):
            await publish(hdh, "hdh", (b"<Hakemus/>", "m-1", {"user_id": "findata", "key": "findata.StatusUpdate"}))
    assert not keeper.kept
    assert not keeper.set_aside


async def test_a_message_waits_without_a_hot_loop_while_the_store_is_away(
    rabbit: Rabbit, hdh: str, keeper: Keeper
) -> None:
    def away(_: Arrival) -> None:
        raise Unavailable

    keeper.answer = away
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<Dossier/>", "m-1", {}))
        await asyncio.sleep(1)
        assert 2 <= keeper.tries <= 60
        keeper.answer = lambda _: None
        await until(lambda: bool(keeper.kept))
    assert keeper.keys() == {"m-1"}
    assert not keeper.set_aside


async def test_a_message_that_always_fails_ends_set_aside_with_its_own_key(
    rabbit: Rabbit, hdh: str, keeper: Keeper
) -> None:
    def answer(arrival: Arrival) -> None:
        if arrival.key == "poison":
            raise ZeroDivisionError

    keeper.answer = answer
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<Poison/>", "poison", {}), (b"<Dossier/>", "good", {}))
        await until(lambda: bool(keeper.set_aside), seconds=40)
    [(arrival, problem)] = keeper.set_aside
    assert (arrival.party, arrival.key, arrival.data) == ("hdh", "poison", b"<Poison/>")
    assert arrival.headers["routing-key"] == "hdh.StatusUpdate"
    assert problem.code == "delivery-limit"
    assert keeper.keys() == {"good"}
    assert await left_in(rabbit, dead_queue(OUT)) == 0


async def test_a_dead_message_stays_until_it_can_be_set_aside(rabbit: Rabbit, keeper: Keeper) -> None:
    taken = keeper.quarantine
    away = asyncio.Event()

    async def unavailable(arrival: Arrival, problem: Problem) -> None:
        if not away.is_set():
            raise Unavailable
        await taken(arrival, problem)

    keeper.quarantine = unavailable  # type: ignore[method-assign]
    channel = await rabbit.channel(1)
    exchange = await channel.get_exchange("hdeu.dead")
    await exchange.publish(aio_pika.Message(b"lost?", delivery_mode=2), OUT)
    async with opened(rabbit, keeper):
        await asyncio.sleep(1)
        assert not keeper.set_aside
        away.set()
        await until(lambda: bool(keeper.set_aside))
    assert keeper.set_aside[0][0].data == b"lost?"
    await channel.close()


@pytest.mark.parametrize("known", [True, False])
async def test_what_a_back_end_gives_back_too_often_is_told_of_by_its_id_and_kept_if_it_is_no_delivery(
    rabbit: Rabbit, amqp_url: str, keeper: Keeper, *, known: bool
) -> None:
    keeper.delivered = {"d-1"} if known else set()
    await AmqpBackend("hdh", rabbit, node="fr", api_base="http://node").deliver(a_delivery())
    async with opened(rabbit, keeper):
        assert await asyncio.to_thread(give_back, amqp_url, in_queue("hdh")) == 21
        await until(lambda: bool(keeper.given_back and (known or keeper.set_aside)))
        await until_empty(rabbit, dead_queue(in_queue("hdh")))
    assert keeper.given_back == [("hdh", "d-1")]
    kept = [(arrival.party, arrival.data, problem.code) for arrival, problem in keeper.set_aside]
    assert kept == ([] if known else [("hdh", b"<Dossier/>", "given-back")])


async def until_empty(rabbit: Rabbit, queue: str) -> None:
    async with asyncio.timeout(20):
        while await left_in(rabbit, queue):  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.05)


def nested(depth: int) -> bytes:
    """An AMQP table in a table in a table."""
    table = struct.pack(">I", 0)
    for _ in range(depth):
        entry = b"\x01aF" + table
        table = struct.pack(">I", len(entry)) + entry
    return table


async def test_a_time_beyond_the_calendar_stops_nothing(rabbit: Rabbit, hdh: str, keeper: Keeper) -> None:
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<Dossier/>", "odd", {"timestamp": 2**63 - 1}), (b"<Dossier/>", "good", {}))
        await until(lambda: keeper.keys() == {"odd", "good"})
    assert await left_in(rabbit, OUT) == 0


async def test_headers_nested_too_deep_stop_nothing(
    rabbit: Rabbit, hdh: str, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(pieces: list[bytes], table: dict[str, object]) -> int:
        assert table == {"deep": True}
        data = nested(5000)
        pieces.append(data)
        return len(data)

    async with opened(rabbit, keeper):
        with Peer(hdh, "hdh") as peer:
            monkeypatch.setattr("pika.data.encode_table", encode)
            peer.publish(b"<Dossier/>", "odd", headers={"deep": True})
            peer.publish(b"<Dossier/>", "good")
            monkeypatch.undo()
        await until(lambda: keeper.keys() == {"odd", "good"})
    assert await left_in(rabbit, OUT) == 0


async def test_an_id_that_is_no_text_is_refused_and_stops_nothing(
    rabbit: Rabbit, hdh: str, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pika, too, writes UTF-8 only, so its encoder is made to write a lone byte."""

    def encode(pieces: list[bytes], value: str) -> int:
        data = b"\xff" if value == "BYTE" else value.encode()
        pieces += [bytes([len(data)]), data]
        return len(data) + 1

    monkeypatch.setattr("pika.data.encode_short_string", encode)
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<Dossier/>", "BYTE", {}), (b"<Dossier/>", "good", {}))
        await until(lambda: bool(keeper.kept and keeper.set_aside))
    assert [problem.code for _, problem in keeper.set_aside] == ["message-id-malformed"]
    assert await left_in(rabbit, OUT) == 0
