"""Cueing the system under test: a command of its operator that is told, step by step, what to do.

The command gets one JSON object on its standard input, `{"step", "application_id", …}`. Exit status 0: done; what it
prints as a JSON object is the answer of steps that ask for one. Status 3: this system does not do that; any other: it
tried and failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from dataclasses import dataclass
from typing import Any, Final

from adapters.mock_eu.conformance.model import Failed, Skipped, demand

DOES_NOT: Final = 3


@dataclass(frozen=True, slots=True)
class Cue:
    """`command` is split as a shell would; `patience` in seconds."""

    command: str
    patience: float

    async def __call__(self, step: str, **facts: Any) -> dict[str, Any]:
        """Have one step done; what the command answered. Raises: Failed, Skipped."""
        if not self.command:
            raise Skipped(f"it needs --on-step for the step {step}")
        process = await self._start()
        order = json.dumps({"step": step, **facts}).encode()
        try:
            out, error = await asyncio.wait_for(process.communicate(order), self.patience)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise Failed(f"the step {step} did not end within {self.patience:g} s") from None
        if process.returncode == DOES_NOT:
            raise Skipped(f"--on-step declines the step {step}{_said(error)}")
        demand(process.returncode == 0, f"the step {step} failed (exit status {process.returncode}){_said(error)}")
        return _object(step, out)

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        words = shlex.split(self.command)
        try:
            return await asyncio.create_subprocess_exec(
                *words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise Failed(f"--on-step cannot be started: {error}") from error


def _said(error: bytes) -> str:
    """The end of what the command complained of."""
    text = error.decode(errors="replace").strip()[-300:]
    return f": {text}" if text else ""


def _object(step: str, out: bytes) -> dict[str, Any]:
    if not out.strip():
        return {}
    try:
        found = json.loads(out)
    except ValueError as error:
        raise Failed(f"the step {step} printed something that is no JSON") from error
    demand(isinstance(found, dict), f"the step {step} printed something that is no JSON object")
    return dict(found)
