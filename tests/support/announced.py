"""Says at the end of a run what its processes want to have said: which servers they started, what a matrix showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

WORDS = pytest.StashKey[list[str]]()


def announce(config: pytest.Config, words: str) -> None:
    """Remember what stands at the end of the log."""
    config.stash.setdefault(WORDS, []).append(words)


class Announcer:
    """The hooks; with pytest-xdist the controller gathers what its workers say."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["said"] = session.config.stash.get(WORDS, [])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for words in getattr(node, "workeroutput", {}).get("said", []):
            announce(node.config, words)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if said := terminalreporter.config.stash.get(WORDS, []):
            terminalreporter.section("said on the way")
            terminalreporter.write("".join(f"{words}\n" for words in said))
