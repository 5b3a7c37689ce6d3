"""Ids that sort by time, the clock, and the calendar of a state."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from adapters.system import StateDays, SystemClock, TimeSortedIds


@given(st.lists(st.integers(0, 2**48 - 2), min_size=2, max_size=300))
def test_ids_ascend_whatever_the_clock_does(moments: list[int]) -> None:
    ticks = iter(moments)
    ids = TimeSortedIds(lambda: next(ticks))
    made = [ids.new() for _ in moments]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ten_thousand_ids_of_one_millisecond_ascend_and_differ() -> None:
    ids = TimeSortedIds(lambda: 1_700_000_000_000)
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_an_id_is_a_uuid_of_version_7_and_says_when() -> None:
    made = uuid.UUID(TimeSortedIds(lambda: 1_700_000_000_123).new())
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, 1_700_000_000_123)


def test_two_processes_in_one_millisecond_make_different_ids() -> None:
    one, other = TimeSortedIds(lambda: 5), TimeSortedIds(lambda: 5)
    made = [maker.new() for maker in (one, other) for _ in range(1000)]
    assert len(set(made)) == 2000


def test_ids_of_several_hands_differ() -> None:
    def some(_: int) -> list[str]:
        ids = TimeSortedIds()
        return [ids.new() for _ in range(500)]

    with ThreadPoolExecutor(4) as hands:
        made = [one for batch in hands.map(some, range(4)) for one in batch]
    assert len(set(made)) == 2000


def test_the_clock_tells_utc() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == datetime.now(UTC).utcoffset()


def test_holidays_are_those_of_the_state() -> None:
    bastille, juhannus = date(2027, 7, 14), date(2027, 12, 6)
    france, finland = StateDays("FR", "Europe/Paris"), StateDays("FI", "Europe/Helsinki")
    assert (france.is_holiday(bastille), finland.is_holiday(bastille)) == (True, False)
    assert (france.is_holiday(juhannus), finland.is_holiday(juhannus)) == (False, True)
