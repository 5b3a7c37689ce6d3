"""Engines for both databases, and how their connections are set up."""

from __future__ import annotations

import select
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_NAMES: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000")
_CONNECT_SECONDS: Final = 5
READ_ONLY: Final = "hdeu_read_only"  #: execution option: a snapshot that waits for no writer


def parse_url(url: str) -> URL:
    """The URL of a database that this store can use, with its driver. Raises: ConfigurationError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("The database URL cannot be read: write sqlite:///FILE or postgresql://…") from error
    name = parsed.drivername.partition("+")[0]
    if name not in _NAMES:
        raise ConfigurationError(f"The database {name} is not supported: use sqlite:///FILE or postgresql://…")
    if name == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError("SQLite needs a file: write sqlite:///FILE")
    return parsed.set(drivername=_NAMES[name])


def is_sqlite(url: URL) -> bool:
    """Whether the node is embedded."""
    return url.drivername == "sqlite"


def async_engine(url: URL, *, connections: int) -> AsyncEngine:
    """PostgreSQL on the event loop. A connection that was lost is found out and replaced before its next use."""
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )
    event.listen(engine.sync_engine, "checkout", _look)
    return engine


def _look(connection: Any, _record: Any, _proxy: Any) -> None:
    """Without asking the server, which would cost a round trip for each transaction.

    Something to read on a connection that asked nothing is its end, or the server's word on it.
    """
    driver = connection.driver_connection
    if not driver.closed:
        poll = select.poll()
        poll.register(driver.fileno(), select.POLLIN)
        if not poll.poll(0):
            return
    raise DisconnectionError("the server has closed the connection")


def sync_engine(url: URL) -> Engine:
    """Either database, for migrations; SQLite also for work."""
    if not is_sqlite(url):
        return create_engine(url, connect_args={"connect_timeout": _CONNECT_SECONDS})
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    """Durable and checked."""
    connection.isolation_level = None  # the driver must not begin transactions by itself
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Never upgraded: a transaction that may write takes the write lock at its start."""
    reads = connection.get_execution_options().get(READ_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
