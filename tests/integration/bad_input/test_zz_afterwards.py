"""What the running node is like after all the bad input of this folder."""

from __future__ import annotations

from typing import Any

from tests.support.running_node import Running


def test_after_all_of_it_nothing_is_left_undone_and_the_journal_holds(node: Running) -> None:
    """Every good message of this module was validated by the platform; nothing loops, nothing waits without a date."""

    def open_ones() -> list[dict[str, Any]]:
        rows = node.get("/api/v1/messages?limit=200&state=QUEUED,SUBMITTING,KEPT,RECEIVED").json["messages"]
        return list(rows)

    node.until(lambda: not open_ones(), 60)
    assert node.call("GET", f"{node.ops}/readyz").status == 200
    done = node.cli("audit", "verify")
    assert done.returncode == 0, done.stderr
    assert '"internal-error"' not in node.log()
    assert "Traceback" not in node.log()
