"""Bring a database to the newest migration, or say whether it is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from adapters.store.sql.engine import parse_url, sync_engine
from adapters.store.sql.errors import translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(4881325870)")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def head() -> str:
    """The newest migration that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def migrate(url: str) -> None:
    """Bring the database to head, in one transaction; one process at a time.

    Raises: ConfigurationError for a URL of another kind, Unavailable.
    """
    engine = sync_engine(parse_url(url))
    try:
        with translated(), engine.begin() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


def at_head(url: str) -> bool:
    """Whether the database is at the newest migration. Raises: Unavailable."""
    engine = sync_engine(parse_url(url))
    try:
        with translated(), engine.connect() as connection:
            return _version(connection) == head()
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME)
    if _version(connection) == head():
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
