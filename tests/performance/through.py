"""`memory.through-30mb`: what an attachment of 30 MB costs on its whole way: access point → store → access point.

Our side fetches it, keeps it in a SQLite store, lays it aside from there and submits it, inline. The floor does the
same with bare aiohttp and sqlite3, holding what it moves. Peak resident size of a fresh child less that of the same
child on ten bytes; less is better. As a program (`python -m tests.performance.through SIDE URL FOLDER`) it is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs
from adapters.store.sql import open_store
from adapters.system import SystemClock
from broker.ports import Part, UserMessage
from tests.performance import access_point as bench
from tests.performance.figures import Figure
from tests.performance.soap_server import MESSAGE_ID


def memory(folder: Path) -> Figure:
    with bench.server() as base:
        peaks = {
            side: {size: _peak(side, f"{base}/{size}") for size in (10, bench.LARGE)} for side in ("ours", "floor")
        }
    (folder / "peaks.txt").write_text(f"{peaks}\n", encoding="utf-8")
    ours, floor = (peaks[side][bench.LARGE] - peaks[side][10] for side in ("ours", "floor"))
    return Figure(ours / 1024, floor / 1024, "MB for 30 MB, less is better")


def _peak(side: str, url: str) -> int:
    """Kilobytes of a fresh child that moves one message."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.performance.through", side, url, folder]
        return int(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)


async def _ours(url: str, folder: str) -> None:
    settings = DomibusSettings("bench", url, bench.USER, bench.PASSWORD, bench.HEADER, folder=folder)
    adapter, store = DomibusWs(settings), open_store(f"sqlite:///{folder}/db", clock=SystemClock(), spools=folder)
    [part] = (await adapter.retrieve(MESSAGE_ID)).parts
    async with store.transaction() as tx:
        digest, _ = await tx.put_contents(part.payload, b"<header/>")
    size, part = part.payload.size, None
    async with store.transaction() as tx:
        payload = await tx.payload(digest)
    assert payload.size == size == int(url.rpartition("/")[2])
    await adapter.submit(UserMessage(MESSAGE_ID, (Part("cid:message", "application/zip", payload),)))
    await adapter.close()
    await store.close()


async def _floor(url: str, folder: str) -> None:
    database = sqlite3.connect(f"{folder}/db")
    database.execute("CREATE TABLE contents (data BLOB)")
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=b"<retrieve/>", headers=bench.HEADERS) as response:
            database.execute("INSERT INTO contents VALUES (?)", (await response.read(),))
            database.commit()
        [(data,)] = database.execute("SELECT data FROM contents")
        submit = b"<submitRequest>%b</submitRequest>" % data
        async with session.post(url, data=submit, headers=bench.HEADERS) as response:
            assert await response.read()
    database.close()


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        asyncio.run({"ours": _ours, "floor": _floor}[sys.argv[1]](sys.argv[2], sys.argv[3]))
    sys.stdout.write(bench.own_peak())
