"""The stage of the scenarios: one French node and one mock that notifies it, with short waits.

The access point is a Domibus 5.1 that notifies by id and hands out payloads inline, or a 5.2.1 that pushes whole
messages by MTOM and leaves them pending. Either way the node proves the receipts that it gets.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adapters.demo.stage import FRANCE, Stage, free_ports
from adapters.mock_eu.keys import seal_in
from tests.support.running_node import EMBEDDED, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PUSH_USER, PUSH_PASSWORD = "domibus", "Push-Only-For-Tests-1"
RULES: Final = """
[nations.fr.push]
user = "{user}"
password = "{password}"
mark_as_downloaded = false
cron_seconds = 0.3
timeout_seconds = 5
[nations.fr.push.rules.broker]
endpoint = "{node}/access-point/push"
types = ["{receive}", "SEND_SUCCESS", "SEND_FAILURE", "DELETED", "DELETED_BATCH"]
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
    "HDEU_WORK__SIGNED_RECEIPTS": "0.3",
    "HDEU_WORK__SWEEP": "0.2",
}


#: Style → what the access point says of what came, and lines of the mock's configuration that are other ones.
STYLES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "5.1": ("RECEIVE_SUCCESS", {}),
    "5.2.1": ("SUBMIT_MESSAGE", {'answers = "5.1"': 'answers = "5.2.1"', "mtom = false": "mtom = true"}),
}


def scenario_stage(folder: Path, style: str = "5.1") -> Stage:
    """Configuration of its own, so that the mock knows where the node listens and the node who signs receipts."""
    ports = free_ports()
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    _configure(config / "mock-eu.toml", f"http://127.0.0.1:{ports[FRANCE.node]}", style)
    signer = folder / "signer.pem"
    signer.write_bytes(seal_in(folder / "mock-eu", datetime.now(UTC)).pem)
    receipts = {"HDEU_ACCESS_POINT__RECEIPT_CERTIFICATE": str(signer)}
    return Stage(folder, config, ports, {FRANCE.node: {**EMBEDDED, **SHORT, **receipts}})


def _configure(mock: Path, node: str, style: str) -> None:
    receive, changes = STYLES[style]
    text = mock.read_text("utf-8") + RULES.format(user=PUSH_USER, password=PUSH_PASSWORD, node=node, receive=receive)
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    mock.write_text(text, "utf-8")
