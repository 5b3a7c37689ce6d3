"""Run a node: its doors, its web, its loops, until it is told to stop.

`serve` runs all of it; `work` runs workers alone, on as many machines as wanted. On SIGTERM a node stops taking,
finishes what is in flight, and closes its connections.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.access_point import prove_of, push_of
from broker.app import Built, amqp_door, open_node, services_of
from broker.errors import ConfigurationError, Unavailable
from broker.eu_https import counterpart_of, is_eu_https, proven_before
from broker.flow.answers import Receipts, presume_failed
from broker.flow.fetch import Fetcher
from broker.flow.housekeeping import forget_used_tokens
from broker.flow.loops import Sweeper, handler, repeat
from broker.flow.node import log
from broker.flow.receipts import SignedReceipts
from broker.flow.rems_event import set_event_aside, take_event
from broker.flow.watch import WorkerWatch, push_again
from broker.ledger.handover import first_key, following_key
from broker.ledger.sealer import Sealer
from broker.model.work import TICKETED
from broker.translation.codecs.national import NATIONAL
from broker.web.console.console import ConsoleSettings
from broker.web.health import Check, Health, Heartbeats, build_ops_app
from broker.web.metrics import Metrics
from broker.web.rems import RemsDoor
from broker.web.server import Web, build_api_app, runner_of
from broker.web.services import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from broker.ports import AccessPoint
    from broker.settings import Settings

GRACE_SECONDS: Final = 10.0
REPUSH_SECONDS: Final = 60.0  #: between two looks at notifications that were given up, where nothing is polled
UNPOLLED_SECONDS: Final = 1.0  #: between two looks at what was notified, where nothing is polled
HOUSEKEEPING_SECONDS: Final = 600.0
PRESENCE_SECONDS: Final = 60.0  #: between two signs to a counterpart that this node is there
DOOR: Final = "door.amqp"


def _health(built: Built, watch: WorkerWatch) -> Health:
    checks = [Check("database", built.store.ping), Check("queue", built.node.tickets.ping)]
    checks.append(Check("workers", watch.check))
    if built.node.access_point is not None:
        checks.append(Check("access_point", built.node.access_point.ping))
    return Health(built.node.clock, Heartbeats(built.node.clock), tuple(checks))


def _session_key(folder: Path) -> bytes:
    """The key that signs console sessions; made at the first start, the same for every process of the node."""
    path = folder / "session.key"
    with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _worker_loops(built: Built, watch: WorkerWatch) -> dict[str, Callable[[], Awaitable[object]]]:
    node = built.node
    concurrency = built.settings.work.concurrency
    return {
        f"worker.{kind.value}": partial(
            node.tickets.consume, kind, handler(node, kind, watch.beat), concurrency=concurrency
        )
        for kind in TICKETED
    }


def _fetcher(built: Built) -> Fetcher | None:
    point: AccessPoint | None = built.node.access_point
    section = built.settings.access_point
    after = timedelta(seconds=section.unavailable_after)
    return Fetcher(built.node, point, section.poll > 0, after) if point is not None else None


def _serve_loops(
    built: Built, hearts: Heartbeats, fetcher: Fetcher | None
) -> dict[str, Callable[[], Awaitable[object]]]:
    node, work = built.node, built.settings.work
    keys = built.settings.data_dir / "keys"
    sealer = Sealer(built.store, first_key(keys), node.clock, node.worker, follow=partial(following_key, keys))
    turns: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
        "sweeper": (work.sweep, Sweeper(node).sweep),
        "sealer": (work.seal, sealer.seal_all),
        "silence": (work.silence, partial(presume_failed, node)),
        "housekeeping": (HOUSEKEEPING_SECONDS, partial(forget_used_tokens, node)),
    }
    if fetcher is not None:
        turns["fetcher"] = (built.settings.access_point.poll or UNPOLLED_SECONDS, fetcher.drain)
        if not fetcher.poll:
            turns["pushes"] = (REPUSH_SECONDS, partial(push_again, fetcher.access_point))
        if is_eu_https(built.settings.access_point):
            turns["presence"] = (PRESENCE_SECONDS, fetcher.access_point.ping)
        if signed := _signed_receipts(built, fetcher.access_point):
            turns["signed_receipts"] = (work.signed_receipts, signed.fetch)
        turns["receipts"] = (work.receipts, Receipts(node, fetcher.access_point).watch)
    wakes = {"fetcher": fetcher.wake} if fetcher is not None else {}
    for name, (every, _) in turns.items():
        hearts.expect(name, within=work.still + 3 * every)
    loops: dict[str, Callable[[], Awaitable[object]]] = {
        name: partial(repeat, name, every, turn, hearts.beat, wake=wakes.get(name))
        for name, (every, turn) in turns.items()
    }
    door = amqp_door(built, lambda ago: hearts.beat(DOOR, ago=ago))
    if door is not None:
        hearts.expect(DOOR, within=work.still)
        loops[DOOR] = door.run
    return loops


def _signed_receipts(built: Built, point: AccessPoint) -> SignedReceipts | None:
    """What fetches signed receipts; None where the access point hands out none."""
    section = built.settings.access_point
    if is_eu_https(section):
        return SignedReceipts(built.node, point, proven_before)
    return SignedReceipts(built.node, point, prove_of(section)) if section.ext_url else None


def _rems_door(built: Built) -> RemsDoor | None:
    """The door of back ends whose profile is that of REMS, and that have a secret."""
    bound = {name: one for name, one in built.settings.backends.items() if one.profile in NATIONAL}
    known = {name: secret for name, one in bound.items() if (secret := one.secret.get_secret_value())}
    if not known:
        return None
    take, aside = partial(take_event, built.node), partial(set_event_aside, built.node)
    return RemsDoor(secrets=known, take=take, set_aside=aside, limit=Limits().document)


async def serve(settings: Settings) -> None:
    """Run one node until SIGTERM or SIGINT. Raises: ConfigurationError, Unavailable at start."""
    metrics = Metrics()
    async with open_node(settings, metrics=metrics) as built, AsyncExitStack() as stack:
        watch = WorkerWatch(built.node, settings.work.still)
        health = _health(built, watch)
        console = ConsoleSettings(
            session_key=_session_key(settings.data_dir / "keys"), time_zone=settings.node.time_zone
        )
        fetcher = _fetcher(built)
        parts = Web(
            services=services_of(built),
            health=health,
            metrics=metrics,
            ids=built.node.ids,
            console=console,
            push=push_of(settings.access_point, built.node, fetcher.wake.set, settings.data_dir) if fetcher else None,
            counterpart=counterpart_of(settings.access_point, built.node, built.ring),
            rems=_rems_door(built),
        )
        ops = build_ops_app(health, metrics, built.store, built.node.clock)
        await _listen(stack, build_api_app(parts), settings.api.host, settings.api.port)
        await _listen(stack, ops, settings.ops.host, settings.ops.port)
        log.info("node.started", node=settings.node.name, port=settings.api.port)
        await _until_told({**_serve_loops(built, health.heartbeats, fetcher), **_worker_loops(built, watch)}, health)
        log.info("node.stopping", node=settings.node.name)
        if fetcher:
            await fetcher.close()


async def work(settings: Settings) -> None:
    """Run workers alone. Raises: ConfigurationError (also on SQLite: one `serve` owns all work there)."""
    if settings.embedded:
        raise ConfigurationError(
            "`hdeu worker` needs PostgreSQL and RabbitMQ; with SQLite one `hdeu serve` does it all"
        )
    metrics = Metrics()
    async with open_node(settings, metrics=metrics) as built, AsyncExitStack() as stack:
        watch = WorkerWatch(built.node, settings.work.still)
        health = _health(built, watch)
        ops = build_ops_app(health, metrics, built.store, built.node.clock)
        await _listen(stack, ops, settings.ops.host, settings.ops.port)
        log.info("worker.started", node=settings.node.name)
        await _until_told(_worker_loops(built, watch), health)


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> None:
    runner = runner_of(app, grace=GRACE_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigurationError(f"port {port} on {host} cannot be opened: {error.strerror}") from error


async def _until_told(loops: dict[str, Callable[[], Awaitable[object]]], health: Health) -> None:
    told = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, told.set)
    tasks = [asyncio.create_task(_kept_up(name, loop), name=name) for name, loop in loops.items()]
    await told.wait()
    health.draining = True
    for task in tasks:
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _kept_up(name: str, loop: Callable[[], Awaitable[object]]) -> None:
    """A loop that ends, ends by mistake: say so and start it again."""
    while True:
        try:
            await loop()
        except Unavailable as problem:
            log.warning("loop.unavailable", loop=name, code=problem.code)
        except Exception as error:  # noqa: BLE001 -- the node outlives one loop's failure; readiness shows it
            log.error("loop.failed", loop=name, code="internal-error", exc_info=error)
        await asyncio.sleep(1.0)
