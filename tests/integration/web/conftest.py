"""A node's web on a fresh SQLite file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from adapters.store.sql import SqlStore, open_store
from tests.support.as_served import AsServed
from tests.support.web_node import Flow, TestClock, application, seed, services

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def flow() -> Flow:
    return Flow()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'broker.sqlite'}", clock=clock)
    async with opened.transaction() as tx:
        await seed(tx)
    yield opened
    await opened.close()


@pytest.fixture
async def client(
    store: SqlStore, flow: Flow, clock: TestClock, aiohttp_client: Callable[..., Awaitable[Any]]
) -> Client:
    found: Client = await aiohttp_client(AsServed(application(services(store, flow, clock))))
    return found
