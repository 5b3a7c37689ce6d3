"""Waiting is an end of a scenario only where the dispatcher says until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.mock_eu.eyes import MockEyes, NodeEyes
from adapters.mock_eu.scenario import End, Scenario
from adapters.mock_eu.scenario_run import Run

NOW = datetime.now(UTC)
SOON, PASSED = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
END = End("nation", "ApplicationAck", ("ACKNOWLEDGED / SUBMITTED",), waits=True)


class AccessPoint:
    """One message of the nation, acknowledged."""

    async def messages(self, after: int) -> list[dict[str, Any]]:
        assert after == 0
        return [{"message_id": "m-1", "from": "nation", "type": "ApplicationAck", "status": "ACKNOWLEDGED"}]

    async def faults(self) -> dict[str, Any]:
        return {}


class Dispatcher:
    """It has sent that message, and says until when it waits."""

    def __init__(self, until: datetime | None) -> None:
        self.until = until

    async def messages(self) -> list[dict[str, Any]]:
        about = {"direction": "outbound", "type": "ApplicationAck", "state": "SUBMITTED", "outcome": ""}
        return [{"id": "1", "message_id": "m-1", **about}]

    async def waits_until(self, message_id: str) -> datetime | None:
        assert message_id == "1"
        return self.until


@pytest.mark.parametrize(("until", "holds"), [(SOON, True), (PASSED, False), (None, False)])
async def test_the_end_holds_only_with_a_moment_that_is_still_to_come(until: datetime | None, *, holds: bool) -> None:
    scenario = Scenario(Path("wait.toml"), "", ends=(END,))
    run = Run(scenario, cast("MockEyes", AccessPoint()), cast("NodeEyes", Dispatcher(until)))
    finding = await run._look()
    assert finding.seen == {"nation ApplicationAck": ["ACKNOWLEDGED / SUBMITTED"]}
    assert (finding.wrong == []) is holds
    assert holds or "nothing says until when" in finding.wrong[0]
