"""`hdeu demo`: the story on one machine with no service installed, and how it says what went wrong."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import time
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.processes import hdeu, is_taken
from adapters.demo.stage import PORTS
from tests.support.chaos import is_gone
from tests.support.production import example_form

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.timeout(300)
PROMISED_SECONDS = 120
PARTIES = 5


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demonstration as a process of its own; stopped at the end, with all its parties."""
    process = await asyncio.create_subprocess_exec(
        *hdeu("demo", "--once", "--folder", str(folder), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def lines_until(process: asyncio.subprocess.Process, words: str) -> list[str]:
    """What it says up to a line with these words, or to its end."""
    lines: list[str] = []
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        lines.append(line.rstrip())
        if words and words in line:
            break
    return lines


def parties(process: asyncio.subprocess.Process) -> dict[int, tuple[str, dict[str, str]]]:
    """Its child processes: pid → command line and environment."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = {}
    for pid in map(int, children):
        environment = dict(
            pair.split("=", 1) for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in pair
        )
        found[pid] = (Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "), environment)
    return found


def node_of(process: asyncio.subprocess.Process, name: str) -> int:
    """The pid of the node that serves with this configuration."""
    return next(
        pid
        for pid, (command, environment) in parties(process).items()
        if command.rstrip().endswith(" serve") and environment.get("HDEU_CONFIG", "").endswith(f"/{name}.toml")
    )


def on_file(folder: Path, office: str, kind: str) -> list[str]:
    return [path.read_text("utf-8") for path in sorted((folder / office / "received").glob(f"*-{kind}-*"))]


def own_form(folder: Path) -> tuple[Path, str]:
    """The applicant's form under a title that was never there before."""
    title = f"Un autre projet (exemple) {secrets.token_hex(6)}"
    form: dict[str, Any] = {**example_form(), "title": title}
    file = folder / "form.json"
    file.write_text(json.dumps(form), "utf-8")
    return file, title


async def test_the_story_is_told_within_two_minutes_and_leaves_nothing_running(tmp_path: Path) -> None:
    started = time.monotonic()
    folder = tmp_path / "demo"
    async with demo(folder, "--free-ports") as process:
        said = await lines_until(process, "Act 1")
        pids = list(parties(process))
        said += await lines_until(process, "")
        assert await process.wait() == 0, said[-10:]
    assert time.monotonic() - started < PROMISED_SECONDS
    assert len(pids) == PARTIES
    assert all(is_gone(pid) for pid in pids)
    assert sum("the journal of" in line for line in said) == 2
    assert sum("is proven by the platform's certificate" in line for line in said) == 2
    for database in ("france/broker.sqlite", "finland/broker.sqlite", "mock-eu/mock-eu.sqlite3", "logs/france.log"):
        assert (folder / database).stat().st_size > 0
    assert on_file(folder, "hdh", "ApplicantResponse")
    assert on_file(folder, "findata", "ApplicantResponse")


async def test_a_form_of_ones_own_reaches_both_offices_and_a_party_that_dies_ends_the_story(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    form, title = own_form(tmp_path)
    async with demo(folder, "--free-ports", "--form", str(form)) as process:
        await lines_until(process, "findata has the application on file")
        for office in ("hdh", "findata"):
            assert any(title in text for text in on_file(folder, office, "ApplicationSubmitted")), office
        victim = node_of(process, "finland")
        os.kill(victim, signal.SIGKILL)
        said = await lines_until(process, "")
        assert await process.wait() == 1
    assert is_gone(victim)
    failure = next(line for line in said if line.startswith("✘"))
    assert "finland stopped running" in failure
    step = failure[2:].partition(": finland stopped running")[0]
    assert step, "the step is named"
    assert f"✔ {step}" not in said, "and it is the one that did not happen"


async def test_a_port_that_is_in_use_is_named_and_nothing_is_started_or_deleted(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("from the run before", "utf-8")
    with ExitStack() as stack:
        if not is_taken(PORTS["findata"]):  # else somebody else does what this test is about
            stack.enter_context(socket.create_server(("127.0.0.1", PORTS["findata"])))
        async with demo(tmp_path) as process:
            said = await lines_until(process, "")
            assert await process.wait() == 1
    assert len(said) == 1
    assert said[0].startswith("✘ in use: port")
    assert f"{PORTS['findata']} (findata)" in said[0]
    assert "--free-ports" in said[0]
    assert (tmp_path / "kept").exists()
