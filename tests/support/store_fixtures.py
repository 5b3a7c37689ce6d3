"""Fixtures: a store on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from adapters.store.sql import SqlStore, open_store
from tests.support.samples import SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that is not there yet."""
    return f"sqlite:///{tmp_path}/broker.db"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The same test once on each database."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest_asyncio.fixture
async def store(store_url: str, clock: SetClock) -> AsyncIterator[SqlStore]:
    opened = open_store(store_url, clock=clock)
    yield opened
    await opened.close()
