"""What the store promises about cases, legs, clocks, leases and figures, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from broker.errors import Conflict, NotFound
from broker.model.cases import Alias
from broker.model.exchanges import STEPS, Direction, State
from tests.support.samples import NOW, case, entry, exchange, keep_message, leg, running_clock, work

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore

LATER = NOW + timedelta(seconds=30)


async def test_a_case_comes_back_with_its_aliases_in_order(store: SqlStore) -> None:
    aliases = (Alias("hdh", "9"), Alias("cp", "8"), Alias("findata", "7"))
    kept = case(aliases=aliases, news=({"leg": "findata", "status": "é"},))
    async with store.transaction() as transaction:
        await transaction.add_case(kept)
    async with store.transaction() as transaction:
        assert await transaction.case(kept.key) == kept
        for alias in aliases:
            assert await transaction.case_by_alias(alias) == kept
        assert await transaction.case_by_alias(Alias("cp", "9")) is None
        with pytest.raises(NotFound):
            await transaction.case("case-unknown")


async def test_saving_a_case_adds_the_new_aliases_and_keeps_the_old(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await transaction.add_case(case())
        grown = replace(case(), aliases=(*case().aliases, Alias("hdh", "D-1")), version=2)
        saved = await transaction.save_case(grown)
        assert saved == replace(grown, revision=1)
        assert await transaction.case("case-1") == saved
        assert await transaction.save_case(saved) == replace(saved, revision=2)


async def test_a_stale_case_is_not_saved(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await transaction.add_case(case())
        saved = await transaction.save_case(replace(case(), version=2))
        with pytest.raises(Conflict):
            await transaction.save_case(replace(case(), version=3))
        with pytest.raises(Conflict):
            await transaction.add_case(case())
        assert await transaction.case("case-1") == saved


@pytest.mark.parametrize("way", ["add", "save"])
async def test_an_alias_of_another_case_is_refused(store: SqlStore, way: str) -> None:
    async with store.transaction() as transaction:
        await transaction.add_case(case("case-1"))
        await transaction.add_case(case("case-2"))
    thief = (Alias("cp", "CP-case-1"), Alias("hdh", "new"))
    with pytest.raises(Conflict):  # noqa: PT012  the whole transaction is meant
        async with store.transaction() as transaction:
            if way == "add":
                await transaction.add_case(case("case-3", aliases=thief))
            else:
                await transaction.save_case(case("case-2", aliases=thief))
    async with store.transaction() as transaction:
        owner = await transaction.case_by_alias(thief[0])
        assert owner == case("case-1")
        assert await transaction.case_by_alias(thief[1]) is None


async def test_cases_are_listed_newest_first_and_found_by_key_or_alias(store: SqlStore) -> None:
    many = tuple(Alias("hdh", f"D-{number}") for number in range(3))
    async with store.transaction() as transaction:
        for key in ("case-1", "case-2", "case-3"):
            await transaction.add_case(case(key, aliases=many if key == "case-2" else ()))
        assert [found.key for found in await transaction.cases(limit=2)] == ["case-3", "case-2"]
        assert [found.key for found in await transaction.cases(limit=9, before="case-2")] == ["case-1"]
        assert await transaction.cases(limit=9, text="D-1") == (case("case-2", aliases=many),)
        assert [found.key for found in await transaction.cases(limit=9, text="case-1")] == ["case-1"]
        assert await transaction.cases(limit=9, text="D-") == ()


async def test_legs_are_inserted_once_and_saved_under_their_revision(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await transaction.add_case(case())
        first = await transaction.save_leg(leg())
        assert first == replace(leg(), revision=1)
        with pytest.raises(Conflict):
            await transaction.save_leg(leg())
        second = await transaction.save_leg(replace(first, state="PRE_SCREENING", facts={"b": 1, "a": [None]}))
        with pytest.raises(Conflict):
            await transaction.save_leg(first)
        other = await transaction.save_leg(leg("findata"))
        assert await transaction.legs("case-1") == (other, second)
        assert await transaction.leg("case-1", "hdh") == second
        assert await transaction.leg("case-1", "nobody") is None


async def test_a_clock_is_replaced_by_its_key_and_another_start_is_another_clock(store: SqlStore) -> None:
    started = running_clock()
    paused = replace(started, state="paused", paused_at=LATER, due_on="")
    again = replace(started, started_at=LATER)
    async with store.transaction() as transaction:
        await transaction.add_case(case())
        for clock in (again, started, paused):
            await transaction.save_clock(clock)
        assert await transaction.clocks("case-1") == (paused, again)
    with pytest.raises(NotFound):
        async with store.transaction() as transaction:
            await transaction.save_clock(running_clock(case_key="case-unknown"))


async def test_clocks_that_run_fall_due_by_their_last_day_over_all_cases(store: SqlStore) -> None:
    soon, late = running_clock(due_on="2026-12-01"), running_clock(clock="DECIDE", due_on="2027-02-26")
    over = running_clock(case_key="case-2", due_on="2026-10-30")
    undated = running_clock(clock="PUBLISH_APP", due_on="")
    paused, stopped = (running_clock(clock=state, due_on="2026-12-01", state=state) for state in ("paused", "stopped"))
    async with store.transaction() as transaction:
        for key in ("case-1", "case-2"):
            await transaction.add_case(case(key))
        for clock in (late, soon, over, undated, paused, stopped):
            await transaction.save_clock(clock)
        assert await transaction.clocks_due(until="2026-12-01", limit=9) == (over, soon)
        assert await transaction.clocks_due(until="2027-12-31", limit=2) == (over, soon)
        assert await transaction.clocks_due(until="2027-12-31", limit=9) == (over, soon, late)
        figures = await transaction.figures(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert figures["clocks.expired"] == 1.0


async def test_a_lease_has_one_holder_until_it_ends(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        assert await transaction.take_lease("seal", "a", now=NOW, until=LATER)
        assert not await transaction.take_lease("seal", "b", now=NOW, until=LATER)
        assert await transaction.take_lease("other", "b", now=NOW, until=LATER)
        assert await transaction.take_lease("seal", "a", now=NOW, until=LATER)
        before = LATER - timedelta(microseconds=1)
        assert not await transaction.take_lease("seal", "b", now=before, until=LATER)
        assert await transaction.take_lease("seal", "b", now=LATER, until=LATER + timedelta(seconds=30))
        assert not await transaction.take_lease("seal", "a", now=LATER, until=LATER)


async def test_a_key_is_used_once(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        assert await transaction.use_once("jti-1", NOW, until=LATER)
        assert not await transaction.use_once("jti-1", LATER, until=LATER)
    async with store.transaction() as transaction:
        assert not await transaction.use_once("jti-1", NOW, until=LATER)
        assert await transaction.use_once("jti-2", NOW, until=LATER)


async def test_a_used_key_is_remembered_up_to_its_end_and_then_forgotten(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        assert await transaction.use_once("short", NOW, until=NOW + timedelta(minutes=5))
        assert await transaction.use_once("long", NOW, until=NOW + timedelta(days=36500))
        assert await transaction.forget_used(NOW + timedelta(minutes=5)) == 0
        assert not await transaction.use_once("short", NOW, until=LATER)
        assert await transaction.forget_used(NOW + timedelta(minutes=5, microseconds=1)) == 1
    async with store.transaction() as transaction:
        assert not await transaction.use_once("long", NOW, until=LATER)
        assert await transaction.use_once("short", NOW, until=LATER)


async def test_figures_count_what_is_there_and_name_every_state(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        empty = await transaction.figures(NOW)
        await keep_message(transaction)
        await transaction.add_exchange(exchange("x-1", state=State.PARKED))
        await transaction.add_exchange(exchange("x-2", state=State.PARKED, direction=Direction.INBOUND))
        await transaction.add_exchange(exchange("x-3", state=State.PARKED, direction=Direction.INBOUND))
        await transaction.add_work(work("w-1", next_attempt_at=NOW - timedelta(seconds=90)))
        await transaction.add_work(work("w-2", next_attempt_at=LATER))
        held = {"claimed_by": "a", "claimed_until": LATER, "next_attempt_at": NOW - timedelta(hours=1)}
        await transaction.add_work(work("w-3", "m-2", **held))
        await transaction.write_entry(entry())
        full = await transaction.figures(NOW)
    states = {f"exchanges.{direction}.{state}" for direction, known in STEPS.items() for state in known}
    assert set(empty) == states | {"work.due", "work.oldest_seconds", "journal.unsealed", "clocks.expired"}
    assert set(empty.values()) == {0.0}
    assert {name: count for name, count in full.items() if count} == {
        "exchanges.outbound.PARKED": 1.0,
        "exchanges.inbound.PARKED": 2.0,
        "work.due": 1.0,
        "work.oldest_seconds": 90.0,
        "journal.unsealed": 1.0,
    }
