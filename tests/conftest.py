"""Fixtures of all tests; the services behind them are in `tests/support`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from tests.support.amqp_fixtures import amqp_url, rabbit, rabbit_node, vhost
from tests.support.announced import Announcer
from tests.support.parallel import ByFile
from tests.support.postgres_fixtures import empty_postgres_url, postgres_databases, postgres_server, postgres_url
from tests.support.store_fixtures import clock, sqlite_url, store, store_url

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

__all__ = [
    "amqp_url",
    "clock",
    "empty_postgres_url",
    "postgres_databases",
    "postgres_server",
    "postgres_url",
    "rabbit",
    "rabbit_node",
    "sqlite_url",
    "store",
    "store_url",
    "vhost",
]


def pytest_configure(config: pytest.Config) -> None:
    """Name the servers that this run starts; spare it the drawings of tracebacks, which take a second each."""
    config.pluginmanager.register(Announcer(), "announcer")
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Spread files, not tests."""
    return ByFile(config, log)
