"""The store on SQLAlchemy Core: SQLite embedded, PostgreSQL in production."""

from adapters.store.sql.migrate import at_head, migrate
from adapters.store.sql.store import SqlStore, SqlTransaction, open_store

__all__ = ["SqlStore", "SqlTransaction", "at_head", "migrate", "open_store"]
