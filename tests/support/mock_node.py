"""The mock EU node in this process, and a nation that speaks to it with SOAP typed by hand.

Nothing of the broker is imported here: tests of the mock must not lean on the product's codec or adapter.
"""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, encode_basic_auth, web
from lxml import etree

from adapters.mock_eu import Settings, create_app
from adapters.mock_eu.packing import runner_of
from adapters.mock_eu.settings import AccessPointStyle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GOLDEN = Path(__file__).parents[1] / "data" / "eu-r7-golden"
S = "{http://www.w3.org/2003/05/soap-envelope}"
W = "{http://eu.domibus.wsplugin/}"
EB = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"
_ROLES = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
_TYPE = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"

SUBMIT = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/"
 xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/">
 <s:Header><eb:Messaging><eb:UserMessage>
  <eb:MessageInfo>{message_id}{ref}</eb:MessageInfo>
  <eb:PartyInfo>
   <eb:From><eb:PartyId type="{type}">{from_party}</eb:PartyId><eb:Role>{roles}/{from_role}</eb:Role></eb:From>
   <eb:To><eb:PartyId type="{type}">hdeu:mock:ap:central</eb:PartyId><eb:Role>{roles}/responder</eb:Role></eb:To>
  </eb:PartyInfo>
  <eb:CollaborationInfo><eb:Service type="tc1">{service}</eb:Service><eb:Action>{action}</eb:Action>
   <eb:ConversationId>conversation</eb:ConversationId></eb:CollaborationInfo>
  <eb:MessageProperties>{properties}</eb:MessageProperties>
  <eb:PayloadInfo>{infos}</eb:PayloadInfo>
 </eb:UserMessage></eb:Messaging></s:Header>
 <s:Body><w:submitRequest>{payloads}</w:submitRequest></s:Body></s:Envelope>"""
CALL = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/">
 <s:Body>{body}</s:Body></s:Envelope>"""
PROPERTIES = (
    f'<eb:Property name="originalSender" type="x">{_TYPE}:C1</eb:Property>'
    f'<eb:Property name="finalRecipient">{_TYPE}:C4</eb:Property>'
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def root(self) -> Any:
        return etree.fromstring(self.body)

    @property
    def fault(self) -> tuple[str, str] | None:
        found = self.root.find(f"{S}Body/{S}Fault")
        if found is None:
            return None
        detail = found.find(f"{S}Detail/{W}FaultDetail")
        if detail is None:
            return "", found.findtext(f"{S}Reason/{S}Text")
        return detail.findtext("code"), detail.findtext("message")

    @property
    def reason(self) -> str:
        """What a fault says for people, which need not be what its detail says."""
        return str(self.root.findtext(f"{S}Body/{S}Fault/{S}Reason/{S}Text"))

    @property
    def ids(self) -> list[str]:
        return [element.text for element in self.root.iter("messageID")]


@dataclass(frozen=True)
class Nation:
    """A national system with a SOAP client of its own."""

    code: str
    base: str
    session: ClientSession

    async def call(self, body: str | bytes, content_type: str = "application/soap+xml", password: str = "") -> Answer:
        auth = encode_basic_auth(self.code, password or f"Mock-{self.code}-Only-2026!")
        url = f"{self.base}/{self.code}/domibus/services/wsplugin"
        headers = {"Content-Type": content_type, "Authorization": auth}
        data = body.encode() if isinstance(body, str) else body
        async with self.session.post(url, data=data, headers=headers) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def operation(self, inner: str) -> Answer:
        return await self.call(CALL.format(body=inner))

    async def submit(self, message_id: str, /, *parts: tuple[str, str, bytes], **changes: str) -> Answer:
        return await self.call(self.envelope(message_id, *parts, **changes))

    def envelope(self, message_id: str, /, *parts: tuple[str, str, bytes], **changes: str) -> str:
        mime = '<eb:PartProperties><eb:Property name="MimeType">{}</eb:Property></eb:PartProperties>'
        infos = "".join(f'<eb:PartInfo href="{href}">{mime.format(kind)}</eb:PartInfo>' for href, kind, _ in parts)
        payloads = "".join(
            f'<payload payloadId="{href}" contentType="{kind}">'
            f"<value>{base64.b64encode(data).decode()}</value></payload>"
            for href, kind, data in parts
        )
        usual = {
            "message_id": f"<eb:MessageId>{message_id}</eb:MessageId>" if message_id else "",
            "ref": "",
            "type": _TYPE,
            "roles": _ROLES,
            "from_role": "initiator",
            "from_party": f"hdeu:mock:ap:{self.code}",
            "service": "bdx:noprocess",
            "action": "TC1Leg1",
            "properties": PROPERTIES,
            "infos": infos,
            "payloads": payloads,
        }
        return SUBMIT.format(**{**usual, **changes})

    async def ext(self, method: str, path: str, password: str = "") -> Answer:
        """The documented REST beside the plugin."""
        auth = encode_basic_auth(self.code, password or f"Mock-{self.code}-Only-2026!")
        url = f"{self.base}/{self.code}/domibus/ext/{path}"
        async with self.session.request(method, url, headers={"Authorization": auth}) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def until_status(self, message_id: str, wanted: str) -> None:
        """Wait, but not for ever, until the access point says so."""
        for _ in range(300):
            if (status := await self.status(message_id)) == wanted:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{message_id} stays {status}")

    async def say(self, message_id: str, document: dict[str, Any], structured: bytes | None = None) -> Answer:
        parts = [("cid:message", "application/json", json.dumps(document).encode())]
        if structured is not None:
            parts.append(("cid:structured", "application/xml", structured))
        return await self.submit(message_id, *parts)

    async def pending(self) -> list[str]:
        return (await self.operation("<w:listPendingMessagesRequest/>")).ids

    async def retrieve(self, message_id: str, mark: str = "false") -> Answer:
        call = '<w:retrieveMessageRequest markAsDownloaded="{}"><messageID>{}</messageID></w:retrieveMessageRequest>'
        return await self.operation(call.format(mark, message_id))

    async def mark(self, message_id: str) -> Answer:
        name = "markMessageAsDownloadedRequest"
        return await self.operation(f"<w:{name}><messageID>{message_id}</messageID></w:{name}>")

    async def status(self, message_id: str, role: str = "SENDING") -> str:
        name = "statusRequestWithAccessPointRole"
        inner = f"<messageID>{message_id}</messageID><accessPointRole>{role}</accessPointRole>"
        answer = await self.operation(f"<w:{name}>{inner}</w:{name}>")
        return answer.root.findtext(f"{S}Body/{W}getStatusResponse")

    async def fetch(self, message_id: str) -> bytes:
        answer = await self.retrieve(message_id, mark="true")
        return base64.b64decode(answer.root.findtext(f"{S}Body/{W}retrieveMessageResponse/payload/value"))

    async def next(self, type_: str) -> dict[str, Any]:
        """The next JSON message of a type, fetched and marked; others stay pending."""
        for _ in range(200):
            for message_id in await self.pending():
                data = base64.b64decode((await self.retrieve(message_id)).root.findtext(".//{*}*/payload/value"))
                document = json.loads(data) if data.startswith(b"{") else {"envelope": {}}
                if document["envelope"].get("messageType") == type_:
                    await self.mark(message_id)
                    return document
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {type_} came for {self.code}")


@dataclass(frozen=True)
class MockNode:
    """The running mock."""

    base: str
    session: ClientSession
    settings: Settings

    def nation(self, code: str) -> Nation:
        return Nation(code, self.base, self.session)

    async def get(self, path: str) -> Any:
        async with self.session.get(self.base + path) as response:
            return await response.json()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.session.post(self.base + path, json=body) as response:
            return response.status, await response.json()

    async def arm(self, name: str, **more: Any) -> str:
        status, fault = await self.post("/faults", {"name": name, **more})
        assert status == 201, fault
        return fault["id"]

    async def fired(self, fault_id: str) -> int:
        return next(fault["fired"] for fault in (await self.get("/faults"))["faults"] if fault["id"] == fault_id)

    async def file(self, **changes: Any) -> str:
        """File the golden application as an applicant; its id."""
        status, created = await self.post("/applicant/applications", {**golden_application(), **changes})
        assert status == 201, created
        return created["application_id"]

    async def leg(self, application_id: str, nation: str) -> dict[str, Any]:
        return (await self.get(f"/applicant/applications/{application_id}"))["nations"][nation]


@asynccontextmanager
async def mock_node(folder: Path, *, france: dict[str, Any] | None = None, **style: Any) -> AsyncIterator[MockNode]:
    """A mock on a free port with its data in `folder`; `france` changes the nation, `style` is AccessPointStyle's."""
    given = AccessPointStyle(**{"receipt_seconds": 0.05, **style})
    settings = Settings(data_dir=folder, durable=False, style=given)
    nations = {**settings.nations, "fr": replace(settings.nations["fr"], **(france or {}))}
    settings = replace(settings, nations=nations)
    async with served(create_app(settings), settings) as node:
        yield node


@asynccontextmanager
async def served(app: web.Application, settings: Settings) -> AsyncIterator[MockNode]:
    """A mock that was made already, on a free port."""
    runner = runner_of(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession() as session:
            yield MockNode(f"http://127.0.0.1:{runner.addresses[0][1]}", session, settings)
    finally:
        await runner.cleanup()


def golden(name: str) -> dict[str, Any]:
    """A wire message written by hand."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def golden_application() -> dict[str, Any]:
    """What an applicant files."""
    return golden("application/application_metadata")


def about(application_id: str, document: dict[str, Any], **content: Any) -> dict[str, Any]:
    """The same message about another application."""
    envelope = {**document["envelope"], "applicationId": application_id, "conversationId": application_id}
    return {"envelope": envelope, "content": {**document["content"], "applicationId": application_id, **content}}


def members(document: dict[str, Any]) -> dict[str, Any]:
    """The names of a message, without values."""
    return {
        part: {name: sorted(value) if isinstance(value, dict) else "" for name, value in document[part].items()}
        for part in ("envelope", "content")
    }
