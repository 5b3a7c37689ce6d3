"""The store: transactions on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column as named_column
from sqlalchemy import select, table
from sqlalchemy.exc import OperationalError, ProgrammingError

from adapters.store.sql.cases import Cases
from adapters.store.sql.engine import READ_ONLY, async_engine, parse_url
from adapters.store.sql.errors import translated
from adapters.store.sql.exchanges import Exchanges
from adapters.store.sql.journal import JournalRows
from adapters.store.sql.leases import Leases
from adapters.store.sql.messages import Messages
from adapters.store.sql.migrate import head, migrate
from adapters.store.sql.work import Works
from broker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from broker.ports import Clock

_VERSION: Final = select(named_column("version_num")).select_from(table("alembic_version"))
_PING_SECONDS: Final = 5.0


class SqlTransaction(Messages, Exchanges, Cases, Works, JournalRows, Leases):
    """One commit: every group of statements on one connection."""


class SqlStore:
    """The durable truth, behind `broker.ports.Store`."""

    def __init__(self, engine: AsyncEngine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        embedded = engine.dialect.name == "sqlite"
        # SQLite has one writer: those of this process queue here, in turn, instead of polling the file's lock
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if embedded else nullcontext()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Commits on a clean exit, rolls back on an exception. Raises: Unavailable."""
        async with self._turn, AsyncExitStack() as stack:
            with translated():
                connection = await stack.enter_async_context(self._engine.connect())
                await connection.begin()
            transaction = SqlTransaction(connection, clock=self._clock)
            yield transaction
            with translated():
                transaction.end()
                await connection.commit()

    async def ping(self) -> None:
        """Raises: Unavailable, or ConfigurationError if the migrations are not at head."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                found = await self._version()
        except TimeoutError as error:
            raise Unavailable("The database did not answer in time.") from error
        if found != head():
            raise ConfigurationError(f"The database is at {found or 'no'} version, not {head()}: run `hdeu migrate`.")

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()

    async def _version(self) -> str | None:
        """The database's migration, on a connection that waits for no writer."""
        with translated():
            async with self._engine.connect() as plain:
                connection = await plain.execution_options(**{READ_ONLY: True})
                try:
                    return (await connection.execute(_VERSION)).scalar_one_or_none()
                except (OperationalError, ProgrammingError) as error:
                    if error.connection_invalidated:
                        raise
                    return None  # no such table: never migrated


def open_store(url: str, *, clock: Clock, connections: int = 10) -> SqlStore:
    """A store on `sqlite:///FILE` (brought to head here) or `postgresql://…` (see `SqlStore.ping`).

    Raises: ConfigurationError for a URL that names neither, Unavailable for a file that cannot be opened.
    """
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        migrate(url)
    return SqlStore(async_engine(parsed, connections=connections), clock=clock)
