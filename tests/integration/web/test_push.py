"""The push endpoint over HTTP: who gets in, what 200 means, and what stands in its way."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestClient

from broker.errors import Unavailable
from broker.web.auth import check_routes, guard
from broker.web.problem import problems
from broker.web.push import PATH, Push, add_push_route
from tests.support.as_served import AsServed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

USER, PASSWORD = "domibus", "Push-Only-Tests-2026!"
AUTH = {"Authorization": encode_basic_auth(USER, PASSWORD)}


@dataclass
class Taker:
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    error: Exception | None = None

    async def take(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        if self.error:
            raise self.error
        self.taken.append((content_type, b"".join([chunk async for chunk in chunks])))


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def pusher(taker: Taker) -> AsyncIterator[Any]:
    app = web.Application(middlewares=[problems, guard])
    push = Push(
        name="ap",
        user=USER,
        password=PASSWORD,
        take=taker.take,
        limit=1000,
        accepted=b"<ok/>",
        media_type="application/soap+xml",
    )
    assert PASSWORD not in repr(push)
    add_push_route(app, push)
    app.on_startup.append(check_routes)
    async with TestClient(AsServed(app)) as opened:
        yield opened


async def test_what_was_taken_is_answered_with_200_and_an_envelope(pusher: Any, taker: Taker) -> None:
    response = await pusher.post(PATH, data=b"<e/>", headers={"Content-Type": "text/xml", **AUTH})
    assert (response.status, await response.read(), response.content_type) == (200, b"<ok/>", "application/soap+xml")
    assert taker.taken == [("text/xml", b"<e/>")]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic %%%",
        "Bearer x",
        encode_basic_auth(USER, "wrong"),
        encode_basic_auth("other", PASSWORD),
    ],
)
async def test_nobody_else_gets_in(pusher: Any, taker: Taker, authorization: str) -> None:
    response = await pusher.post(PATH, data=b"<e/>", headers={"Authorization": authorization})
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert taker.taken == []


async def test_nothing_is_answered_200_that_is_not_committed(pusher: Any, taker: Taker) -> None:
    taker.error = Unavailable("the store is away")
    assert (await pusher.post(PATH, data=b"<e/>", headers=AUTH)).status == 503


async def test_more_than_the_limit_is_refused_unread(pusher: Any, taker: Taker) -> None:
    response = await pusher.post(PATH, data=b"x" * 1001, headers=AUTH)
    assert (response.status, (await response.json())["type"]) == (413, "urn:hdeu:problem:notification-too-large")
    assert taker.taken == []


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(pusher: Any, taker: Taker) -> None:
    response = await pusher.post(PATH, data=io.BytesIO(b"x" * 50_000_000), headers=AUTH, compress="gzip")
    assert response.status == 413
    assert taker.taken == []


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "nonsense"])
async def test_a_coding_that_nobody_here_unpacks_is_a_problem_that_says_which_are_taken(
    pusher: Any, taker: Taker, coding: str
) -> None:
    response = await pusher.post(PATH, data=b"<e/>", headers={**AUTH, "Content-Encoding": coding})
    problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["type"]) == (415, "urn:hdeu:problem:content-encoding-unsupported")
    assert response.headers["Accept-Encoding"] == "gzip, deflate, identity"
    assert problem["problems"][0]["value"] == coding
    assert taker.taken == []


async def test_another_method_is_not_allowed(pusher: Any) -> None:
    assert (await pusher.get(PATH, headers=AUTH)).status == 405
