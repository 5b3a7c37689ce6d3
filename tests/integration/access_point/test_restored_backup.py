"""A node that was restored from an older backup asks for what it lost: got back while retained, parked once gone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.stage import FRANCE
from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    with running(embedded_stage(tmp_path)) as made:
        yield made


def downloaded(node: Running) -> str:
    """The MessageId of an application that the node fetched and marked."""
    node.arrives(node.file())
    return str(node.until(lambda: lying(node, "DOWNLOADED")))


def lying(node: Running, status: str) -> str:
    messages = node.call("GET", f"{node.mock}/access-points/fr/messages").json["messages"]
    found = [one["message_id"] for one in messages if one["from"] == "platform" and one["status"] == status]
    return found[0] if found else ""


def restored(node: Running, backup: Path) -> None:
    """The node dies, and comes up on the database of before."""
    party = node.parties.by_name[FRANCE.node]
    party.kill()
    database = node.stage.folder / FRANCE.node / "broker.sqlite"
    for path in database.parent.glob("broker.sqlite-*"):
        path.unlink()
    shutil.copy(backup, database)
    party.start()
    node.until(lambda: answers(node), 60)


def seen(node: Running, message_id: str, state: str) -> list[dict[str, Any]]:
    rows = node.get(f"/api/v1/messages?state={state}").json["messages"]
    return [row for row in rows if row["message_id"] == message_id]


def answers(node: Running) -> bool:
    try:
        return node.call("GET", f"{node.ops}/readyz").status == 200
    except OSError:
        return False


def copied(node: Running) -> Path:
    """As the operators' page says: a copy that SQLite itself makes."""
    copy = node.stage.folder / "copy.sqlite"
    database = node.stage.folder / FRANCE.node / "broker.sqlite"
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    return copy


def retention(node: Running, minutes_later: float, **rule: float) -> None:
    url = f"{node.mock}/access-points/fr/retention"
    kind = {"Content-Type": "application/json"}
    assert node.call("PUT", url, json.dumps(rule).encode(), kind).status == 200
    later = json.dumps({"minutes": minutes_later}).encode()
    assert node.call("POST", f"{url}/runs", later, kind).status == 200


def test_what_the_access_point_still_has_is_fetched_again_by_its_id(node: Running) -> None:
    backup = copied(node)
    message_id = downloaded(node)
    restored(node, backup)
    assert node.get("/api/v1/messages").json["messages"] == []
    asked = node.cli("messages", "fetch", message_id)
    assert asked.returncode == 0, asked.stderr
    [row] = node.until(lambda: seen(node, message_id, "DELIVERED"))
    assert row["type"] == "ApplicationSubmitted"
    again = node.cli("messages", "fetch", message_id)
    assert again.returncode == 1
    assert b"is kept here" in again.stderr


def test_what_its_retention_took_is_put_before_a_person_and_not_looped_on(node: Running) -> None:
    backup = copied(node)
    message_id = downloaded(node)
    retention(node, 61, downloaded=60)
    assert lying(node, "DELETED") == message_id
    restored(node, backup)
    assert node.cli("messages", "fetch", message_id).returncode == 0
    [row] = node.until(lambda: seen(node, message_id, "PARKED"))
    assert [problem["code"] for problem in node.message(row["id"])["exchanges"][0]["problems"]] == ["message-gone"]
    asked = fetched(node, message_id)
    node.arrives(node.file())
    assert fetched(node, message_id) == asked == 3


def fetched(node: Running, message_id: str) -> int:
    log = node.call("GET", f"{node.mock}/log?operation=retrieveMessage&message_id={message_id}").json["entries"]
    return sum(entry["outcome"] != "ok" for entry in log)
