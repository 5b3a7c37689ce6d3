"""The endpoint of REMS over HTTP: who gets in, and what is said once an event is committed."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from broker.errors import Problem, Unavailable
from broker.web.auth import check_routes, guard
from broker.web.problem import problems
from broker.web.rems import RemsDoor, add_rems_route
from tests.support.as_served import AsServed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "Rems-Only-Tests-2026"
PATH = "/rems/rems/events"
AUTH = {"Authorization": f"Bearer {SECRET}"}


@dataclass
class Taker:
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    aside: list[tuple[str, bytes, Problem]] = field(default_factory=list)
    error: Exception | None = None

    async def take(self, backend: str, body: bytes) -> None:
        if self.error:
            raise self.error
        self.taken.append((backend, body))

    async def set_aside(self, backend: str, sent: bytes, problem: Problem) -> None:
        if self.error:
            raise self.error
        self.aside.append((backend, sent, problem))


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def rems(taker: Taker) -> AsyncIterator[Any]:
    app = web.Application(middlewares=[problems, guard])
    door = RemsDoor(secrets={"rems": SECRET, "open": ""}, take=taker.take, set_aside=taker.set_aside, limit=1000)
    assert SECRET not in repr(door)
    add_rems_route(app, door)
    app.on_startup.append(check_routes)
    async with TestClient(AsServed(app)) as opened:
        yield opened


async def test_an_event_that_was_taken_is_answered_with_200(rems: Any, taker: Taker) -> None:
    response = await rems.put(PATH, data=b'{"event/id": 7}', headers=AUTH)
    assert response.status == 200
    assert taker.taken == [("rems", b'{"event/id": 7}')]


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        (PATH, ""),
        (PATH, "Bearer"),
        (PATH, "Bearer wrong"),
        (PATH, f"Basic {SECRET}"),
        (PATH, f"Bearer {SECRET}x"),
        ("/rems/open/events", "Bearer "),
        ("/rems/hdh/events", f"Bearer {SECRET}"),
    ],
)
async def test_nobody_else_gets_in(rems: Any, taker: Taker, path: str, authorization: str) -> None:
    response = await rems.put(path, data=b"{}", headers={"Authorization": authorization})
    assert response.status == 401
    assert taker.taken == []


async def test_an_event_that_could_not_be_kept_is_no_200_so_that_rems_tries_again(rems: Any, taker: Taker) -> None:
    taker.error = Unavailable("the database is away")
    assert (await rems.put(PATH, data=b"{}", headers=AUTH)).status == 503


async def test_a_body_beyond_the_limit_is_refused(rems: Any, taker: Taker) -> None:
    assert (await rems.put(PATH, data=b"x" * 1001, headers=AUTH)).status == 413
    assert taker.taken == []


async def test_a_packed_event_is_unpacked(rems: Any, taker: Taker) -> None:
    packed = {**AUTH, "Content-Encoding": "gzip"}
    response = await rems.put(PATH, data=io.BytesIO(gzip.compress(b'{"event/id": 7}')), headers=packed)
    assert response.status == 200
    assert taker.taken == [("rems", b'{"event/id": 7}')]


@pytest.mark.parametrize(
    ("coding", "sent", "code"),
    [
        ("br", b"\x0b\x07\x80{}\x03", "content-encoding-unsupported"),
        ("zstd", b"(\xb5/\xfd", "content-encoding-unsupported"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "content-encoding-unsupported"),
        ("nonsense", b'{"event/id": 7}', "content-encoding-unsupported"),
        ("gzip", b'{"event/id": 7}', "body-unreadable"),
        ("gzip", gzip.compress(b'{"event/id": 7}', mtime=0)[:-9], "body-unreadable"),
    ],
)
async def test_an_event_that_cannot_be_unpacked_is_kept_as_it_was_sent(
    rems: Any, taker: Taker, coding: str, sent: bytes, code: str
) -> None:
    response = await rems.put(PATH, data=io.BytesIO(sent), headers={**AUTH, "Content-Encoding": coding})
    assert (response.status, taker.taken) == (200, [])
    [(backend, kept, problem)] = taker.aside
    assert (backend, kept, problem.code, problem.path) == ("rems", sent, code, "Content-Encoding")
    assert problem.hint


async def test_what_could_not_be_set_aside_is_no_200_either(rems: Any, taker: Taker) -> None:
    taker.error = Unavailable("the database is away")
    assert (await rems.put(PATH, data=b"?", headers={**AUTH, "Content-Encoding": "br"})).status == 503


async def test_an_event_that_unpacks_to_more_than_the_limit_is_refused(rems: Any, taker: Taker) -> None:
    packed = gzip.compress(bytes(50_000_000))
    response = await rems.put(PATH, data=io.BytesIO(packed[:900]), headers={**AUTH, "Content-Encoding": "gzip"})
    assert (response.status, taker.taken, taker.aside) == (413, [], [])
