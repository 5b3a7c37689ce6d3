"""One session = one transaction on one connection, the same to the statements on both databases.

PostgreSQL is spoken to on the event loop. SQLite runs on one thread of its own, one hop for each statement
(BEGIN travels with the first one): the loop never waits for a disk or for another process's lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, CursorResult, Engine, Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.store.sql.direct import Known
from adapters.store.sql.engine import READ_ONLY
from adapters.store.sql.errors import translated

T = TypeVar("T")
Values = dict[str, Any]
Bound = Mapping[str, Any] | Sequence[Values] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one statement gave: all its rows, or how many it touched."""

    rows: Sequence[Row[Any]]
    rowcount: int

    def __iter__(self) -> Iterator[Row[Any]]:
        return iter(self.rows)

    def first(self) -> Row[Any] | None:
        """The first row."""
        return self.rows[0] if self.rows else None

    def scalar(self) -> Any:
        """The first column of the first row, None without one."""
        return self.rows[0][0] if self.rows else None


class Session(Protocol):
    """One transaction."""

    dialect: str

    async def run(self, statement: Executable, values: Bound) -> Answer:
        """One round trip. Raises: Conflict, NotFound, Unavailable, Refused."""
        ...

    async def commit(self) -> None:
        """Raises: Unavailable."""
        ...


class Database(Protocol):
    """Where sessions come from."""

    def session(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Session]:
        """Rolls back what was not committed. Raises: Unavailable."""
        ...

    async def close(self) -> None:
        """Give every connection back."""
        ...


def _answer(result: CursorResult[Any]) -> Answer:
    with result:
        return Answer(result.all() if result.returns_rows else (), result.rowcount)


class _LoopSession:
    def __init__(self, connection: AsyncConnection, known: Known, *, seconds: float) -> None:
        self.dialect = connection.dialect.name
        self._connection = connection
        self._known = known
        self._seconds = seconds
        sync = connection.sync_connection
        self._driver: Any = sync.connection.driver_connection if sync else None

    async def run(self, statement: Executable, values: Bound) -> Answer:
        with translated():
            async with asyncio.timeout(self._seconds):
                given = {} if values is None else values
                direct = self._known.of(statement, given) if isinstance(given, Mapping) else None
                if direct is None or not isinstance(given, Mapping):
                    return _answer(await self._connection.execute(statement, values))
                bound = direct.bound(given)
                async with self._driven(direct.text):
                    cursor = await self._driver.execute(direct.text, bound)
                    return Answer(direct.rows(await cursor.fetchall()) if direct.columns else (), cursor.rowcount)

    async def commit(self) -> None:
        with translated():
            async with asyncio.timeout(self._seconds):
                if self._connection.in_transaction():
                    await self._connection.commit()
                    return
                async with self._driven("COMMIT"):
                    await self._driver.commit()

    @asynccontextmanager
    async def _driven(self, doing: str) -> AsyncIterator[None]:
        """The driver's errors as SQLAlchemy's; a connection that was lost, or left in the middle, is thrown away."""
        try:
            yield
        except psycopg.Error as error:
            if self._driver.closed:
                await self._connection.invalidate()
            raise DBAPIError.instance(
                doing, None, error, psycopg.Error, hide_parameters=True, dialect=self._connection.dialect
            ) from error
        except asyncio.CancelledError:
            await self._connection.invalidate()
            raise


class LoopDatabase:
    """PostgreSQL, spoken to on the event loop. A statement that takes longer than `seconds` is given up."""

    def __init__(self, engine: AsyncEngine, *, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._known = Known(engine.dialect)

    @asynccontextmanager
    async def session(self, *, read_only: bool = False) -> AsyncIterator[Session]:  # noqa: ARG002  PostgreSQL's readers wait for no writer anyway
        """A connection from the pool, checked before use."""
        connection = self._engine.connect()
        with translated():
            async with asyncio.timeout(self._seconds):
                _ = await connection.start()
        try:
            yield _LoopSession(connection, self._known, seconds=self._seconds)
        finally:
            await asyncio.shield(asyncio.ensure_future(connection.close()))

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()


class _ThreadSession:
    dialect = "sqlite"

    def __init__(self, hop: Callable[..., Any], connect: Callable[[], Connection]) -> None:
        self._hop = hop
        self._connect = connect
        self._connection: Connection | None = None

    async def run(self, statement: Executable, values: Bound) -> Answer:
        with translated():
            answer: Answer = await self._hop(self._execute, statement, values)
            return answer

    async def commit(self) -> None:
        with translated():
            await self._hop(self._commit)

    async def close(self) -> None:
        if self._connection is not None:
            await self._hop(self._close)

    def _execute(self, statement: Executable, values: Bound) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
        return _answer(self._connection.execute(statement, values))

    def _commit(self) -> None:
        if self._connection is not None:
            self._connection.commit()
        self._close()

    def _close(self) -> None:
        """Ends the transaction: what was not committed is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class ThreadDatabase:
    """SQLite on its own thread. Writers of this process queue for their turn instead of polling the file's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")

    @asynccontextmanager
    async def session(self, *, read_only: bool = False) -> AsyncIterator[Session]:
        """The one connection, or for a read-only session a second one beside it."""
        if read_only:
            async with self._session(lambda: self._engine.connect().execution_options(**{READ_ONLY: True})) as session:
                yield session
            return
        async with self._turn, self._session(self._engine.connect) as session:
            yield session

    @asynccontextmanager
    async def _session(self, connect: Callable[[], Connection]) -> AsyncIterator[_ThreadSession]:
        session = _ThreadSession(self._hop, connect)
        try:
            yield session
        finally:
            await session.close()

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._hop(self._engine.dispose)
        self._thread.shutdown(wait=False)

    async def _hop(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
