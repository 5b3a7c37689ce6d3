"""`exchange.outbound`: French status updates come in over AMQP and are submitted; counted at the receiver.

Ours is `hdeu serve` as a process of its own, on private RabbitMQ and PostgreSQL with fsync and confirms; only the look
for AS4 receipts is put off, for it comes after the submit. The floor is a process too (`floors.Exchanged`), fed by the
same publisher and counted by the same sink. Each message belongs to a case of its own that waits for this step.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import psycopg
from aiohttp import web

from adapters.amqp.topology import NATIONAL_OUT, OUT, Topology
from adapters.demo.processes import Party, free_port, run_hdeu
from adapters.demo.stage import FRANCE, Stage, free_ports
from adapters.store.sql import open_store
from adapters.system import SystemClock, TimeSortedIds
from broker.data_files import schemas_dir
from broker.model.cases import Alias, Case, Leg
from tests.performance.figures import Figure
from tests.performance.sink import Sink
from tests.performance.trace import activity, processor_seconds, write_trace, written_by_one
from tests.support.postgres import private_server
from tests.support.rabbitmq import RabbitNode

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "data" / "fr-hdh-1" / "StatusUpdate.xml"
NATIONAL_ID, EU_ID = "EXEMPLE-2026-0001", "6a70b4d104db074a00fd905d"
WARM_UP, MESSAGES, ROUNDS = 30, 150, 3
HANDS = 16
PUBLISHING = 32  #: unconfirmed publishes of the back end at once
SECONDS = 120.0

Spent = dict[str, tuple[float, ...]]  #: by side: commits, bytes of the database's log, seconds of a processor


@dataclass
class Bench:
    """Where everything runs."""

    folder: Path  #: gone afterwards
    inputs: Path
    sink: Sink
    sink_url: str
    rabbit: RabbitNode
    postgres: Any
    pids: dict[str, int] = field(default_factory=dict)
    number: int = 0

    @property
    def ours(self) -> str:
        return self.postgres.url("france")

    @property
    def floor(self) -> str:
        return self.postgres.url("floor")

    def spent(self) -> Spent:
        """What both sides have spent so far."""
        return {
            name: (*activity(database), processor_seconds(self.pids[name]))
            for name, database in (("ours", self.ours), ("floor", self.floor))
        }

    def documents(self, count: int) -> list[tuple[str, str, bytes]]:
        """National id, EU id and document, none of them used before."""
        example = EXAMPLE.read_bytes()
        found = []
        for _ in range(count):
            self.number += 1
            national, eu = f"EXEMPLE-2026-{self.number:04d}", f"{self.number:024x}"
            document = example.replace(NATIONAL_ID.encode(), national.encode()).replace(EU_ID.encode(), eu.encode())
            found.append((national, eu, document))
        return found


def exchange(inputs: Path) -> Figure:
    """Messages per second."""
    return asyncio.run(_outbound(inputs))


async def _outbound(inputs: Path) -> Figure:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hdeu-bench-")))
        rabbit = RabbitNode()
        stack.push_async_callback(asyncio.to_thread, rabbit.stop)
        await asyncio.to_thread(rabbit.start)
        postgres = stack.enter_context(private_server())
        sink, sink_url = await _listening(stack)
        bench = Bench(folder, inputs, sink, sink_url, rabbit, postgres)
        _prepare_services(bench)
        await _start_node(bench, stack)
        await _round(bench, "france", await _with_cases(bench, WARM_UP))
        await _start_floor(bench, stack)
        await _round(bench, "floor", bench.documents(WARM_UP))
        return await _measured(bench)


async def _measured(bench: Bench) -> Figure:
    ours, floor, counts = [], [], []
    for _ in range(ROUNDS):
        documents = await _with_cases(bench, MESSAGES)
        before = bench.spent()
        ours.append(await _round(bench, "france", documents))
        between = bench.spent()
        floor.append(await _round(bench, "floor", bench.documents(MESSAGES)))
        counts.append({"ours": _each(before, between, "ours"), "floor": _each(between, bench.spent(), "floor")})
    seen = {"seconds": {"ours": ours, "floor": floor}, "messages": MESSAGES, "per message": counts}
    (bench.inputs / "rounds.json").write_text(json.dumps(seen, indent=2) + "\n", encoding="utf-8")
    return Figure(MESSAGES / statistics.median(ours), MESSAGES / statistics.median(floor), "messages/s")


def _each(before: Spent, after: Spent, name: str) -> dict[str, float]:
    """For one message; ours includes what its loops do beside."""
    commits, log, seconds = ((late - early) / MESSAGES for early, late in zip(before[name], after[name], strict=True))
    return {"commits": round(commits, 2), "log bytes": round(log), "processor ms": round(1000 * seconds, 2)}


async def _listening(stack: AsyncExitStack) -> tuple[Sink, str]:
    sink, port = Sink(), free_port()
    runner = web.AppRunner(sink.app(), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return sink, f"http://127.0.0.1:{port}"


def _prepare_services(bench: Bench) -> None:
    with psycopg.connect(bench.postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE france")
        connection.execute("CREATE DATABASE floor")
    for user in ("node", FRANCE.backend):
        bench.rabbit.add_user(user)
    for vhost in ("france", "floor"):
        bench.rabbit.add_vhost(vhost)
        for user in ("node", FRANCE.backend):
            bench.rabbit.allow(user, vhost)


async def _start_node(bench: Bench, stack: AsyncExitStack) -> None:
    extra = {
        "HDEU_DATABASE__URL": bench.ours,
        "HDEU_QUEUE__URL": bench.rabbit.url("node", "france"),
        "HDEU_BACKENDS__HDH__KIND": "amqp",
        "HDEU_WORK__CONCURRENCY": str(HANDS),
        "HDEU_WORK__RECEIPTS": "3600",
    }
    stage = Stage(bench.folder, ROOT / "config", free_ports(), {FRANCE.node: extra}, mock_url=bench.sink_url)
    for command in (("keys", "init"), ("migrate",)):
        await run_hdeu(*command, env=stage.node_env(FRANCE))
    node = stage.node(FRANCE)
    node.start()
    stack.callback(node.stop)
    bench.pids["ours"] = node.process.pid if node.process else 0
    await _ready(f"{stage.url('france.ops')}/readyz", node)


async def _ready(url: str, node: Party) -> None:
    async with aiohttp.ClientSession() as session:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and node.alive:
            try:
                async with session.get(url) as response:
                    if response.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the node did not get ready:\n{node.log.read_text()[-2000:]}")


async def _with_cases(bench: Bench, count: int) -> list[tuple[str, str, bytes]]:
    """Documents whose cases stand before the step that they tell of."""
    documents, clock, ids = bench.documents(count), SystemClock(), TimeSortedIds()
    store, now = open_store(bench.ours, clock=clock), datetime.now(UTC)
    try:
        async with store.transaction() as tx:
            for national, eu, _ in documents:
                case = Case(ids.new(), now, version=2, aliases=(Alias("cp", eu), Alias(FRANCE.backend, national)))
                facts = {"acknowledged": now.isoformat()}
                await tx.add_case(case)
                leg = Leg(case.key, FRANCE.backend, "PRE_SCREENING", now, now, national_state="DEPOSE", facts=facts)
                await tx.save_leg(leg)
    finally:
        await store.close()
    return documents


async def _start_floor(bench: Bench, stack: AsyncExitStack) -> None:
    rows, contents = written_by_one(bench.ours)
    write_trace(bench.inputs, rows, contents, bench.sink.last)
    order = bench.folder / "order.json"
    order.write_text(json.dumps(_order(bench)), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.performance.floors",
        str(order),
        cwd=ROOT,
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
    )
    stack.push_async_callback(process.wait)
    stack.callback(process.terminate)
    bench.pids["floor"] = process.pid
    if process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise RuntimeError("the floor did not start")


def _order(bench: Bench) -> dict[str, Any]:
    topology = Topology((FRANCE.backend,))
    return {
        "amqp": bench.rabbit.url("node", "floor"),
        "database": bench.floor,
        "sink": bench.sink_url,
        "trace": str(bench.inputs.resolve()),
        "source": str(schemas_dir() / "fr" / "1" / "hdh.xsd"),
        "target": str(schemas_dir() / "eu" / "1" / "eu.xsd"),
        "hands": dict.fromkeys((OUT, "floor.prepare", "floor.deliver"), HANDS),
        "arguments": {**topology.queue(OUT).arguments, "x-dead-letter-exchange": ""},
        "wire_id": next(iter(bench.sink.taken & _named(bench.sink.last))),
    }


def _named(post: bytes) -> set[str]:
    return {word.decode() for word in post.replace(b">", b"<").split(b"<")}


async def _round(bench: Bench, vhost: str, documents: list[tuple[str, str, bytes]]) -> float:
    """Seconds from the first publish until the sink has counted them all."""
    bench.sink.expect(len(documents))
    address = bench.rabbit.url(FRANCE.backend, vhost)
    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        national_out = await channel.get_exchange(NATIONAL_OUT, ensure=False)
        gate = asyncio.Semaphore(PUBLISHING)

        async def publish(national: str, document: bytes) -> None:
            message = aio_pika.Message(
                document,
                message_id=f"urn:example:{national}",
                content_type="application/xml",
                user_id=FRANCE.backend,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            async with gate:
                await national_out.publish(message, f"{FRANCE.backend}.StatusUpdate", mandatory=True)

        started = time.perf_counter()
        await asyncio.gather(*(publish(national, document) for national, _, document in documents))
        await bench.sink.received(seconds=SECONDS)
        return time.perf_counter() - started
