"""Three clients of one access point behind one face: ours, zeep, and pyAS4 (both in the peers' own Python)."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header
from broker.errors import AlreadySubmitted, BrokerError, NotFound
from broker.ports import Part, UserMessage
from tests.support.peers import PYTHON, SOURCES, MissingPeerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WSPLUGIN = "/domibus/services/wsplugin"
PARTY, CENTRAL = "hdeu:mock:ap:fr", "hdeu:mock:ap:central"


class SoapFault(Exception):
    """The access point said no, in SOAP; `code` is empty without a FaultDetail."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


class SoapFailure(Exception):
    """No SOAP came back; the text is the class of the stack's own exception."""


@dataclass(frozen=True)
class Fetched:
    """A retrieved message."""

    id: str
    ref: str
    sender: str
    parts: tuple[tuple[str, str, bytes], ...]
    service: str = ""


class Client(Protocol):
    """What each of the three can do."""

    async def submit(self, message_id: str, *parts: tuple[str, str, bytes], ref: str = "") -> None: ...
    async def pending(self) -> list[str]: ...
    async def retrieve(self, message_id: str) -> Fetched: ...
    async def mark(self, message_id: str) -> None: ...
    async def status(self, message_id: str) -> str: ...


@dataclass
class Ours:
    """The adapter of the product; its errors as what the wire said."""

    adapter: DomibusWs

    async def submit(self, message_id: str, *parts: tuple[str, str, bytes], ref: str = "") -> None:
        message = UserMessage(message_id, tuple(Part.of(*part) for part in parts), ref_to_message_id=ref)
        await self._said(self.adapter.submit(message))

    async def pending(self) -> list[str]:
        return list(await self._said(self.adapter.pending()))

    async def retrieve(self, message_id: str) -> Fetched:
        got = await self._said(self.adapter.retrieve(message_id))
        parts = tuple((part.href, part.media_type, part.data) for part in got.parts)
        return Fetched(got.message_id, got.ref_to_message_id, got.from_party, parts, got.service)

    async def mark(self, message_id: str) -> None:
        await self._said(self.adapter.mark_downloaded(message_id))

    async def status(self, message_id: str) -> str:
        return str(await self._said(self.adapter.status(message_id)))

    async def _said(self, call: Any) -> Any:
        try:
            return await call
        except (AlreadySubmitted, NotFound) as error:
            raise SoapFault(str(error.facts["fault"]), error.detail) from error
        except BrokerError as error:
            raise SoapFailure(type(error).__name__) from error


class PeerProcess:
    """The peers' own Python with zeep and pyAS4; one order at a time."""

    def __init__(self) -> None:
        if not PYTHON.exists():
            raise MissingPeerError("the peers' Python is not installed: run `make peers`")
        command = [PYTHON, "-I", SOURCES / "soap_peer.py"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.lock:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        assert line, "the peer died"
        return dict(json.loads(line))

    def stop(self) -> None:
        self.process.kill()
        with self.process:
            pass


@dataclass
class Foreign:
    """zeep or pyAS4: orders to a process of its own, which keeps its clients."""

    process: PeerProcess
    order: dict[str, Any]

    async def call(self, name: str, **arguments: Any) -> Any:
        """Any operation by its SOAP name. Raises: SoapFault, SoapFailure."""
        order = {**self.order, "call": name, "arguments": arguments}
        answer = await asyncio.to_thread(self.process.ask, order)
        if "fault" in answer:
            raise SoapFault(*answer["fault"])
        if "error" in answer:
            raise SoapFailure(f"{answer['error']}: {answer['text']}")
        return answer["result"]

    def but(self, **changed: Any) -> Foreign:
        """The same with another password or time-out."""
        return replace(self, order={**self.order, **changed})

    async def submit(self, message_id: str, *parts: tuple[str, str, bytes], ref: str = "") -> None:
        encoded = [[href, kind, base64.b64encode(data).decode()] for href, kind, data in parts]
        if await self.call("submitMessage", message_id=message_id, parts=encoded, ref=ref) != [message_id]:
            raise SoapFailure("another id")

    async def pending(self) -> list[str]:
        return list(await self.call("listPendingMessages"))

    async def retrieve(self, message_id: str) -> Fetched:
        got = await self.call("retrieveMessage", messageID=message_id, markAsDownloaded="false")
        parts = tuple((href, kind, base64.b64decode(data)) for href, kind, data in got["parts"])
        return Fetched(got["id"], got["ref"], got["from"], parts, got["service"])

    async def mark(self, message_id: str) -> None:
        await self.call("markMessageAsDownloaded", messageID=message_id)

    async def status(self, message_id: str) -> str:
        arguments = {"messageID": message_id, "accessPointRole": "SENDING"}
        return str(await self.call("getStatusWithAccessPointRole", **arguments))


def foreign(process: PeerProcess, stack: str, url: str, user: str, password: str) -> Foreign:
    """zeep or pyAS4 against the access point at `url`."""
    order = {"stack": stack, "wsdl": f"{url}?wsdl", "user": user, "password": password}
    return Foreign(process, {**order, "party": PARTY, "central": CENTRAL})


@asynccontextmanager
async def ours(url: str, user: str, password: str) -> AsyncIterator[Ours]:
    """The product's adapter against the access point at `url`."""
    adapter = DomibusWs(DomibusSettings("national", url, user, password, Header(PARTY, CENTRAL)))
    try:
        yield Ours(adapter)
    finally:
        await adapter.close()
