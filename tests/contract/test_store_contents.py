"""What the store promises about bytes, the many as well as the few, on both databases."""

from __future__ import annotations

import tracemalloc
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from adapters.store.sql import open_store
from broker.errors import NotFound, Unavailable
from broker.ledger.export import Export
from broker.ledger.verify import verify_lines
from broker.payloads import PIECE, Payload, Spool
from tests.support.journals import KEY, sealer, with_the_file
from tests.support.samples import entry

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.store.sql import SqlStore
    from broker.ledger.verify import Finding
    from tests.support.samples import SetClock

MANY = bytes(range(251)) * (3 * PIECE // 251)  # three pieces, the last one shorter
AROUND = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1)


class Stumble(Exception):
    """Something goes wrong outside the store."""


def spooled(data: bytes) -> Payload:
    spool = Spool()
    spool.write(b"something before")
    spool.write(data)
    return spool.since(len(b"something before"))


@pytest.mark.parametrize("size", AROUND)
async def test_bytes_come_back_whatever_their_number_and_however_they_are_asked_for(store: SqlStore, size: int) -> None:
    data = MANY[:size]
    async with store.transaction() as transaction:
        digest = await transaction.put_content(spooled(data))
        assert digest == await transaction.put_content(data) == sha256(data).hexdigest()
    async with store.transaction() as transaction:
        assert await transaction.content(digest) == data
        pieces = [piece async for piece in transaction.content_pieces(digest)]
        laid_aside = await transaction.payload(digest)
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= PIECE
    assert (laid_aside.size, laid_aside.sha256, laid_aside.whole()) == (size, digest, data)


async def test_many_and_few_bytes_are_kept_together(store: SqlStore) -> None:
    several = (b"few", spooled(MANY), b"", MANY[1:], spooled(MANY))
    async with store.transaction() as transaction:
        digests = await transaction.put_contents(*several)
    assert digests == tuple(Payload.of(one).sha256 if Payload.of(one).size else "" for one in several)
    async with store.transaction() as transaction:
        kept = [await transaction.content(digest) for digest in digests if digest]
    assert kept == [b"few", MANY, MANY[1:], MANY]


async def test_of_many_bytes_none_is_there_before_the_commit_and_none_after_a_stumble(store: SqlStore) -> None:
    digest = sha256(MANY).hexdigest()
    with pytest.raises(Stumble):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await transaction.put_content(MANY)
            raise Stumble
    async with store.transaction() as transaction:
        assert not await transaction.has_content(digest)
        with pytest.raises(NotFound):
            await transaction.payload(digest)
        assert await transaction.put_content(MANY) == digest
        assert await transaction.content(digest) == MANY


async def test_what_is_large_is_written_and_read_without_being_held(store: SqlStore) -> None:
    payload = spooled(bytes(range(256)) * (16 * 2**20 // 256))
    tracemalloc.start()
    async with store.transaction() as transaction:
        digest = await transaction.put_content(payload)
    async with store.transaction() as transaction:
        back = await transaction.payload(digest)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert back == payload
    assert peak < 12 * PIECE


async def test_without_room_to_lay_it_aside_what_is_large_is_unavailable_and_what_is_small_is_not(
    store_url: str, clock: SetClock, tmp_path: Path
) -> None:
    store = open_store(store_url, clock=clock, spools=str(tmp_path / "not-there"))
    async with store.transaction() as transaction:
        few, many = await transaction.put_contents(b"few", MANY)
        assert (await transaction.payload(few)).whole() == b"few"
        with pytest.raises(Unavailable, match="cannot be laid aside"):
            await transaction.payload(many)
    await store.close()


async def damaged(store: SqlStore, clock: SetClock, url: str, statement: str) -> tuple[Finding, ...]:
    """What is found after a statement of somebody who has the file."""
    async with store.transaction() as transaction:
        digest = await transaction.put_content(MANY)
        await transaction.write_entry(entry("j-01", action="content.kept", target=digest, detail={"sha256": digest}))
    await sealer(store, clock).seal()
    with with_the_file(url) as connection:
        assert connection.exec_driver_sql(statement).rowcount
    return verify_lines([line async for line in Export(store, (KEY.public,)).lines()], trusted=[KEY.public]).findings


DAMAGES = {
    "a byte of a piece": "UPDATE content_pieces SET data = {zero} WHERE number = 2",
    "a piece deleted": "DELETE FROM content_pieces WHERE number = 1",
    "the last piece deleted": "DELETE FROM content_pieces WHERE number = 2",
    "pieces in another order": "UPDATE content_pieces SET number = -number",
    "a piece hung onto the end": "INSERT INTO content_pieces SELECT sha256, 3, {zero} FROM contents",
    "a size that is less": "UPDATE contents SET size = 1",
    "a size that is more": "UPDATE contents SET size = size + 1",
}


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_change_of_the_pieces_is_found_and_the_entry_named(
    store: SqlStore, clock: SetClock, store_url: str, what: str
) -> None:
    zero = "x'00'" if store_url.startswith("sqlite") else "'\\x00'::bytea"
    findings = await damaged(store, clock, store_url, DAMAGES[what].format(zero=zero))
    assert [(found.number, found.code) for found in findings] == [(1, "content-changed")]


@pytest.mark.parametrize("what", [what for what in DAMAGES if "deleted" in what or "order" in what])
async def test_what_is_kept_in_part_is_never_handed_out_for_the_whole(
    store: SqlStore, clock: SetClock, store_url: str, what: str
) -> None:
    await damaged(store, clock, store_url, DAMAGES[what])
    async with store.transaction() as transaction:
        for ask in (transaction.content, transaction.payload):
            with pytest.raises(NotFound, match=f"Of the {len(MANY)} bytes"):
                await ask(sha256(MANY).hexdigest())


async def test_what_an_earlier_release_kept_whole_is_read_as_it_is(store: SqlStore, store_url: str) -> None:
    async with store.transaction() as transaction:
        digest = await transaction.put_content(MANY)
    with with_the_file(store_url) as connection:
        connection.exec_driver_sql("DELETE FROM content_pieces")
        mark = "?" if store_url.startswith("sqlite") else "%s"
        connection.exec_driver_sql(f"UPDATE contents SET data = {mark}", (MANY,))  # noqa: S608  a test's own words
    async with store.transaction() as transaction:
        assert await transaction.content(digest) == MANY
