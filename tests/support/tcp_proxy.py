"""A TCP proxy that can cut, reset, stall and slow what goes through it, and records it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 65536


@dataclass
class Recording:
    """Bytes of one connection, in both directions."""

    sent: bytearray = field(default_factory=bytearray)  #: by the client
    received: bytearray = field(default_factory=bytearray)


class TcpProxy:
    """`async with TcpProxy(host, port) as proxy`: connect to `proxy.port`.

    `fired` counts the connections that a fault has met, so that a test can show that it happened.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._rate = 0.0
        self.port = 0
        self.connections = 0
        self.fired = 0
        self.recordings: list[Recording] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_all()

    def cut(self) -> None:
        """Close all connections and refuse new ones until `lift`."""
        self._refusing = True
        self._close_all()

    def reset(self) -> None:
        """Break all connections with RST; new ones are taken."""
        for writer in self._writers:
            peer = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close_all()

    def stall(self) -> None:
        """Keep connections open and pass nothing on until `lift`."""
        self.fired += len(self._writers) // 2
        self._flowing.clear()

    def slow(self, bytes_per_second: float) -> None:
        """Pass everything on at this rate."""
        self.fired += len(self._writers) // 2
        self._rate = bytes_per_second

    def lift(self) -> None:
        """End every fault."""
        self._refusing = False
        self._rate = 0.0
        self._flowing.set()

    def _close_all(self) -> None:
        self.fired += len(self._writers) // 2
        for writer in tuple(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the proxy is closing
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            self.fired += 1
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            return
        self.connections += 1
        recording = Recording()
        self.recordings.append(recording)
        self._writers |= {writer, up_writer}
        try:
            await asyncio.gather(
                self._pump(reader, up_writer, recording.sent), self._pump(up_reader, writer, recording.received)
            )
        finally:
            self._writers -= {writer, up_writer}
            up_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                record += data
                await self._pass_on(data, writer)
            if writer.can_write_eof():
                writer.write_eof()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        step = max(1, int(self._rate / 10)) if self._rate else len(data)
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            if self._rate:
                await asyncio.sleep(step / self._rate)
