"""A flow and its troubles: processes that die, offices behind a real webhook, the mock's access point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Patience
from adapters.backends.webhook import WebhookBackend, WebhookSettings
from adapters.store.sql import open_store
from broker.flow.answers import presume_failed
from broker.flow.fetch import Fetcher
from broker.flow.staff import sign_off
from broker.model.exchanges import Exchange, State
from broker.ports import Part, UserMessage
from tests.support.flow_node import CENTRAL_PARTY, EXAMPLE_ID, Flow, case_in, dossier, eu, eu_application, partial_grant

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mock_node import MockNode

ZIP: Final = "application/zip"
MOCK_PARTY: Final = "hdeu:mock:ap:central"


@dataclass(frozen=True)
class Stage:
    """A flow, and where its database and other data lie."""

    flow: Flow
    database: str
    folder: Path


class Killed(BaseException):
    """The process is gone: nothing in it may react to that."""


async def killed(*_: object, **__: object) -> None:
    raise Killed


@contextmanager
def dies_at(owner: object, name: str) -> Iterator[None]:
    """The process dies when it comes to this call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, killed)
        try:
            yield
        except Killed:
            return
    raise AssertionError(f"nothing was in hand when the process should have died at {name}")


@asynccontextmanager
async def restarted(stage: Stage) -> AsyncIterator[Flow]:
    """A process that has nothing of the one before but the database; all leases of that one have ended."""
    flow = stage.flow
    store = open_store(stage.database, clock=flow.clock)
    flow.clock.advance(flow.node.retry.lease + 1)
    try:
        yield replace(flow, store=store, node=replace(flow.node, store=store))
    finally:
        await store.close()


@dataclass
class Desk:
    """An office behind a real webhook: answers these statuses in turn (0: never), then 200."""

    planned: list[int]
    came: list[str] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        self.came.append(request.headers["ce-id"])
        status = self.planned.pop(0) if self.planned else 200
        if not status:
            await self.closing.wait()
        return web.Response(status=status or 200)


async def handed_over(stage: Stage, desk: Desk, *, patience: float) -> tuple[Flow, Exchange]:
    """An application on its way to the desk, some time later."""
    app = web.Application()
    app.router.add_post("/", desk.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        settings = WebhookSettings(str(server.make_url("/")), b"secret of the test", timeout=patience, tries=1)
        links = stage.flow.node.backends
        hook = WebhookBackend("hdh", settings, session=session, node="fr")
        node = replace(stage.flow.node, backends={**links, "hdh": replace(links["hdh"], backend=hook)})
        flow = replace(stage.flow, node=node)
        message_id = await flow.from_eu(eu_application(), ZIP)
        for _ in range(10):
            flow.clock.advance(60)
            await flow.run()
        desk.closing.set()
    return flow, await flow.exchange(message_id)


@asynccontextmanager
async def at_the_mock(flow: Flow, mock: MockNode) -> AsyncIterator[Flow]:
    """The flow with its real adapter, at the mock's access point."""
    nation = mock.settings.nations["fr"]
    url = f"{mock.base}/fr/domibus/services/wsplugin"
    header = Header(from_party="hdeu:mock:ap:fr", to_party=MOCK_PARTY)
    settings = DomibusSettings("ap-fr", url, nation.user, nation.password, header, patience=Patience(tries=1))
    adapter = DomibusWs(settings)
    wire = replace(flow.node.wire, party="hdeu:mock:ap:fr", central_party=MOCK_PARTY)
    try:
        yield replace(flow, node=replace(flow.node, access_point=adapter, wire=wire))
    finally:
        await adapter.close()


def received(name: str, kind: str, data: bytes) -> UserMessage:
    return UserMessage(name, (Part.of("cid:message", kind, data),), from_party=CENTRAL_PARTY)


async def submitted(flow: Flow) -> Exchange:
    """An ApplicationAck on its way to the platform."""
    await case_in(flow, "RECEIVED")
    sent = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert sent.state is State.SUBMITTED
    return sent


async def decided(flow: Flow) -> tuple[Exchange, Exchange]:
    """An ApplicationAck and the decision of its case, on their way to the platform. It owes the second an answer."""
    await case_in(flow, "READY_TO_DECIDE")
    message_id = await flow.from_office(partial_grant())
    await sign_off(flow.node, message_id, actor="tests", reason="example")
    await flow.run()
    [sent] = await flow.all(type="ApplicationAck")
    return sent, await flow.exchange(message_id)


def verdict(sent: Exchange, *, good: bool) -> bytes:
    error = None if good else [{"code": "bad-value", "message": "Unknown status", "path": "/content/status"}]
    content = {"originalMessageId": sent.wire_message_id, "validated": good, "error": error}
    return eu("ValidationResult", {**content, "applicationId": EXAMPLE_ID}, applicationId=EXAMPLE_ID)


async def silence(flow: Flow) -> None:
    flow.clock.advance(3 * 86_400)
    await presume_failed(flow.node)


async def told_of(flow: Flow, exchange: Exchange, *actions: str) -> int:
    """How many entries of the journal tell this of the exchange."""
    return len([entry for entry in await flow.journal() if entry.target == exchange.id and entry.action in actions])


async def fetched(flow: Flow, mock: MockNode) -> None:
    """Fetch what the mock has for France, as soon as it has something."""
    for _ in range(1000):
        if await mock.nation("fr").pending():
            break
        await asyncio.sleep(0.02)
    assert flow.node.access_point is not None
    await Fetcher(flow.node, flow.node.access_point).drain()
    await flow.run()
