"""`memory.push-30mb`: what a whole message of 30 MB, pushed inline, costs our push endpoint.

Peak resident size of a fresh child less that of the same child on ten bytes; less is better. The floor is a bare
aiohttp handler that reads the body and decodes nothing. The store is on neither side: what it needs is its own.
Run as a program (`python -m tests.performance.pushed SIDE`) it is the child, which serves one push and tells its peak.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import itertools
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from adapters.access_point.domibus_ws import Limits
from adapters.access_point.domibus_ws.push import ACCEPTED, MEDIA_TYPE, notification
from broker.ports import Notification
from broker.web.auth import guard
from broker.web.problem import problems
from broker.web.push import PATH, Push, add_push_route
from tests.performance.figures import Figure
from tests.support.pushes import whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

LARGE = 30 * 2**20
LIMITS = Limits()
USER, PASSWORD = "user", "password"
_SLICE = 96 * 1024  # a multiple of three: slices of base64 fit together


def memory(folder: Path) -> Figure:
    peaks = {side: {size: _peak(side, size) for size in (10, LARGE)} for side in ("ours", "floor")}
    (folder / "peaks.txt").write_text(f"{peaks}\n", encoding="utf-8")
    ours, floor = (peaks[side][LARGE] - peaks[side][10] for side in ("ours", "floor"))
    return Figure(ours / 1024, floor / 1024, "MB for 30 MB, less is better")


def _peak(side: str, size: int) -> int:
    """Kilobytes of a fresh child that takes one push."""
    command = [sys.executable, "-m", "tests.performance.pushed", side]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        _push(int(child.stdout.readline()), size)
        return int(child.stdout.readline())


def _push(port: int, size: int) -> None:
    head, _, tail = whole("bench@example.org", b"").partition(b"<value>")
    pieces = itertools.chain((head, b"<value>"), _encoded(size), (tail,))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    length = len(head) + len(tail) + len("<value>") + 4 * -(-size // 3)
    headers = {"Content-Type": "application/soap+xml", "Content-Length": str(length)}
    connection.request("POST", PATH, pieces, headers | {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)})
    answer = connection.getresponse()
    assert answer.status == web.HTTPOk.status_code, answer.status
    answer.read()
    connection.close()


def _encoded(size: int) -> Iterator[bytes]:
    for start in range(0, size, _SLICE):
        yield base64.b64encode(bytes(min(_SLICE, size - start)))


async def _ours(taken: asyncio.Event, content_type: str, chunks: AsyncIterator[bytes]) -> None:
    told = await notification(content_type, chunks, LIMITS)
    assert isinstance(told, Notification), told
    taken.set()


async def _bare(taken: asyncio.Event, request: web.Request) -> web.Response:
    assert await request.read()
    taken.set()
    return web.Response(body=ACCEPTED)


def _app(side: str, taken: asyncio.Event) -> web.Application:
    if side == "floor":
        app = web.Application(client_max_size=LIMITS.answer)
        app.router.add_post(PATH, partial(_bare, taken))
        return app
    app = web.Application(middlewares=[problems, guard])
    endpoint: Any = {"name": "bench", "user": USER, "password": PASSWORD, "limit": LIMITS.answer}
    add_push_route(app, Push(**endpoint, take=partial(_ours, taken), accepted=ACCEPTED, media_type=MEDIA_TYPE))
    return app


async def _serve(side: str) -> None:
    taken = asyncio.Event()
    runner = web.AppRunner(_app(side, taken))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await taken.wait()
    await asyncio.sleep(0.2)  # until the answer is out
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage would tell of the parent, too
    sys.stdout.write(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")) + "\n")
