"""`access-point.submit`, `access-point.fetch`, `memory.attachment-30mb`: our client beside a bare one.

Both move the same bytes to and from the same server, a process of its own, with the same credentials, a few calls in
turn. The bare client (aiohttp) neither encodes, decodes, parses nor logs; its request is made beforehand. Memory is the
peak of a fresh child less that of the same child on a payload of ten bytes; there less is better.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, requests
from adapters.demo.processes import free_port
from broker.logging_setup import configure_logging
from broker.ports import Part, UserMessage
from tests.performance.figures import Figure
from tests.performance.soap_server import MESSAGE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

SIZE = 20_000
LARGE = 30 * 2**20
CALLS, ROUNDS = 20, 41
USER, PASSWORD = "user", "password"
HEADER = Header(from_party="urn:example:ap:ours", to_party="urn:example:ap:theirs")
HEADERS = {
    "Content-Type": "application/soap+xml; charset=utf-8",
    "Authorization": aiohttp.encode_basic_auth(USER, PASSWORD),
}


def submit(folder: Path) -> Figure:
    message = UserMessage(MESSAGE_ID, (Part.of("cid:message", "application/zip", random.Random(1).randbytes(SIZE)),))
    request = requests.submit(message, HEADER).whole()
    (folder / "request.xml").write_bytes(request)
    return _compared(lambda adapter: adapter.submit(message), request)


def fetch(folder: Path) -> Figure:
    request = requests.retrieve(MESSAGE_ID)
    (folder / "request.xml").write_bytes(request)
    return _compared(lambda adapter: adapter.retrieve(MESSAGE_ID), request)


def memory(folder: Path) -> Figure:
    with server() as base:
        peaks = {side: {size: _peak(side, f"{base}/{size}") for size in (10, LARGE)} for side in ("ours", "floor")}
    (folder / "peaks.txt").write_text(f"{peaks}\n", encoding="utf-8")
    ours, floor = (peaks[side][LARGE] - peaks[side][10] for side in ("ours", "floor"))
    return Figure(ours / 1024, floor / 1024, "MB for 30 MB, less is better")


def _compared(ours: Callable[[DomibusWs], Coroutine[Any, Any, object]], request: bytes) -> Figure:
    with server() as base, Path(os.devnull).open("w", encoding="utf-8") as log:
        configure_logging(stream=log)  # as a node logs; a terminal would be measured instead
        return asyncio.run(_both(f"{base}/{SIZE}", ours, request))


async def _both(url: str, ours: Callable[[DomibusWs], Coroutine[Any, Any, object]], request: bytes) -> Figure:
    adapter = DomibusWs(DomibusSettings("bench", url, USER, PASSWORD, HEADER))
    async with aiohttp.ClientSession() as session:
        mine, least = [], []
        for number in range(ROUNDS + 1):
            pair = await _timed(lambda: ours(adapter)), await _timed(lambda: _bare(session, url, request))
            if number:  # the first warms up
                mine.append(pair[0])
                least.append(pair[1])
    await adapter.close()
    middle = ROUNDS // 2
    return Figure(CALLS / sorted(mine)[middle], CALLS / sorted(least)[middle], "messages/s of 20 kB")


async def _timed(call: Callable[[], Coroutine[Any, Any, object]]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return time.perf_counter() - start


async def _bare(session: aiohttp.ClientSession, url: str, request: bytes) -> int:
    async with session.post(url, data=request, headers=HEADERS) as response:
        return len(await response.read())


@contextmanager
def server() -> Iterator[str]:
    """The server of `soap_server` as a process of its own; its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.performance.soap_server", str(port)])
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{base}/", timeout=5).close()  # noqa: S310 -- our own server
                break
            except OSError:
                time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait()


def _peak(side: str, url: str) -> int:
    """Kilobytes of a fresh child that fetches once."""
    command = [sys.executable, "-m", "tests.performance.access_point", side, url]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)


def own_peak() -> str:
    """Kilobytes of this program alone: `ru_maxrss` would carry over the peak of who started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))


async def _child(side: str, url: str) -> None:
    request = requests.retrieve(MESSAGE_ID)
    if side == "ours":
        adapter = DomibusWs(DomibusSettings("bench", url, USER, PASSWORD, HEADER))
        [part] = (await adapter.retrieve(MESSAGE_ID)).parts
        assert sum(map(len, part.payload.pieces())) == int(url.rpartition("/")[2])
        await adapter.close()
        return
    async with aiohttp.ClientSession() as session:
        assert await _bare(session, url, request)


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        asyncio.run(_child(sys.argv[1], sys.argv[2]))
    sys.stdout.write(own_peak())
