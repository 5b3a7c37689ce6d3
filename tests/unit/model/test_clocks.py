"""Legal clocks: Regulation (EEC, Euratom) 1182/71 by worked examples, and the pauses of D6.3."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.system import StateDays
from broker.errors import Refused
from broker.model.cases import Leg, RunningClock
from broker.model.clocks import (
    ClockRule,
    add_months,
    days_left,
    is_working_day,
    last_day,
    moved_clocks,
    read_clocks,
    standing,
    start_clock,
)
from broker.model.lifecycle import Event, Step, advance, read_lifecycle

FOLDER = Path(__file__).parents[3] / "schemas" / "lifecycles"
RULES = read_clocks(tomllib.loads((FOLDER / "clocks.toml").read_text("utf-8")))
LEG_TABLE = read_lifecycle(tomllib.loads((FOLDER / "leg.toml").read_text("utf-8")))
CHAIN = read_lifecycle(tomllib.loads((FOLDER / "fr-hdh.toml").read_text("utf-8")))
STEPS = {step.id: step for step in LEG_TABLE.steps}
FRANCE, FINLAND = StateDays("FR", "Europe/Paris"), StateDays("FI", "Europe/Helsinki")
NOW = datetime(2029, 4, 10, 11, tzinfo=UTC)
LEG = Leg("case-1", "hdh", "PROCESSING", datetime(2029, 3, 2, tzinfo=UTC), datetime(2029, 3, 2, tzinfo=UTC))


@dataclass(frozen=True)
class Plain:
    """A calendar with the holidays that a test names."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    holidays: frozenset[date] = frozenset()

    def is_holiday(self, day: date) -> bool:
        return day in self.holidays


def noon(*day: int) -> datetime:
    return datetime(*day, 11, tzinfo=UTC)  # type: ignore[arg-type, misc]


def moved(
    running: tuple[RunningClock, ...], step: Step, at: datetime, days: Any = FRANCE, leg: Leg = LEG
) -> dict[str, RunningClock]:
    return {clock.clock: clock for clock in moved_clocks(running, step, leg, at=at, rules=RULES, days=days)}


def test_the_worked_example_of_2029() -> None:
    """Received 2 March, incompleteness notice 12 March, completed 30 March (Art. 68(4))."""
    received = moved((), STEPS["T1"], noon(2029, 3, 2))
    assert set(received) == {"PUBLISH_APP", "PRESCREEN_TARGET"}
    assert received["PRESCREEN_TARGET"].due_on == "2029-03-16"  # ten working days, no holiday among them
    assert (received["PUBLISH_APP"].due_on, "without undue delay" in received["PUBLISH_APP"].reason) == ("", True)

    asked = moved(tuple(received.values()), STEPS["T3"], noon(2029, 3, 12))
    assert asked["COMPLETE_4W"].due_on == "2029-04-09"
    assert date.fromisoformat(asked["COMPLETE_4W"].due_on).weekday() == 0

    answered = moved(tuple(asked.values()), STEPS["T4"], noon(2029, 3, 30))
    assert (answered["COMPLETE_4W"].state, answered["COMPLETE_4W"].stopped_at) == ("stopped", noon(2029, 3, 30))

    complete = moved((), STEPS["T6"], noon(2029, 3, 30))
    assert complete["DECIDE"].due_on == "2029-07-02"  # 30 June is a Saturday
    for word in ("3 months", "2029-03-30", "Art. 68(4)", "law"):
        assert word in complete["DECIDE"].reason


def test_an_extension_is_counted_from_the_start_and_says_why() -> None:
    """The worked example goes on: 30 September 2029 is a Sunday (Art. 68(4))."""
    running = moved((), STEPS["T6"], noon(2029, 3, 30))
    longer = moved(tuple(running.values()), STEPS["T11"], noon(2029, 6, 20))["DECIDE"]
    assert (longer.due_on, longer.state) == ("2029-10-01", "running")
    assert longer.reason.endswith("; extended by 3 months on 2029-06-20 (Art. 68(4)), before that 2029-07-02")


def test_an_extension_keeps_the_days_that_the_clock_stood_still() -> None:
    running = moved((), STEPS["T6"], noon(2029, 3, 30))
    asked = moved(tuple(running.values()), STEPS["T9"], noon(2029, 5, 2))
    resumed = moved((asked["DECIDE"],), STEPS["T4"], noon(2029, 5, 12))["DECIDE"]
    longer = moved((resumed,), STEPS["T11"], noon(2029, 6, 20))["DECIDE"]
    assert (resumed.due_on, longer.due_on) == ("2029-07-12", "2029-10-11")


def test_a_clock_that_the_law_does_not_extend_stays_as_it_is() -> None:
    clock = moved((), STEPS["T7"], noon(2029, 3, 30))["TDH_ASSESS"]
    assert moved((clock,), replace(STEPS["T11"], extends=("TDH_ASSESS",)), noon(2029, 4, 2)) == {}


@pytest.mark.parametrize(
    ("starts", "extends", "clock", "before", "after"),
    [
        ("F2", "F2-PROLONGATION", "CESREES_1M", "2029-04-30", "2029-05-30"),
        ("M2", "M2-PROLONGATION", "CESREES_1M", "2029-04-30", "2029-05-30"),
        ("F4", "F4-PROLONGATION", "CNIL_2M", "2029-05-30", "2029-07-30"),
    ],
)
def test_cesrees_and_the_cnil_renew_their_own_period(
    starts: str, extends: str, clock: str, before: str, after: str
) -> None:
    """Décret 2019-536 art. 90; LIL art. 66 V."""
    rows = {step.id: step for step in CHAIN.steps}
    running = moved((), rows[starts], noon(2029, 3, 30))[clock]
    longer = moved((running,), rows[extends], noon(2029, 4, 20))[clock]
    assert (running.due_on, longer.due_on) == (before, after)


def test_every_clock_that_a_step_extends_says_by_how_much_and_why() -> None:
    extended = {name for table in (LEG_TABLE, CHAIN) for step in table.steps for name in step.extends}
    assert extended == {"DECIDE", "CESREES_1M", "CNIL_2M"}
    assert all(RULES[name].extension and RULES[name].extension_basis for name in extended)


def test_easter_monday_does_not_end_a_period_in_france() -> None:
    """Four weeks from Monday 5 March 2029 end on Easter Monday, 2 April: the next working day is 3 April."""
    assert last_day(noon(2029, 3, 5), {"weeks": 4}, FRANCE) == date(2029, 4, 3)
    assert last_day(noon(2029, 3, 5), {"weeks": 4}, Plain()) == date(2029, 4, 2)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2028, 11, 30), 3, (2029, 2, 28)),  # no 30 February: the last day of the month
        ((2027, 11, 30), 3, (2028, 2, 29)),  # 2028 is a leap year
        ((2028, 2, 29), 12, (2029, 2, 28)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2029, 3, 31), 1, (2029, 4, 30)),
        ((2028, 12, 15), 3, (2029, 3, 15)),
        ((2029, 3, 31), 0, (2029, 3, 31)),
    ],
)
def test_a_month_ends_on_the_same_number_or_its_last_day(
    start: tuple[int, int, int], months: int, end: tuple[int, int, int]
) -> None:
    assert add_months(date(*start), months) == date(*end)


def test_30_november_and_three_months_end_on_a_working_day() -> None:
    assert last_day(noon(2028, 11, 30), {"months": 3}, FRANCE) == date(2029, 2, 28)  # a Wednesday
    assert last_day(noon(2030, 11, 30), {"months": 3}, FRANCE) == date(2031, 2, 28)  # a Friday
    assert last_day(noon(2026, 11, 30), {"months": 3}, FRANCE) == date(2027, 3, 1)  # 28 February is a Sunday


def test_29_february_counts() -> None:
    assert last_day(noon(2028, 2, 1), {"days": 28}, Plain()) == date(2028, 2, 29)
    assert last_day(noon(2029, 2, 1), {"days": 28}, Plain()) == date(2029, 3, 1)
    assert last_day(noon(2028, 2, 29), {"months": 3}, Plain()) == date(2028, 5, 29)


def test_thirty_working_days_leave_out_week_ends_and_holidays() -> None:
    """From 2 May 2029 in France: 8 May, Ascension (10 May) and Whit Monday (21 May) do not count."""
    assert last_day(noon(2029, 5, 2), {"working_days": 30}, FRANCE) == date(2029, 6, 18)
    assert last_day(noon(2029, 5, 2), {"working_days": 30}, Plain()) == date(2029, 6, 13)
    assert last_day(noon(2029, 5, 2), {"working_days": 30}, FINLAND) == date(2029, 6, 14)  # Ascension alone


def test_the_day_of_the_event_is_not_counted() -> None:
    assert last_day(noon(2029, 3, 5), {"working_days": 1}, FRANCE) == date(2029, 3, 6)
    assert last_day(noon(2029, 3, 5), {"days": 1}, FRANCE) == date(2029, 3, 6)


def test_the_day_is_that_of_the_bodys_own_zone() -> None:
    late = datetime(2029, 3, 29, 21, 30, tzinfo=UTC)
    assert last_day(late, {"months": 3}, FRANCE) == date(2029, 6, 29)  # 23:30 in Paris
    assert last_day(late, {"months": 3}, FINLAND) == date(2029, 7, 2)  # 00:30 on the 30th in Helsinki; then a Saturday


def test_the_hour_that_does_not_exist_and_the_one_that_is_twice_shift_no_day() -> None:
    """Summer time in Paris begins on 25 March 2029 at 01:00 UTC and ends on 28 October 2029 at 01:00 UTC."""
    assert last_day(datetime(2029, 3, 24, 22, 59, tzinfo=UTC), {"days": 2}, FRANCE) == date(2029, 3, 26)
    assert last_day(datetime(2029, 3, 24, 23, 1, tzinfo=UTC), {"days": 2}, FRANCE) == date(2029, 3, 27)
    assert last_day(datetime(2029, 3, 25, 21, 59, tzinfo=UTC), {"days": 2}, FRANCE) == date(2029, 3, 27)
    assert last_day(datetime(2029, 3, 25, 22, 1, tzinfo=UTC), {"days": 2}, FRANCE) == date(2029, 3, 28)
    for hour in (0, 1):  # 02:30 comes twice
        assert last_day(datetime(2029, 10, 28, hour, 30, tzinfo=UTC), {"days": 2}, FRANCE) == date(2029, 10, 30)


def test_a_pause_moves_the_date_by_its_length_and_says_so() -> None:
    running = moved((), STEPS["T6"], noon(2029, 3, 30))["DECIDE"]
    paused = moved((running,), STEPS["T9"], noon(2029, 4, 10))
    assert (paused["DECIDE"].state, paused["DECIDE"].paused_at) == ("paused", noon(2029, 4, 10))
    assert paused["INFO_IN_ASSESSMENT"].due_on == "2029-04-24"

    resumed = moved(tuple(paused.values()), STEPS["T4"], noon(2029, 4, 20))["DECIDE"]
    assert (resumed.state, resumed.paused_at, resumed.due_on) == ("running", None, "2029-07-12")
    assert "paused 10 days" in resumed.reason
    assert "2029-07-02" in resumed.reason  # the statutory date stays visible


def test_a_date_that_a_pause_moves_to_a_sunday_ends_with_the_next_working_day() -> None:
    running = moved((), STEPS["T6"], noon(2029, 3, 30))["DECIDE"]
    paused = moved((running,), STEPS["T9"], noon(2029, 4, 10))["DECIDE"]
    resumed = moved((paused,), STEPS["T4"], noon(2029, 4, 16))["DECIDE"]
    assert resumed.due_on == "2029-07-09"  # 2 July and six days are a Sunday


def test_a_pause_over_midnight_counts_by_days_of_the_bodys_zone() -> None:
    running = moved((), STEPS["T6"], noon(2029, 3, 30))["DECIDE"]
    paused = moved((running,), STEPS["T9"], datetime(2029, 4, 10, 21, 0, tzinfo=UTC))["DECIDE"]
    resumed = moved((paused,), STEPS["T4"], datetime(2029, 4, 11, 8, 0, tzinfo=UTC))["DECIDE"]
    assert resumed.due_on == "2029-07-03"  # asked on the 10th, answered on the 11th: one day


def test_a_clock_without_a_number_has_no_date_even_after_a_pause() -> None:
    rule = ClockRule("OPEN_END", "example", {}, "Art. 1", "law", "without undue delay")
    clock = start_clock(rule, LEG, noon(2029, 3, 5), FRANCE)
    assert clock.due_on == ""
    step = Step("X", (), "x", "y", pauses=("OPEN_END",))
    paused = moved((clock,), step, noon(2029, 3, 6))["OPEN_END"]
    back = moved((paused,), replace(step, pauses=(), resumes=("OPEN_END",)), noon(2029, 3, 9))["OPEN_END"]
    assert (back.state, back.due_on) == ("running", "")


def test_stopping_all_stops_what_runs_and_what_is_paused_and_nothing_else() -> None:
    decide = moved((), STEPS["T6"], noon(2029, 3, 30))["DECIDE"]
    paused = replace(decide, clock="PUBLISH_APP", state="paused", paused_at=noon(2029, 4, 1))
    over = replace(decide, clock="COMPLETE_4W", state="stopped", stopped_at=noon(2029, 4, 1))
    other = replace(decide, leg="findata")
    after = moved((decide, paused, over, other), STEPS["T21"], noon(2029, 5, 1))
    assert {name: clock.state for name, clock in after.items()} == {"DECIDE": "stopped", "PUBLISH_APP": "stopped"}


def test_every_clock_that_a_step_names_is_in_the_catalogue() -> None:
    named = {
        name
        for step in (*LEG_TABLE.steps, *CHAIN.steps)
        for name in (*step.starts, *step.stops, *step.pauses, *step.resumes)
        if name != "ALL"
    }
    assert named == set(RULES)
    assert {rule.strength for rule in RULES.values()} == {"law", "guidance", "national"}


@given(
    st.datetimes(datetime(2027, 1, 1), datetime(2036, 12, 31)),  # noqa: DTZ001 -- the zone is added below
    st.sampled_from([{"months": 3}, {"weeks": 4}, {"days": 28}, {"working_days": 30}]),
    st.sampled_from([FRANCE, FINLAND]),
)
def test_a_period_ends_on_a_working_day_after_its_event(
    start: datetime, length: dict[str, int], days: StateDays
) -> None:
    end = last_day(start.replace(tzinfo=UTC), length, days)
    assert end is not None
    assert is_working_day(end, days)
    assert end > start.replace(tzinfo=UTC).astimezone(days.zone).date()


@given(
    st.datetimes(datetime(2027, 1, 1), datetime(2036, 12, 31)),  # noqa: DTZ001 -- the zone is added below
    st.integers(0, 400),
)
def test_a_later_event_never_ends_earlier(start: datetime, later: int) -> None:
    first, second = start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + timedelta(hours=later)
    for rule in RULES.values():
        ends = last_day(first, rule.length, FRANCE), last_day(second, rule.length, FRANCE)
        assert ends == (None, None) or (ends[0] and ends[1] and ends[0] <= ends[1])


def test_a_data_request_is_assessed_from_its_receipt_and_has_no_clock_of_an_application() -> None:
    """Art. 69(4): three months from the receipt; Art. 68(4) speaks of applications."""
    request = replace(LEG, facts={"request": "x"})
    received = moved((), STEPS["T1r"], noon(2029, 3, 2), leg=request)
    assert received["REQ_ASSESS"].due_on == "2029-06-04"  # 2 June is a Saturday
    assert "DECIDE" not in moved((), STEPS["T6"], noon(2029, 3, 30), leg=request)
    decided = moved(tuple(received.values()), STEPS["T15"], noon(2029, 5, 2), leg=request)
    assert decided["REQ_ASSESS"].state == "stopped"
    assert decided["REQ_RESPOND"].due_on == "2029-08-02"
    assert "REQ_RESPOND" not in moved((), STEPS["T15"], noon(2029, 5, 2))


def test_a_trusted_holder_has_two_months_and_the_body_two_more() -> None:
    """Art. 72(5)."""
    forwarded = moved((), STEPS["T7"], noon(2029, 3, 2))
    assert forwarded["TDH_ASSESS"].due_on == "2029-05-02"
    assessed = moved(tuple(forwarded.values()), STEPS["T8"], noon(2029, 4, 3))
    assert (assessed["TDH_ASSESS"].state, assessed["TDH_DECIDE"].due_on) == ("stopped", "2029-06-04")


@pytest.mark.parametrize(
    ("state", "due_on", "shown", "left"),
    [
        ("running", "2029-03-02", "running", 0),
        ("running", "2029-03-01", "expired", -1),
        ("running", "2029-04-02", "running", 31),
        ("running", "", "running", None),
        ("paused", "2029-03-01", "paused", None),
        ("stopped", "2029-03-01", "stopped", None),
    ],
)
def test_only_a_running_clock_expires_and_not_before_its_last_day_is_over(
    state: str, due_on: str, shown: str, left: int | None
) -> None:
    clock = RunningClock("case-1", "hdh", "DECIDE", LEG.created_at, due_on, state, "Art. 68(4)")
    today = date(2029, 3, 2)

    assert (standing(clock, today), days_left(clock, today)) == (shown, left)


ACCELERATED = replace(LEG, facts={"accelerated": "x"})
URGENT = replace(LEG, facts={"urgent": "x"})
CHAIN_STEPS = {step.id: step for step in CHAIN.steps}
#: By what, which leg, which step starts and which extends it; the last day of the period, and of an extended one.
PERIODS = [
    ("Art. 68(4)", LEG, STEPS["T6"], STEPS["T11"], "DECIDE", "2029-07-02", "2029-10-01"),
    ("Art. 68(6)", ACCELERATED, STEPS["T6"], STEPS["T11"], "DECIDE", "2029-05-30", "2029-07-02"),
    ("art. 90", LEG, CHAIN_STEPS["F2"], CHAIN_STEPS["F2-PROLONGATION"], "CESREES_1M", "2029-04-30", "2029-05-30"),
    ("art. 100", URGENT, CHAIN_STEPS["F2"], CHAIN_STEPS["F2-PROLONGATION"], "CESREES_1M", "2029-04-16", ""),
    ("art. 100", URGENT, CHAIN_STEPS["M2"], CHAIN_STEPS["M2-PROLONGATION"], "CESREES_1M", "2029-04-16", ""),
]


@pytest.mark.parametrize(("basis", "leg", "starts", "extends", "clock", "due", "extended"), PERIODS)
def test_a_track_has_its_own_period_and_its_own_extension(
    basis: str, leg: Leg, starts: Step, extends: Step, clock: str, due: str, extended: str
) -> None:
    """From 30 March 2029, a Friday; 30 June is a Saturday, 14 April one too."""
    running = moved((), starts, noon(2029, 3, 30), leg=leg)[clock]
    assert running.due_on == due
    assert basis in running.reason
    longer = moved((running,), extends, noon(2029, 4, 10), leg=leg)
    assert (longer[clock].due_on if longer else "") == extended
    if longer:
        assert f"({basis}" in longer[clock].reason.partition("extended by")[2] or basis == "art. 90"


#: Step, the leg before and after it, where the period ended and where it ends.
ANEW = [
    ("N4a", LEG, ACCELERATED, "DECIDE", "2029-07-02", "2029-05-30"),
    ("N4b", ACCELERATED, LEG, "DECIDE", "2029-05-30", "2029-07-02"),
    ("U3", LEG, URGENT, "CESREES_1M", "2029-04-30", "2029-04-16"),
    ("U4", LEG, URGENT, "CESREES_1M", "2029-04-30", "2029-04-16"),
]


@pytest.mark.parametrize(("step", "before", "after", "clock", "was", "due"), ANEW)
def test_another_track_counts_the_running_period_anew_from_the_same_start(
    step: str, before: Leg, after: Leg, clock: str, was: str, due: str
) -> None:
    starts = STEPS["T6"] if clock == "DECIDE" else CHAIN_STEPS["F2"]
    running = moved((), starts, noon(2029, 3, 30), leg=before)[clock]
    anew = moved((running,), {**STEPS, **CHAIN_STEPS}[step], noon(2029, 4, 10), leg=after)[clock]
    assert (running.due_on, anew.due_on, anew.started_at, anew.state) == (was, due, running.started_at, "running")
    assert anew.reason.endswith(f"; counted anew on 2029-04-10, before that {was}")
    assert anew.reason.startswith(start_clock(RULES[clock].of(after), after, noon(2029, 3, 30), FRANCE).reason)


def test_days_that_the_clock_stood_still_stay_added_when_it_is_counted_anew() -> None:
    running = moved((), STEPS["T6"], noon(2029, 3, 30))
    asked = moved(tuple(running.values()), STEPS["T9"], noon(2029, 5, 2))
    resumed = moved((asked["DECIDE"],), STEPS["T4"], noon(2029, 5, 12))["DECIDE"]
    anew = moved((resumed,), STEPS["N4a"], noon(2029, 5, 14), leg=ACCELERATED)["DECIDE"]
    assert (resumed.due_on, anew.due_on) == ("2029-07-12", "2029-06-11")  # ten days after 30 May is a Saturday


def test_an_urgent_file_is_not_extended_and_the_next_opinion_has_a_month_again() -> None:
    one = replace(LEG, national_state="AU_CESREES")
    urgent = advance(one, Event("NationalStep", "URGENCE", "CESREES"), lifecycle=LEG_TABLE, national=CHAIN, at=NOW).leg
    assert "urgent" in urgent.facts
    extension = Event("NationalStep", "PROLONGATION", "CESREES")
    with pytest.raises(Refused, match="came again: urgent"):
        advance(urgent, extension, lifecycle=LEG_TABLE, national=CHAIN, at=NOW)
    opinion = Event("NationalStep", "AVIS_CESREES", "FAVORABLE")
    given = advance(urgent, opinion, lifecycle=LEG_TABLE, national=CHAIN, at=NOW).leg
    assert ("urgent" in given.facts, given.national_state) == (False, "AVIS_RENDU")
