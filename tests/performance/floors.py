"""The floors: what the same work costs with libxml2, PostgreSQL, RabbitMQ and HTTP alone.

Nothing of ours is imported here. Everything is compiled and connected beforehand, as it is on our side.
Run as a program (`python -m tests.performance.floors ORDER.json`) it is a bare node: see `Exchanged`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import psycopg
import xmlschema
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


class Plain:
    """The plain way: xmlschema makes a dictionary of the source, and a document of a dictionary that is there."""

    def __init__(self, source: Path, target: Path, result: bytes) -> None:
        self._source, self._target = xmlschema.XMLSchema(source), xmlschema.XMLSchema(target)
        self._root = etree.QName(etree.fromstring(result)).localname
        self._result = self._target.to_dict(result.decode())

    def __call__(self, data: bytes) -> bytes:
        self._source.to_dict(data.decode())
        made = self._target.encode(self._result, path=self._root)
        return xmlschema.etree_tostring(made, xml_declaration=True, encoding="utf-8")


class Spelled:
    """A report that is there, as JSON."""

    def __init__(self, report: bytes) -> None:
        self._report = json.loads(report)

    def __call__(self) -> bytes:
        return json.dumps(self._report, ensure_ascii=False, separators=(",", ":")).encode()


_TABLES = (
    "CREATE TABLE contents (sha256 text PRIMARY KEY, data bytea NOT NULL)",
    "CREATE TABLE rows (id text PRIMARY KEY, body text NOT NULL)",
)
_KEEP_CONTENT = "INSERT INTO contents VALUES (%s, %s) ON CONFLICT DO NOTHING"
_ADD = "INSERT INTO rows VALUES (%s, %s)"
_CHANGE = "UPDATE rows SET body = %s WHERE id = %s"
_DROP = "DELETE FROM rows WHERE id = %s"
_CONTENT = "SELECT data FROM contents WHERE sha256 = %s"
_ROW = "SELECT body FROM rows WHERE id = %s"
_WORK = "w" * 220  #: a work row of ours has about as many bytes
_POOL = 10  #: database connections, as many as ours
_TICKET = "text/plain"

Statement = tuple[str, tuple[Any, ...]]


class Exchanged:
    """A bare node: what one message from AMQP to the access point costs without any thought about it.

    For each message the same five commits (kept; claimed; prepared; claimed; submitted) with as many bytes in them as
    ours (`rows.json` and the contents were read from our database), the reads that a worker who was handed an id needs,
    two tickets by persistent, confirmed publishes to quorum queues, the XML work, and the same SOAP post.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        trace = Path(order["trace"])
        self._order = order
        self._rows: dict[str, list[str]] = json.loads((trace / "rows.json").read_text("utf-8"))
        self._contents = [file.read_bytes() for file in sorted(trace.glob("content-*"))]
        self._post = (trace / "post.xml").read_bytes()
        self._translate = Translated(Path(order["source"]), Path(order["target"]), self._contents[0])
        self._free: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
        self._keys: dict[str, list[str]] = {}

    async def run(self) -> None:
        """Consume until the process is ended; say `ready` first."""
        async with AsyncExitStack() as stack:
            self._session = await stack.enter_async_context(aiohttp.ClientSession())
            rabbit = await stack.enter_async_context(await aio_pika.connect(self._order["amqp"]))
            await self._connect()
            self._publisher = await rabbit.channel(publisher_confirms=True, on_return_raises=True)
            await self._consume(rabbit, "hdeu.out", self._keep, topic="hdeu.national.out")
            await self._consume(rabbit, "floor.prepare", self._prepare)
            await self._consume(rabbit, "floor.deliver", self._deliver)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    async def _connect(self) -> None:
        for number in range(_POOL):
            connection = await psycopg.AsyncConnection.connect(self._order["database"], autocommit=True)
            for table in _TABLES if not number else ():
                await connection.execute(table)
            self._free.put_nowait(connection)

    async def _consume(self, rabbit: Any, name: str, step: Any, *, topic: str = "") -> None:
        channel = await rabbit.channel()
        await channel.set_qos(prefetch_count=self._order["hands"][name])
        queue = await channel.declare_queue(name, durable=True, arguments=self._order["arguments"])
        if topic:
            exchange = await channel.declare_exchange(topic, "topic", durable=True)
            await queue.bind(exchange, "#")

        async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await step(message)
            await message.ack()

        await queue.consume(handle)

    async def _keep(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        subject, body = message.message_id or "", message.body
        keys = self._keys[subject] = [hashlib.sha256(body).hexdigest()]
        await self._commit(
            (_KEEP_CONTENT, (keys[0], body)),
            *self._added(subject, "message", "exchange"),
            (_ADD, (f"{subject}/journal/0", self._rows["journal"][0])),
            (_ADD, (f"{subject}/prepare", _WORK)),
        )
        await self._ticket("floor.prepare", subject)

    async def _prepare(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        subject = message.body.decode()
        data, *_ = await self._commit(
            (_CHANGE, (_WORK, f"{subject}/prepare")),
            reads=[(_CONTENT, (self._keys[subject][0],)), *self._named(subject, "message", "exchange")],
        )
        self._translate(data)
        made = [b"%b%b" % (content[: -len(subject)], subject.encode()) for content in self._contents]
        keys = [hashlib.sha256(content).hexdigest() for content in made]
        self._keys[subject] += keys
        await self._commit(
            *((_KEEP_CONTENT, pair) for pair in zip(keys, made, strict=True)),
            *self._added(subject, "leg", "clocks"),
            (_ADD, (f"{subject}/attempt/0", self._rows["attempts"][0])),
            *((_ADD, (f"{subject}/journal/{n}", text)) for n, text in enumerate(self._rows["journal"][1:-1], 1)),
            *self._changed(subject, "message", "exchange"),
            (_DROP, (f"{subject}/prepare",)),
            (_ADD, (f"{subject}/deliver", _WORK)),
        )
        await self._ticket("floor.deliver", subject)

    async def _deliver(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        subject = message.body.decode()
        await self._commit(
            (_CHANGE, (_WORK, f"{subject}/deliver")),
            *self._changed(subject, "exchange"),
            reads=[(_CONTENT, (self._keys.pop(subject)[2],)), *self._named(subject, "message", "exchange")],
        )
        await self._submit()
        await self._commit(
            (_ADD, (f"{subject}/attempt/1", self._rows["attempts"][1])),
            (_DROP, (f"{subject}/deliver",)),
            *self._changed(subject, "exchange"),
            (_ADD, (f"{subject}/journal/last", self._rows["journal"][-1])),
        )

    async def _submit(self) -> None:
        known = self._order["wire_id"]
        wire_id = f"{uuid.uuid4()}{known[36:]}"
        data = self._post.replace(known.encode(), wire_id.encode())
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        async with self._session.post(self._order["sink"], data=data, headers=headers) as response:
            if wire_id.encode() not in await response.read():
                raise RuntimeError("the access point did not confirm")

    async def _ticket(self, queue: str, subject: str) -> None:
        ticket = aio_pika.Message(
            subject.encode(), content_type=_TICKET, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await self._publisher.default_exchange.publish(ticket, queue, mandatory=True)

    def _added(self, subject: str, *names: str) -> list[Statement]:
        found = [(f"{subject}/{name}/{n}", text) for name in names for n, text in enumerate(self._rows[name])]
        return [(_ADD, pair) for pair in found]

    def _changed(self, subject: str, *names: str) -> list[Statement]:
        return [(_CHANGE, (self._rows[name][0], f"{subject}/{name}/0")) for name in names]

    def _named(self, subject: str, *names: str) -> list[Statement]:
        return [(_ROW, (f"{subject}/{name}/0",)) for name in names]

    async def _commit(self, *writes: Statement, reads: list[Statement] | None = None) -> list[Any]:
        """One transaction in one go (libpq's pipeline); the first column of what was read."""
        connection = await self._free.get()
        try:
            async with connection.pipeline(), connection.transaction():
                for statement, values in writes:
                    await connection.execute(statement, values)
                cursors = [await connection.execute(statement, values) for statement, values in reads or ()]
            found = [await cursor.fetchone() for cursor in cursors]
            return [row[0] if row else None for row in found]
        finally:
            self._free.put_nowait(connection)


if __name__ == "__main__":
    asyncio.run(Exchanged(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run())
