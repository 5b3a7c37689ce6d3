"""Migrations write exactly the tables that the code speaks of, on both databases, once, in any order of arrival."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, inspect, text

from adapters.store.sql import at_head, migrate, open_store
from adapters.store.sql.engine import parse_url, sync_engine
from adapters.store.sql.migrate import MIGRATIONS, head
from adapters.store.sql.tables import METADATA
from broker.errors import ConfigurationError, Unavailable
from broker.payloads import PIECE
from tests.support.samples import SetClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine, Table

MIGRATE = "import sys; from adapters.store.sql import migrate; migrate(sys.argv[1])"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "empty_postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = sync_engine(parse_url(empty_url))
    yield made
    made.dispose()


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, METADATA)


def model_checks(table: Table) -> dict[str, str]:
    return {
        str(check.name): normal(str(check.sqltext)) for check in table.constraints if isinstance(check, CheckConstraint)
    }


def normal(sql: str) -> str:
    return "".join(sql.split()).replace("(", "").replace(")", "").lower()


def test_a_migrated_database_has_the_tables_of_the_code(empty_url: str, engine: Engine) -> None:
    with engine.connect() as connection:
        assert differences(connection), "the comparison sees an empty database"
    migrate(empty_url)
    with engine.connect() as connection:
        assert differences(connection) == []
        known = inspect(connection)
        for table in METADATA.sorted_tables:
            checks = {check["name"] for check in known.get_check_constraints(table.name)}
            assert checks == set(model_checks(table))


def test_checks_say_in_sqlite_what_the_model_says(sqlite_url: str) -> None:
    migrate(sqlite_url)
    engine = sync_engine(parse_url(sqlite_url))
    with engine.connect() as connection:
        known = inspect(connection)
        for table in METADATA.sorted_tables:
            found = {check["name"]: normal(check["sqltext"]) for check in known.get_check_constraints(table.name)}
            assert found == model_checks(table)
    engine.dispose()


def test_a_planted_difference_is_seen(empty_url: str, engine: Engine) -> None:
    migrate(empty_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE leases ADD COLUMN planted TEXT"))
        connection.execute(text("DROP INDEX ix_works_subject"))
    with engine.connect() as connection:
        assert {difference[0] for difference in differences(connection)} == {"remove_column", "add_index"}


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    assert not at_head(empty_url)
    migrate(empty_url)
    assert at_head(empty_url)
    migrate(empty_url)
    assert at_head(empty_url)


def test_every_step_can_be_undone(empty_url: str, engine: Engine) -> None:
    migrate(empty_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    migrate(empty_url)
    assert at_head(empty_url)


def test_processes_that_migrate_at_once_do_not_disturb_each_other(empty_url: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", MIGRATE, empty_url], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    try:
        errors = [process.communicate(timeout=90)[1].decode() for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [(process.returncode, error) for process, error in zip(started, errors, strict=True)] == [(0, "")] * 3
    assert at_head(empty_url)


async def test_an_embedded_node_migrates_at_its_start(sqlite_url: str, clock: SetClock) -> None:
    store = open_store(sqlite_url, clock=clock)
    await store.ping()
    await store.close()


async def test_a_node_refuses_a_postgresql_that_is_not_at_head(empty_postgres_url: str, clock: SetClock) -> None:
    store = open_store(empty_postgres_url, clock=clock)
    with pytest.raises(ConfigurationError, match="hdeu migrate"):
        await store.ping()
    migrate(empty_postgres_url)
    await store.ping()
    engine = sync_engine(parse_url(empty_postgres_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match=f"0001, not {head()}.*hdeu migrate"):
        await store.ping()
    await store.close()


@pytest.mark.parametrize("url", ["mysql://host/x", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_a_url_of_another_kind_is_a_configuration_error(url: str, clock: SetClock) -> None:
    with pytest.raises(ConfigurationError):
        open_store(url, clock=clock)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "broker.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable):
        open_store(f"sqlite:///{tmp_path}/broker.db", clock=clock)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_means_the_one_driver(scheme: str) -> None:
    assert parse_url(f"{scheme}://u@h/d").drivername == "postgresql+psycopg"


def test_who_uploaded_before_uploads_were_noted_is_read_from_the_journal(empty_url: str, engine: Engine) -> None:
    to("0006", engine)
    at, kept, gone = "2027-03-01T09:30:15.123456Z", "a" * 64, "b" * 64
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO contents (sha256, size, data, kept_at) VALUES (:sha256, 1, :data, :at)"),
            {"sha256": kept, "data": b"x", "at": at},
        )
        for number, (actor, action, target) in enumerate(
            (
                ("hdh", "content.kept", kept),
                ("hdh", "content.kept", kept),
                ("findata", "content.kept", kept),
                ("hdh", "content.kept", gone),
                ("flow", "message.kept", kept),
            )
        ):
            connection.execute(
                text(
                    "INSERT INTO journal (id, at, actor, action, target, outcome, detail)"
                    " VALUES (:id, :at, :actor, :action, :target, 'kept', '{}')"
                ),
                {"id": f"j-{number}", "at": at, "actor": actor, "action": action, "target": target},
            )
    migrate(empty_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT backend, sha256 FROM uploads ORDER BY backend")).all()
    assert [tuple(row) for row in rows] == [("findata", kept), ("hdh", kept)]


def to(revision: str, engine: Engine) -> None:
    """An empty database, migrated up to here."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_was_kept_whole_before_pieces_is_split_and_can_be_put_together_again(
    empty_url: str, engine: Engine
) -> None:
    to("0009", engine)
    sizes = (0, 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7)
    kept = {f"{number:064x}": (bytes(range(251)) * (size // 251 + 1))[:size] for number, size in enumerate(sizes)}
    with engine.begin() as connection:
        for digest, data in kept.items():
            connection.execute(
                text("INSERT INTO contents (sha256, size, data, kept_at) VALUES (:sha256, :size, :data, :at)"),
                {"sha256": digest, "size": len(data), "data": data, "at": "2027-03-01T09:30:15.123456Z"},
            )
    migrate(empty_url)
    with engine.connect() as connection:
        assert [len(row.data) for row in rows_of(connection, "contents")] == [min(size, PIECE) for size in sizes]
        pieces = rows_of(connection, "content_pieces")
    assert [row.number for row in pieces] == [1, 1, 1, 2, 3]
    assert asyncio.run(contents_of(empty_url, kept)) == kept
    back("0009", engine)
    with engine.connect() as connection:
        assert {row.sha256: bytes(row.data) for row in rows_of(connection, "contents")} == kept


def rows_of(connection: Connection, table: str) -> list[Any]:
    order = "sha256, number" if table == "content_pieces" else "sha256"
    return list(connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).all())  # noqa: S608  a test's own words


async def contents_of(url: str, digests: Iterable[str]) -> dict[str, bytes]:
    store = open_store(url, clock=SetClock())
    async with store.transaction() as transaction:
        found = {digest: await transaction.content(digest) for digest in digests}
    await store.close()
    return found


def back(revision: str, engine: Engine) -> None:
    """A database, migrated back to here."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
