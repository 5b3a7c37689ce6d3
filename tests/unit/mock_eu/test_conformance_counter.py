"""The counter that the conformance kit opens for DAAMS: what comes packed is read, or refused in words of its own."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.mock_eu.conformance.counter import BASE, OPERATIONS, Counter
from adapters.mock_eu.packing import runner_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = {"X-API-key": "Counter-Only-Tests-2026"}
[OPERATION, *_] = sorted(OPERATIONS)


@pytest.fixture
def made() -> Counter:
    return Counter(KEY["X-API-key"])


@pytest.fixture
async def asked(made: Counter) -> AsyncIterator[Any]:
    class Served(TestServer):
        async def _make_runner(self, **_given: Any) -> web.AppRunner:
            return runner_of(self.app, shutdown_timeout=0.1)

    async with TestClient(Served(made.app())) as client:
        yield client


async def test_a_packed_call_is_read(asked: Any, made: Counter) -> None:
    body = io.BytesIO(gzip.compress(b'{"said": 1}'))
    headers = {**KEY, "Content-Encoding": "gzip"}
    answer = await asked.post(f"{BASE}/applications/a-1/{OPERATION}", data=body, headers=headers)
    assert (answer.status, [call.body for call in made.calls]) == (202, [{"said": 1}])


@pytest.mark.parametrize(("coding", "status"), [("br", 415), ("gzip, br", 415), ("nonsense", 415), ("gzip", 400)])
async def test_a_call_that_cannot_be_unpacked_is_refused_and_not_noted(
    asked: Any, made: Counter, coding: str, status: int
) -> None:
    headers = {**KEY, "Content-Encoding": coding}
    answer = await asked.post(f"{BASE}/applications/a-1/{OPERATION}", data=b"\x1b\x02", headers=headers)
    problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["status"], made.calls) == (status, status, [])
