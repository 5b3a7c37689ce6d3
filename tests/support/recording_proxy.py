"""A reverse proxy in front of the mock EU node: it records each SOAP operation with the SHA-256 of each payload.

A `hook` is awaited before an operation is passed on and before its answer goes back, so that a test can act at exactly
that moment. An operation whose caller died meanwhile is not passed on.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from lxml import etree

if TYPE_CHECKING:
    from types import TracebackType

_BODY = "{http://www.w3.org/2003/05/soap-envelope}Body"
_KEPT_HEADERS = ("Authorization", "Content-Type", "SOAPAction")


@dataclass
class Operation:
    """One SOAP operation as it went over the wire."""

    nation: str
    name: str
    message_id: str
    sent: dict[str, str]  #: href → SHA-256
    received: dict[str, str] = field(default_factory=dict)
    fault: bool = False
    under_way: Callable[[], bool] = lambda: False  #: whether the caller still waits for the answer


Hook = Callable[[Operation, str], Awaitable[None]]


async def _nothing(_operation: Operation, _phase: str) -> None:
    return


class RecordingProxy:
    """`async with RecordingProxy(target) as proxy`: nodes call `proxy.url`."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.url = ""
        self.operations: list[Operation] = []
        self.unreadable: list[str] = []
        self.hook: Hook = _nothing

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=128 * 2**20)
        app.router.add_post("/{nation}/{rest:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = ClientSession(timeout=ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hook = _nothing
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        operation = self._read_call(request.match_info["nation"], body)
        self.operations.append(operation)
        operation.under_way = lambda: request.transport is not None and not request.transport.is_closing()
        await self.hook(operation, "before")
        if not operation.under_way():
            return web.Response(status=502)  # nobody is there to read it
        headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        try:
            async with self._session.post(self._target + request.path_qs, data=body, headers=headers) as answer:
                status, kind, data = answer.status, answer.headers.get("Content-Type", ""), await answer.read()
        except (ClientError, ConnectionError, TimeoutError):
            return self._cut(request)
        self._read_answer(operation, data)
        await self.hook(operation, "after")
        return web.Response(status=status, body=data, headers={"Content-Type": kind})

    def _read_call(self, nation: str, body: bytes) -> Operation:
        root = self._parsed(body)
        body_element = None if root is None else root.find(_BODY)
        if root is None or body_element is None or not len(body_element):
            self.unreadable.append("no SOAP body")
            return Operation(nation, "unreadable", "", {})
        call = body_element[0]
        name = etree.QName(call).localname
        message_id = root.findtext(".//{*}MessageInfo/{*}MessageId") or call.findtext("messageID") or ""
        return Operation(nation, name.removesuffix("Request"), message_id, _payloads(root))

    def _read_answer(self, operation: Operation, body: bytes) -> None:
        root = self._parsed(body)
        if root is not None:
            operation.received = _payloads(root)
            operation.fault = root.find(".//{http://www.w3.org/2003/05/soap-envelope}Fault") is not None

    def _parsed(self, body: bytes) -> etree._Element | None:
        try:
            return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
        except etree.XMLSyntaxError as error:
            self.unreadable.append(str(error))
            return None

    @staticmethod
    def _cut(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)


def _payloads(root: etree._Element) -> dict[str, str]:
    """Inline payloads: href → SHA-256 of the bytes."""
    return {
        payload.get("payloadId") or "": hashlib.sha256(base64.b64decode(payload.findtext("value") or "")).hexdigest()
        for payload in root.iter("{*}payload")
        if payload.find("value") is not None
    }
