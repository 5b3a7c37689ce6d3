"""The four weeks of Art. 68(4): one period, which a second question does not make longer, unless a body reads it so."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adapters.system import StateDays
from broker.model.cases import Leg, RunningClock
from broker.model.clocks import moved_clocks, overdue, read_clocks
from broker.model.lifecycle import POLICIES, read_lifecycle

FOLDER = Path(__file__).parents[3] / "schemas" / "lifecycles"
RULES = read_clocks(tomllib.loads((FOLDER / "clocks.toml").read_text("utf-8")))
STEPS = {step.id: step for step in read_lifecycle(tomllib.loads((FOLDER / "leg.toml").read_text("utf-8"))).steps}
ASK, ANSWER = STEPS["T3"], STEPS["T4"]
DAYS = StateDays("FR", "Europe/Paris")
ANEW = frozenset({"appeals:negative", "completion:anew"})
FIRST = datetime(2029, 3, 12, 11, tzinfo=UTC)
LEG = Leg("case-1", "hdh", "AWAITING_INFO", FIRST, FIRST)


def asked_at(*moments: datetime, policies: frozenset[str] = POLICIES) -> list[RunningClock]:
    """The window after each question; each is answered before the next. Rows are kept as the store keeps them."""
    rows: dict[datetime, RunningClock] = {}
    seen: list[RunningClock] = []
    for moment in moments:
        for step in (ANSWER, ASK):
            clocks = moved_clocks(tuple(rows.values()), step, LEG, at=moment, rules=RULES, days=DAYS, policies=policies)
            rows |= {clock.started_at: clock for clock in clocks if clock.clock == "COMPLETE_4W"}
        seen.append(next(clock for clock in rows.values() if clock.state == "running"))
    return seen


def test_a_second_question_goes_on_with_the_first_window() -> None:
    """First notice on 12 March 2029; asked again on 30 March (D6.3, Table 3: once more)."""
    first, second = asked_at(FIRST, FIRST + timedelta(days=18))
    assert (first.due_on, second.due_on) == ("2029-04-09", "2029-04-09")
    assert (second.started_at, second.state, second.stopped_at) == (FIRST, "running", None)
    assert second.reason.endswith("asked again on 2029-03-30, in the same period")


def test_a_body_that_reads_an_answer_as_the_end_of_the_window_gives_a_new_one() -> None:
    first, second = asked_at(FIRST, FIRST + timedelta(days=18), policies=ANEW)
    assert (first.due_on, second.due_on) == ("2029-04-09", "2029-04-27")
    assert second.started_at == FIRST + timedelta(days=18)


def test_the_window_of_another_leg_is_not_gone_on_with() -> None:
    other = Leg("case-1", "findata", "AWAITING_INFO", FIRST, FIRST)
    before = asked_at(FIRST)
    later = FIRST + timedelta(days=18)
    [own] = moved_clocks(before, ASK, other, at=later, rules=RULES, days=DAYS)
    assert (own.leg, own.started_at) == ("findata", later)


def test_a_question_of_the_assessment_has_its_own_period_each_time() -> None:
    """D6.3 §8.2: repeatable."""
    kept: list[RunningClock] = []
    for number in (0, 20):
        at = FIRST + timedelta(days=number)
        kept += moved_clocks((), STEPS["T9"], LEG, at=at, rules=RULES, days=DAYS)
    assert [clock.due_on for clock in kept] == ["2029-03-26", "2029-04-16"]


@given(st.lists(st.integers(0, 90), min_size=2, max_size=6).map(sorted))
def test_however_often_it_is_asked_the_window_is_that_of_the_first_notice(days: list[int]) -> None:
    moments = [FIRST + timedelta(days=day, minutes=number) for number, day in enumerate(days)]
    one, anew = asked_at(*moments), asked_at(*moments, policies=ANEW)
    assert {(clock.started_at, clock.due_on) for clock in one} == {(one[0].started_at, one[0].due_on)}
    assert all(single.due_on <= fresh.due_on for single, fresh in zip(one, anew, strict=True))


@given(st.integers(0, 90))
def test_a_question_after_the_last_day_is_told_and_no_other(day: int) -> None:
    at = FIRST + timedelta(days=day)
    window = asked_at(FIRST, at)[-1]
    over = overdue((), (window,), ASK, at, DAYS)
    assert bool(over) == (at.astimezone(DAYS.zone).date() > date(2029, 4, 9))


def test_an_answer_after_the_last_day_is_told_and_what_ends_everything_is_not() -> None:
    window = asked_at(FIRST)
    late, in_time = FIRST + timedelta(days=29), FIRST + timedelta(days=28)
    assert overdue(window, (), ANSWER, late, DAYS) == tuple(window)
    assert overdue(window, (), ANSWER, in_time, DAYS) == ()
    assert overdue(window, (), STEPS["T5"], late, DAYS) == ()
