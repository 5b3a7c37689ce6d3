"""Every way to tamper with the journal in either database is found, and the right entry named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from broker.ledger.entries import chain, sign_head
from broker.ledger.export import Export
from broker.ledger.verify import verify, verify_lines
from broker.model.messages import Door
from tests.support.journals import (
    BYTES,
    KEPT_AT,
    KEY,
    OTHER_KEY,
    exported,
    other_hash,
    sealed_journal,
    with_the_file,
)
from tests.support.samples import NOW, SetClock, entry, message

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore
    from broker.ledger.verify import Verification


async def verdict(store: SqlStore) -> Verification:
    return verify_lines(await exported(store), trusted=[KEY.public])


def tamper(url: str, *statements: str) -> None:
    with with_the_file(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def filled(statement: str, url: str) -> str:
    """The statement with bytes and hashes in the database's own spelling."""
    literal = "x'{}'" if url.startswith("sqlite") else "'\\x{}'::bytea"
    words = {
        "{kept}": literal.format(BYTES.hex()),
        "{lower}": literal.format(BYTES.upper().hex()),
        "{other}": other_hash(),
        "{later}": "replace(at, '2027', '2028')" if url.startswith("sqlite") else "at + interval '1 microsecond'",
    }
    for name, value in words.items():
        statement = statement.replace(name, value)
    return statement


COLUMN_CHANGES = {
    "id": ("UPDATE journal SET id = 'j-0X' WHERE number = 7", "changed"),
    "actor": ("UPDATE journal SET actor = 'Flow' WHERE number = 7", "changed"),
    "action": ("UPDATE journal SET action = 'exchange.submittee' WHERE number = 7", "changed"),
    "target": ("UPDATE journal SET target = 'x-8' WHERE number = 7", "changed"),
    "outcome": ("UPDATE journal SET outcome = 'dona' WHERE number = 7", "changed"),
    "detail": ("UPDATE journal SET detail = replace(detail, 'SUBMITTED', 'SUBMITTEE') WHERE number = 7", "changed"),
    "detail, a space": ("UPDATE journal SET detail = replace(detail, ':', ': ') WHERE number = 7", "changed"),
    "detail, no JSON": ("UPDATE journal SET detail = 'x' || detail WHERE number = 7", "changed"),
    "previous": ("UPDATE journal SET previous = 'f' || substr(previous, 2) || 'x' WHERE number = 7", "changed"),
    "hash": ("UPDATE journal SET hash = 'x' || substr(hash, 2) WHERE number = 7", "changed"),
    "number": ("UPDATE journal SET number = 70 WHERE number = 7", "missing"),
    "number, far": ("UPDATE journal SET number = 2000000000 WHERE number = 7", "missing"),
    "seal": ("UPDATE journal SET number = NULL WHERE number = 7", "missing"),
    "deleted": ("DELETE FROM journal WHERE number = 7", "missing"),
}


@pytest.mark.parametrize("what", COLUMN_CHANGES)
async def test_a_change_of_one_entry_is_found_and_named(
    store: SqlStore, clock: SetClock, store_url: str, what: str
) -> None:
    await sealed_journal(store, clock)
    statement, code = COLUMN_CHANGES[what]
    tamper(store_url, statement)
    found = await verdict(store)
    assert (found.findings[0].number, found.findings[0].code) == (7, code)


async def test_a_change_of_the_time_is_found(store: SqlStore, clock: SetClock, store_url: str) -> None:
    await sealed_journal(store, clock)
    if store_url.startswith("sqlite"):
        changes = ["replace(at, '2027', '2026')", "replace(at, 'T', ' ')", "'soon'"]
    else:
        changes = ["at + interval '1 microsecond'", "'0001-01-01 00:00:00+00'"]
    for place, change in enumerate(changes, start=6):
        tamper(store_url, f"UPDATE journal SET at = {change} WHERE number = {place}")  # noqa: S608  a test's own words
    assert [(found.number, found.code) for found in (await verdict(store)).findings] == [
        (place, "changed") for place, _ in enumerate(changes, start=6)
    ]


WHOLE = {
    "first deleted": (["DELETE FROM journal WHERE number = 1"], 1, "missing"),
    "several deleted": (["DELETE FROM journal WHERE number IN (6, 7, 9)"], 6, "missing"),
    "last deleted": (["DELETE FROM journal WHERE number = 12"], 12, "missing"),
    "tail removed": (["DELETE FROM journal WHERE number >= 9"], 9, "missing"),
    "all removed": (["DELETE FROM journal"], 1, "missing"),
    "numbers swapped": (
        [
            "UPDATE journal SET number = -1 WHERE number = 6",
            "UPDATE journal SET number = 6 WHERE number = 7",
            "UPDATE journal SET number = 7 WHERE number = -1",
        ],
        6,
        "changed",
    ),
    "contents swapped": (
        ["UPDATE journal SET target = CASE target WHEN 'x-6' THEN 'x-7' ELSE 'x-6' END WHERE number IN (6, 7)"],
        6,
        "changed",
    ),
    "duplicated": (
        [
            "DROP INDEX uq_journal_number",
            "INSERT INTO journal SELECT 'j-8', at, actor, action, target, outcome, detail, number, previous, hash"  # noqa: ISC004  one statement
            " FROM journal WHERE number = 8",
        ],
        8,
        "changed",
    ),
    "last checkpoint deleted": (["DELETE FROM checkpoints WHERE number = 12"], 11, "unsigned"),
    "all checkpoints deleted": (["DELETE FROM checkpoints"], 1, "unsigned"),
    "checkpoint's hash": (["UPDATE checkpoints SET hash = 'x' || hash WHERE number = 10"], 10, "forged-checkpoint"),
    "checkpoint's number": (["UPDATE checkpoints SET number = 9 WHERE number = 10"], 9, "forged-checkpoint"),
    "checkpoint's time": (["UPDATE checkpoints SET at = {later} WHERE number = 10"], 10, "forged-checkpoint"),
    "checkpoint's key": (["UPDATE checkpoints SET key_id = 'x' WHERE number = 10"], 10, "forged-checkpoint"),
    "checkpoint's signature": (
        ["UPDATE checkpoints SET signature = 'A' || substr(signature, 2) WHERE number = 10"],
        10,
        "forged-checkpoint",
    ),
    "kept bytes": (["UPDATE contents SET data = {lower} WHERE data = {kept}"], KEPT_AT, "content-changed"),
    "message points to other bytes": (["UPDATE messages SET sha256 = '{other}'"], KEPT_AT, "content-changed"),
    "kept bytes deleted": (
        ["UPDATE messages SET sha256 = '{other}'", "DELETE FROM contents WHERE data = {kept}"],
        KEPT_AT,
        "content-changed",
    ),
}


@pytest.mark.parametrize("what", WHOLE)
async def test_tampering_with_the_whole_is_found_and_named(
    store: SqlStore, clock: SetClock, store_url: str, what: str
) -> None:
    await sealed_journal(store, clock)
    statements, number, code = WHOLE[what]
    tamper(store_url, *(filled(statement, store_url) for statement in statements))
    found = (await verdict(store)).findings
    assert (found[0].number, found[0].code) == (number, code)


async def test_a_doubled_number_is_found_where_pages_meet(store: SqlStore, clock: SetClock, store_url: str) -> None:
    await sealed_journal(store, clock)
    statements, number, _ = WHOLE["duplicated"]
    tamper(store_url, *statements)
    for page in (1, 2, 3, 4, 7, 8):
        lines = [line async for line in Export(store, (KEY.public,), page=page).lines()]
        found = verify_lines(lines, trusted=[KEY.public]).findings
        assert {"changed", "duplicated"} <= {finding.code for finding in found if finding.number == number}


async def test_an_entry_hung_onto_the_end_has_no_signature(store: SqlStore, clock: SetClock, store_url: str) -> None:
    await sealed_journal(store, clock)
    async with store.transaction() as transaction:
        head = await transaction.last_sealed()
        await transaction.write_entry(entry("forged", at=NOW))
        (forged,) = chain((entry("forged", at=NOW),), head)
        await transaction.seal((forged,))
    found = (await verdict(store)).findings
    assert [(finding.number, finding.code) for finding in found] == [(13, "unsigned")]
    assert store_url


@pytest.mark.parametrize("signed_anew", [False, True])
async def test_a_journal_rewritten_from_one_entry_on_is_found(
    store: SqlStore, clock: SetClock, store_url: str, *, signed_anew: bool
) -> None:
    await sealed_journal(store, clock)
    async with store.transaction() as transaction:
        before = await transaction.sealed(0, 6)
        rest = await transaction.sealed(6, 100)
    entries = (replace(rest[0].entry, outcome="forged"), *(sealed.entry for sealed in rest[1:]))
    with with_the_file(store_url) as connection:
        for link in chain(entries, before[-1]):
            values = {"n": link.number, "p": link.previous, "h": link.hash, "o": link.entry.outcome}
            connection.execute(
                text("UPDATE journal SET previous = :p, hash = :h, outcome = :o WHERE number = :n"), values
            )
            if signed_anew:
                forged = sign_head(link, key=OTHER_KEY, at=NOW)
                sign = text("UPDATE checkpoints SET hash = :h, signature = :s, key_id = :k WHERE number = :n")
                signed = {"h": link.hash, "s": forged.signature, "k": forged.key_id, "n": link.number}
                connection.execute(sign, signed)
    found = (await verdict(store)).findings
    expected = [(6, "unsigned"), (10, "forged-checkpoint"), (12, "forged-checkpoint")]
    if not signed_anew:
        expected = [(6, "rewritten")]
    assert [(finding.number, finding.code) for finding in found][: len(expected)] == expected


async def test_one_entry_sealed_anew_in_place_is_the_one_that_is_named(
    store: SqlStore, clock: SetClock, store_url: str
) -> None:
    await sealed_journal(store, clock)
    async with store.transaction() as transaction:
        before, sealed = await transaction.sealed(5, 2)
    (forged,) = chain((replace(sealed.entry, outcome="forged"),), before)
    with with_the_file(store_url) as connection:
        statement = text("UPDATE journal SET outcome = 'forged', hash = :h WHERE number = 7")
        connection.execute(statement, {"h": forged.hash})
    found = (await verdict(store)).findings
    assert [(finding.number, finding.code) for finding in found] == [(7, "broken-link")]


@pytest.mark.parametrize("places", [(7,), (1,), (12,), (6, 7), (4, 9)])
async def test_an_entry_forged_into_the_middle_is_the_one_that_is_named(
    store: SqlStore, clock: SetClock, store_url: str, places: tuple[int, ...]
) -> None:
    """It is chained to the entry before it, and those behind it are renumbered."""
    await sealed_journal(store, clock)
    for place in places:
        await force_in(store, store_url, place)
    found = (await verdict(store)).findings
    first = [place for place in places if place - 1 not in places]
    assert [finding.number for finding in found if finding.code == "inserted"] == first
    assert (found[0].number, found[0].code) == (first[0], "inserted")
    assert {finding.code for finding in found} <= {"inserted", "unsigned"}


async def force_in(store: SqlStore, store_url: str, place: int) -> None:
    async with store.transaction() as transaction:
        before = await transaction.sealed(place - 2, 1) if place > 1 else ()
    (forged,) = chain((entry(f"forged-{place}", at=NOW),), before[0] if before else None)
    with with_the_file(store_url) as connection:
        for step in ("-number - 1 WHERE number >= :n", "-number WHERE number < 0"):
            connection.execute(text(f"UPDATE journal SET number = {step}"), {"n": place})  # noqa: S608  a test's words
    async with store.transaction() as transaction:
        await transaction.write_entry(forged.entry)
        await transaction.seal((forged,))


async def test_a_tail_removed_with_its_checkpoints_is_found_by_a_head_seen_earlier(
    store: SqlStore, clock: SetClock, store_url: str
) -> None:
    await sealed_journal(store, clock)
    seen = await verdict(store)
    tamper(store_url, "DELETE FROM journal WHERE number > 10", "DELETE FROM checkpoints WHERE number > 10")
    lines = await exported(store)
    assert verify_lines(lines).holds
    found = verify_lines(lines, expected=(seen.last, seen.head)).findings
    assert [(finding.number, finding.code) for finding in found] == [(12, "not-as-expected")]


async def test_a_journal_emptied_with_its_checkpoints_shows_by_the_messages_that_are_kept(
    store: SqlStore, clock: SetClock, store_url: str
) -> None:
    await sealed_journal(store, clock)
    tamper(store_url, "DELETE FROM journal", "DELETE FROM checkpoints")
    [found] = (await verdict(store)).findings
    assert (found.number, found.code, "m-1" in found.detail) == (0, "not-journalled", True)


async def test_what_the_broker_wrote_itself_needs_no_entry_that_it_was_kept(store: SqlStore, clock: SetClock) -> None:
    await sealed_journal(store, clock)
    async with store.transaction() as transaction:
        digest = await transaction.put_content(BYTES)
        await transaction.add_message(message("m-2", sha256=digest, size=len(BYTES), door=Door.RULE, key="k-2"))
    assert (await verdict(store)).holds


async def test_kept_bytes_are_checked_where_the_verifier_has_access(store: SqlStore, clock: SetClock) -> None:
    await sealed_journal(store, clock)
    records = [record async for record in Export(store, (KEY.public,), contents=False).records()]
    assert verify(records, contents=lambda _: BYTES).holds
    for gives, code in ((lambda _: b"other", "content-changed"), (lambda _: None, "content-missing")):
        (found,) = verify(records, contents=gives).findings
        assert (found.number, found.code) == (KEPT_AT, code)
