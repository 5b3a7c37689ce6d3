"""The malware scanner's adapter against a socket server that speaks clamd's INSTREAM, over TCP and a Unix socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.scanner.clamd import Clamd
from broker.errors import Unavailable
from tests.support.files import EICAR


class Server:
    """Reads as clamd(8) says: a command that ends in NUL, then pieces with their length, then a piece of no length."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.limit = 25 * 1024 * 1024
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        if self.silent:
            await reader.read()
        elif command == b"zPING\0":
            writer.write(b"PONG\0")
        else:
            writer.write(await self._scanned(command, reader))
        writer.close()

    async def _scanned(self, command: bytes, reader: asyncio.StreamReader) -> bytes:
        assert command == b"zINSTREAM\0"
        data = b""
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            data += await reader.readexactly(size)
            if len(data) > self.limit:
                return b"INSTREAM size limit exceeded. ERROR\0"
        self.got.append(data)
        return b"stream: Eicar-Signature FOUND\0" if EICAR in data else b"stream: OK\0"


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture(params=["tcp", "unix"])
async def clamd(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> AsyncIterator[Clamd]:
    if request.param == "unix":
        listening = await asyncio.start_unix_server(server.serve, tmp_path / "clamd.ctl")
        url = f"unix://{tmp_path}/clamd.ctl"
    else:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield Clamd(url, seconds=0.5)
    listening.close()


async def test_all_bytes_arrive_and_nothing_is_found(clamd: Clamd, server: Server) -> None:
    data = bytes(range(256)) * 1000
    assert await clamd.scan(data) == ""
    assert await clamd.scan(b"") == ""
    assert server.got == [data, b""]


async def test_what_is_found_is_told_by_its_name(clamd: Clamd) -> None:
    assert await clamd.scan(b"before " + EICAR) == "Eicar-Signature"


async def test_a_scanner_that_says_it_could_not_scan_has_not_cleared_the_file(clamd: Clamd, server: Server) -> None:
    server.limit = 10
    with pytest.raises(Unavailable):
        await clamd.scan(b"x" * 100)


async def test_silence_ends_after_the_time_that_was_set(clamd: Clamd, server: Server) -> None:
    server.silent = True
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await clamd.scan(b"x")
    assert time.monotonic() - started < 2


async def test_it_answers_a_ping(clamd: Clamd) -> None:
    await clamd.ping()


async def test_a_scanner_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Clamd("tcp://127.0.0.1:9", seconds=0.5).ping()
