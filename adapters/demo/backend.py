"""One scripted back end as a process of its own: takes deliveries by webhook or AMQP, files and answers them.

What it received lies in `<dir>/received/`, what it sent in `<dir>/sent/`: success is read from there.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import random
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aio_pika
import aiohttp
from aiohttp import web

from adapters.demo.finnish import Findata
from adapters.demo.french import HealthDataHub
from adapters.demo.office import Chance, Office, Paper, Received

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_RETRY_SECONDS: Final = 0.3
_ANSWERED: Final = frozenset({200, 202, 409, 422})
_PLAIN: Final = frozenset({"", "identity"})  #: the broker packs no delivery


@dataclass(slots=True)
class Desk:
    """Files what comes in once, lets the office react, and hands on what it wants to send, one at a time."""

    office: Office
    folder: Path
    send: Callable[[str, bytes, str], Awaitable[str]]
    upload: Callable[[Paper], Awaitable[None]]
    seen: set[str] = field(default_factory=set)
    outbox: asyncio.Queue[tuple[str, bytes] | Paper] = field(default_factory=asyncio.Queue)
    count: int = 0

    def take(self, received: Received) -> bool:
        """File a delivery and queue the reactions; False if this id came before."""
        if received.id in self.seen:
            return False
        self.seen.add(received.id)
        self.count += 1
        suffix = "xml" if received.body.lstrip().startswith(b"<") else "json"
        name = f"{self.count:03d}-{received.type}-{received.id}.{suffix}"
        _filed(self.folder / "received", name, received.body)
        documents = self.office.react(received)
        while self.office.papers:
            self.outbox.put_nowait(self.office.papers.pop(0))
        for number, document in enumerate(documents, 1):
            self.outbox.put_nowait((f"{received.id}-{number}", document))
        return True

    async def work(self) -> None:
        """Send what waits, in order, each until it is answered."""
        while True:
            item = await self.outbox.get()
            if isinstance(item, Paper):
                await self.upload(item)
                _filed(self.folder / "sent", f"{item.sha256}.pdf", item.data)
                continue
            key, document = item
            answer = await self.send(key, document, "application/xml")
            name = f"{hashlib.sha256(key.encode()).hexdigest()[:8]}-{key}"
            _filed(self.folder / "sent", f"{name}.xml", document)
            _filed(self.folder / "sent", f"{name}.answer.json", answer.encode())


def _filed(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}"
    part.write_bytes(data)
    part.rename(folder / name)


def webhook_app(desk: Desk, secret: bytes) -> web.Application:
    """The webhook side. A body that the broker did not sign is refused, and so is a packed one."""

    async def take(request: web.Request) -> web.Response:
        if request.headers.get("Content-Encoding", "").strip().lower() not in _PLAIN:
            return _packed()
        body = await request.read()
        expected = "sha256=" + hmac.new(secret, body, "sha256").hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("hdeu-signature", "")):
            return web.json_response({"error": "the signature does not hold"}, status=401)
        kind = request.headers.get("ce-type", "").rpartition(".")[2]
        case = request.headers.get("ce-subject", "")
        desk.take(Received(request.headers.get("ce-id", ""), kind, case, body))
        return web.json_response({"received": True})

    async def healthy(_: web.Request) -> web.Response:
        return web.json_response({"received": desk.count})

    app = web.Application(client_max_size=64 * 2**20)
    app.add_routes([web.post("/{name}", take), web.get("/healthz", healthy)])
    return app


def webhook_runner(desk: Desk, secret: bytes) -> web.AppRunner:
    """Serves it, with bodies as they were sent: aiohttp would answer a packed one before anybody here is asked."""
    return web.AppRunner(webhook_app(desk, secret), access_log=None, auto_decompress=False)


def _packed() -> web.Response:
    """415 with what is taken (RFC 9110 section 12.5.3), as the broker's own doors say it."""
    told = {"code": "content-encoding-unsupported", "error": "a packed body is not taken here"}
    return web.json_response(told, status=415, headers={"Accept-Encoding": "identity"})


def http_sender(session: aiohttp.ClientSession, node: str, token: str) -> Callable[[str, bytes, str], Awaitable[str]]:
    """Send by POST /api/v1/messages, again under the same key until the node answers."""

    async def send(key: str, document: bytes, content_type: str) -> str:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": content_type}
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                async with session.post(f"{node}/api/v1/messages", data=document, headers=headers) as response:
                    text = await response.text()
                    if response.status in _ANSWERED:
                        return json.dumps({"status": response.status, "body": text})
                    sys.stderr.write(f"{response.status} {text[:300]}\n")
            await asyncio.sleep(_RETRY_SECONDS)

    return send


def uploader(session: aiohttp.ClientSession, node: str, token: str) -> Callable[[Paper], Awaitable[None]]:
    """Hand over a file under its hash, again until the node has it."""

    async def upload(paper: Paper) -> None:
        url, headers = f"{node}/api/v1/attachments/{paper.sha256}", {"Authorization": f"Bearer {token}"}
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                async with session.put(url, data=paper.data, headers=headers) as response:
                    if response.status in {200, 201}:
                        return
                    sys.stderr.write(f"{response.status} {(await response.text())[:300]}\n")
            await asyncio.sleep(_RETRY_SECONDS)

    return upload


async def run_webhook(arguments: argparse.Namespace, office: Office) -> None:
    """Serve the webhook and send by HTTP until stopped."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        there = (session, arguments.node, arguments.token)
        desk = Desk(office, arguments.dir, http_sender(*there), uploader(*there))
        runner = webhook_runner(desk, arguments.secret.encode())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
        await desk.work()


async def run_amqp(arguments: argparse.Namespace, office: Office) -> None:
    """Take from `hdeu.in.<name>` and publish to `hdeu.national.out` until stopped, over every outage of RabbitMQ."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        upload = uploader(session, arguments.node, arguments.token)
        desk = Desk(office, arguments.dir, amqp_sender(arguments), upload)
        group.create_task(_take_for_ever(arguments, desk))
        group.create_task(desk.work())


def amqp_sender(arguments: argparse.Namespace) -> Callable[[str, bytes, str], Awaitable[str]]:
    """Publish, confirmed, again under the same id until RabbitMQ has it."""

    async def send(key: str, document: bytes, content_type: str) -> str:
        message = aio_pika.Message(
            document,
            message_id=key,
            content_type=content_type,
            user_id=arguments.user,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            headers={"ce-id": key, "ce-specversion": "1.0"},
        )
        while True:
            try:
                async with asyncio.timeout(10), await aio_pika.connect(arguments.amqp, timeout=5) as connection:
                    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                    exchange = await channel.get_exchange("hdeu.national.out", ensure=False)
                    await exchange.publish(message, f"{arguments.name}.document", mandatory=True, timeout=5)
                return json.dumps({"status": "published"})
            except Exception as error:  # noqa: BLE001 -- a script that waits for RabbitMQ to come back
                sys.stderr.write(f"publish: {type(error).__name__}\n")
                await asyncio.sleep(_RETRY_SECONDS)

    return send


async def _take_for_ever(arguments: argparse.Namespace, desk: Desk) -> None:
    async def take(message: Any) -> None:
        kind = str(message.headers.get("ce-type", "")).rpartition(".")[2]
        desk.take(Received(str(message.message_id), kind, str(message.headers.get("ce-subject", "")), message.body))
        await message.ack()

    while True:
        try:
            async with await aio_pika.connect(f"{arguments.amqp}?heartbeat=5", timeout=5) as connection:
                channel = await connection.channel()
                await channel.set_qos(prefetch_count=1)
                queue = await channel.get_queue(f"hdeu.in.{arguments.name}", ensure=False)
                await queue.consume(take)
                while not (connection.is_closed or channel.is_closed):  # noqa: ASYNC110 -- two states, no event
                    await asyncio.sleep(_RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 -- as above
            sys.stderr.write(f"consume: {type(error).__name__}\n")
        await asyncio.sleep(_RETRY_SECONDS)


def main(argv: list[str] | None = None) -> None:
    """`python -m adapters.demo.backend --office french|finnish …`."""
    parser = argparse.ArgumentParser(description="a scripted national back end")
    parser.add_argument("--office", choices=("french", "finnish"), required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--node", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--secret", default="")
    parser.add_argument("--amqp", default="")
    parser.add_argument("--user", default="")
    arguments = parser.parse_args(argv)
    dice = random.SystemRandom()
    chance = Chance(lambda: datetime.now(UTC), lambda: dice.randrange(1, 1_000_000))
    office: Office = HealthDataHub(chance) if arguments.office == "french" else Findata(chance)
    with suppress(KeyboardInterrupt):
        asyncio.run((run_amqp if arguments.amqp else run_webhook)(arguments, office))


if __name__ == "__main__":
    main()
