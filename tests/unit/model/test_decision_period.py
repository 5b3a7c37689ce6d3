"""The period to decide (Art. 68(4)): since when it runs, and what a question of the assessment does to it.

The sources differ (D6.3 §8.2, D6.4 §8), and each body chooses.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.system import StateDays
from broker.model.cases import Leg, RunningClock
from broker.model.clocks import moved_clocks, read_clocks
from broker.model.lifecycle import NONE, POLICIES, Event, advance, read_lifecycle

FOLDER = Path(__file__).parents[3] / "schemas" / "lifecycles"
RULES = read_clocks(tomllib.loads((FOLDER / "clocks.toml").read_text("utf-8")))
LEG = read_lifecycle(tomllib.loads((FOLDER / "leg.toml").read_text("utf-8")))
DAYS = StateDays("FR", "Europe/Paris")

#: One application: when each thing happened (day of 2029, month and day).
RECEIVED, ASKED, ANSWERED, CONFIRMED = ((3, 2), (3, 12), (3, 30), (4, 6))
QUESTION, REPLY = (5, 2), (5, 16)
UNTIL_COMPLETE = (
    ("ApplicationSubmitted", "", RECEIVED),
    ("ApplicationAck", "", RECEIVED),
    ("StatusUpdate", "PRE_SCREENING", RECEIVED),
    ("AdditionalInfoRequest", "", ASKED),
    ("AdditionalInformation", "", ANSWERED),
    ("StatusUpdate", "PROCESSING", CONFIRMED),
)
ASKED_AGAIN = (*UNTIL_COMPLETE, ("AdditionalInfoRequest", "", QUESTION), ("AdditionalInformation", "", REPLY))


def chosen(**policies: str) -> frozenset[str]:
    """The usual policies, but for these."""
    kept = {policy for policy in POLICIES if policy.partition(":")[0] not in policies}
    return frozenset(kept | {f"{name}:{value.replace('_', '-')}" for name, value in policies.items()})


def moment(month: int, day: int) -> datetime:
    return datetime(2029, month, day, 11, tzinfo=UTC)


def played(story: tuple[tuple[str, str, tuple[int, int]], ...], policies: frozenset[str]) -> list[RunningClock]:
    """Every period to decide that there was, as the store keeps them: one row for each start."""
    leg = Leg("case-1", "hdh", NONE, moment(*RECEIVED), moment(*RECEIVED))
    rows: dict[tuple[str, datetime], RunningClock] = {}
    for kind, variant, on in story:
        change = advance(leg, Event(kind, variant), lifecycle=LEG, national=None, at=moment(*on), policies=policies)
        leg = change.leg
        for step in change.steps:
            moved = moved_clocks(
                tuple(rows.values()), step, leg, at=moment(*on), rules=RULES, days=DAYS, policies=policies
            )
            rows |= {(clock.clock, clock.started_at): clock for clock in moved}
    return [clock for (name, _), clock in rows.items() if name == "DECIDE"]


def test_the_three_months_run_since_the_last_missing_item_came() -> None:
    """Art. 68(4): of *receiving* a complete application, whenever the body finds out; 30 June 2029 is a Saturday."""
    (clock,) = played(UNTIL_COMPLETE, POLICIES)
    assert (clock.started_at, clock.due_on) == (moment(*ANSWERED), "2029-07-02")
    assert clock.reason.endswith("since then by anchor:last-item, known on 2029-04-06")


@pytest.mark.parametrize(
    ("anchor", "since", "due"),
    [
        ("confirmed", CONFIRMED, "2029-07-06"),
        ("received", RECEIVED, "2029-06-04"),
        ("last_item", ANSWERED, "2029-07-02"),
    ],
)
def test_a_body_chooses_since_when_they_run(anchor: str, since: tuple[int, int], due: str) -> None:
    (clock,) = played(UNTIL_COMPLETE, chosen(anchor=anchor))
    assert (clock.started_at, clock.due_on) == (moment(*since), due)


def test_an_application_that_was_complete_at_once_runs_since_it_came() -> None:
    (clock,) = played((*UNTIL_COMPLETE[:3], UNTIL_COMPLETE[-1]), POLICIES)
    assert clock.started_at == moment(*RECEIVED)


def test_a_new_version_in_the_pre_screening_is_an_item_that_came() -> None:
    amended = (*UNTIL_COMPLETE[:3], ("ApplicationAmended", "", ASKED), UNTIL_COMPLETE[-1])
    assert played(amended, POLICIES)[0].started_at == moment(*ASKED)


def test_a_new_version_in_the_assessment_moves_no_period() -> None:
    (clock,) = played((*UNTIL_COMPLETE, ("ApplicationAmended", "", QUESTION)), POLICIES)
    assert (clock.started_at, clock.due_on) == (moment(*ANSWERED), "2029-07-02")


def test_an_extension_is_counted_from_the_same_day() -> None:
    """The worked reading of 1182/71: 30 September 2029 is a Sunday."""
    (clock,) = played((*UNTIL_COMPLETE, ("ExtensionNotice", "", QUESTION)), POLICIES)
    assert clock.due_on == "2029-10-01"


def test_a_question_of_the_assessment_pauses_the_period_and_its_remainder_runs_on() -> None:
    (clock,) = played(ASKED_AGAIN, POLICIES)
    assert (clock.state, clock.due_on) == ("running", "2029-07-16")
    assert "without the pause 2029-07-02" in clock.reason


def test_for_a_body_that_reads_d6_4_the_day_is_void_and_the_whole_period_runs_since_the_answer() -> None:
    void, anew = played(ASKED_AGAIN, chosen(suspension="restart"))
    assert (void.state, void.due_on, void.stopped_at) == ("stopped", "2029-07-02", moment(*REPLY))
    assert (anew.state, anew.started_at, anew.due_on) == ("running", moment(*REPLY), "2029-08-16")
    assert "before that 2029-07-02" in anew.reason


def test_an_extension_that_was_notified_holds_for_the_period_that_runs_anew() -> None:
    story = (*UNTIL_COMPLETE, ("ExtensionNotice", "", QUESTION), *ASKED_AGAIN[-2:])
    assert played(story, chosen(suspension="restart"))[-1].due_on == "2029-11-16"


@given(st.integers(0, 90), st.sampled_from(["last_item", "confirmed", "received"]))
def test_however_late_the_body_confirms_the_usual_day_is_never_after_that_of_the_confirmation(
    day: int, anchor: str
) -> None:
    confirmed = moment(*ANSWERED).toordinal() + day
    on = datetime.fromordinal(confirmed)
    story = (*UNTIL_COMPLETE[:-1], ("StatusUpdate", "PROCESSING", (on.month, on.day)))
    (usual,), (other,) = played(story, POLICIES), played(story, chosen(anchor=anchor))
    late = played(story, chosen(anchor="confirmed"))[0]
    assert usual.due_on == "2029-07-02"
    assert other.due_on <= late.due_on
