"""What the store promises about messages, exchanges and transactions, on both databases."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from adapters.store.sql.tables import EXCHANGES
from broker.errors import Conflict, NotFound, Refused, Unavailable
from broker.model.cases import Alias
from broker.model.exchanges import STEPS, Direction, Exchange, State
from broker.model.messages import Door
from broker.ports import ExchangeFilter
from tests.support.samples import DATA, NOW, case, exchange, full_exchange, full_message, keep_message, message

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore


class Stumble(Exception):
    """Something goes wrong outside the store."""


async def test_content_is_kept_once_under_its_sha256(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        first = await transaction.put_content(DATA)
        again = await transaction.put_content(DATA)
        assert first == again == sha256(DATA).hexdigest()
        assert await transaction.content(first) == DATA
        assert await transaction.has_content(first)
        assert not await transaction.has_content("0" * 64)
        with pytest.raises(NotFound):
            await transaction.content("0" * 64)


async def test_several_contents_are_kept_at_once_each_of_them_once_and_nothing_is_not_kept(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        known = await transaction.put_content(DATA)
        digests = await transaction.put_contents(b"one", b"", DATA, b"one")
    assert digests == (sha256(b"one").hexdigest(), "", known, sha256(b"one").hexdigest())
    async with store.transaction() as transaction:
        assert [await transaction.content(digest) for digest in digests if digest] == [b"one", DATA, b"one"]
        assert not await transaction.has_content(sha256(b"").hexdigest())
        assert await transaction.put_contents(b"") == ("",)


async def test_what_was_written_before_and_after_a_question_with_a_list_is_committed_together(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await transaction.put_content(b"before")
        assert await transaction.exchanges(ExchangeFilter(states=(State.KEPT, State.PARKED))) == ()
        await transaction.put_content(b"after")
    with pytest.raises(Stumble):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await transaction.put_content(b"lost before")
            assert await transaction.exchanges(ExchangeFilter(states=(State.KEPT,))) == ()
            await transaction.put_content(b"lost after")
            raise Stumble
    async with store.transaction() as transaction:
        words = (b"before", b"after", b"lost before", b"lost after")
        kept = [await transaction.has_content(sha256(word).hexdigest()) for word in words]
    assert kept == [True, True, False, False]


async def test_a_message_comes_back_as_it_was_kept(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        kept = await keep_message(transaction, full_message())
    async with store.transaction() as transaction:
        assert await transaction.message(kept.id) == kept
        assert await transaction.message_by_key("http", "hdh", kept.key) == kept
        assert await transaction.messages_of_case("case-1") == (kept,)
        assert await transaction.message_by_key("amqp", "hdh", kept.key) is None
        with pytest.raises(NotFound):
            await transaction.message("m-unknown")


async def test_a_message_with_a_taken_key_is_refused_and_the_transaction_goes_on(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        kept = await keep_message(transaction)
    async with store.transaction() as transaction:
        with pytest.raises(Conflict):
            await transaction.add_message(replace(kept, id="m-2"))
        await transaction.add_message(replace(kept, id="m-3", door=Door.AMQP))
        await transaction.add_message(replace(kept, id="m-4", party="findata"))
    async with store.transaction() as transaction:
        assert await transaction.message_by_key("http", "hdh", kept.key) == kept
        assert (await transaction.message("m-3")).door is Door.AMQP
        with pytest.raises(NotFound):
            await transaction.message("m-2")


async def test_messages_are_found_by_several_keys_at_once_oldest_first(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        kept = await keep_message(transaction, full_message())
        later = [replace(message(f"m-{number}"), key=f"key-{number}") for number in (8, 9)]
        for one in later:
            await transaction.add_message(one)
        await transaction.add_message(replace(message("m-7"), door=Door.AMQP, key="key-9"))
    keys = ("key-9", kept.key, "key-8", "key-unknown")
    async with store.transaction() as transaction:
        found = await transaction.messages_by_keys("http", "hdh", keys)
        assert {one.id: one for one in found} == {one.id: one for one in (kept, *later)}
        assert [one.id for one in found] == sorted(one.id for one in found)
        assert await transaction.messages_by_keys("http", "hdh", ()) == ()


async def test_a_message_without_its_bytes_is_refused(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        async with store.transaction() as transaction:
            await transaction.add_message(message())


async def test_reading_describes_a_message_and_describes_it_anew(store: SqlStore) -> None:
    told = full_message()
    async with store.transaction() as transaction:
        await keep_message(transaction, replace(told, type="", profile="", case_key="", version=0, attachments=()))
        await transaction.describe_message(told)
        assert await transaction.message(told.id) == told
        anew = replace(told, attachments=told.attachments[:1], version=3)
        await transaction.describe_message(anew)
        assert await transaction.message(told.id) == anew
        with pytest.raises(NotFound):
            await transaction.describe_message(message("m-unknown"))


async def test_describing_never_changes_the_bytes_or_the_key(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        kept = await keep_message(transaction)
        await transaction.describe_message(replace(kept, sha256="0" * 64, key="other", party="other"))
        assert await transaction.message(kept.id) == kept


async def test_what_a_failed_transaction_did_is_not_kept(store: SqlStore) -> None:
    with pytest.raises(Stumble):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await keep_message(transaction)
            raise Stumble
    async with store.transaction() as transaction:
        assert await transaction.message_by_key("http", "hdh", "key-of-m-1") is None
        assert not await transaction.has_content(sha256(DATA).hexdigest())


async def test_a_transaction_with_a_swallowed_error_does_not_commit(store: SqlStore) -> None:
    with pytest.raises(NotFound):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            await transaction.put_content(DATA)
            with pytest.raises(NotFound):
                await transaction.add_exchange(exchange())
            with pytest.raises(Unavailable):
                await transaction.put_content(b"after")
    async with store.transaction() as transaction:
        assert not await transaction.has_content(sha256(DATA).hexdigest())


@pytest.mark.parametrize("text", ["nul \x00", "half \ud800"])
async def test_text_that_one_database_could_not_hold_is_refused_by_both(store: SqlStore, text: str) -> None:
    with pytest.raises(Refused) as refused:
        async with store.transaction() as transaction:
            await keep_message(transaction, message(key=text))
    assert refused.value.problems[0].code == "unstorable-text"


async def test_moments_come_back_in_utc_with_microseconds(store: SqlStore) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    async with store.transaction() as transaction:
        await keep_message(transaction, message(kept_at=elsewhere))
        found = (await transaction.message("m-1")).kept_at
    assert found == NOW
    assert found.isoformat() == "2027-03-01T09:30:15.123456+00:00"
    with pytest.raises(ValueError, match="zone"):
        async with store.transaction() as transaction:
            await keep_message(transaction, message("m-2", kept_at=NOW.replace(tzinfo=None)))


def test_every_field_of_an_exchange_is_a_column() -> None:
    assert [column.name for column in EXCHANGES.columns] == [field.name for field in fields(Exchange)]


def test_the_full_sample_says_something_in_every_field() -> None:
    bare = exchange()
    filled = full_exchange()
    same = {field.name for field in fields(Exchange) if getattr(bare, field.name) == getattr(filled, field.name)}
    assert same == {"id", "message_id", "direction", "addressee", "type", "created_at", "updated_at", "revision"}


async def test_an_exchange_comes_back_as_it_was_kept(store: SqlStore) -> None:
    kept = full_exchange()
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(kept)
    async with store.transaction() as transaction:
        found = await transaction.exchange(kept.id)
        assert found == kept
        assert found.state is State.ENDED
        assert await transaction.exchange_by_wire_id(kept.wire_message_id) == kept
        assert await transaction.exchanges_of_message("m-1") == (kept,)
        with pytest.raises(NotFound):
            await transaction.exchange("x-unknown")


async def test_an_exchange_is_found_by_the_ids_under_which_it_was_sent_before(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange(wire_message_id="second"))
        for _ in range(2):
            await transaction.add_former_wire_id("first", "x-1")
        for wire_id in ("first", "second"):
            found = await transaction.exchange_by_wire_id(wire_id)
            assert found is not None
            assert found.id == "x-1"


async def test_exchanges_without_a_receipt_are_listed_from_a_place_on(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        for number in range(4):
            sent = exchange(f"x-{number}", direction=Direction.OUTBOUND, state=State.SUBMITTED)
            await transaction.add_exchange(replace(sent, wire_message_id=f"w-{number}"))
        assert [one.id for one in await transaction.unreceipted_exchanges(2)] == ["x-0", "x-1"]
        assert [one.id for one in await transaction.unreceipted_exchanges(9, after="x-1")] == ["x-2", "x-3"]


async def test_a_saved_exchange_has_every_new_value_and_the_next_revision(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange())
        saved = await transaction.save_exchange(full_exchange())
        assert saved == replace(full_exchange(), revision=1)
        assert await transaction.exchange("x-1") == saved


async def test_a_stale_exchange_is_not_saved(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange())
        first = await transaction.save_exchange(exchange(reason="first"))
        with pytest.raises(Conflict):
            await transaction.save_exchange(exchange(reason="second"))
        assert await transaction.exchange("x-1") == first


async def test_a_wire_message_id_belongs_to_one_exchange_and_none_to_many(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange("x-1", wire_message_id="wire"))
        await transaction.add_exchange(exchange("x-2"))
        await transaction.add_exchange(exchange("x-3"))
        with pytest.raises(Conflict):
            await transaction.add_exchange(exchange("x-4", wire_message_id="wire"))
        assert await transaction.exchange_by_wire_id("") is None
    with pytest.raises(Conflict) as conflict:
        async with store.transaction() as transaction:
            await transaction.save_exchange(exchange("x-2", wire_message_id="wire"))
    assert conflict.value.facts["constraint"] == "uq_exchanges_wire_message_id"


@pytest.mark.parametrize("direction", Direction)
async def test_the_database_knows_the_states_of_the_model_and_no_other(store: SqlStore, direction: Direction) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
    known = set()
    for state in State:
        try:
            async with store.transaction() as transaction:
                await transaction.add_exchange(exchange(f"x-{state}", direction=direction, state=state))
        except Conflict as conflict:
            assert conflict.facts["constraint"] == "ck_exchanges_state"  # noqa: PT017  which of them conflict is the test
        else:
            known.add(state)
    assert known == set(STEPS[direction])


FILTERS = {
    "all": (ExchangeFilter(), "x-4 x-3 x-2 x-1"),
    "limit": (ExchangeFilter(limit=2), "x-4 x-3"),
    "before": (ExchangeFilter(before="x-3"), "x-2 x-1"),
    "states": (ExchangeFilter(states=("QUEUED", "READY")), "x-4 x-2"),
    "direction": (ExchangeFilter(direction="inbound"), "x-4"),
    "type": (ExchangeFilter(type="FeeEstimate"), "x-2"),
    "addressee": (ExchangeFilter(addressee="hdh"), "x-4"),
    "party by message or addressee": (ExchangeFilter(party="hdh"), "x-4 x-2 x-1"),
    "case": (ExchangeFilter(case_key="case-1"), "x-3"),
    "text: id": (ExchangeFilter(text="x-2"), "x-2"),
    "text: message": (ExchangeFilter(text="m-2"), "x-4 x-3"),
    "text: message key": (ExchangeFilter(text="key-of-m-1"), "x-2 x-1"),
    "text: wire id": (ExchangeFilter(text="wire-1"), "x-1"),
    "text: alias": (ExchangeFilter(text="DOSSIER-7"), "x-3"),
    "text: part of an id": (ExchangeFilter(text="wire"), ""),
    "two at once": (ExchangeFilter(party="hdh", states=("QUEUED",)), "x-2"),
}


@pytest.mark.parametrize(("wanted", "found"), FILTERS.values(), ids=FILTERS.keys())
async def test_a_list_shows_what_was_asked_newest_first(store: SqlStore, wanted: ExchangeFilter, found: str) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await keep_message(transaction, message("m-2", party="findata"))
        await transaction.add_case(case(aliases=(Alias("hdh", "DOSSIER-7"),)))
        await transaction.add_exchange(exchange("x-1", wire_message_id="wire-1"))
        await transaction.add_exchange(exchange("x-2", state=State.QUEUED, type="FeeEstimate"))
        await transaction.add_exchange(exchange("x-3", message_id="m-2", case_key="case-1"))
        inbound = {"direction": Direction.INBOUND, "state": State.READY, "addressee": "hdh"}
        await transaction.add_exchange(exchange("x-4", message_id="m-2", **inbound))
        assert " ".join(row.id for row in await transaction.exchanges(wanted)) == found


async def test_silence_is_overdue_only_while_submitted_and_after_its_moment(store: SqlStore) -> None:
    submitted = {"state": State.SUBMITTED}
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange("x-1", due_at=NOW - timedelta(seconds=1), **submitted))
        await transaction.add_exchange(exchange("x-2", due_at=NOW - timedelta(seconds=2), **submitted))
        await transaction.add_exchange(exchange("x-3", due_at=NOW + timedelta(microseconds=1), **submitted))
        await transaction.add_exchange(exchange("x-4", **submitted))
        await transaction.add_exchange(exchange("x-5", due_at=NOW - timedelta(days=1), state=State.ENDED))
        assert [row.id for row in await transaction.overdue_exchanges(NOW, 10)] == ["x-2", "x-1"]
        assert [row.id for row in await transaction.overdue_exchanges(NOW, 1)] == ["x-2"]


async def test_only_what_was_sent_can_lack_a_receipt(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange("x-1", state=State.SUBMITTED, wire_message_id="w1"))
        await transaction.add_exchange(exchange("x-2", state=State.ENDED, wire_message_id="w2", outcome="accepted"))
        await transaction.add_exchange(exchange("x-3", state=State.ENDED, outcome="recorded"))
        await transaction.add_exchange(exchange("x-4", state=State.SUBMITTED, wire_message_id="w4", receipt_at=NOW))
        await transaction.add_exchange(exchange("x-5", state=State.SUBMITTING, wire_message_id="w5"))
        assert [row.id for row in await transaction.unreceipted_exchanges(10)] == ["x-1", "x-2"]
        assert [row.id for row in await transaction.unreceipted_exchanges(1)] == ["x-1"]
