"""The webhook adapter against a real HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from pydantic import SecretStr

from adapters.backends.pull import PullBackend
from adapters.backends.rems.answers import failures
from adapters.backends.webhook import WebhookBackend, WebhookSettings
from broker.back_ends import connected
from broker.errors import Refused, Unavailable
from broker.settings import BackendSection, Settings
from tests.support.deliveries import a_delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker.ports import Backend

SECRET = b"shared for this test"


class Receiver:
    """Answers with the given statuses in turn, then 200; keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.stalling = False
        self.halting = False
        self.says = b""

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.stalling:
            await asyncio.sleep(2)
        status = self.statuses.pop(0) if self.statuses else 200
        body = self._in_two() if self.halting else self.says
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"} if status // 100 == 3 else {})

    async def _in_two(self) -> AsyncIterator[bytes]:
        """Half of the body, and the other half when the first has long arrived."""
        half = len(self.says) // 2
        yield self.says[:half]
        await asyncio.sleep(0.2)
        yield self.says[half:]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest_asyncio.fixture
async def server(receiver: Receiver) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    async with TestServer(app) as running:
        yield running


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def backend_at(url: str, session: aiohttp.ClientSession, *, timeout: float = 5) -> Backend:
    settings = WebhookSettings(url, SECRET, timeout=timeout, tries=3, first_pause=0.01)
    return WebhookBackend("hdh", settings, session=session, node="fr")


@pytest_asyncio.fixture
async def backend(server: TestServer, session: aiohttp.ClientSession) -> Backend:
    return backend_at(str(server.make_url("/in")), session)


async def test_a_document_arrives_with_its_headers_and_a_signature_over_its_bytes(
    backend: Backend, receiver: Receiver
) -> None:
    body = "<Dossier>é</Dossier>".encode()
    assert await backend.deliver(a_delivery(body, causation_id="m-9")) is True
    [headers] = receiver.headers
    assert receiver.bodies == [body]
    assert headers["hdeu-signature"] == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    expected = {
        "content-type": "application/xml",
        "ce-specversion": "1.0",
        "ce-id": "d-1",
        "ce-source": "urn:hdeu:node:fr",
        "ce-type": "eu.hdeu.ApplicationSubmitted",
        "ce-subject": "case-1",
        "hdeu-profile": "fr-hdh-1",
        "hdeu-sha256": hashlib.sha256(body).hexdigest(),
        "hdeu-causation": "m-9",
    }
    assert {name: headers[name] for name in expected} == expected


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_success_acknowledges(backend: Backend, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    assert await backend.deliver(a_delivery()) is True
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_tried_again_with_the_same_id(
    backend: Backend, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status, status]
    assert await backend.deliver(a_delivery()) is True
    assert [headers["ce-id"] for headers in receiver.headers] == ["d-1"] * 3


async def test_a_lasting_failure_is_unavailable_after_a_few_tries(backend: Backend, receiver: Receiver) -> None:
    receiver.statuses = [500] * 9
    with pytest.raises(Unavailable):
        await backend.deliver(a_delivery())
    assert len(receiver.bodies) == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 415, 422])
async def test_any_other_answer_is_refused_at_once_and_never_followed(
    backend: Backend, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status]
    with pytest.raises(Refused) as refused:
        await backend.deliver(a_delivery())
    [problem] = refused.value.problems
    assert (problem.code, problem.value) == ("backend-refused", str(status))
    assert len(receiver.bodies) == 1


async def test_a_time_out_is_unavailable(
    server: TestServer, receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.stalling = True
    backend = backend_at(str(server.make_url("/in")), session, timeout=0.1)
    with pytest.raises(Unavailable):
        await backend.deliver(a_delivery())
    assert len(receiver.bodies) == 3


async def test_a_closed_port_is_unavailable(session: aiohttp.ClientSession) -> None:
    with pytest.raises(Unavailable):
        await backend_at(f"http://127.0.0.1:{unused_port()}/", session).deliver(a_delivery())


async def test_a_pulling_back_end_is_handed_nothing_and_has_acknowledged_nothing() -> None:
    assert await PullBackend("findata").deliver(a_delivery()) is False


FAILED = b'{"success": false, "errors": [{"type": "t.form.validation/required", "form-id": 1, "field-id": "aim"}]}'


def rems_at(server: TestServer, session: aiohttp.ClientSession) -> Backend:
    settings = WebhookSettings(str(server.make_url("/in")), SECRET, first_pause=0.01)
    return WebhookBackend("rems", settings, session=session, node="fr", failures=failures)


async def test_what_rems_says_failed_under_200_is_refused_in_its_words_and_not_tried_again(
    server: TestServer, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    receiver.says = FAILED
    with pytest.raises(Refused) as refused:
        await rems_at(server, session).deliver(a_delivery(b"{}"))
    [problem] = refused.value.problems
    assert (problem.code, problem.path, problem.rule) == ("refused-by-rems", "1/aim", "t.form.validation/required")
    assert len(receiver.bodies) == 1


async def test_what_rems_says_failed_is_heard_to_its_end_when_it_comes_in_two(
    server: TestServer, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    receiver.says, receiver.halting = FAILED, True
    with pytest.raises(Refused) as refused:
        await rems_at(server, session).deliver(a_delivery(b"{}"))
    assert [problem.code for problem in refused.value.problems] == ["refused-by-rems"]


@pytest.mark.parametrize("says", [b"", b"OK", b'{"success": true}', b'{"application-id": 7}', b"[]"])
async def test_any_other_answer_beside_rems_counts_by_its_status(
    server: TestServer, session: aiohttp.ClientSession, receiver: Receiver, says: bytes
) -> None:
    receiver.says = says
    assert await rems_at(server, session).deliver(a_delivery(b"{}")) is True


async def test_the_body_of_another_back_end_is_not_read_for_failures(backend: Backend, receiver: Receiver) -> None:
    receiver.says = FAILED
    assert await backend.deliver(a_delivery(b"{}")) is True


@pytest.mark.parametrize(("profile", "is_heard"), [("rems-1", True), ("fr-hdh-1", False)])
async def test_a_node_hears_what_rems_says_of_a_back_end_with_its_profile(
    server: TestServer, session: aiohttp.ClientSession, receiver: Receiver, profile: str, *, is_heard: bool
) -> None:
    section = BackendSection(
        kind="webhook", profile=profile, url=str(server.make_url("/in")), secret=SecretStr("shared")
    )
    receiver.says = FAILED
    called = connected(Settings(backends={"office": section}), "office", session, None).backend
    with pytest.raises(Refused) if is_heard else contextlib.nullcontext():
        await called.deliver(a_delivery(b"{}"))
