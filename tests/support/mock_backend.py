"""A back end that the mock's access point notifies: records what came, and answers as it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from lxml import etree

from adapters.mock_eu.settings import Push, Rule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BODY = "{http://www.w3.org/2003/05/soap-envelope}Body"
EMPTY = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'


@dataclass(frozen=True)
class Notification:
    """What came: the operation's element, who said it, when (event loop's clock)."""

    authorization: str
    at: float
    content_type: str
    body: bytes

    @property
    def root(self) -> Any:
        """The envelope; of several MIME parts the first."""
        if not self.content_type.startswith("multipart/related"):
            return etree.fromstring(self.body)
        return etree.fromstring(self.sections[0].partition(b"\r\n\r\n")[2])

    @property
    def sections(self) -> list[bytes]:
        """MIME parts, with their headers."""
        boundary = self.content_type.partition('boundary="')[2].partition('"')[0]
        return self.body.split(f"--{boundary}".encode())[1:-1]

    @property
    def element(self) -> Any:
        return self.root.find(BODY)[0]

    @property
    def operation(self) -> str:
        return self.element.tag.removeprefix("{eu.domibus}")

    @property
    def message_id(self) -> str:
        return self.element.findtext("messageID") or ""


@dataclass
class Backend:
    """`answers` are (status, body) for the next calls; after them 200 with an empty envelope."""

    url: str = ""
    answers: deque[tuple[int, str]] = field(default_factory=deque)
    came: list[Notification] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        at = asyncio.get_running_loop().time()
        given = (request.headers.get(name, "") for name in ("Authorization", "Content-Type"))
        authorization, content_type = given
        self.came.append(Notification(authorization, at, content_type, await request.read()))
        status, body = self.answers.popleft() if self.answers else (200, EMPTY)
        return web.Response(status=status, text=body, content_type="application/soap+xml")

    def pairs(self) -> list[tuple[str, str]]:
        return [(each.operation, each.message_id) for each in self.came]

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(300):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"only came: {self.pairs()}")

    def push(self, *types: str, retry: str = "0.01;3;CONSTANT", **more: Any) -> Push:
        """One rule that sends these types here, with a worker that looks often."""
        return Push((Rule("all", self.url, types, retry=retry),), cron_seconds=0.05, timeout_seconds=2, **more)


@asynccontextmanager
async def listening_backend() -> AsyncIterator[Backend]:
    backend = Backend()
    app = web.Application()
    app.router.add_post("/push", backend.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        backend.url = f"http://127.0.0.1:{runner.addresses[0][1]}/push"
        yield backend
    finally:
        await runner.cleanup()
