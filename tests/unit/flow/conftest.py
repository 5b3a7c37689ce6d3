from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from adapters.store.sql import SqlStore, open_store
from adapters.xml import XmlDocuments
from broker.data_files import schemas_dir
from tests.support.flow_node import Flow, make_flow
from tests.support.samples import SetClock


@pytest.fixture(autouse=True)
def _plain_log() -> Iterator[None]:
    """An exception is logged in plain words: drawing all that it knew takes longer than a fetch is waited for."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def judges() -> XmlDocuments:
    """Compiled once; a test that asks for a diagnosis starts workers of its own loop."""
    return XmlDocuments(schemas_dir())


@pytest.fixture
async def documents(judges: XmlDocuments) -> AsyncIterator[XmlDocuments]:
    yield judges
    await judges.close()


@pytest.fixture
async def store(sqlite_url: str, clock: SetClock) -> AsyncIterator[SqlStore]:
    opened = open_store(sqlite_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def flow(store: SqlStore, documents: XmlDocuments, clock: SetClock) -> Flow:
    return make_flow(store, documents, clock)
