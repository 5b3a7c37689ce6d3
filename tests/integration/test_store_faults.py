"""The store when a database dies, stalls, or is shared with another process."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adapters.store.sql import SqlStore, migrate, open_store
from adapters.store.sql.connections import LoopDatabase
from adapters.store.sql.engine import async_engine, parse_url
from broker.errors import Unavailable
from tests.support.samples import DATA, SetClock, keep_message, message

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres

WRITER = """
import asyncio, sys
from dataclasses import replace
from adapters.store.sql import open_store
from tests.support.samples import SetClock, keep_message, message
async def main(url, name, count):
    store = open_store(url, clock=SetClock())
    for number in range(count):
        async with store.transaction() as transaction:
            await keep_message(transaction, message(f"{name}-{number}"))
    await store.close()
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def kept(store: SqlStore) -> set[str]:
    async with store.transaction() as transaction:
        return {found.id for found in await transaction.messages_of_case("")}


async def test_two_processes_write_to_one_sqlite_file_and_nothing_is_lost(sqlite_url: str, clock: SetClock) -> None:
    store = open_store(sqlite_url, clock=clock)
    names = ("cli-1", "cli-2")
    others = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", WRITER, sqlite_url, name, "60")
        for name in names
    ]
    for number in range(60):
        async with store.transaction() as transaction:
            await keep_message(transaction, message(f"serve-{number}"))
    assert [await other.wait() for other in others] == [0, 0]
    expected = {f"{name}-{number}" for name in (*names, "serve") for number in range(60)}
    assert await kept(store) == expected
    await store.close()


async def test_the_loop_runs_on_while_another_process_holds_the_file(sqlite_url: str, clock: SetClock) -> None:
    store = open_store(sqlite_url, clock=clock)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with store.transaction() as transaction:
            await keep_message(transaction)

    writing = asyncio.create_task(write())
    longest = 0.0
    for _ in range(20):
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert not writing.done()
    assert longest < 0.2
    other.execute("COMMIT")
    other.close()
    await writing
    assert await kept(store) == {"m-1"}
    await store.close()


async def test_a_cancelled_transaction_leaves_nothing_and_the_next_one_works(sqlite_url: str, clock: SetClock) -> None:
    store = open_store(sqlite_url, clock=clock)

    async def write() -> None:
        async with store.transaction() as transaction:
            await keep_message(transaction)
            await asyncio.sleep(60)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with asyncio.timeout(5):
        assert await kept(store) == set()
    await store.close()


async def test_after_a_crash_of_postgresql_the_transaction_in_flight_fails_and_the_next_one_works(
    postgres_server: Postgres, clock: SetClock
) -> None:
    url = postgres_server.url("postgres")
    migrate(url)
    store = open_store(url, clock=clock)
    async with store.transaction() as transaction:
        await keep_message(transaction, message("m-before"))
    with pytest.raises(Unavailable):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await keep_message(transaction, message("m-lost"))
            postgres_server.kill()
            await transaction.put_content(b"after")
    with pytest.raises(Unavailable):
        await store.ping()
    with pytest.raises(Unavailable):
        await kept(store)
    postgres_server.start()
    assert await kept(store) == {"m-before"}
    await store.ping()
    await store.close()


async def test_a_commit_that_postgresql_cannot_confirm_is_unavailable(
    postgres_server: Postgres, clock: SetClock
) -> None:
    url = postgres_server.url("postgres")
    migrate(url)
    store = open_store(url, clock=clock)
    with pytest.raises(Unavailable):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await keep_message(transaction)
            postgres_server.kill()
    postgres_server.start()
    assert await kept(store) == set()
    await store.close()


async def test_idle_connections_that_a_restart_cut_are_replaced_unseen(
    postgres_server: Postgres, clock: SetClock
) -> None:
    url = postgres_server.url("postgres")
    migrate(url)
    store = open_store(url, clock=clock)

    async def one(number: int) -> None:
        async with store.transaction() as transaction:
            await keep_message(transaction, message(f"m-{number}"))
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one(number) for number in range(5)))
    postgres_server.kill()
    postgres_server.start()
    await asyncio.gather(*(one(number) for number in range(5, 10)))
    assert await kept(store) == {f"m-{number}" for number in range(10)}
    await store.close()


async def test_a_stalled_postgresql_is_given_up_in_time_and_used_again_when_it_answers(
    postgres_server: Postgres, clock: SetClock
) -> None:
    url = postgres_server.url("postgres")
    migrate(url)
    store = SqlStore(LoopDatabase(async_engine(parse_url(url), connections=2), seconds=0.5), clock=clock)
    async with store.transaction() as transaction:
        await keep_message(transaction, message("m-before"))
    before = time.monotonic()
    with pytest.raises(Unavailable):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await transaction.put_content(DATA)
            postgres_server.freeze()
            await keep_message(transaction, message("m-stalled"))
    assert time.monotonic() - before < 20
    postgres_server.thaw()
    assert await kept(store) == {"m-before"}
    await store.close()


def test_sqlite_is_set_up_to_be_durable(sqlite_url: str, tmp_path: Path) -> None:
    from adapters.store.sql.engine import sync_engine  # noqa: PLC0415  this test alone looks at the driver

    migrate(sqlite_url)
    engine = sync_engine(parse_url(sqlite_url))
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000}
    assert (tmp_path / "broker.db").exists()
