"""`exchange.outbound`: a dossier comes in over AMQP and is submitted at the access point, counted at the receiver."""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import psycopg
from aiohttp import web

from adapters.demo.lodging import lodged
from adapters.demo.processes import free_port, run_hdeu
from adapters.demo.stage import FRANCE, Stage, free_ports
from broker.data_files import schemas_dir
from tests.performance.figures import Figure
from tests.performance.floors import Exchanged, Translated
from tests.support.postgres import private_server
from tests.support.rabbitmq import RabbitNode

ROOT = Path(__file__).parents[2]
MESSAGES = 60
HANDS = 16
_ID = re.compile(rb"<(?:\w+:)?MessageId>([^<]+)<")
_ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/"><s:Body>'
    "{}</s:Body></s:Envelope>"
)


class Sink:
    """A bare access point: takes every submit once, lists nothing, says ACKNOWLEDGED."""

    def __init__(self) -> None:
        self.taken: set[bytes] = set()
        self.posts = 0

    async def soap(self, request: web.Request) -> web.Response:
        body = await request.read()
        if b"submitRequest" in body:
            found = _ID.search(body)
            name = found.group(1) if found else b""
            self.taken.add(name)
            inner = f"<w:submitResponse><messageID>{name.decode()}</messageID></w:submitResponse>"
        elif b"listPendingMessagesRequest" in body:
            inner = "<w:listPendingMessagesResponse/>"
        else:
            inner = "<w:getStatusResponse>ACKNOWLEDGED</w:getStatusResponse>"
        return web.Response(text=_ANSWER.format(inner), content_type="application/soap+xml")

    async def bare(self, request: web.Request) -> web.Response:
        await request.read()
        self.posts += 1
        return web.Response(text="ok")


def exchange(inputs: Path) -> Figure:
    """As a benchmark: in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return asyncio.run(outbound(Path(folder), inputs))


async def outbound(folder: Path, inputs: Path) -> Figure:
    """Messages per second, ours and the floor's, on the same private services."""
    sink, port, rabbit = Sink(), free_port(), RabbitNode()
    app = web.Application(client_max_size=2**26)
    app.add_routes([web.post("/floor", sink.bare), web.post("/{path:.*}", sink.soap)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.to_thread(rabbit.start)
    try:
        with private_server() as postgres:
            return await _measured(folder, inputs, sink, f"http://127.0.0.1:{port}", rabbit, postgres)
    finally:
        await asyncio.to_thread(rabbit.stop)
        await runner.cleanup()


async def _measured(folder: Path, inputs: Path, sink: Sink, sink_url: str, rabbit: RabbitNode, postgres: Any) -> Figure:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database france")
        connection.execute("create database floor")
    rabbit.add_vhost("bench")
    for user in ("node", "hdh"):
        rabbit.add_user(user)
        rabbit.allow(user, "bench")
    extra = {
        "HDEU_DATABASE__URL": postgres.url("france"),
        "HDEU_QUEUE__URL": rabbit.url("node", "bench"),
        "HDEU_BACKENDS__HDH__KIND": "amqp",
        "HDEU_WORK__CONCURRENCY": str(HANDS),
    }
    stage = Stage(folder, ROOT / "config", free_ports(), {"france": extra}, mock_url=sink_url)
    await run_hdeu("migrate", env=stage.node_env(FRANCE))
    node = stage.node(FRANCE)
    node.start()
    try:
        async with aiohttp.ClientSession() as session:
            await _ready(session, f"{stage.url('france')}/readyz")
        documents = _documents()
        (inputs / "exchange.outbound.xml").write_bytes(documents[0])
        ours = await _ours(documents, sink, rabbit.url("hdh", "bench"))
    finally:
        node.stop()
    target = _wire_document(postgres.url("france"))
    floor = Exchanged(
        amqp=rabbit.url("hdh", "bench"),
        database=postgres.url("floor"),
        sink=f"{sink_url}/floor",
        work=Translated(schemas_dir() / "fr/1/hdh.xsd", schemas_dir() / "eu/1/eu.xsd", target),
        result=target,
        hands=HANDS,
    )
    least = await floor.seconds(documents)
    if sink.posts != len(documents):
        raise RuntimeError("the floor lost a post")
    return Figure(len(documents) / ours, len(documents) / least, "messages/s")


def _documents() -> list[bytes]:
    template = (ROOT / "tests" / "data" / "fr-hdh-1" / "ApplicationOriginated.xml").read_bytes()
    return [
        _without_pieces(lodged(template, number=f"HDH-EX-{secrets.token_hex(5)}", title=f"Dossier {number}"))
        for number in range(MESSAGES)
    ]


def _without_pieces(document: bytes) -> bytes:
    """Attachments would have to be uploaded first; they are no part of this measure."""
    from lxml import etree  # noqa: PLC0415 -- only here

    root = etree.fromstring(document)
    for pieces in root.findall("{*}Demande/{*}pieces"):
        pieces.getparent().remove(pieces)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _wire_document(database: str) -> bytes:
    """The eu-1 document of one exchange: what the floor validates, stores and posts."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select data from contents where sha256 = (select pivot_sha256 from exchanges "
            "where direction = 'outbound' and pivot_sha256 <> '' limit 1)"
        ).fetchone()
    if row is None:
        raise RuntimeError("no message was submitted")
    return bytes(row[0])


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(300):
        try:
            async with session.get(url) as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the node did not get ready")


async def _ours(documents: list[bytes], sink: Sink, amqp: str) -> float:
    async with await aio_pika.connect(amqp) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange("hdeu.national.out", ensure=False)
        gate = asyncio.Semaphore(HANDS)

        async def publish(number: int, document: bytes) -> None:
            async with gate:
                message = aio_pika.Message(
                    document,
                    message_id=f"bench-{number}",
                    content_type="application/xml",
                    user_id="hdh",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                await exchange.publish(message, "hdh.document", mandatory=True)

        started = time.perf_counter()
        await asyncio.gather(*(publish(number, document) for number, document in enumerate(documents)))
        while len(sink.taken) < len(documents):
            if time.perf_counter() - started > 180:
                raise RuntimeError(f"only {len(sink.taken)} of {len(documents)} were submitted")
            await asyncio.sleep(0.01)
        return time.perf_counter() - started
