"""A message that is listed and never to be had, on the running node: a person hears of it once, until it comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
SHORT = {"HDEU_ACCESS_POINT__UNAVAILABLE_AFTER": "3", "HDEU_WORK__BACKOFF_BASE": "0.2", "HDEU_WORK__BACKOFF_CAP": "0.5"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    with running(embedded_stage(tmp_path, **SHORT)) as made:
        yield made


def rows(node: Running, state: str) -> list[dict[str, Any]]:
    return list(node.get(f"/api/v1/messages?state={state}").json["messages"])


def metric(node: Running, name: str) -> float:
    lines = node.call("GET", f"{node.ops}/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_it_is_put_before_a_person_once_asked_for_seldom_and_settled_when_it_comes(node: Running) -> None:
    fault = node.arm("download-error")
    application = node.file()
    [put] = node.until(lambda: rows(node, "PARKED"))
    [problem] = node.message(put["id"])["exchanges"][0]["problems"]
    assert (problem["code"], problem["value"]) == ("message-unavailable", "unavailable")
    assert metric(node, 'hdeu_attempts_total{outcome="parked",step="fetch"}') == 1
    before = node.fired(fault)
    node.until(lambda: node.fired(fault) >= before + 2)
    assert [row["id"] for row in rows(node, "PARKED")] == [put["id"]]
    node.call("DELETE", f"{node.mock}/faults/{fault}")
    node.arrives(application)
    [settled] = node.until(lambda: rows(node, "CANCELLED"))
    assert settled["id"] == put["id"]
    assert node.message(put["id"])["exchanges"][0]["reason"] == "the message came after all"
    assert rows(node, "PARKED") == []


def test_the_time_until_a_person_hears_of_it_runs_on_over_a_restart(tmp_path: Path) -> None:
    after = 12.0
    stage = embedded_stage(tmp_path, **{**SHORT, "HDEU_ACCESS_POINT__UNAVAILABLE_AFTER": str(after)})
    with running(stage) as node:
        node.token("caseworker")
        fault = node.arm("download-error")
        node.file()
        node.until(lambda: node.fired(fault) > 0)
        time.sleep(0.7 * after)
        assert rows(node, "PARKED") == []
        party = node.parties.by_name[node.land.node]
        party.kill()
        before = node.fired(fault)
        party.start()
        node.until(lambda: node.fired(fault) > before, 60)
        begun_anew = time.monotonic()
        [put] = node.until(lambda: rows(node, "PARKED"), 60)
        assert time.monotonic() - begun_anew < 0.7 * after, "counted from the first try of the second process"
        assert node.message(put["id"])["exchanges"][0]["problems"][0]["code"] == "message-unavailable"
