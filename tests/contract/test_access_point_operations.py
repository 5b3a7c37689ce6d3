"""Our client calls every operation of the access point, and meets every bad answer of the menu, within bounds."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Limits, Patience
from adapters.access_point.domibus_ws.requests import Wanted
from adapters.mock_eu.settings import Push, Rule
from broker.access_port import Window
from broker.errors import ConfigurationError, Garbled, NotFound, Unavailable
from broker.ports import Part, UserMessage
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.mock_node import MockNode

PASSWORD = "Mock-fr-Only-2026!"
HEADER = Header(from_party="hdeu:mock:ap:fr", to_party="hdeu:mock:ap:central")
QUICK = Patience(connect=2, total=5, tries=1)


def client(node: MockNode, **changes: Any) -> DomibusWs:
    url = f"{node.base}/fr/domibus/services/wsplugin"
    usual = DomibusSettings("national", url, "fr", PASSWORD, HEADER, patience=QUICK)
    return DomibusWs(replace(usual, **{"ext_url": f"{node.base}/fr/domibus/ext", **changes}))


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, send_tries=1) as running:
        yield running


@pytest_asyncio.fixture
async def access_point(node: MockNode) -> AsyncIterator[DomibusWs]:
    adapter = client(node)
    yield adapter
    await adapter.close()


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await look():  # noqa: ASYNC110 -- the mock does not say when
            await asyncio.sleep(0.02)


async def reached(access_point: DomibusWs, message_id: str, status: str) -> None:
    async def look() -> bool:
        return await access_point.status(message_id) == status

    await until(look)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 70_000, 400_001])
@pytest.mark.parametrize("mtom", [False, True])
async def test_payloads_go_out_inline_and_as_mime_parts_byte_for_byte(node: MockNode, size: int, *, mtom: bool) -> None:
    data = hashlib.shake_256(b"payload").digest(size) + b"\r\n--"
    parts = (Part.of("cid:message", "application/zip", data), Part.of("cid:structured", "application/xml", b"<a/>"))
    adapter = client(node, mtom=mtom)
    await adapter.submit(UserMessage("out-1", parts))
    (entry,) = (await node.get("/log?operation=submitMessage"))["entries"]
    digests = [hashlib.sha256(part.data).hexdigest() for part in parts]
    assert [part["sha256"] for part in entry["payloads"]] == digests
    await adapter.close()


async def test_the_pending_list_can_be_narrowed_by_the_time_of_receipt(node: MockNode, access_point: DomibusWs) -> None:
    await node.file()
    [first] = await access_point.pending()
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await node.file()
    [second] = await access_point.pending(Window(since=between))
    assert await access_point.pending(Window(until=between)) == (first,)
    assert set(await access_point.pending()) == {first, second}
    assert await access_point.pending(Window(since=between, until=between)) == ()


async def test_a_status_is_asked_in_its_role_and_without_one(node: MockNode, access_point: DomibusWs) -> None:
    await node.file()
    (received,) = await access_point.pending()
    assert await access_point.status(received) == "NOT_FOUND"
    assert await access_point.status(received, received=True) == "RECEIVED"
    old = client(node, roles=False)
    assert await old.status(received) == "RECEIVED"
    assert len((await node.get("/log?operation=getStatus"))["entries"]) == 1
    await old.close()


@pytest.mark.parametrize("roles", [True, False])
async def test_what_was_given_up_has_errors_and_is_restored(node: MockNode, *, roles: bool) -> None:
    adapter = client(node, roles=roles)
    await node.arm("send-failure", nth=1)
    await adapter.submit(UserMessage("out-1", (Part.of("cid:message", "application/json", b"{}"),)))
    await reached(adapter, "out-1", "SEND_FAILURE")
    errors = await adapter.errors("out-1")
    assert errors
    assert all(code.startswith("EBMS:") for code in errors)
    await adapter.restore("out-1")
    await reached(adapter, "out-1", "ACKNOWLEDGED")
    with pytest.raises(NotFound):
        await adapter.restore("out-1")
    assert await adapter.errors("nobody") == ()
    await adapter.close()


async def test_a_signed_receipt_is_handed_out_when_it_is_there(access_point: DomibusWs) -> None:
    assert await access_point.receipt("out-1") is None
    await access_point.submit(UserMessage("out-1", (Part.of("cid:message", "application/json", b"{}"),)))
    await reached(access_point, "out-1", "ACKNOWLEDGED")
    signed = await access_point.receipt("out-1")
    assert signed is not None
    assert b"out-1" in signed
    assert b"SignatureValue" in signed


async def test_without_ext_nothing_is_restored_and_no_receipt_is_had(node: MockNode) -> None:
    plain = client(node, ext_url="")
    assert await plain.receipt("out-1") is None
    with pytest.raises(ConfigurationError, match="ext_url"):
        await plain.restore("out-1")
    await plain.close()
    stranger = client(node, ext_user="fr", ext_password="Wrong-Password-2026!")
    with pytest.raises(Unavailable, match="credentials"):
        await stranger.receipt("out-1")
    await stranger.close()


async def test_a_receipt_that_comes_in_two_is_heard_to_its_end(node: MockNode) -> None:
    whole = b"<receipt>" + b"x" * 4_000 + b"</receipt>"

    async def halting() -> AsyncIterator[bytes]:
        yield whole[:2_000]
        await asyncio.sleep(0.2)
        yield whole[2_000:]

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=halting(), headers={"Content-Length": str(len(whole))})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        slow = client(node, ext_url=str(server.make_url("/ext")))
        try:
            assert await slow.receipt("out-1") == whole
        finally:
            await slow.close()


async def test_notifications_that_were_given_up_are_listed_and_sent_again(tmp_path: Path) -> None:
    came: list[bytes] = []
    answers = [500]

    async def backend(request: web.Request) -> web.Response:
        came.append(await request.read())
        return web.Response(status=answers.pop() if answers else 200)

    app = web.Application()
    app.router.add_post("/", backend)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    push = Push(rules=(Rule("once", url, ("RECEIVE_SUCCESS",), retry="1;1;SEND_ONCE"),))
    async with mock_node(tmp_path, france={"push": push}) as node:
        adapter = client(node)
        await node.file()
        (message_id,) = await adapter.pending()

        async def given_up() -> bool:
            return await adapter.push_failed() == (message_id,)

        async def pushed_twice() -> bool:
            return len(came) == 2

        await until(given_up)
        assert await adapter.push_failed(Wanted(message_id="other")) == ()
        await adapter.push_again((message_id,))
        await until(pushed_twice)
        assert message_id.encode() in came[1]
        with pytest.raises(NotFound):
            await adapter.push_again(("nobody",))
        await adapter.push_again(())
        await adapter.close()
    await runner.cleanup()


@pytest.mark.parametrize("name", ["mtom-answer", "mtom-start-bare", "prefix-shuffle"])
async def test_an_unusual_answer_is_an_answer(node: MockNode, access_point: DomibusWs, name: str) -> None:
    await node.file()
    (message_id,) = await access_point.pending()
    usual = await access_point.retrieve(message_id)
    fault = await node.arm(name, nth=1)
    assert (await access_point.retrieve(message_id)).parts == usual.parts
    assert await node.fired(fault) == 1


@pytest.mark.parametrize("name", ["truncated-soap", "wrong-encoding", "http-204"])
async def test_a_bad_answer_to_a_submit_leaves_its_outcome_open_or_says_no(
    node: MockNode, access_point: DomibusWs, name: str
) -> None:
    fault = await node.arm(name, nation="fr", nth=1)
    with pytest.raises(Unavailable):
        await access_point.submit(UserMessage("out-1", (Part.of("cid:message", "application/json", b"{}"),)))
    assert await node.fired(fault) == 1


async def test_the_bytes_of_an_answer_that_cannot_be_read_are_had_as_they_came(
    node: MockNode, access_point: DomibusWs
) -> None:
    await node.file()
    (message_id,) = await access_point.pending()
    await node.arm("truncated-soap", type="retrieveMessage")
    with pytest.raises(Garbled) as caught:
        await access_point.retrieve_aside(message_id)
    assert caught.value.raw is not None
    content_type, raw = caught.value.raw
    assert content_type.startswith("application/soap+xml")
    assert b"retrieveMessageResponse" in raw.whole()
    assert not raw.whole().endswith(b"Envelope>")
    await node.arm("gzip-bomb", type="retrieveMessage", nth=1)
    narrow = client(node, limits=Limits(document=100_000))
    with pytest.raises(Garbled) as cut:
        await narrow.retrieve_aside(message_id)
    assert cut.value.raw is not None
    assert cut.value.raw[1].size == 100_000
    await narrow.close()


async def test_more_than_the_limit_of_payloads_is_not_taken(node: MockNode) -> None:
    narrow = client(node, limits=Limits(payload=100))
    await node.file()
    (message_id,) = await narrow.pending()
    with pytest.raises(Garbled, match="more than 100 bytes"):
        await narrow.retrieve(message_id)
    await narrow.close()


async def test_in_production_nothing_is_sent_to_what_answers_as_the_mock(
    node: MockNode, access_point: DomibusWs
) -> None:
    real = client(node, mock=False)
    parts = (Part.of("cid:message", "application/json", b"{}"),)
    for call in (real.submit(UserMessage("for-nobody@fr", parts=parts)), real.pending(), real.ping()):
        with pytest.raises(ConfigurationError) as refused:
            await call
        assert "production refuses it" in refused.value.detail
    await real.close()
    assert await access_point.status("for-nobody@fr") == "NOT_FOUND"


async def test_in_production_an_access_point_that_does_not_call_itself_a_mock_is_used(
    node: MockNode, access_point: DomibusWs
) -> None:
    async def passed_on(request: web.Request) -> web.StreamResponse:
        async with aiohttp.ClientSession(node.base) as session:
            sent = {"Authorization": request.headers["Authorization"], "Content-Type": request.content_type}
            async with session.request(request.method, request.path, data=await request.read(), headers=sent) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", passed_on)
    server = TestServer(app)
    await server.start_server()
    url = str(server.make_url("/fr/domibus/services/wsplugin"))
    real = client(node, mock=False, url=url)
    await real.submit(UserMessage("for-real@fr", parts=(Part.of("cid:message", "application/json", b"{}"),)))
    await reached(access_point, "for-real@fr", "ACKNOWLEDGED")
    await real.close()
    await server.close()
