"""The journal on both databases: its guard, its sealer, its export."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from adapters.store.sql.engine import parse_url, sync_engine
from broker.errors import Conflict, Refused
from broker.ledger.entries import GENESIS, chain
from broker.ledger.export import Export
from broker.ledger.verify import verify_lines
from tests.support.journals import (
    ENTRIES,
    KEY,
    exported,
    sealed_journal,
    sealer,
    write_journal,
)
from tests.support.samples import NOW, SetClock, entry

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore
    from broker.ledger.verify import Verification


async def verdict(store: SqlStore) -> Verification:
    return verify_lines(await exported(store), trusted=[KEY.public])


async def test_an_untouched_journal_holds(store: SqlStore, clock: SetClock) -> None:
    await sealed_journal(store, clock)
    found = await verdict(store)
    assert found.findings == ()
    assert (found.entries, found.checkpoints, found.last) == (ENTRIES, 3, ENTRIES)
    async with store.transaction() as transaction:
        head = await transaction.last_sealed()
    assert head is not None
    assert (head.number, head.hash) == (found.last, found.head)


async def test_entries_come_back_as_written_and_are_sealed_oldest_first(store: SqlStore, clock: SetClock) -> None:
    late, early = entry("j-a", at=NOW + timedelta(seconds=1)), entry("j-b", at=NOW)
    async with store.transaction() as transaction:
        await transaction.write_entry(late)
        await transaction.write_entry(early)
        assert await transaction.unsealed(10) == (early, late)
        assert await transaction.unsealed(1) == (early,)
        assert await transaction.entries_about(("x-1", "x-2")) == (early, late)
        assert await transaction.last_sealed() is None
    assert await sealer(store, clock).seal() == 2
    async with store.transaction() as transaction:
        assert await transaction.unsealed(10) == ()
        first, second = await transaction.sealed(0, 10)
        assert (first.number, first.entry, first.previous) == (1, early, GENESIS)
        assert (second.number, second.entry, second.previous) == (2, late, first.hash)
        assert await transaction.sealed(1, 10) == (second,)
        assert await transaction.entries_about(("x-1",)) == (early, late)
        (checkpoint,) = await transaction.checkpoints()
    assert (checkpoint.number, checkpoint.hash, checkpoint.at) == (2, second.hash, clock.at)


async def test_an_entry_that_could_not_be_hashed_is_refused_when_it_is_written(store: SqlStore) -> None:
    with pytest.raises(Refused):
        async with store.transaction() as transaction:
            await transaction.write_entry(entry(detail={"state": "half \ud800"}))


async def test_of_two_sealers_one_seals(store: SqlStore, clock: SetClock) -> None:
    await write_journal(store)
    counts = await asyncio.gather(*(sealer(store, clock, holder).seal() for holder in ("a", "b", "c")))
    assert sorted(counts) == [0, 0, 5]
    holder = "abc"[counts.index(5)]
    assert await sealer(store, clock, holder).seal() == 5
    clock.advance(31)
    assert await sealer(store, clock, "z").seal() == 2
    assert (await verdict(store)).holds


async def test_a_sealer_without_the_lease_changes_nothing(store: SqlStore, clock: SetClock) -> None:
    await write_journal(store)
    async with store.transaction() as transaction:
        entries = await transaction.unsealed(3)
    assert await sealer(store, clock).seal() == 5
    with pytest.raises(Conflict):
        async with store.transaction() as transaction:
            await transaction.seal(chain(entries, None))
    assert (await verdict(store)).holds


async def test_all_that_waits_is_sealed_however_many_batches_it_takes(store: SqlStore, clock: SetClock) -> None:
    await write_journal(store)
    waiting = 12
    assert await sealer(store, clock).seal_all() == waiting
    assert (await verdict(store)).checkpoints == 3
    assert await sealer(store, clock).seal_all() == 0


GUARDED = {
    "change of a sealed entry": "UPDATE journal SET actor = 'x' WHERE number = 7",
    "new seal of a sealed entry": "UPDATE journal SET number = 77 WHERE number = 7",
    "seal taken away": "UPDATE journal SET number = NULL, previous = NULL, hash = NULL WHERE number = 7",
    "change of an unsealed entry": "UPDATE journal SET outcome = 'x' WHERE id = 'unsealed'",
    "deletion of a sealed entry": "DELETE FROM journal WHERE number = 7",
    "deletion of an unsealed entry": "DELETE FROM journal WHERE id = 'unsealed'",
    "entry with a number": "INSERT INTO journal (id, at, actor, action, target, outcome, detail, number) "
    "SELECT 'new', at, actor, action, target, outcome, detail, 99 FROM journal WHERE number = 7",
    "change of a checkpoint": "UPDATE checkpoints SET hash = 'x' WHERE number = 5",
    "deletion of a checkpoint": "DELETE FROM checkpoints WHERE number = 5",
    "postgresql: emptying": "TRUNCATE journal",
    "postgresql: emptying the checkpoints": "TRUNCATE checkpoints",
    "sqlite: replacing": "INSERT OR REPLACE INTO journal (id, at, actor, action, target, outcome, detail) "
    "SELECT id, at, 'x', action, target, outcome, detail FROM journal WHERE number = 7",
}


@pytest.mark.parametrize("what", GUARDED)
async def test_the_database_refuses_what_no_honest_program_does(
    store: SqlStore, clock: SetClock, store_url: str, what: str
) -> None:
    await sealed_journal(store, clock)
    async with store.transaction() as transaction:
        await transaction.write_entry(entry("unsealed"))
    before = await exported(store)
    engine = sync_engine(parse_url(store_url))
    only, _, _ = what.rpartition(": ")
    if only in {"", engine.dialect.name}:
        with pytest.raises(Exception, match="table refuses"), engine.begin() as connection:
            connection.execute(text(GUARDED[what]))
    engine.dispose()
    assert await exported(store) == before


async def test_an_export_taken_while_the_sealer_works_holds(store: SqlStore, clock: SetClock) -> None:
    await write_journal(store)
    await sealer(store, clock).seal()
    lines = []
    async for line in Export(store, (KEY.public,), page=2).lines():
        lines.append(line)
        await sealer(store, clock).seal()
    found = verify_lines(lines, trusted=[KEY.public])
    assert found.holds
    assert found.last in {5, 10, 12}
