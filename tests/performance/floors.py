"""The floors: what the same work costs with libxml2, PostgreSQL, RabbitMQ and HTTP alone.

Nothing of ours is imported here. Everything is compiled and connected beforehand, as it is on our side.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import aiohttp
import psycopg
from lxml import etree


def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))


class Validated:
    """Parse and validate, once."""

    def __init__(self, schema: Path) -> None:
        self._schema = _schema(schema)

    def __call__(self, data: bytes) -> None:
        self._schema.assertValid(etree.fromstring(data))


class Translated:
    """Parse, validate, validate the result, serialise the result; the result itself costs nothing: it is there."""

    def __init__(self, source: Path, target: Path, result: bytes) -> None:
        self._source, self._target = _schema(source), _schema(target)
        self._result = etree.fromstring(result)

    def __call__(self, data: bytes) -> bytes:
        self._source.assertValid(etree.fromstring(data))
        self._target.assertValid(self._result)
        return etree.tostring(self._result, encoding="UTF-8", xml_declaration=True)


#: Commits of one outbound message: keep, claim, prepare, claim, submitted.
COMMITS = 5


@dataclass
class Exchanged:
    """Publish with confirms, the commits with the same bytes, the XML work, one post: for each document, by `hands`."""

    amqp: str
    database: str
    sink: str
    work: Translated
    result: bytes
    hands: int
    done: int = 0

    async def seconds(self, documents: list[bytes]) -> float:
        """From the first publish to the last post."""
        self._free: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
        async with await aio_pika.connect(self.amqp) as rabbit, aiohttp.ClientSession() as session:
            await self._connect()
            channel = await rabbit.channel(publisher_confirms=True)
            await channel.set_qos(prefetch_count=self.hands)
            queue = await channel.declare_queue("floor", durable=True, arguments={"x-queue-type": "quorum"})
            finished = asyncio.Event()

            async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
                await self._commits(message.body)
                async with session.post(self.sink, data=self.result) as response:
                    await response.read()
                await message.ack()
                self.done += 1
                if self.done == len(documents):
                    finished.set()

            await queue.consume(handle)
            started = time.perf_counter()
            await self._publish(channel, documents)
            await finished.wait()
            return time.perf_counter() - started

    async def _connect(self) -> None:
        for number in range(self.hands):
            connection = await psycopg.AsyncConnection.connect(self.database)
            if not number:
                await connection.execute("create table floor (id bigserial primary key, bytes bytea)")
                await connection.commit()
            self._free.put_nowait(connection)

    async def _commits(self, document: bytes) -> None:
        connection = await self._free.get()
        for number in range(COMMITS):
            kept = document if number == 0 else self.result if number == 2 else b"x" * 200
            await connection.execute("insert into floor (bytes) values (%s)", (kept,))
            await connection.commit()
        self.work(document)
        self._free.put_nowait(connection)

    async def _publish(self, channel: aio_pika.abc.AbstractChannel, documents: list[bytes]) -> None:
        gate = asyncio.Semaphore(self.hands)

        async def one(document: bytes) -> None:
            async with gate:
                message = aio_pika.Message(document, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(message, "floor", mandatory=True)

        await asyncio.gather(*(one(document) for document in documents))
