"""The mock's own access point pushes to a node that never polls; every fault of the pushing menu on the way."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.stage import FRANCE, Stage, free_ports
from tests.support.pusher import PASSWORD, USER, operations, pushed_only
from tests.support.running_node import EMBEDDED, ROOT, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

PUSH = """
[nations.fr.push]
user = "{user}"
password = "{password}"
cron_seconds = 1
[nations.fr.push.rules.broker]
endpoint = "{endpoint}"
types = ["RECEIVE_SUCCESS", "SEND_SUCCESS", "SEND_FAILURE", "MESSAGE_STATUS_CHANGE"]
retry = "1;60;CONSTANT"
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("pushed")
    config, ports = folder / "config", free_ports()
    shutil.copytree(ROOT / "config", config)
    endpoint = f"http://127.0.0.1:{ports[FRANCE.node]}/access-point/push"
    mock = config / "mock-eu.toml"
    rule = PUSH.format(user=USER, password=PASSWORD, endpoint=endpoint)
    mock.write_text(mock.read_text("utf-8") + rule, "utf-8")
    extra = {**EMBEDDED, "HDEU_ACCESS_POINT__POLL": "false", "HDEU_WORK__BACKOFF_BASE": "0.1"}
    with running(Stage(Path(folder), config, ports, {FRANCE.node: extra})) as made:
        yield made


def pushes(node: Running) -> list[dict[str, Any]]:
    """Tries to notify the node of a message that came, oldest first."""
    return operations(node, "push.receiveSuccess")


def fetched(node: Running) -> Counter[str]:
    return Counter(entry["message_id"] for entry in operations(node, "retrieveMessage"))


@pytest.mark.parametrize("fault", ["", "push-duplicate", "push-reorder", "push-burst", "push-unknown-id"])
def test_what_is_pushed_arrives_and_is_fetched_once(node: Running, fault: str) -> None:
    armed = node.arm(fault, nth=1, seconds=0.5, amount=4) if fault else ""
    applications = [node.file() for _ in range(2)]
    for application in applications:
        node.arrives(application)
    if armed:
        assert node.fired(armed) >= 1
    known = {name: count for name, count in fetched(node).items() if "unknown" not in name}
    assert len(known) >= 2
    ours = {entry["message_id"] for entry in operations(node, "markMessageAsDownloaded")}
    assert {count for name, count in known.items() if name in ours} == {1}
    pushed_only(node)


def test_what_was_pushed_to_a_node_that_was_away_arrives_when_it_is_back(node: Running) -> None:
    """The node is down while a message arrives; Domibus's retry rule bridges it, and nobody polls."""
    party = node.parties.by_name[FRANCE.node]
    party.kill()
    before = len(pushes(node))
    application = node.file()
    failed = node.until(lambda: pushes(node)[before:])
    assert {one["outcome"] for one in failed} == {"ClientConnectorError"}, "nobody was there"
    party.start()

    def known() -> list[Any]:
        try:
            return list(node.get(f"/api/v1/cases?text={application}").json["cases"])
        except OSError:
            return []

    assert node.until(known, 60)

    def outcomes() -> list[str]:
        return [one["outcome"] for one in pushes(node) if one["message_id"] == failed[0]["message_id"]]

    assert node.until(lambda: outcomes()[-1] == "sent")
    assert set(outcomes()[:-1]) == {"ClientConnectorError"}, "tries that failed, then one that did not"
    pushed_only(node)
