"""What an access point keeps for how long: by configuration, by REST, on its page, and on time by a clock."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.mock_eu import Settings, create_app
from adapters.mock_eu.model import Chance
from adapters.mock_eu.retention import Retention
from adapters.mock_eu.settings import BadSettings, load
from tests.support.mock_node import mock_node, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.mock_node import MockNode, Nation

PART = ("cid:message", "application/json", b"{}")
RULE = "/access-points/fr/retention"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@asynccontextmanager
async def clocked(folder: Path, clock: Clock, retention: Retention) -> AsyncIterator[MockNode]:
    """A mock whose time only a test moves, and whose worker runs each 20 ms."""
    settings = Settings(data_dir=folder, durable=False)
    style = replace(settings.style, retention=retention, retention_seconds=0.02, receipt_seconds=0)
    settings = replace(settings, style=style)
    async with served(create_app(settings, Chance(clock, lambda digits: "a" * digits)), settings) as node:
        yield node


async def put(node: MockNode, **members: Any) -> tuple[int, Any]:
    async with node.session.put(node.base + RULE, json=members) as response:
        return response.status, await response.json()


async def run(node: MockNode, minutes: float = 0) -> dict[str, list[str]]:
    status, took = await node.post(f"{RULE}/runs", {"minutes": minutes})
    assert status == 200, took
    return dict(took)


async def came(node: MockNode) -> tuple[Nation, str]:
    await node.file()
    (message_id,) = await node.nation("fr").pending()
    return node.nation("fr"), message_id


async def stays(nation: Nation, message_id: str, status: str, role: str = "RECEIVING") -> None:
    """The worker had several turns, and left it alone."""
    for _ in range(3):
        await asyncio.sleep(0.05)
        assert await nation.status(message_id, role=role) == status


async def becomes(nation: Nation, message_id: str, status: str, role: str = "RECEIVING") -> None:
    for _ in range(200):
        if (found := await nation.status(message_id, role=role)) == status:
            return
    raise AssertionError(f"{message_id} stays {found}")


async def test_what_nobody_fetched_goes_when_its_time_is_over_and_not_a_second_before(tmp_path: Path) -> None:
    clock = Clock()
    async with clocked(tmp_path, clock, Retention(undownloaded=3600)) as node:
        france, message_id = await came(node)
        clock.at += timedelta(minutes=3600)
        await stays(france, message_id, "RECEIVED")
        clock.at += timedelta(seconds=1)
        await becomes(france, message_id, "DELETED")
        assert await france.pending() == []
        assert (await france.retrieve(message_id)).fault[0] == "WS_PLUGIN:0009"


async def test_what_was_fetched_stays_to_be_read_again_from_the_moment_it_was_marked(tmp_path: Path) -> None:
    clock = Clock()
    async with clocked(tmp_path, clock, Retention(downloaded=60)) as node:
        france, message_id = await came(node)
        clock.at += timedelta(hours=5)
        await france.mark(message_id)
        clock.at += timedelta(minutes=60)
        await stays(france, message_id, "DOWNLOADED")
        assert (await france.retrieve(message_id)).fault is None
        clock.at += timedelta(seconds=1)
        await becomes(france, message_id, "DELETED")
        assert (await france.retrieve(message_id)).fault[0] == "WS_PLUGIN:0009"


async def test_what_was_sent_goes_and_its_receipt_stays(tmp_path: Path) -> None:
    async with mock_node(tmp_path) as node:
        france = node.nation("fr")
        await france.submit("sent-1", PART)
        await france.until_status("sent-1", "ACKNOWLEDGED")
        path = "messages/usermessages/sent-1"
        envelope = (await france.ext("GET", f"{path}/envelope")).body
        await put(node, sent=30)
        assert (await run(node, 29))["deleted"] == []
        assert (await run(node, 31))["deleted"] == ["sent-1"]
        assert await france.status("sent-1") == "DELETED"
        assert (await france.ext("GET", "messages/sent-1/payloads/message")).status == 404
        receipt = await france.ext("GET", f"{path}/signalEnvelope")
        assert (receipt.status, b"sent-1" in receipt.body) == (200, True)
        assert (await france.ext("GET", f"{path}/envelope")).body == envelope
        assert (await france.submit("sent-1", PART)).fault[0] == "EBMS:0004"


async def test_what_the_access_point_gave_up_is_deleted_too_and_cannot_be_restored(tmp_path: Path) -> None:
    async with mock_node(tmp_path) as node:
        france = node.nation("fr")
        await node.arm("send-failure", times=1)
        await france.submit("failed-1", PART)
        await france.until_status("failed-1", "SEND_FAILURE")
        await put(node, sent=30)
        assert (await run(node, 31))["deleted"] == ["failed-1"]
        assert (await france.ext("PUT", "monitoring/messages/failed/failed-1/restore")).status == 404


async def test_what_is_still_on_its_way_is_never_deleted(tmp_path: Path) -> None:
    async with mock_node(tmp_path) as node:
        france = node.nation("fr")
        await node.arm("never-acknowledged", times=1)
        await france.submit("lost-1", PART)
        await france.until_status("lost-1", "WAITING_FOR_RECEIPT")
        await put(node, sent=0)
        assert (await run(node, 10_000))["deleted"] == []


@pytest.mark.parametrize(("offset", "forgotten_at"), [(0, 61), (120, 121)])
async def test_with_its_metadata_a_message_is_forgotten_and_its_id_free_again(
    tmp_path: Path, offset: float, forgotten_at: float
) -> None:
    async with mock_node(tmp_path) as node:
        france = node.nation("fr")
        await france.submit("sent-1", PART)
        await france.until_status("sent-1", "ACKNOWLEDGED")
        await put(node, sent=60, delete_metadata=True, metadata_offset=offset)
        assert (await run(node, 61))["deleted"] == ["sent-1"]
        if offset:
            assert await france.status("sent-1") == "DELETED"
            assert (await run(node, offset - 1))["forgotten"] == []
            assert (await run(node, forgotten_at))["forgotten"] == ["sent-1"]
        assert await france.status("sent-1") == "NOT_FOUND"
        assert (await france.submit("sent-1", PART)).ids == ["sent-1"], "nothing tells it from a new one"


async def test_without_their_metadata_nothing_is_forgotten(tmp_path: Path) -> None:
    async with mock_node(tmp_path, retention=Retention(downloaded=0)) as node:
        france, message_id = await came(node)
        await france.mark(message_id)
        assert (await run(node, 1_000_000))["forgotten"] == []
        assert await france.status(message_id, role="RECEIVING") == "DELETED"


async def test_a_rule_is_one_nation_s_own_survives_a_restart_and_can_be_put_back(tmp_path: Path) -> None:
    configured = {"downloaded": 10, "undownloaded": -1, "sent": -1, "delete_metadata": False, "metadata_offset": 0}
    finland = Retention()
    async with mock_node(tmp_path, france={"retention": {"downloaded": 10}}, retention=finland) as node:
        assert await node.get(RULE) == configured
        assert (await put(node, undownloaded=5))[1] == {**configured, "undownloaded": 5}
    async with mock_node(tmp_path, france={"retention": {"downloaded": 10}}) as node:
        assert (await node.get(RULE))["undownloaded"] == 5
        assert (await node.get(RULE.replace("fr", "fi")))["undownloaded"] == -1
        async with node.session.delete(node.base + RULE) as response:
            assert response.status == 204
        assert await node.get(RULE) == configured


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"downloaded": "soon"}, "downloaded must be a number of minutes"),
        ({"sent": True}, "sent must be a number of minutes"),
        ({"metadata_offset": -1}, "metadata_offset must be a number of minutes, 0 or more"),
        ({"delete_metadata": 1}, "delete_metadata must be true or false"),
        ({"uploaded": 1}, "uploaded is no member of a retention"),
    ],
)
async def test_a_rule_that_is_none_is_refused_by_its_member(
    node: MockNode, members: dict[str, Any], told: str, tmp_path: Path
) -> None:
    before = await node.get(RULE)
    status, problem = await put(node, **members)
    assert (status, problem["code"]) == (422, "bad-retention")
    assert told in problem["detail"]
    assert await node.get(RULE) == before
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in members.items())
    for table in ("access_point.retention", "nations.fr.retention"):
        (tmp_path / "mock.toml").write_text(f"[{table}]\n{lines}\n")
        with pytest.raises(BadSettings, match=rf"{table}: {told}"):
            load(tmp_path / "mock.toml")


@pytest.mark.parametrize("body", [{"minutes": -1}, {"minutes": "x"}, {"minutes": 1e300}, {"hours": 1}])
async def test_a_run_that_is_none_is_refused(node: MockNode, body: dict[str, Any]) -> None:
    status, problem = await node.post(f"{RULE}/runs", body)
    assert (status, problem["code"]) == (422, "bad-run")


async def test_a_nation_that_is_not_connected_has_no_rule(node: MockNode) -> None:
    assert (await node.get("/access-points/de/retention"))["code"] == "unknown-nation"
    assert (await node.post("/access-points/de/retention/runs", {}))[0] == 404


async def test_people_set_it_on_a_page_and_run_it(node: MockNode) -> None:
    _, message_id = await came(node)
    page = f"{node.base}/retention/page"
    fields = {"nation": "fr", "undownloaded": "60", "downloaded": "-1", "sent": "-1", "metadata_offset": "0"}
    async with node.session.post(page, data=fields) as response:
        assert (response.status, 'value="60"' in await response.text()) == (200, True)
    assert (await node.get(RULE))["undownloaded"] == 60
    async with node.session.post(page, data={"nation": "fr", "do": "run", "minutes": "61"}) as response:
        assert message_id in await response.text()
    async with node.session.post(page, data={"nation": "fr", "undownloaded": "soon"}) as response:
        text = await response.text()
        assert (response.status, "undownloaded must be a number of minutes" in text) == (422, True)
    async with node.session.post(page, data={"nation": "fr", "do": "reset"}) as response:
        assert response.status == 200
    assert (await node.get(RULE))["undownloaded"] == -1


async def test_a_file_of_an_earlier_version_is_caught_up_with(tmp_path: Path) -> None:
    async with mock_node(tmp_path) as node:
        _, message_id = await came(node)
    with closing(sqlite3.connect(tmp_path / "mock-eu.sqlite3")) as file:
        file.execute("ALTER TABLE messages DROP COLUMN changed")
    async with mock_node(tmp_path) as node:
        await node.nation("fr").mark(message_id)
        await put(node, downloaded=1)
        assert (await run(node, 2))["deleted"] == [message_id]
