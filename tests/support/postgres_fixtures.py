"""Fixtures: one private PostgreSQL per session, one database per test."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.announced import announce
from tests.support.postgres import Databases, Postgres, ServerMissingError, private_server, server_version

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases on the server that TEST_DATABASE_URL names, else on a private one; a missing server fails."""
    with ExitStack() as stack:
        url = os.environ.get("TEST_DATABASE_URL", "")
        place = "named by TEST_DATABASE_URL"
        try:
            if not url:
                server = stack.enter_context(private_server(fsync=False))
                url, place = server.url("postgres"), f"on private port {server.port}"
        except ServerMissingError as error:
            pytest.fail(str(error), pytrace=False)
        announce(request.config, f"PostgreSQL {server_version(url)} {place}")
        databases = Databases(url)
        databases.prepare()
        stack.callback(databases.drop)
        yield databases


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres_databases.fresh() as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """A fresh database that was never migrated."""
    with postgres_databases.fresh(migrated=False) as url:
        yield url


@pytest.fixture
def postgres_server() -> Iterator[Postgres]:
    """A private server for one test, which may kill it."""
    try:
        with private_server() as server:
            yield server
    except ServerMissingError as error:
        pytest.fail(str(error), pytrace=False)
