"""What every group of statements shares: one connection inside one transaction."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column
from sqlalchemy.dialects import postgresql, sqlite

from adapters.store.sql.connections import Answer, Bound, Session, Values
from broker.errors import BrokerError, Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Executable, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

    from broker.ports import Clock


def insert(dialect: str, table: Table) -> PostgresqlInsert | SqliteInsert:
    """The insert that knows ON CONFLICT."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


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
    """One transaction. A driver's error ends the transaction: it can no longer commit."""

    def __init__(self, session: Session, *, clock: Clock, spools: str | None = None) -> None:
        self._session = session
        self._clock = clock
        self._spools = spools
        self._dialect = session.dialect
        self._broken: BrokerError | None = None

    async def _run(self, statement: Executable, values: Bound = None) -> Answer:
        """One round trip. Raises: Conflict, NotFound, Unavailable, Refused."""
        if self._broken:
            raise Unavailable("An earlier statement failed: this transaction is over.") from self._broken
        try:
            return await self._session.run(statement, values)
        except BrokerError as error:
            self._broken = error
            raise

    async def _insert_new(self, table: Table, values: Values) -> bool:
        """Whether the row was written; False where a unique key is taken."""
        return (await self._run(insert_if_new(self._dialect, table), values)).first() is not None

    async def commit(self) -> None:
        """Raises: the error that a statement met, if the caller went on in spite of it; Unavailable."""
        if self._broken:
            raise self._broken
        await self._session.commit()
