"""The processes of the demonstration: started with their own data and logs, watched, and stopped together."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StepFailedError(Exception):
    """A step of the story did not happen; the text names it and says what was seen."""


class NotNowError(StepFailedError):
    """A party answers that it cannot serve at the moment: whoever can wait asks again."""


@dataclass(slots=True)
class Party:
    """One process: its name, how it was started, and where it logs."""

    name: str
    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; again after it was killed, with the same data."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- our own program, with arguments of our own
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.env},
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> int:
        """SIGKILL; the pid that is gone."""
        if self.process is None:
            raise StepFailedError(f"{self.name} was never started")
        pid = self.process.pid
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return pid

    def stop(self, seconds: float = 12.0) -> None:
        """SIGTERM, and SIGKILL if that is not heard."""
        if not self.alive or self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(slots=True)
class Parties:
    """All processes of one run."""

    by_name: dict[str, Party] = field(default_factory=dict)
    expected_down: set[str] = field(default_factory=set)

    def start(self, party: Party) -> Party:
        """Add a party and start it."""
        self.by_name[party.name] = party
        party.start()
        return party

    def check(self, step: str) -> None:
        """Raises: StepFailedError, if a party is gone that should be there."""
        gone = [name for name, party in self.by_name.items() if not party.alive and name not in self.expected_down]
        if gone:
            logs = ", ".join(str(self.by_name[name].log) for name in gone)
            raise StepFailedError(f"{step}: {', '.join(gone)} stopped running (log: {logs})")

    def stop(self) -> None:
        """Stop all, in reverse order."""
        for party in reversed(list(self.by_name.values())):
            with suppress(OSError):
                party.stop()


def hdeu(*arguments: str) -> list[str]:
    """The command line of this very installation."""
    return [sys.executable, "-m", "broker", *arguments]


async def run_hdeu(*arguments: str, env: dict[str, str]) -> str:
    """Run a command of `hdeu` to its end; what it prints. Raises: StepFailedError."""
    process = await asyncio.create_subprocess_exec(
        *hdeu(*arguments),
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise StepFailedError(f"hdeu {' '.join(arguments[:2])} ended with {process.returncode}: {err.decode().strip()}")
    return out.decode().strip()


def is_taken(port: int) -> bool:
    """Whether somebody listens on this port, or may not be pushed aside there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
