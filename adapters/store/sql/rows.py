"""What every group of statements shares: one connection inside one transaction."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import literal_column
from sqlalchemy.dialects import postgresql, sqlite

from adapters.store.sql.errors import translated
from broker.errors import BrokerError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import CursorResult, Executable, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from broker.ports import Clock

_INSERT: Final = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
Values = dict[str, Any]


def insert(dialect: str, table: Table) -> PostgresqlInsert | SqliteInsert:
    """The insert that knows ON CONFLICT."""
    return _INSERT[dialect](table)


@cache
def insert_if_new(dialect: str, table: Table) -> Executable:
    """Insert, or do nothing where a unique key is taken: a row comes back only if one was written.

    An error would end a PostgreSQL transaction; this leaves it usable.
    """
    return insert(dialect, table).on_conflict_do_nothing().returning(literal_column("1"))


def values_of(record: Any) -> Values:
    """A flat dataclass as column values."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


class Rows:
    """One transaction's connection. A driver's error ends the transaction: it can no longer commit."""

    def __init__(self, connection: AsyncConnection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect = connection.dialect.name
        self._broken: BrokerError | None = None

    async def _run(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Values] | None = None
    ) -> CursorResult[Any]:
        """One round trip. Raises: Conflict, NotFound, Unavailable, Refused."""
        if self._broken:
            raise Unavailable("An earlier statement failed: this transaction is over.") from self._broken
        try:
            with translated():
                return await self._connection.execute(statement, values)
        except BrokerError as error:
            self._broken = error
            raise

    async def _insert_new(self, table: Table, values: Values) -> bool:
        """Whether the row was written; False where a unique key is taken."""
        return (await self._run(insert_if_new(self._dialect, table), values)).first() is not None

    def end(self) -> None:
        """Call before the commit. Raises: the error that a statement met, if the caller went on in spite of it."""
        if self._broken:
            raise self._broken
