"""eu-https before the mock: whose word a refusal is, and whose receipt counts."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.access_point.patience import Patience
from broker.errors import (
    AlreadySubmitted,
    ConfigurationError,
    Garbled,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from broker.ports import Part, UserMessage
from tests.support.access_points import EU_HTTPS, QUICK, France, eu_https, new_ring, published
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.access_point.eu_https import EuHttps
    from tests.support.mock_node import MockNode

MESSAGE = UserMessage("out-1", (Part.of("cid:message", "application/json", b"{}"),))


@pytest_asyncio.fixture
async def france() -> AsyncIterator[France]:
    async with published() as made:
        yield made


@pytest_asyncio.fixture
async def node(france: France, tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, france={"jwks": france.jwks}) as running:
        yield running


@pytest_asyncio.fixture
async def access_point(node: MockNode, france: France) -> AsyncIterator[Any]:
    adapter = france.adapter(EU_HTTPS, node.base, {**QUICK, "total": 5, "tries": 1})
    yield adapter
    await adapter.close()


async def test_other_content_under_a_known_id_is_refused_and_the_first_stays(access_point: EuHttps) -> None:
    await access_point.submit(MESSAGE)
    with pytest.raises(AlreadySubmitted):
        await access_point.submit(MESSAGE)
    other = UserMessage("out-1", (Part.of("cid:message", "application/json", b"[]"),))
    with pytest.raises(Refused, match="key-reused"):
        await access_point.submit(other)
    assert await access_point.status("out-1") == "ACKNOWLEDGED"


async def test_a_receipt_is_proven_before_it_is_handed_on(access_point: EuHttps) -> None:
    assert await access_point.receipt("out-1") is None
    await access_point.submit(MESSAGE)
    signed = await access_point.receipt("out-1")
    assert signed is not None
    assert signed.count(b".") == 2


async def test_nothing_is_restored_and_nothing_is_given_up(access_point: EuHttps) -> None:
    with pytest.raises(ConfigurationError, match=r"access_point\.kind"):
        await access_point.restore("out-1")
    assert (await access_point.errors("x"), await access_point.push_failed()) == ((), ())
    await access_point.push_again(())
    with pytest.raises(NotFound):
        await access_point.push_again(("x",))


# somebody in between, or a counterpart that is not what it should be


@asynccontextmanager
async def answering(status: int, body: Any, media_type: str = "application/json") -> AsyncIterator[EuHttps]:
    """A counterpart that answers everything alike."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, body=data, content_type=media_type)

    app = web.Application(client_max_size=2**27)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    adapter = eu_https(f"http://127.0.0.1:{runner.addresses[0][1]}", new_ring(), Patience(**{**QUICK, "total": 5}))
    try:
        yield adapter
    finally:
        await adapter.close()
        await runner.cleanup()


PROBLEM = {
    "type": "urn:hdeu:problem:refused",
    "detail": "no",
    "problems": [{"code": "bad-shape", "detail": "not a list", "path": "/parts"}],
}
#: status, body, media type: what it means for a submit.
ANSWERS: dict[str, tuple[int, Any, str, type[Exception]]] = {
    "a refusal of its own": (422, PROBLEM, "application/problem+json", Refused),
    "a refusal without a list": (413, {"type": "urn:hdeu:problem:x"}, "application/problem+json", Refused),
    "a proxy's 413": (413, b"<h1>Too large</h1>", "text/html", Unavailable),
    "somebody else's problem document": (422, {"type": "about:blank"}, "application/problem+json", Unavailable),
    "a redirect": (307, b"", "text/html", Unavailable),
    "not found": (404, b"", "text/html", Unavailable),
    "overloaded": (503, b"", "text/html", Unavailable),
    "too many": (429, b"", "text/html", Unavailable),
    "a login page": (200, b"<form/>", "text/html", OutcomeUnknown),
    "202": (202, {}, "application/json", OutcomeUnknown),
    "201 of nothing": (201, {}, "application/json", OutcomeUnknown),
    "201 in HTML": (201, b"<p/>", "text/html", OutcomeUnknown),
    "201 of another": (201, {"message_id": "other", "sha256": "0" * 64}, "application/json", OutcomeUnknown),
    "500": (500, b"", "text/html", OutcomeUnknown),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_only_the_counterparts_own_word_ends_a_submit(name: str) -> None:
    status, body, media_type, error = ANSWERS[name]
    async with answering(status, body, media_type) as adapter:
        with pytest.raises(error) as caught:
            await adapter.submit(MESSAGE)
    assert type(caught.value) is error


async def test_what_the_counterpart_finds_wrong_is_told_with_its_own_code_and_place() -> None:
    async with answering(422, PROBLEM, "application/problem+json") as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.submit(MESSAGE)
    [problem] = caught.value.problems
    assert (problem.code, problem.detail, problem.path) == ("refused-by-counterpart", "bad-shape: not a list", "/parts")


@pytest.mark.parametrize("body", [b"<form/>", [], {"messages": "x"}, {"messages": ["a/b"]}, {"status": "SENT"}, {}])
async def test_an_answer_that_says_nothing_is_no_answer(body: Any) -> None:
    async with answering(200, body) as adapter:
        with pytest.raises(Garbled):
            await adapter.pending()
        with pytest.raises(Garbled):
            await adapter.status("out-1")


async def handed_out(receipt: str, message_id: str, keys: Any) -> bytes | None:
    """What comes of a counterpart that hands this out as its receipt."""
    async with answering(200, {"status": "RECEIVED", "receipt": receipt}) as adapter:
        adapter.keys = keys
        return await adapter.receipt(message_id)


async def test_a_receipt_that_somebody_else_signed_or_for_something_else_is_none(access_point: EuHttps) -> None:
    await access_point.submit(MESSAGE)
    signed = (await access_point.receipt("out-1") or b"").decode()
    head, claims, signature = signed.split(".")
    forged = ".".join([head, claims, ("B" if signature[0] == "A" else "A") + signature[1:]])
    assert await handed_out(signed, "out-1", access_point.keys) == signed.encode()
    with pytest.raises(Garbled, match="signature does not hold"):
        await handed_out(forged, "out-1", access_point.keys)
    with pytest.raises(Garbled, match="another message"):
        await handed_out(signed, "out-2", access_point.keys)
