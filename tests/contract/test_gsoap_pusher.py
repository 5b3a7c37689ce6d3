"""Our push endpoint against a pusher that gSOAP made in C++ from our BackendService WSDL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.access_point.domibus_ws.push import ACCEPTED, MEDIA_TYPE, notification
from adapters.access_point.domibus_ws.settings import Limits
from broker.errors import Unavailable
from broker.ports import Notification, Told
from broker.web.auth import guard
from broker.web.problem import problems
from broker.web.push import PATH, Push, add_push_route
from tests.support.peers import pushed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

USER, PASSWORD = "domibus", "Push-Only-Tests-2026!"
PAYLOAD = bytes(range(256)) * 300


@dataclass
class Taker:
    """What the endpoint hands over, read by the adapter."""

    url: str = ""
    taken: list[Notification] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def take(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        if self.error:
            raise self.error
        self.forms.append(content_type)
        told = await notification(content_type, chunks, Limits())
        assert isinstance(told, Notification), told
        self.taken.append(told)

    async def push(self, *orders: str, form: str = "inline", password: str = PASSWORD) -> list[str]:
        return await asyncio.to_thread(pushed, self.url, USER, password, *orders, form=form)


@pytest_asyncio.fixture
async def taker() -> AsyncIterator[Taker]:
    made = Taker()
    push = Push(
        name="ap",
        user=USER,
        password=PASSWORD,
        take=made.take,
        limit=2**24,
        accepted=ACCEPTED,
        media_type=MEDIA_TYPE,
    )
    app = web.Application(middlewares=[problems, guard])
    add_push_route(app, push)
    async with TestServer(app) as server:
        made.url = str(server.make_url(PATH))
        yield made


async def test_every_notification_of_a_generated_pusher_is_understood_and_its_answer_too(taker: Taker) -> None:
    orders = {
        "receiveSuccess=r-1@central.example": Notification(Told.RECEIVED, ("r-1@central.example",)),
        "receiveFailure=r-2": Notification(Told.RECEIVE_FAILED, ("r-2",)),
        "sendSuccess=s-1": Notification(Told.SENT, ("s-1",)),
        "sendFailure=s-2": Notification(Told.SEND_FAILED, ("s-2",)),
        "delete=d-1": Notification(Told.DELETED, ("d-1",)),
        "deleteBatch=d-2,d-3": Notification(Told.DELETED, ("d-2", "d-3")),
        "messageStatusChange=m-1,WAITING_FOR_RETRY": Notification(Told.STATUS, ("m-1",), "WAITING_FOR_RETRY"),
    }
    assert await taker.push(*orders) == ["ok"] * len(orders)
    assert taker.taken == list(orders.values())


@pytest.mark.parametrize("form", ["inline", "mtom"])
async def test_a_pushed_message_arrives_whole(taker: Taker, form: str) -> None:
    assert await taker.push("submitRequest=whole-1@central.example", form=form) == ["ok"]
    (told,) = taker.taken
    assert (told.told, told.message_ids) == (Told.MESSAGE, ("whole-1@central.example",))
    message = told.message
    assert message is not None
    assert (message.message_id, message.ref_to_message_id) == ("whole-1@central.example", "asked-1@broker.example")
    assert (message.from_party, message.to_party) == ("hdeu:mock:ap:central", "hdeu:mock:ap:fr")
    assert message.conversation_id == "conversation-1"
    ((href, kind, data),) = [(part.href, part.media_type, part.data) for part in message.parts]
    assert (href, kind, data == PAYLOAD) == ("cid:message", "application/zip", True)
    assert taker.forms[0].startswith("multipart/related" if form == "mtom" else "application/soap+xml")


async def test_a_wrong_password_and_a_store_that_is_away_are_seen_as_failures(taker: Taker) -> None:
    assert await taker.push("receiveSuccess=r-1", password="wrong") == ["HTTP 401"]
    taker.error = Unavailable("the store is away")
    assert await taker.push("receiveSuccess=r-1") == ["HTTP 503"]
    taker.error = None
    assert await taker.push("receiveSuccess=r-1") == ["ok"]
    assert len(taker.taken) == 1
