"""What the store promises about work: no row is owned twice, none is lost. On both databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from adapters.store.sql.tables import WORKS
from broker.errors import Conflict, LostLease
from broker.model.work import Pause, Work, WorkKind
from tests.support.samples import NOW, attempt, exchange, keep_message, work

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore

LATER = NOW + timedelta(seconds=30)
SUBJECTS = ("m-1", "m-2")


async def claim(store: SqlStore, subject: str = "m-1", worker: str = "a", now: datetime = NOW) -> Work | None:
    async with store.transaction() as transaction:
        until = now + timedelta(seconds=30)
        return await transaction.claim_work(WorkKind.PREPARE, subject, worker=worker, now=now, until=until)


async def add(store: SqlStore, *rows: Work) -> None:
    async with store.transaction() as transaction:
        for row in rows:
            await transaction.add_work(row)


async def rest(store: SqlStore) -> tuple[Work, ...]:
    async with store.transaction() as transaction:
        return await transaction.work_of(SUBJECTS)


async def test_a_claim_counts_the_attempt_and_names_its_holder(store: SqlStore) -> None:
    await add(store, work(deadline=LATER, last_error="before"))
    claimed = await claim(store)
    assert claimed == work(deadline=LATER, last_error="before", attempts=1, claimed_by="a", claimed_until=LATER)
    assert await rest(store) == (claimed,)
    assert await claim(store, worker="b") is None


async def test_only_due_work_of_the_kind_and_subject_is_claimed(store: SqlStore) -> None:
    await add(store, work(next_attempt_at=LATER), work("w-2", kind=WorkKind.DELIVER))
    assert await claim(store) is None
    assert await claim(store, "m-2") is None
    claimed = await claim(store, now=LATER)
    assert claimed is not None
    assert claimed.id == "w-1"


async def test_a_claim_that_ran_out_is_given_to_another(store: SqlStore) -> None:
    await add(store, work())
    first = await claim(store)
    second = await claim(store, worker="b", now=LATER)
    assert first is not None
    assert second is not None
    assert (second.claimed_by, second.attempts) == ("b", 2)
    for lost in (first, replace(first, claimed_until=None)):
        with pytest.raises(LostLease):
            async with store.transaction() as transaction:
                await transaction.finish_work(lost)
        with pytest.raises(LostLease):
            async with store.transaction() as transaction:
                await transaction.postpone_work(lost, at=LATER, error="late")
    assert await rest(store) == (second,)


async def test_a_worker_that_lost_a_row_to_itself_cannot_finish_it(store: SqlStore) -> None:
    await add(store, work())
    stale = await claim(store)
    fresh = await claim(store, now=LATER)
    assert stale is not None
    assert fresh is not None
    with pytest.raises(LostLease):
        async with store.transaction() as transaction:
            await transaction.finish_work(stale)
    async with store.transaction() as transaction:
        await transaction.finish_work(fresh)
    assert await rest(store) == ()


async def test_a_row_that_is_free_is_finished_unless_somebody_took_it_meanwhile(store: SqlStore) -> None:
    await add(store, work("w-1"), work("w-2", "m-2"))
    free, taken = await rest(store)
    assert await claim(store, "m-2")
    async with store.transaction() as transaction:
        await transaction.finish_work(free)
        with pytest.raises(LostLease):
            await transaction.finish_work(taken)
    assert [row.id for row in await rest(store)] == ["w-2"]


async def test_postponed_work_is_free_and_waits_for_its_moment(store: SqlStore) -> None:
    await add(store, work())
    claimed = await claim(store)
    assert claimed is not None
    async with store.transaction() as transaction:
        await transaction.postpone_work(claimed, at=LATER, error="unavailable")
    assert await rest(store) == (work(next_attempt_at=LATER, attempts=1, last_error="unavailable"),)
    assert await claim(store) is None
    assert await claim(store, now=LATER) is not None


async def test_postponed_work_has_the_attempts_and_the_case_that_it_is_given_back_with(store: SqlStore) -> None:
    await add(store, work(line="hdh"))
    claimed = await claim(store)
    assert claimed is not None
    async with store.transaction() as transaction:
        await transaction.postpone_work(replace(claimed, attempts=0, about="case-1"), at=LATER, error="in-order")
    expected = work(next_attempt_at=LATER, attempts=0, last_error="in-order", line="hdh", about="case-1")
    assert await rest(store) == (expected,)


async def test_what_a_row_speaks_of_is_noted_by_its_holder_alone(store: SqlStore) -> None:
    await add(store, work(line="hdh"))
    claimed = await claim(store)
    assert claimed is not None
    async with store.transaction() as transaction:
        await transaction.note_about(replace(claimed, about="case-1"))
    assert await rest(store) == (replace(claimed, about="case-1"),)
    with pytest.raises(LostLease):
        async with store.transaction() as transaction:
            await transaction.note_about(replace(claimed, claimed_by="b", about="case-2"))


async def test_ahead_in_a_line_is_what_came_before_and_speaks_of_the_same_or_was_not_read(store: SqlStore) -> None:
    rows = {
        "m-1": work("w-1", "m-1", line="hdh", about="case-1"),
        "m-2": work("w-2", "m-2", line="hdh", about="case-2"),
        "m-3": work("w-3", "m-3", line="hdh", about="number-1"),
        "m-4": work("w-4", "m-4", line="findata", about="case-1"),
        "m-5": work("w-5", "m-5", line="hdh", attempts=3),
        "m-6": work("w-6", "m-6", line="hdh", attempts=4),
        "m-8": work("w-8", "m-8", line="hdh", about="case-1"),
        "m-9": work("w-9", "m-9", about="case-1"),
    }
    await add(store, *rows.values())
    asking = work("w-7", "m-7", line="hdh", about="case-1")
    async with store.transaction() as transaction:
        ahead = await transaction.work_ahead(asking, "number-1", patience=3)
        first = await transaction.work_ahead(asking, "number-1", patience=3, limit=1)
        other = await transaction.work_ahead(replace(asking, about="case-3"), "case-3", patience=2)
    assert [row.subject for row in ahead] == ["m-1", "m-3", "m-5"]
    assert first == (rows["m-1"],)
    assert other == ()


async def test_due_work_is_free_work_oldest_first(store: SqlStore) -> None:
    old = work("w-3", "m-2", next_attempt_at=NOW - timedelta(hours=1))
    await add(store, work("w-1"), work("w-2"), old, work("w-4", "m-3", next_attempt_at=LATER), work("w-5", "m-4"))
    assert await claim(store, "m-4") is not None
    async with store.transaction() as transaction:
        assert [row.id for row in await transaction.due_work(NOW, 10)] == ["w-3", "w-1", "w-2"]
        assert [row.id for row in await transaction.due_work(NOW, 1)] == ["w-3"]


async def test_a_subject_asked_for_twice_is_in_one_hand_at_a_time(store: SqlStore) -> None:
    await add(store, work("w-1"), work("w-2"))
    first = await claim(store)
    assert first is not None
    assert await claim(store, worker="b") is None
    async with store.transaction() as transaction:
        await transaction.finish_work(first)
    second = await claim(store, worker="b")
    assert second is not None
    assert second.id == "w-2"


async def test_attempts_are_kept_oldest_first(store: SqlStore) -> None:
    second = attempt("t-0", started_at=LATER, number=2, outcome="done")
    async with store.transaction() as transaction:
        await transaction.add_attempt(second)
        await transaction.add_attempt(attempt())
        await transaction.add_attempt(attempt("t-3", subject="m-9"))
        assert await transaction.attempts(("m-1", "x-1")) == (attempt(), second)
        assert await transaction.attempts(()) == ()
        assert await transaction.work_of(()) == ()


async def test_of_many_claimers_at_once_one_gets_the_row(store: SqlStore) -> None:
    for round_ in range(5):
        await add(store, work(f"w-{round_}", f"s-{round_}"))
        claims = await asyncio.gather(*(claim(store, f"s-{round_}", f"worker-{n}") for n in range(8)))
        assert sum(claimed is not None for claimed in claims) == 1


async def test_a_claim_waits_for_no_other_transaction(store: SqlStore, store_url: str) -> None:
    if store_url.startswith("sqlite"):
        return  # one writer: its transactions stand in a queue by design
    await add(store, work())
    async with store.transaction() as holding:
        held = await holding.claim_work(WorkKind.PREPARE, "m-1", worker="a", now=NOW, until=LATER)
        async with asyncio.timeout(5):
            assert await claim(store, worker="b") is None
    assert held is not None


async def test_of_two_savers_at_once_one_is_first(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        await transaction.add_exchange(exchange())

    async def save(reason: str) -> bool:
        try:
            async with store.transaction() as transaction:
                found = exchange(reason=reason)
                await asyncio.sleep(0.01)
                await transaction.save_exchange(found)
        except Conflict:
            return False
        return True

    saved = await asyncio.gather(*(save(reason) for reason in "abcdef"))
    assert sum(saved) == 1
    async with store.transaction() as transaction:
        kept = await transaction.exchange("x-1")
    assert kept.revision == 1
    assert kept.reason == "abcdef"[saved.index(True)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(SUBJECTS), st.integers(0, 40)),
        st.tuples(st.just("claim"), st.sampled_from(SUBJECTS), st.integers(1, 3)),
        st.tuples(st.just("finish"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("postpone"), st.integers(0, 9), st.integers(0, 40)),
        st.tuples(st.just("wait"), st.integers(1, 35), st.just(0)),
    ),
    max_size=25,
)


@dataclass
class Model:
    """What must be true, in plain Python."""

    now: datetime = NOW
    rows: dict[str, Work] = field(default_factory=dict)
    claims: list[Work] = field(default_factory=list)
    added: int = 0

    def in_hand(self, row: Work) -> bool:
        return row.claimed_until is not None and row.claimed_until > self.now

    def next(self, subject: str) -> Work | None:
        mine = [row for row in self.rows.values() if row.subject == subject]
        if any(self.in_hand(row) for row in mine):
            return None
        due = sorted((row.next_attempt_at, row.id) for row in mine if row.next_attempt_at <= self.now)
        return self.rows[due[0][1]] if due else None


async def step(store: SqlStore, model: Model, what: str, which: int | str, figure: int) -> None:
    moment = model.now + timedelta(seconds=figure)
    if what == "add":
        model.added += 1
        row = work(f"w-{model.added:03}", str(which), next_attempt_at=moment)
        model.rows[row.id] = row
        await add(store, row)
    elif what == "claim":
        await claim_like(store, model, str(which), f"worker-{figure}")
    elif what == "wait":
        model.now += timedelta(seconds=int(which))
    elif model.claims:
        await end_like(
            store, model, model.claims[int(which) % len(model.claims)], moment if what == "postpone" else None
        )


async def claim_like(store: SqlStore, model: Model, subject: str, worker: str) -> None:
    expected = model.next(subject)
    claimed = await claim(store, subject, worker, model.now)
    assert (claimed and claimed.id) == (expected and expected.id)
    if claimed:
        model.rows[claimed.id] = claimed
        model.claims.append(claimed)


async def end_like(store: SqlStore, model: Model, claimed: Work, at: datetime | None) -> None:
    owned = model.rows.get(claimed.id) == claimed
    try:
        async with store.transaction() as transaction:
            if at:
                await transaction.postpone_work(claimed, at=at, error="again")
            else:
                await transaction.finish_work(claimed)
    except LostLease:
        assert not owned
        return
    assert owned
    free = replace(claimed, claimed_by="", claimed_until=None, last_error="again")
    model.rows.pop(claimed.id)
    if at:
        model.rows[claimed.id] = replace(free, next_attempt_at=at)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_no_row_is_owned_twice_and_none_is_lost(store: SqlStore, steps: list[tuple[str, int | str, int]]) -> None:
    async with store.transaction() as transaction:
        await transaction._run(delete(WORKS))
    model = Model()
    for what, which, figure in steps:
        await step(store, model, what, which, figure)
        assert {row.id: row for row in await rest(store)} == model.rows


async def test_a_row_that_is_written_once_is_written_once(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.add_work_once(work(kind=WorkKind.FETCH))
        assert not await tx.add_work_once(work(kind=WorkKind.FETCH))
        await tx.add_work(work("w-2"))
        assert [row.id for row in await tx.due_work(NOW, 10, (WorkKind.FETCH,))] == ["w-1"]
        assert [row.id for row in await tx.due_work(NOW, 10)] == ["w-2"]


async def test_what_was_tried_and_waits_for_an_addressee_is_hastened_and_nothing_else(store: SqlStore) -> None:
    def row(id_: str, subject: str, **more: object) -> Work:
        usual = {"kind": WorkKind.DELIVER, "attempts": 1, "next_attempt_at": LATER}
        return replace(work(id_, subject=subject), **{**usual, **more})  # type: ignore[arg-type]

    async with store.transaction() as transaction:
        await keep_message(transaction)
        for name, addressee in (("x-1", "cp"), ("x-2", "cp"), ("x-3", "hdh"), ("x-4", "cp"), ("x-5", "cp")):
            await transaction.add_exchange(exchange(name, addressee=addressee))
    rows = (
        row("w-1", "x-1"),
        row("w-2", "x-2", claimed_by="a", claimed_until=LATER),
        row("w-3", "x-3"),
        row("w-4", "x-4", attempts=0),
        row("w-5", "x-5", kind=WorkKind.PREPARE),
    )
    await add(store, *rows)
    async with store.transaction() as transaction:
        assert await transaction.hasten_deliveries("cp", NOW) == 1
        assert [one.id for one in await transaction.due_work(NOW, 10)] == ["w-1"]
        left = await transaction.work_of(("x-1", "x-2", "x-3", "x-4", "x-5"))
    assert {one.id: one for one in left} == {
        one.id: replace(one, next_attempt_at=NOW) if one.id == "w-1" else one for one in rows
    }


async def test_a_destination_is_paused_once_and_resumed_once(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.add_pause(Pause("cp", NOW, "cli:0", "maintenance"))
        assert not await tx.add_pause(Pause("cp", LATER, "cli:1", "again"))
        await tx.add_pause(Pause("aa", NOW, "cli:0", "also"))
    async with store.transaction() as tx:
        also, paused = await tx.pauses()
        assert (also.destination, paused) == ("aa", Pause("cp", NOW, "cli:0", "maintenance"))
        assert await tx.end_pause("cp")
        assert not await tx.end_pause("cp")
        assert await tx.pauses() == (also,)
