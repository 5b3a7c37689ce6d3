"""Statements as psycopg takes them: compiled once, their values and rows converted as SQLAlchemy would.

For each execution SQLAlchemy makes a context, an adapted cursor, a description and a result. A message costs some forty
statements that never change: only text, types and order are SQLAlchemy's here, and they are worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Executable, Row
    from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Direct:
    """One compiled statement."""

    text: str
    names: frozenset[str]  #: of the values that it is run with
    fixed: Mapping[str, Any]  #: values that stand in the statement itself
    converted: tuple[tuple[str, Convert], ...]
    columns: SimpleResultMetaData | None  #: None: it gives no rows
    read: tuple[tuple[int, Convert], ...]

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the driver is given. Raises: whatever a type raises that refuses a value."""
        given = {**self.fixed, **values}
        for name, convert in self.converted:
            given[name] = convert(given[name])
        return given

    def rows(self, found: Sequence[tuple[Any, ...]]) -> Sequence[Row[Any]]:
        """The rows, as SQLAlchemy gives them."""
        if self.columns is None or not found:
            return ()
        result: IteratorResult[Any] = IteratorResult(self.columns, map(self._read, found))
        return result.all()

    def _read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in self.read:
            values[place] = convert(values[place])
        return tuple(values)


class Known:
    """What was compiled, by statement, for as long as the statement is there."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: WeakKeyDictionary[Executable, Direct | None] = WeakKeyDictionary()

    def of(self, statement: Executable, values: Mapping[str, Any]) -> Direct | None:
        """None for a statement that only SQLAlchemy can run: with a list of any length, or defaults in Python."""
        if statement not in self._compiled:
            self._compiled[statement] = direct_of(statement, values, self._dialect)
        direct = self._compiled[statement]
        return direct if direct is not None and direct.names == values.keys() else None


def direct_of(statement: Any, values: Mapping[str, Any], dialect: Dialect) -> Direct | None:
    """A statement compiled for the names of these values."""
    compiled = statement.compile(dialect=dialect, column_keys=list(values))
    if not isinstance(compiled, SQLCompiler) or _needs_more(compiled):
        return None
    fixed = compiled.construct_params(dict(values))
    columns = [*getattr(statement, "exported_columns", ())]
    binds = ((name, _impl(bind.type, dialect).bind_processor(dialect)) for bind, name in compiled.bind_names.items())
    reads = (_impl(column.type, dialect).result_processor(dialect, None) for column in columns)
    return Direct(
        text=compiled.string,
        names=frozenset(values),
        fixed={name: value for name, value in fixed.items() if name not in values},
        converted=tuple((name, convert) for name, convert in binds if convert),
        columns=SimpleResultMetaData([getattr(column, "key", "") or str(column) for column in columns])
        if columns
        else None,
        read=tuple((place, convert) for place, convert in enumerate(reads) if convert),
    )


def _needs_more(compiled: SQLCompiler) -> bool:
    late = compiled.post_compile_params or compiled.literal_execute_params
    return bool(late or compiled.insert_prefetch or compiled.update_prefetch)


def _impl(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)
