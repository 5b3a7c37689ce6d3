"""An answer that comes after the node gave it up for lost: a person was told, and the answer still decides.

Processes for real; the platform answers late because a fault of the mock holds its answer back. Two days cannot be
waited for: the date by which the answer is due is moved to now, in the node's own database, as if they had passed.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bad_input import sent
from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE = 8.0  #: seconds that the platform's answer is held back
PAST = "2026-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    quick = {"HDEU_WORK__SILENCE": "0.2", "HDEU_WORK__BACKOFF_BASE": "0.1"}
    with running(embedded_stage(tmp_path_factory.mktemp("late"), **quick)) as made:
        yield made


def time_passes(node: Running, exchange_id: str) -> None:
    """The answer to one exchange is overdue from now on."""
    file = node.stage.folder / node.land.node / "broker.sqlite"
    with closing(sqlite3.connect(file, timeout=10)) as database, database:
        moved = "UPDATE exchanges SET due_at = ? WHERE id = ? AND state = 'SUBMITTED'"
        assert database.execute(moved, (PAST, exchange_id)).rowcount == 1


def now(node: Running, message_id: str) -> dict[str, Any]:
    [exchange] = node.message(message_id)["exchanges"]
    return dict(exchange)


def parked(node: Running) -> set[str]:
    """What waits for a person, as the command line tells it."""
    done = node.cli("parked", "list", "--json")
    assert done.returncode == 0, done
    return {row["id"] for row in json.loads(done.stdout)["messages"]}


def told(node: Running, message_id: str) -> list[dict[str, Any]]:
    """What the back end may read of the outcome of its message."""
    rows = node.get("/api/v1/messages?type=OutcomeNotice&limit=200", who="hdh").json["messages"]
    notices = [node.get(f"/api/v1/messages/{row['id']}/document", who="hdh").json for row in rows]
    return [notice for notice in notices if notice["message"] == message_id]


def given_up(node: Running) -> dict[str, Any]:
    """An exchange whose answer is on its way, and late; the node has given it up, and a person is told."""
    fault = node.arm("delay", type="ValidationResult", nth=1, seconds=LATE)
    exchange = sent(node)
    node.until(lambda: node.fired(fault))
    time_passes(node, exchange["id"])
    silent = node.until(lambda: (found := now(node, exchange["message"]))["state"] == "PRESUMED_FAILED" and found, 5)
    assert "a late answer still counts" in silent["reason"]
    assert (silent["validation"], silent["outcome"], silent["validation_at"]) == ("", "", None)
    assert exchange["message"] in parked(node)
    assert told(node, exchange["message"]) == []
    return exchange


def after(node: Running, exchange: dict[str, Any], *, outcome: str, validation: str) -> None:
    """It ends by the late answer, once, and both facts stay."""
    ended = node.until(lambda: (found := now(node, exchange["message"]))["state"] == "ENDED" and found, LATE + 20)
    assert (ended["outcome"], ended["validation"], ended["resend"]) == (outcome, validation, 0)
    view = node.message(exchange["message"])
    order = [event["what"] for event in view["timeline"] if event["what"] in {"presumed_failed", "validation"}]
    assert order == ["presumed_failed", "validation"]
    assert view["waiting"] is None
    assert exchange["message"] not in parked(node)
    [notice] = node.until(lambda: told(node, exchange["message"]))
    assert (notice["state"], notice["outcome"]) == ("ENDED", outcome)
    with node.platform() as store:
        assert len(store._messages("nation = 'fr' AND message_id = ?", (ended["message_id"],))) == 1
    verified = node.cli("audit", "verify")
    assert verified.returncode == 0, verified


def test_a_late_yes_overrules_the_presumption(node: Running) -> None:
    after(node, given_up(node), outcome="accepted", validation="validated")


def test_a_late_no_overrules_it_too(node: Running) -> None:
    node.arm("reject-validation", type="ApplicationAck", nth=1)
    after(node, given_up(node), outcome="rejected", validation="not-validated")


def test_a_late_answer_finds_a_node_that_was_killed_meanwhile(node: Running) -> None:
    exchange, pid = given_up(node), node.pid
    party = node.parties.by_name[node.land.node]
    assert party.kill() == pid
    party.start()
    node.until(lambda: answers(node), 60)
    assert node.pid != pid
    after(node, exchange, outcome="accepted", validation="validated")


def answers(node: Running) -> bool:
    try:
        return node.call("GET", f"{node.ops}/readyz").status == 200
    except OSError:
        return False
