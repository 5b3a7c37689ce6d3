"""A bare access point: takes every submit at once, has nothing pending, and counts what it received."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

_ID = re.compile(rb"MessageId>([^<]+)<")
_ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
_PENDING = _ANSWER.format("<w:listPendingMessagesResponse/>")
_STATUS = _ANSWER.format("<w:getStatusResponse>WAITING_FOR_RECEIPT</w:getStatusResponse>")


class Sink:
    """Counts by MessageId: a repeat is no second message."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.posts = 0
        self.last = b""
        self._wanted = 0
        self._enough = asyncio.Event()

    async def soap(self, request: web.Request) -> web.Response:
        body = await request.read()
        if b"submitRequest" not in body:
            text = _PENDING if b"listPendingMessagesRequest" in body else _STATUS
            return web.Response(text=text, content_type="application/soap+xml")
        found = _ID.search(body)
        message_id = found.group(1).decode() if found else ""
        self._count(message_id, body)
        answer = _ANSWER.format(f"<w:submitResponse><messageID>{message_id}</messageID></w:submitResponse>")
        return web.Response(text=answer, content_type="application/soap+xml")

    def _count(self, message_id: str, body: bytes) -> None:
        self.posts += 1
        self.taken.add(message_id)
        self.last = body
        if len(self.taken) >= self._wanted:
            self._enough.set()

    def expect(self, count: int) -> None:
        """Begin to count anew."""
        self.taken.clear()
        self.posts = 0
        self._wanted = count
        self._enough.clear()

    async def received(self, *, seconds: float) -> None:
        """Wait for as many as expected. Raises: RuntimeError, saying how many are missing."""
        try:
            async with asyncio.timeout(seconds):
                await self._enough.wait()
        except TimeoutError:
            raise RuntimeError(f"{len(self.taken)} of {self._wanted} arrived within {seconds} s") from None

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.add_routes([web.post("/{path:.*}", self.soap)])
        return app
