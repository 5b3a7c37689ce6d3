"""A loop of a running node that stands still is named by `/readyz`, until it turns again."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.stage import FRANCE
from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stage = embedded_stage(tmp_path_factory.mktemp("still"))
    patient = {"HDEU_WORK__STILL": "3", "HDEU_ACCESS_POINT__TIMEOUT": "60", "HDEU_WORK__BACKOFF_BASE": "0.1"}
    stage.extra[FRANCE.node] = {**stage.extra[FRANCE.node], **patient}
    with running(stage) as made:
        yield made


def readiness(node: Running) -> tuple[int, dict[str, Any]]:
    answer = node.call("GET", f"{node.ops}/readyz")
    return answer.status, answer.json


def still(node: Running) -> set[str]:
    return {name for name, loop in readiness(node)[1]["loops"].items() if loop["state"] == "stands-still"}


def test_a_loop_that_waits_for_an_access_point_which_accepts_and_never_answers_is_named_until_it_turns_again(
    node: Running,
) -> None:
    node.until(lambda: readiness(node)[0] == 200)
    report = readiness(node)[1]
    assert (report["state"], still(node)) == ("ready", set())
    assert {"fetcher", "housekeeping", "receipts", "sealer", "silence", "sweeper"} <= set(report["loops"])
    pid, mock = node.pid, node.parties.by_name["mock-eu"].process
    assert mock is not None
    mock.send_signal(signal.SIGSTOP)
    try:
        node.until(lambda: "fetcher" in still(node))
        status, report = readiness(node)
        assert (status, report["state"]) == (503, "not-ready")
        assert still(node) == {"fetcher"}, "the others turn"
        assert report["loops"]["fetcher"]["age"] > 3
        node.until(lambda: readiness(node)[1]["checks"]["access_point"]["state"] == "timeout")
    finally:
        mock.send_signal(signal.SIGCONT)
    node.until(lambda: readiness(node)[0] == 200)
    assert still(node) == set()
    node.arrives(node.file())
    assert node.pid == pid
