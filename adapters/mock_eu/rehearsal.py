"""`hdeu mock-eu run`: scenarios one after the other, a line for each, and an exit status."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.mock_eu import scenario
from adapters.mock_eu.eyes import MockEyes, NodeEyes
from adapters.mock_eu.scenario_run import Finding, Run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from adapters.mock_eu.settings import Settings


async def rehearse(given: argparse.Namespace, settings: Settings) -> int:
    """Exit status: 0 if every scenario ended as it must, else 1. Raises: BadScenario, OSError."""
    wanted = [scenario.load(path) for path in _files(given.scenarios)]
    findings = []
    async with aiohttp.ClientSession() as session:
        for each in wanted:
            mock = MockEyes(
                session, given.mock or f"http://{settings.host}:{settings.port}", settings.nations[each.nation]
            )
            node = NodeEyes(session, given.dispatcher, given.token, given.backend_token) if given.dispatcher else None
            finding = await _played(Run(each, mock, node), each)
            findings.append(finding)
            if not given.json:
                _say(finding)
    if given.json:
        sys.stdout.write(json.dumps({"scenarios": [_shown(finding) for finding in findings]}, indent=1) + "\n")
    elif not given.dispatcher:
        sys.stdout.write("No dispatcher was named: only what the mock saw was looked at.\n")
    return 1 if any(finding.wrong for finding in findings) else 0


async def _played(run: Run, each: scenario.Scenario) -> Finding:
    try:
        return await run.play()
    except (aiohttp.ClientError, TimeoutError) as error:
        return Finding(each, [f"{type(error).__name__}: {error}"])


def _files(named: Iterable[Path]) -> list[Path]:
    return [file for path in named for file in (_in(path) if path.is_dir() else [path])]


def _in(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.toml"))
    if not found:
        raise scenario.BadScenario(f"{folder}: no scenario is in this folder (*.toml)")
    return found


def _say(finding: Finding) -> None:
    mark = "FAILED" if finding.wrong else "ok"
    fired = ", ".join(f"{name} {count}" for name, count in finding.fired.items())
    lines = [f"{mark:<6} {finding.scenario.name}: {finding.scenario.title}" + (f" [fired: {fired}]" if fired else "")]
    lines += [f"       {text}" for text in finding.wrong]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _shown(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.scenario.name,
        "title": finding.scenario.title,
        "ok": not finding.wrong,
        "wrong": finding.wrong,
        "states": finding.seen,
        "fired": finding.fired,
    }
