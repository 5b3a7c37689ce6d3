"""Fixtures of all tests; the services behind them are in `tests/support`."""

from tests.support.amqp_fixtures import amqp_url, rabbit, rabbit_node, vhost
from tests.support.postgres_fixtures import empty_postgres_url, postgres_databases, postgres_server, postgres_url
from tests.support.store_fixtures import clock, sqlite_url, store, store_url

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
