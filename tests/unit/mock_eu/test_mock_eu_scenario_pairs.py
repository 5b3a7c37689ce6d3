"""At the end of a scenario every message counts, with a type or without, on either side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.mock_eu.eyes import MockEyes, NodeEyes
from adapters.mock_eu.pairs import Shown, paired
from adapters.mock_eu.scenario import End, Scenario
from adapters.mock_eu.scenario_run import Run

if TYPE_CHECKING:
    from aiohttp import ClientSession

LYING = {"seq": 2, "message_id": "m-1", "from": "platform", "type": "Reminder", "status": "DOWNLOADED"}
KEPT = {"id": "1", "message_id": "m-1", "direction": "inbound", "type": "Reminder", "state": "DELIVERED", "outcome": ""}
UNREADABLE = {**KEPT, "id": "0", "type": None, "state": "PARKED"}
NOTICE = {**KEPT, "id": "2", "message_id": "", "type": "OutcomeNotice"}
SENT = {**KEPT, "id": "3", "direction": "outbound", "type": "ApplicationAck", "state": "ENDED", "outcome": "accepted"}


class AccessPoint:
    def __init__(self, *lying: dict[str, Any]) -> None:
        self.lying = lying

    async def messages(self, after: int) -> list[dict[str, Any]]:
        return [row for row in self.lying if row["seq"] > after]

    async def faults(self) -> dict[str, Any]:
        return {}

    async def disarm(self) -> None:
        pass

    async def reset_retention(self) -> None:
        pass


class Dispatcher:
    def __init__(self, *kept: dict[str, Any]) -> None:
        self.kept = kept

    async def begin(self) -> None:
        pass

    async def messages(self) -> list[dict[str, Any]]:
        return list(self.kept)


async def wrong(lying: tuple[dict[str, Any], ...], kept: tuple[dict[str, Any], ...], *ends: End) -> list[str]:
    run = Run(
        Scenario(Path("all.toml"), "", ends=ends),
        cast("MockEyes", AccessPoint(*lying)),
        cast("NodeEyes", Dispatcher(*kept)),
    )
    return (await run._look()).wrong


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ((KEPT,), []),
        ((UNREADABLE, KEPT), ["a message without a type from the platform is not expected: m-1 is absent / PARKED"]),
        ((KEPT, NOTICE), ["OutcomeNotice from the platform is not expected: 2 is absent / DELIVERED"]),
        ((KEPT, SENT), ["ApplicationAck from the nation is not expected: m-1 is absent / ENDED(accepted)"]),
    ],
)
async def test_what_no_end_speaks_of_fails_the_run_and_is_named(
    kept: tuple[dict[str, Any], ...], told: list[str]
) -> None:
    end = End("platform", "Reminder", ("DOWNLOADED / DELIVERED",))
    assert await wrong((LYING,), kept, end) == told


async def test_what_lies_at_the_access_point_alone_must_be_expected_too() -> None:
    end = End("nation", "ApplicationAck", ())
    assert await wrong((LYING,), (), end) == ["Reminder from the platform is not expected: m-1 is DOWNLOADED / absent"]


async def test_messages_without_a_type_are_expected_one_by_one() -> None:
    ends = (
        End("platform", "Reminder", ("DOWNLOADED / DELIVERED",)),
        End("platform", "", ("absent / PARKED", "absent / PARKED")),
    )
    second = {**UNREADABLE, "id": "00", "message_id": "m-2"}
    assert await wrong((LYING,), (UNREADABLE, second, KEPT), *ends) == []
    assert await wrong((LYING,), (UNREADABLE, KEPT), *ends) == [
        f"a message without a type from the platform: {['absent / PARKED']} instead of {['absent / PARKED'] * 2}"
    ]


async def test_late_news_of_a_message_of_before_are_no_part_of_the_run() -> None:
    """Only what lay there before: a second message that the run itself brought stays in sight."""
    run = Run(
        Scenario(Path("all.toml"), "", ends=(End("platform", "Reminder", ()),), seconds=0, quiet=0),
        cast("MockEyes", AccessPoint(LYING)),
        cast("NodeEyes", Dispatcher(UNREADABLE, {**UNREADABLE, "id": "00", "message_id": "m-2"})),
    )
    assert (await run.play()).wrong == [
        "a message without a type from the platform is not expected: m-2 is absent / PARKED"
    ]


class Paged(NodeEyes):
    """A dispatcher whose list is newest first by another clock than that of the ids."""

    async def _get(self, path: str) -> dict[str, Any]:
        pages: dict[str, dict[str, Any]] = {
            "": {"messages": [{"id": "5"}, {"id": "7"}], "next": "5"},
            "5": {"messages": [{"id": "6"}, {"id": "4"}], "next": "4"},
            "4": {"messages": [{"id": "2"}], "next": "2"},
        }
        return pages[path.partition("before=")[2]]


async def test_all_that_came_since_the_start_is_seen_however_much_and_in_whatever_order() -> None:
    eyes = Paged(cast("ClientSession", None), "", "")
    await eyes.begin()
    assert eyes.newest == "7"
    eyes.newest = "3"
    assert [row["id"] for row in await eyes.messages()] == ["4", "6", "7", "5"]


def test_without_a_dispatcher_only_the_access_point_counts() -> None:
    assert paired([LYING], None) == [Shown("platform", "Reminder", "DOWNLOADED", "m-1")]


def test_one_id_on_both_sides_is_two_messages() -> None:
    sent = {**LYING, "seq": 1, "from": "nation", "type": "ApplicationAck", "status": "ACKNOWLEDGED"}
    came = {**KEPT, "type": "ApplicationAck", "state": "PARKED"}
    assert [one.state for one in paired([sent, LYING], [SENT, came])] == [
        "ACKNOWLEDGED / ENDED(accepted)",
        "DOWNLOADED / PARKED",
    ]
