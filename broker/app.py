"""The composition root: it builds a node from settings, with every adapter."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from adapters.amqp.connection import Rabbit, connect
from adapters.amqp.topology import Topology
from adapters.backends.amqp_door import AmqpDoor
from adapters.identity.api_keys import ApiKeys
from adapters.identity.authenticator import NodeAuthenticator, external_trust, own_trust
from adapters.identity.keys import KeyRing, init_keys
from adapters.identity.remote_keys import RemoteKeys, http_fetch
from adapters.queue.embedded import EmbeddedTickets
from adapters.queue.rabbitmq import RabbitTickets
from adapters.scanner.clamd import Clamd
from adapters.store.sql import SqlStore, open_store
from adapters.system import StateDays, SystemClock, TimeSortedIds
from adapters.validation.itb import ItbValidator
from adapters.xml.documents import XmlDocuments
from broker.access_point import access_point_of
from broker.back_ends import connected
from broker.data_files import schemas_dir
from broker.errors import Unavailable
from broker.eu_https import eu_https_of, is_eu_https
from broker.flow.acknowledge import acknowledge
from broker.flow.close import close
from broker.flow.doors import accept
from broker.flow.given_back import park_given_back
from broker.flow.keep import keep, quarantine
from broker.flow.node import Node, Observe, Wire, unobserved
from broker.flow.pauses import destinations, pause, resume
from broker.flow.reports import spelled_out
from broker.flow.retry import RetryPolicy
from broker.flow.staff import restore, retry, sign_off
from broker.flow.uploads import keep_file
from broker.ledger.export import Export
from broker.ledger.handover import first_public
from broker.rule_files import rules_of
from broker.translation.codecs.wires import WIRES
from broker.translation.completeness import load_rules
from broker.translation.translator import Translator
from broker.web.metrics import Metrics
from broker.web.services import Services

if TYPE_CHECKING:
    from broker.flow.arrival import Accepted, Arrival
    from broker.ports import AccessPoint
    from broker.settings import Settings

#: How long a starting node waits for its database and its queue.
PATIENCE_SECONDS: Final = 60.0


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
        opened = await _opened(stack, settings, connect_queue=connect_queue)
        node = _node_of(settings, opened, _observer(metrics) if metrics else unobserved)
        authenticator = _authenticator(settings, opened.ring, opened.clock, opened.session)
        yield Built(settings, node, opened.store, opened.ring, authenticator, opened.rabbit)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a node holds open."""

    clock: SystemClock
    ring: KeyRing
    store: SqlStore
    documents: XmlDocuments
    session: aiohttp.ClientSession
    rabbit: Rabbit | None
    access_point: AccessPoint | None


async def _opened(stack: AsyncExitStack, settings: Settings, *, connect_queue: bool) -> _Opened:
    clock, ring = SystemClock(), init_keys(settings.data_dir / "keys")
    store = open_store(settings.database_url, clock=clock, spools=str(settings.data_dir))
    _for_its_owner_alone(settings)
    stack.push_async_callback(store.close)
    await _awaited(store, PATIENCE_SECONDS if connect_queue else 0.0)
    documents = XmlDocuments(schemas_dir())
    stack.push_async_callback(documents.close)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    rabbit = await _rabbit(settings) if connect_queue and not settings.embedded else None
    if rabbit:
        stack.push_async_callback(rabbit.close)
    access_point = _access_point(settings, ring, clock)
    if access_point:
        stack.push_async_callback(access_point.close)
    return _Opened(clock, ring, store, documents, session, rabbit, access_point)


def _node_of(settings: Settings, opened: _Opened, observe: Observe) -> Node:
    return Node(
        name=settings.node.name,
        nation=settings.node.nation,
        participant=settings.node.participant,
        release=settings.node.release,
        forms=load_rules(schemas_dir() / "completeness", settings.node.forms),
        store=opened.store,
        tickets=RabbitTickets(opened.rabbit) if opened.rabbit else EmbeddedTickets(),
        clock=opened.clock,
        ids=TimeSortedIds(),
        documents=opened.documents,
        codec=WIRES[settings.access_point.profile](schemas_dir()),
        translator=Translator.load(schemas_dir(), profiles=_profiles(settings)),
        backends={name: connected(settings, name, opened.session, opened.rabbit) for name in settings.backends},
        wire=_wire(settings),
        access_point=opened.access_point,
        scanner=scanner_of(settings),
        validator=validator_of(settings, opened.session),
        judged_by=XmlDocuments.NAME,
        retry=_retry_policy(settings),
        hold_seconds=settings.work.hold,
        production=settings.environment == "production",
        worker=f"{socket.gethostname()}:{os.getpid()}",
        days=StateDays(settings.node.nation, settings.node.time_zone),
        observe=observe,
        **rules_of(settings.backends.values()),
    )


def _for_its_owner_alone(settings: Settings) -> None:
    """The embedded database holds personal data: nobody else on the machine reads it."""
    if settings.embedded:
        Path(settings.database_url.removeprefix("sqlite:///")).chmod(0o600)


async def _awaited(store: SqlStore, patience: float) -> None:
    """A database that is starting is waited for. Raises: Unavailable after `patience` seconds, ConfigurationError."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_random_exponential(multiplier=0.2, max=2.0),
        stop=stop_after_delay(patience),
        reraise=True,
    ):
        with attempt:
            await store.ping()


def _observer(metrics: Metrics) -> Observe:
    def observe(step: str, outcome: str, seconds: float) -> None:
        metrics.attempt(step=step, outcome=outcome, seconds=seconds)

    return observe


def _profiles(settings: Settings) -> frozenset[str]:
    return frozenset(backend.profile for backend in settings.backends.values())


async def _rabbit(settings: Settings) -> Rabbit:
    names = tuple(name for name, backend in settings.backends.items() if backend.kind == "amqp")
    return await connect(
        settings.queue.url.get_secret_value(),
        Topology(backends=names),
        name=settings.node.name,
        patience=PATIENCE_SECONDS,
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
        profile=section.profile,
        peer=section.counterpart == "body",
    )


def _access_point(settings: Settings, ring: KeyRing, clock: SystemClock) -> AccessPoint | None:
    section = settings.access_point
    if is_eu_https(section):
        return eu_https_of(section, ring, clock)
    return access_point_of(section, mock=settings.environment != "production", folder=str(settings.data_dir))


def scanner_of(settings: Settings) -> Clamd | None:
    """The malware scanner; None where none is configured."""
    section = settings.scanner
    return Clamd(section.url, seconds=section.timeout) if section.url else None


def validator_of(settings: Settings, session: aiohttp.ClientSession) -> ItbValidator | None:
    """The remote validator; None where none is configured."""
    section = settings.validator
    return ItbValidator(session, section.url, kind=section.type, seconds=section.timeout) if section.url else None


def _retry_policy(settings: Settings) -> RetryPolicy:
    work = settings.work
    return RetryPolicy(work.backoff_base, work.backoff_cap, work.budget, work.lease)


def _authenticator(
    settings: Settings, ring: KeyRing, clock: SystemClock, session: aiohttp.ClientSession
) -> NodeAuthenticator:
    name = settings.node.name
    trusts = [own_trust(ring, issuer=name, node=name)]
    if settings.trust.jwks_url:
        keys = RemoteKeys(http_fetch(session, settings.trust.jwks_url), clock)
        trusts.append(external_trust(keys, issuer=settings.trust.issuer, node=name))
    api_keys = ApiKeys(
        {client.name: client.key_hash.get_secret_value() for client in settings.clients},
        sees={client.name: client.backend for client in settings.clients},
    )
    return NodeAuthenticator(tuple(trusts), api_keys=api_keys, clock=clock)


def services_of(built: Built) -> Services:
    """What the web may do with this node."""
    node, settings = built.node, built.settings
    first = first_public(settings.data_dir / "keys")

    async def take(arrival: Arrival) -> Accepted:
        return await accept(node, arrival, budget=settings.api.time_budget)

    return Services(
        node=node.name,
        store=built.store,
        clock=node.clock,
        authenticator=built.authenticator,
        accept=take,
        keep_file=partial(keep_file, node),
        sign_off=partial(sign_off, node),
        acknowledge=partial(acknowledge, node),
        retry=partial(retry, node),
        restore=partial(restore, node),
        close=partial(close, node),
        destinations=partial(destinations, node),
        pause=partial(pause, node),
        resume=partial(resume, node),
        export=lambda: Export(built.store, (first,)).lines(),
        report=partial(spelled_out, node),
        status=partial(node.lifecycle.status, node.release),
        today=lambda: node.clock.now().astimezone(node.days.zone).date(),
        backends=frozenset(settings.backends),
    )


def amqp_door(built: Built, beat: Callable[[float], None]) -> AmqpDoor | None:
    """The door that reads `hdeu.out`; None where no back end comes by RabbitMQ. `beat` hears how long it is unwell."""
    if built.rabbit is None:
        return None
    return AmqpDoor(
        built.rabbit,
        backends=frozenset(name for name, section in built.settings.backends.items() if section.kind == "amqp"),
        keep=partial(keep, built.node),
        quarantine=partial(quarantine, built.node),
        give_back=partial(park_given_back, built.node),
        node=built.node.name,
        beat=beat,
    )
