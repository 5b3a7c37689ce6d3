"""The store: transactions on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, column, select, table
from sqlalchemy.exc import OperationalError, ProgrammingError

from adapters.store.sql.cases import Cases
from adapters.store.sql.connections import LoopDatabase, ThreadDatabase
from adapters.store.sql.contents import Contents
from adapters.store.sql.engine import async_engine, is_sqlite, parse_url, sync_engine
from adapters.store.sql.exchanges import Exchanges
from adapters.store.sql.journal import JournalRows
from adapters.store.sql.leases import Leases
from adapters.store.sql.messages import Messages
from adapters.store.sql.migrate import head, migrate
from adapters.store.sql.pauses import Pauses
from adapters.store.sql.uploads import Uploads
from adapters.store.sql.work import Works
from broker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.store.sql.connections import Database
    from broker.ports import Clock

_VERSION: Final[Select[Any]] = select(column("version_num")).select_from(table("alembic_version"))
_PING_SECONDS: Final = 5.0
_STATEMENT_SECONDS: Final = 30.0


class SqlTransaction(Contents, Messages, Uploads, Exchanges, Cases, Works, Pauses, JournalRows, Leases):
    """One commit: every group of statements in one session."""


class SqlStore:
    """The durable truth, behind `broker.ports.Store`. `spools` is the folder of what is large and read; see `Spool`."""

    def __init__(self, database: Database, *, clock: Clock, spools: str | None = None) -> None:
        self._database = database
        self._clock = clock
        self._spools = spools

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Commits on a clean exit, rolls back on an exception. Raises: Unavailable."""
        async with self._database.session() as session:
            transaction = SqlTransaction(session, clock=self._clock, spools=self._spools)
            yield transaction
            await transaction.commit()

    async def ping(self) -> None:
        """Raises: Unavailable, or ConfigurationError if the migrations are not at head."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                found = await self._version()
        except TimeoutError as error:
            raise Unavailable("The database did not answer in time.") from error
        if found != head():
            raise ConfigurationError(f"The database is at version {found or 'none'}, not {head()}: run `hdeu migrate`.")

    async def close(self) -> None:
        """Give every connection back."""
        await self._database.close()

    async def _version(self) -> str | None:
        """The database's migration; None where there was never one."""
        try:
            async with self._database.session(read_only=True) as session:
                version: str | None = (await session.run(_VERSION, None)).scalar()
                return version
        except Unavailable as error:
            if _is_missing_table(error.__cause__):
                return None
            raise


def _is_missing_table(error: BaseException | None) -> bool:
    if isinstance(error, OperationalError):
        return "no such table" in str(error.orig)
    return isinstance(error, ProgrammingError)


def open_store(url: str, *, clock: Clock, connections: int = 10, spools: str | None = None) -> SqlStore:
    """A store on `sqlite:///FILE` (brought to head here) or `postgresql://…` (which `SqlStore.ping` checks).

    `connections` bounds PostgreSQL's pool; `spools` is the folder of what is large while it is read, None the system's
    own for such files. Raises: ConfigurationError for a URL that names neither,
    Unavailable for a file that cannot be opened.
    """
    parsed = parse_url(url)
    if is_sqlite(parsed):
        migrate(url)
        return SqlStore(ThreadDatabase(sync_engine(parsed)), clock=clock, spools=spools)
    engine = async_engine(parsed, connections=connections)
    return SqlStore(LoopDatabase(engine, seconds=_STATEMENT_SECONDS), clock=clock, spools=spools)
