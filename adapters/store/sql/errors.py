"""What a driver's error means in the broker's words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from adapters.store.sql.tables import METADATA
from broker.errors import BrokerError, Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOREIGN_KEY: Final = "23503"
_RAISED: Final = "P0001"  #: a trigger of ours refused
_SQLITE_COLUMNS: Final = re.compile(r"UNIQUE constraint failed: (.+)$")
_SQLITE_CHECK: Final = re.compile(r"CHECK constraint failed: (\S+)$")


@contextmanager
def translated() -> Iterator[None]:
    """Raises: Conflict (facts: constraint), NotFound for a missing parent row, Unavailable for all else."""
    try:
        yield
    except BrokerError:
        raise
    except IntegrityError as error:
        raise _integrity(error) from error
    except DBAPIError as error:
        raise _other(error) from error
    except StatementError as error:
        raise _before_sending(error) from error
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"The database cannot be used now ({type(error).__name__}).") from error


def _integrity(error: IntegrityError) -> BrokerError:
    """PostgreSQL names the constraint, SQLite its columns."""
    original = error.orig
    diagnosis = getattr(original, "diag", None)
    if getattr(original, "sqlstate", "") == _FOREIGN_KEY or "FOREIGN KEY" in str(original):
        return NotFound("The row that this one belongs to is not kept.")
    name = (diagnosis.constraint_name if diagnosis else _sqlite_name(str(original))) or ""
    return Conflict(f"The database refuses this: {name or 'a trigger'}.", constraint=name)


def _sqlite_name(words: str) -> str:
    if check := _SQLITE_CHECK.search(words):
        return check[1]
    if columns := _SQLITE_COLUMNS.search(words):
        return _UNIQUE.get(columns[1], columns[1])
    return ""


def _other(error: DBAPIError) -> BrokerError:
    if getattr(error.orig, "sqlstate", "") == _RAISED:
        return Conflict("The database refuses this: a trigger.", constraint="")
    return Unavailable(f"The database cannot be used now ({type(error.orig).__name__}).")


def _before_sending(error: StatementError) -> Exception:
    """A value that could not be bound: the broker's own word on it, or a programming error as it is."""
    return error.orig if isinstance(error.orig, Exception) else error


def _unique_names() -> dict[str, str]:
    """SQLite's way to speak of a unique key → its name."""
    names: dict[str, str] = {}
    for table in METADATA.tables.values():
        keys = [(f"pk_{table.name}", table.primary_key.columns)]
        keys += [(str(index.name), index.columns) for index in table.indexes if index.unique]
        names |= {", ".join(f"{table.name}.{column.name}" for column in columns): name for name, columns in keys}
    return names


_UNIQUE: Final = _unique_names()
