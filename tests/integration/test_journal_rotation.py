"""The key of the journal is rotated while the node works: nothing is restarted, and the whole journal verifies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.bad_input import sent
from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    with running(embedded_stage(tmp_path)) as made:
        yield made


def exported(node: Running, file: Path) -> list[dict[str, str]]:
    """The journal's records."""
    assert node.cli("audit", "export", str(file)).returncode == 0
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def signers(node: Running, file: Path) -> set[str]:
    return {one["key_id"] for one in exported(node, file) if one["kind"] == "checkpoint"}


def test_a_running_node_takes_up_the_new_key_by_itself(node: Running, tmp_path: Path) -> None:
    trusted, export, pid = tmp_path / "trusted.pub", tmp_path / "journal.jsonl", node.pid
    trusted.write_bytes(node.cli("keys", "journal").stdout)
    sent(node)
    [old] = node.until(lambda: signers(node, export))
    done = node.cli("keys", "rotate-journal")
    assert done.returncode == 0, done
    new = done.stdout.decode().strip()
    sent(node)
    assert node.until(lambda: (found := signers(node, export)) == {old, new} and found)
    [entry] = [one for one in exported(node, export) if one.get("action") == "journal.key_followed"]
    assert (entry["target"], entry["actor"].partition(":")[0]) == ("journal", "cli")
    verified = node.cli("audit", "verify", str(export), "--key", str(trusted))
    assert verified.returncode == 0, verified.stdout
    assert node.pid == pid
