"""The stage of the scenarios: one French node and one mock that notifies it, with short waits."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from adapters.demo.stage import FRANCE, Stage, free_ports
from tests.support.running_node import EMBEDDED, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PUSH_USER, PUSH_PASSWORD = "domibus", "Push-Only-For-Tests-1"
_RULES: Final = """
[nations.fr.push]
user = "{user}"
password = "{password}"
cron_seconds = 0.3
timeout_seconds = 5
[nations.fr.push.rules.broker]
endpoint = "{node}/access-point/push"
types = ["RECEIVE_SUCCESS", "SEND_SUCCESS", "SEND_FAILURE"]
retry = "0.1;5;CONSTANT"
"""
SHORT: Final = {
    "HDEU_ACCESS_POINT__POLL": "1",
    "HDEU_ACCESS_POINT__TIMEOUT": "2",
    "HDEU_ACCESS_POINT__PUSH_USERNAME": PUSH_USER,
    "HDEU_ACCESS_POINT__PUSH_PASSWORD": PUSH_PASSWORD,
    "HDEU_WORK__BACKOFF_BASE": "0.2",
    "HDEU_WORK__BACKOFF_CAP": "1",
    "HDEU_WORK__RECEIPTS": "0.3",
    "HDEU_WORK__SWEEP": "0.2",
}


def scenario_stage(folder: Path) -> Stage:
    """Configuration of its own, so that the mock knows where the node listens."""
    ports = free_ports()
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    node = f"http://127.0.0.1:{ports[FRANCE.node]}"
    mock = config / "mock-eu.toml"
    rules = _RULES.format(user=PUSH_USER, password=PUSH_PASSWORD, node=node)
    mock.write_text(mock.read_text("utf-8") + rules, "utf-8")
    return Stage(folder, config, ports, {FRANCE.node: {**EMBEDDED, **SHORT}})
