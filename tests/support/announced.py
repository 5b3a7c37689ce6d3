"""Says at the end of a run which servers it started, whichever of its processes did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

SERVERS = pytest.StashKey[list[str]]()


def announce(config: pytest.Config, words: str) -> None:
    """Remember a line on a server that the tests started."""
    config.stash.setdefault(SERVERS, []).append(words)


class Announcer:
    """The hooks; with pytest-xdist the controller gathers what its workers say."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["servers"] = session.config.stash.get(SERVERS, [])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for words in getattr(node, "workeroutput", {}).get("servers", []):
            announce(node.config, words)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if servers := terminalreporter.config.stash.get(SERVERS, []):
            terminalreporter.section("servers")
            terminalreporter.write("".join(f"{words}\n" for words in servers))
