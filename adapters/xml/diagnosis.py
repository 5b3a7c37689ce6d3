"""Ask worker processes for the explanation of a refusal, and never wait longer than a person would.

A worker is an own process that is talked to over pipes: the loop is never blocked, a worker that takes too long is
killed and replaced, and one whose parent died ends by itself because its input ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from broker.errors import Problem, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_LINE_BYTES: Final = 1 << 20
_GRACE_SECONDS: Final = 0.5  #: for the way to the worker and back


class Workers:
    """A few processes, started when first needed. Belongs to one event loop."""

    def __init__(self, *, count: int = 1, start_seconds: float = 30.0) -> None:
        self._start_seconds = start_seconds
        self._room = asyncio.Semaphore(count)
        self._idle: list[_Worker] = []

    async def explain(self, schema: Path, data: bytes, *, limit: int, seconds: float) -> tuple[Problem, ...]:
        """Raises: Unavailable, if there was no answer in time; the worker is then killed."""
        async with self._room:
            worker = self._idle.pop() if self._idle else await self._start()
            try:
                await self._compile(worker, schema)
                problems = await _ask(worker, schema, data, limit=limit, seconds=seconds)
            except BaseException:
                await _kill(worker.process)
                raise
            self._idle.append(worker)
            return problems

    async def close(self) -> None:
        """End all idle workers; one that is busy is ended by the call that waits for it."""
        while self._idle:
            await _kill(self._idle.pop().process)

    async def _start(self) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "adapters.xml.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        try:
            await _line(process, self._start_seconds)
        except BaseException:
            await _kill(process)
            raise
        return _Worker(process)

    async def _compile(self, worker: _Worker, schema: Path) -> None:
        if schema not in worker.compiled:
            await _exchange(worker.process, {"schema": str(schema)}, self._start_seconds)
            worker.compiled.add(schema)


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    compiled: set[Path] = field(default_factory=set)


async def _ask(worker: _Worker, schema: Path, data: bytes, *, limit: int, seconds: float) -> tuple[Problem, ...]:
    request = {"schema": str(schema), "data": base64.b64encode(data).decode(), "limit": limit, "seconds": seconds}
    answer = await _exchange(worker.process, request, seconds + _GRACE_SECONDS)
    return tuple(Problem(*fields) for fields in answer["problems"])


async def _exchange(worker: asyncio.subprocess.Process, request: dict[str, Any], seconds: float) -> Any:
    try:
        await asyncio.wait_for(_send(worker, request), seconds)
    except TimeoutError as error:
        raise Unavailable("The diagnosis worker does not listen.") from error
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Unavailable("The diagnosis worker is gone.") from error
    return await _line(worker, seconds)


async def _send(worker: asyncio.subprocess.Process, request: dict[str, Any]) -> None:
    if worker.stdin is None:
        raise Unavailable("The diagnosis worker has no input.")
    worker.stdin.write(json.dumps(request).encode() + b"\n")
    await worker.stdin.drain()


async def _line(worker: asyncio.subprocess.Process, seconds: float) -> Any:
    if worker.stdout is None:
        raise Unavailable("The diagnosis worker has no output.")
    try:
        line = await asyncio.wait_for(worker.stdout.readline(), seconds)
    except TimeoutError as error:
        raise Unavailable(f"The diagnosis took longer than {seconds} seconds.") from error
    if not line:
        raise Unavailable("The diagnosis worker ended.")
    return json.loads(line)


async def _kill(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
    if worker.stdin is not None:
        worker.stdin.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
