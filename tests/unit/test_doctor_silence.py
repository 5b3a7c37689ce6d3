"""Silence of one message is nothing; silence since long after several arrived is somebody else hearing our answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from broker.commands.findings import Seen
from broker.commands.silence import answers
from broker.model.exchanges import State
from tests.support.samples import NOW, exchange


def hours(number: float) -> datetime:
    return NOW - timedelta(hours=number)


@pytest.mark.parametrize(
    ("receipts", "came", "expected"),
    [
        ((), None, Seen.WORKS),
        ((0.5,), None, Seen.WORKS),
        ((2.0,), None, Seen.FAILS),
        ((2.0, 3.0), 4.0, Seen.FAILS),
        ((2.0, 3.0), 2.5, Seen.FAILS),
        ((2.0, 3.0), 1.5, Seen.WORKS),
    ],
)
def test_what_arrived_long_ago_and_nothing_that_came_in_since(
    receipts: tuple[float, ...], came: float | None, expected: Seen
) -> None:
    sent = [
        exchange(f"e-{number}", state=State.SUBMITTED, receipt_at=hours(ago)) for number, ago in enumerate(receipts)
    ]
    finding = answers(sent, None if came is None else hours(came), NOW)
    assert finding.seen is expected
    assert ("Message Filter" in finding.detail) == (expected is Seen.FAILS)


def test_what_has_no_receipt_is_not_counted() -> None:
    assert answers([exchange(state=State.SUBMITTED)], None, NOW).seen is Seen.WORKS
