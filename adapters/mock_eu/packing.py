"""Bodies that come packed (RFC 9110 section 8.4): unpacked whole before a handler reads them, or refused by it."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any, Final

from aiohttp import StreamReader, web

from adapters.mock_eu.problem import Problem

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

LARGEST: Final = 128 * 1024 * 1024  #: bytes of a body, packed or not
ACCEPTED: Final = {"Accept-Encoding": "gzip, deflate, identity"}
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_BUFFER: Final = 2**16


class Unpackable(Problem):
    """The body is packed in a way that is not taken here, or not as its header says."""

    @classmethod
    def by(cls, coding: str) -> Unpackable:
        """By a coding that nobody here unpacks, or by several."""
        shown = coding.encode("ascii", "replace").decode("ascii")[:80]
        detail = f"the body is packed by {shown}; send it plain, or by gzip or deflate alone"
        return cls(415, "content-encoding-unsupported", detail, headers=ACCEPTED)


def runner_of(app: web.Application, **more: Any) -> web.AppRunner:
    """What serves the mock: bodies come as they were sent, and `unpacking` sees to them."""
    return web.AppRunner(app, access_log=None, auto_decompress=False, **more)


def codings_of(request: web.Request) -> list[str]:
    """What the body is packed by, in order."""
    named = ",".join(request.headers.getall("Content-Encoding", ())).split(",")
    return [coding for one in named if (coding := one.strip().lower()) not in {"", "identity"}]


@web.middleware
async def unpacking(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the handler read the body unpacked; where that cannot be, its reading raises Unpackable."""
    if not (codings := codings_of(request)) or not request.can_read_body:
        return await handler(request)
    body = StreamReader(request.protocol, _BUFFER, loop=asyncio.get_running_loop())
    try:
        data = _unpacked(await request.read(), codings)
    except Unpackable as error:
        body.set_exception(error)
    else:
        body.feed_data(data)
        body.feed_eof()
    request._payload, request._read_bytes = body, None  # noqa: SLF001 -- aiohttp has no other way to hand a body on
    return await handler(request)


def _unpacked(data: bytes, codings: list[str]) -> bytes:
    """Raises: Unpackable, web.HTTPRequestEntityTooLarge."""
    if len(codings) > 1 or codings[0] not in _GZIP | {"deflate"}:
        raise Unpackable.by(", ".join(codings))
    inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16 if codings[0] in _GZIP else zlib.MAX_WBITS)
    try:
        whole = inner.decompress(data, LARGEST)
    except zlib.error:
        whole = b""
    if len(whole) == LARGEST:
        raise web.HTTPRequestEntityTooLarge(LARGEST, LARGEST)
    if data and (not inner.eof or inner.unused_data):
        raise Unpackable(400, "body-unreadable", "the body is not packed as its Content-Encoding says")
    return whole
