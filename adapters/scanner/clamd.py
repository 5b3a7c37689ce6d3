r"""clamd by its INSTREAM command (clamd(8)): the bytes go over the socket, no file has to be shared.

`zINSTREAM\0`, then pieces of `<length, four bytes, big endian><bytes>`, then four zero bytes; the answer is
`stream: OK`, `stream: <name> FOUND` or `… ERROR`. One connection for each file, because clamd closes it after one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from broker.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PIECE: Final = 64 * 1024
_ANSWER: Final = 4096  #: bytes; names of signatures are short
_FOUND: Final = " FOUND"
_PREFIX: Final = "stream: "


class Clamd:
    """Implements `broker.judges.Scanner`. `url` is `tcp://host:port` or `unix:///path`; `seconds` for one file."""

    def __init__(self, url: str, *, seconds: float = 10.0) -> None:
        self._url = urlsplit(url)
        self._seconds = seconds

    async def scan(self, data: bytes) -> str:
        """The signature that was found, or "". Raises: Unavailable, also where clamd says that it could not scan."""
        answer = await self._ask(b"zINSTREAM\0", data)
        if answer.endswith(_FOUND):
            return answer.removeprefix(_PREFIX).removesuffix(_FOUND)
        if answer != f"{_PREFIX}OK":
            raise Unavailable(f"The malware scanner could not scan: {answer[:200] or 'no answer'}.")
        return ""

    async def ping(self) -> None:
        """Raises: Unavailable."""
        if await self._ask(b"zPING\0", None) != "PONG":
            raise Unavailable("The malware scanner does not answer as clamd does.")

    async def _ask(self, command: bytes, data: bytes | None) -> str:
        try:
            async with asyncio.timeout(self._seconds), self._connected() as (reader, writer):
                writer.write(command)
                if data is not None:
                    await _stream(writer, data)
                await writer.drain()
                return (await reader.read(_ANSWER)).decode("utf-8", "replace").strip("\0\n ")
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"The malware scanner cannot be reached: {type(error).__name__}.") from error

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if self._url.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(self._url.path)
        else:
            reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _stream(writer: asyncio.StreamWriter, data: bytes) -> None:
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        writer.write(len(piece).to_bytes(4, "big") + piece)
        await writer.drain()
    writer.write(bytes(4))
