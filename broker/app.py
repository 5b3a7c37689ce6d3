"""The composition root: the only module that knows every adapter. It builds a node from settings and runs it.

`serve` opens the doors, the web and all loops; `work` runs workers alone, on as many machines as wanted.
On SIGTERM a node stops taking, finishes what is in flight, and closes its connections.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Patience
from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.topology import Topology
from adapters.backends.amqp import AmqpBackend
from adapters.backends.amqp_door import AmqpDoor
from adapters.backends.pull import PullBackend
from adapters.backends.webhook import WebhookBackend, WebhookSettings
from adapters.identity.api_keys import ApiKeys
from adapters.identity.authenticator import NodeAuthenticator, external_trust, own_trust
from adapters.identity.keys import KeyRing, init_keys
from adapters.identity.remote_keys import RemoteKeys, http_fetch
from adapters.queue.embedded import EmbeddedTickets
from adapters.queue.rabbitmq import RabbitTickets
from adapters.store.sql import SqlStore, open_store
from adapters.system import StateDays, SystemClock, TimeSortedIds
from adapters.xml.documents import XmlDocuments
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Unavailable
from broker.flow.answers import presume_failed, watch_receipts
from broker.flow.doors import accept
from broker.flow.fetch import Fetcher
from broker.flow.keep import keep, quarantine
from broker.flow.loops import Sweeper, handler, repeat
from broker.flow.node import Connected, Due, Node, Observe, Wire, log, unobserved
from broker.flow.retry import RetryPolicy
from broker.flow.staff import retry, sign_off
from broker.ledger.export import Export
from broker.ledger.keys import read_signing_key
from broker.ledger.sealer import Sealer
from broker.model.clocks import read_clocks
from broker.model.lifecycle import Lifecycle, read_lifecycle
from broker.model.work import WorkKind
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.translator import Translator
from broker.web.console.console import ConsoleSettings
from broker.web.health import Check, Health, Heartbeats, build_ops_app
from broker.web.metrics import Metrics
from broker.web.server import Web, build_api_app
from broker.web.services import Services

if TYPE_CHECKING:
    from pathlib import Path

    from broker.flow.arrival import Accepted, Arrival
    from broker.ports import AccessPoint, Backend, Tickets
    from broker.settings import BackendSection, Settings

GRACE_SECONDS: Final = 10.0
#: A loop that has not come round for this long, and three turns of its own, stands still: one slow call is not that.
STILL_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Built:
    """A node and what runs it."""

    settings: Settings
    node: Node
    store: SqlStore
    ring: KeyRing
    authenticator: NodeAuthenticator
    rabbit: Rabbit | None


@asynccontextmanager
async def open_node(
    settings: Settings, *, connect_queue: bool = True, metrics: Metrics | None = None
) -> AsyncIterator[Built]:
    """A node with its connections; closed in reverse order.

    `connect_queue=False` is for commands that only write rows: a serving node finds them within a second.
    Raises: ConfigurationError, Unavailable.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        ring = init_keys(settings.data_dir / "keys")
        store = open_store(settings.database_url, clock=clock)
        stack.push_async_callback(store.close)
        await store.ping()
        documents = XmlDocuments(schemas_dir())
        stack.push_async_callback(documents.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        rabbit = await _rabbit(settings) if connect_queue and not settings.embedded else None
        if rabbit:
            stack.push_async_callback(rabbit.close)
        tickets: Tickets = RabbitTickets(rabbit) if rabbit else EmbeddedTickets()
        access_point = _access_point(settings)
        if access_point:
            stack.push_async_callback(access_point.close)
        node = Node(
            name=settings.node.name,
            nation=settings.node.nation,
            participant=settings.node.participant,
            release=settings.node.release,
            store=store,
            tickets=tickets,
            clock=clock,
            ids=TimeSortedIds(),
            documents=documents,
            codec=EuR7Codec.load(schemas_dir()),
            translator=Translator.load(schemas_dir(), profiles=_profiles(settings)),
            backends={name: _connected(settings, name, session, rabbit) for name in settings.backends},
            wire=_wire(settings),
            access_point=access_point,
            retry=_retry_policy(settings),
            hold_seconds=settings.work.hold,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            days=StateDays(settings.node.nation, settings.node.time_zone),
            observe=_observer(metrics) if metrics else unobserved,
            **_rules(settings),
        )
        yield Built(settings, node, store, ring, _authenticator(settings, ring, clock, session), rabbit)


def _observer(metrics: Metrics) -> Observe:
    def observe(step: str, outcome: str, seconds: float) -> None:
        metrics.attempt(step=step, outcome=outcome, seconds=seconds)

    return observe


def _profiles(settings: Settings) -> frozenset[str]:
    return frozenset(backend.profile for backend in settings.backends.values())


async def _rabbit(settings: Settings) -> Rabbit:
    names = tuple(name for name, backend in settings.backends.items() if backend.kind == "amqp")
    return await connect(settings.queue.url.get_secret_value(), Topology(backends=names), name=settings.node.name)


def _access_point(settings: Settings) -> DomibusWs | None:
    section = settings.access_point
    if not section.url:
        return None
    header = Header(
        from_party=section.party,
        to_party=section.central_party,
        party_type=section.party_type,
        from_role=section.initiator_role,
        to_role=section.responder_role,
        service=section.service,
        service_type=section.service_type,
        action=section.action,
        original_sender=section.original_sender,
        final_recipient=section.final_recipient,
    )
    return DomibusWs(
        DomibusSettings(
            name=section.name,
            url=section.url,
            user=section.username,
            password=section.password.get_secret_value(),
            header=header,
            patience=Patience(total=section.timeout),
        )
    )


def _wire(settings: Settings) -> Wire:
    section = settings.access_point
    return Wire(
        party=section.party,
        central_party=section.central_party,
        service=section.service,
        service_type=section.service_type,
        action=section.action,
        properties={"originalSender": section.original_sender, "finalRecipient": section.final_recipient},
    )


def _retry_policy(settings: Settings) -> RetryPolicy:
    work = settings.work
    return RetryPolicy(work.backoff_base, work.backoff_cap, work.budget, work.lease)


def _connected(settings: Settings, name: str, session: aiohttp.ClientSession, rabbit: Rabbit | None) -> Connected:
    section = settings.backends[name]
    return Connected(
        name=name,
        profile=section.profile,
        backend=_backend(settings, name, section, session, rabbit),
        catalogs=frozenset(section.catalogs),
        default=section.default,
        chain=section.lifecycle,
    )


def _backend(
    settings: Settings, name: str, section: BackendSection, session: aiohttp.ClientSession, rabbit: Rabbit | None
) -> Backend:
    if section.kind == "webhook":
        secret = section.secret.get_secret_value().encode()
        called = WebhookSettings(url=section.url, secret=secret, timeout=section.timeout)
        return WebhookBackend(name, called, session=session, node=settings.node.name)
    if section.kind == "amqp" and rabbit is not None:
        return AmqpBackend(name, rabbit, node=settings.node.name, api_base=settings.public_url)
    if section.kind == "amqp" and settings.embedded:
        raise ConfigurationError(f"backends.{name}: kind amqp needs RabbitMQ (queue.url)")
    return PullBackend(name)


def _rules(settings: Settings) -> dict[str, Any]:
    folder = schemas_dir() / "lifecycles"
    names = sorted({backend.lifecycle for backend in settings.backends.values() if backend.lifecycle})
    return {
        "lifecycle": _lifecycle(folder / "leg.toml"),
        "chains": {name: _lifecycle(folder / f"{name}.toml") for name in names},
        "clocks": read_clocks(_toml(folder / "clocks.toml")),
        "due": {name: Due(**row) for name, row in _toml(folder / "due.toml")["due"].items()},
    }


def _lifecycle(path: Path) -> Lifecycle:
    if not path.is_file():
        raise ConfigurationError(f"no lifecycle is called {path.stem}: schemas/lifecycles/{path.name} is missing")
    return read_lifecycle(_toml(path))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _authenticator(
    settings: Settings, ring: KeyRing, clock: SystemClock, session: aiohttp.ClientSession
) -> NodeAuthenticator:
    name = settings.node.name
    trusts = [own_trust(ring, issuer=name, node=name)]
    if settings.trust.jwks_url:
        keys = RemoteKeys(http_fetch(session, settings.trust.jwks_url), clock)
        trusts.append(external_trust(keys, issuer=settings.trust.issuer, node=name))
    api_keys = ApiKeys({client.name: client.key_hash.get_secret_value() for client in settings.clients})
    return NodeAuthenticator(tuple(trusts), api_keys=api_keys, clock=clock)


def services_of(built: Built) -> Services:
    """What the web may do with this node."""
    node, settings = built.node, built.settings
    key = read_signing_key(settings.data_dir / "keys" / "journal.pem")

    async def take(arrival: Arrival) -> Accepted:
        return await accept(node, arrival, budget=settings.api.time_budget)

    return Services(
        node=node.name,
        store=built.store,
        clock=node.clock,
        authenticator=built.authenticator,
        accept=take,
        sign_off=partial(sign_off, node),
        retry=partial(retry, node),
        export=lambda: Export(built.store, (key.public,)).lines(),
        status=partial(node.lifecycle.status, node.release),
        backends=frozenset(settings.backends),
    )


def _health(built: Built) -> Health:
    checks = [Check("database", built.store.ping), Check("queue", built.node.tickets.ping)]
    if built.node.access_point is not None:
        checks.append(Check("access_point", built.node.access_point.ping))
    return Health(built.node.clock, Heartbeats(built.node.clock), tuple(checks))


def _session_key(folder: Path) -> bytes:
    """The key that signs console sessions; made at the first start, the same for every process of the node."""
    path = folder / "session.key"
    with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _worker_loops(built: Built) -> dict[str, Callable[[], Awaitable[object]]]:
    node = built.node
    concurrency = built.settings.work.concurrency
    return {
        f"worker.{kind.value}": partial(node.tickets.consume, kind, handler(node, kind), concurrency=concurrency)
        for kind in WorkKind
    }


def _serve_loops(built: Built, hearts: Heartbeats) -> dict[str, Callable[[], Awaitable[object]]]:
    node, work = built.node, built.settings.work
    key = read_signing_key(built.settings.data_dir / "keys" / "journal.pem")
    sealer = Sealer(built.store, key, node.clock, node.worker)
    turns: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
        "sweeper": (work.sweep, Sweeper(node).sweep),
        "sealer": (work.seal, sealer.seal),
        "silence": (30.0, partial(presume_failed, node)),
    }
    point: AccessPoint | None = node.access_point
    if point is not None:
        turns["fetcher"] = (built.settings.access_point.poll, Fetcher(node, point).drain)
        turns["receipts"] = (work.receipts, partial(watch_receipts, node, point))
    for name, (every, _) in turns.items():
        hearts.expect(name, within=STILL_SECONDS + 3 * every)
    loops: dict[str, Callable[[], Awaitable[object]]] = {
        name: partial(repeat, name, every, turn, hearts.beat) for name, (every, turn) in turns.items()
    }
    if built.rabbit is not None:
        names = frozenset(name for name, section in built.settings.backends.items() if section.kind == "amqp")
        door = AmqpDoor(
            built.rabbit,
            backends=names,
            keep=partial(keep, node),
            quarantine=partial(quarantine, node),
            node=node.name,
        )
        loops["door.amqp"] = door.run
    return loops


async def serve(settings: Settings) -> None:
    """Run one node until SIGTERM or SIGINT. Raises: ConfigurationError, Unavailable at start."""
    metrics = Metrics()
    async with open_node(settings, metrics=metrics) as built, AsyncExitStack() as stack:
        health = _health(built)
        console = ConsoleSettings(
            session_key=_session_key(settings.data_dir / "keys"), time_zone=settings.node.time_zone
        )
        parts = Web(services=services_of(built), health=health, metrics=metrics, ids=built.node.ids, console=console)
        ops = build_ops_app(health, metrics, built.store, built.node.clock)
        await _listen(stack, build_api_app(parts), settings.api.host, settings.api.port)
        await _listen(stack, ops, settings.ops.host, settings.ops.port)
        log.info("node.started", node=settings.node.name, port=settings.api.port)
        await _until_told({**_serve_loops(built, health.heartbeats), **_worker_loops(built)}, health)
        log.info("node.stopping", node=settings.node.name)


async def work(settings: Settings) -> None:
    """Run workers alone. Raises: ConfigurationError (also on SQLite: one `serve` owns all work there)."""
    if settings.embedded:
        raise ConfigurationError(
            "`hdeu worker` needs PostgreSQL and RabbitMQ; with SQLite one `hdeu serve` does it all"
        )
    metrics = Metrics()
    async with open_node(settings, metrics=metrics) as built, AsyncExitStack() as stack:
        health = _health(built)
        ops = build_ops_app(health, metrics, built.store, built.node.clock)
        await _listen(stack, ops, settings.ops.host, settings.ops.port)
        log.info("worker.started", node=settings.node.name)
        await _until_told(_worker_loops(built), health)


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE_SECONDS)
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
