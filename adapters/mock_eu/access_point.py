"""The access points over HTTP: authentication, faults on order, the log; and the WSDL."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

from aiohttp import web

from adapters.mock_eu import soap
from adapters.mock_eu.answers import Reply, WsFault
from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.operations import Note, Plugin, Submission, duplicate, twice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Chance
    from adapters.mock_eu.settings import Nation, Settings
    from adapters.mock_eu.store import Store

_HTML: Final = b"<!doctype html><title>503</title><h1>Service Unavailable</h1><p>Fault of the MOCK EU node.</p>"
_XSDS: Final = frozenset({"wsplugin-body.xsd", "ebms-header.xsd"})
#: Faults that replace the operation, in the order in which they are asked for.
_INSTEAD: Final[dict[str, Callable[[str], Reply | WsFault]]] = {
    "http-503-html": lambda _: Reply(503, "text/html", _HTML),
    "unauthorized": lambda _: Reply(401, "text/html", b"<h1>Unauthorized</h1>"),
    "http-500-no-detail": lambda _: WsFault("", "Internal error"),
    "duplicate-fault": duplicate,
    "pmode-fault": lambda _: WsFault("EBMS:0004", "PMode could not be found. Are PModes configured in the database?"),
    "payload-fault": lambda _: WsFault("WS_PLUGIN_0005", "Payload could not be processed"),
    "retrieve-conflict": lambda id_: WsFault(
        "WS_PLUGIN:0001", f"An attempt was made to download message [{id_}] multiple times"
    ),
}


def schemas() -> Path:
    """The WSDL's folder, in a checkout or in an installed wheel. Raises: FileNotFoundError."""
    root = Path(__file__).resolve().parents[2]
    for folder in (root / "schemas" / "domibus", root / "broker" / "_data" / "schemas" / "domibus"):
        if (folder / "wsplugin.wsdl").is_file():
            return folder
    raise FileNotFoundError("schemas/domibus/wsplugin.wsdl")


class AccessPoints:
    """All nations' access points; `wake` is called after a submit was kept."""

    def __init__(
        self, settings: Settings, store: Store, kitchen: Kitchen, *, chance: Chance, wake: Callable[[], None]
    ) -> None:
        self._settings, self._store, self._kitchen, self._chance, self._wake = settings, store, kitchen, chance, wake
        self._plugins = {code: Plugin(settings, nation, store, chance) for code, nation in settings.nations.items()}

    def routes(self) -> list[web.RouteDef]:
        """What follows `wsplugin` in the path is ignored, as Domibus does."""
        base = "/{nation}/domibus/services"
        return [
            web.post(base + "/wsplugin{rest:.*}", self.post),
            web.get(base + "/wsplugin", self.wsdl),
            web.get(base + "/{name}.xsd", self.xsd),
        ]

    async def post(self, request: web.Request) -> web.StreamResponse:
        """One SOAP operation."""
        nation = self._nation(request)
        plugin, note = self._plugins[nation.code], Note(nation.code, "unreadable")
        try:
            body = await request.read()
            _authenticate(request, nation)
            return await self._serve(request, plugin, soap.read(request.headers.get("Content-Type", ""), body), note)
        except soap.NotSoap as error:
            return self._refuse(plugin, note, WsFault("", str(error)))
        except WsFault as fault:
            return self._refuse(plugin, note, fault)

    async def wsdl(self, request: web.Request) -> web.Response:
        """The WSDL with this access point's address."""
        nation = self._nation(request)
        text = (schemas() / "wsplugin.wsdl").read_text("utf-8")
        here = str(request.url.origin()) + f"/{nation.code}/domibus/services/wsplugin"
        text = text.replace('"http://localhost:8080/domibus/services/wsplugin"', quoteattr(here))
        return web.Response(text=text, content_type="text/xml")

    async def xsd(self, request: web.Request) -> web.Response:
        """What the WSDL imports by relative address."""
        name = f"{request.match_info['name']}.xsd"
        if name not in _XSDS:
            raise web.HTTPNotFound
        return web.Response(text=(schemas() / name).read_text("utf-8"), content_type="text/xml")

    def _nation(self, request: web.Request) -> Nation:
        found = self._settings.nations.get(request.match_info["nation"])
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _serve(self, request: web.Request, plugin: Plugin, call: soap.Request, note: Note) -> web.StreamResponse:
        note.operation = call.operation
        submission = plugin.check(call) if call.operation == "submitMessage" else None
        _describe(note, plugin, call, submission)
        if self._fire("reset-before-commit", note):
            return self._cut(request, note, "reset-before-commit")
        for name, instead in _INSTEAD.items():
            if self._fire(name, note):
                return self._spoil(plugin, note, name, instead(note.message_id))
        return await self._commit(request, plugin, call, note, submission)

    async def _commit(
        self, request: web.Request, plugin: Plugin, call: soap.Request, note: Note, submission: Submission | None
    ) -> web.StreamResponse:
        """Do it, keep it with its log entry, and only then think of the answer."""
        with self._store.commit():
            reply = plugin.keep(submission) if submission else plugin.answer(call, note)
            afterwards = {
                name: fault
                for name in ("list-duplicate", "slow", "submit-timeout-after-accept", "reset-after-commit")
                if (fault := self._fire(name, note))
            }
            self._store.add_log(note.entry(self._chance.stamp(), ", then ".join([reply.outcome, *afterwards])))
        if submission:
            self._wake()
        if "list-duplicate" in afterwards:
            reply = twice(reply)
        await asyncio.sleep(
            max((fault.seconds for fault in afterwards.values()), default=0) if _waits(afterwards) else 0
        )
        if afterwards.keys() & {"submit-timeout-after-accept", "reset-after-commit"}:
            return _abort(request)
        return _response(reply)

    def _fire(self, name: str, note: Note) -> Fault | None:
        return self._kitchen.fire(name, note.nation, note.operation, note.type)

    def _spoil(self, plugin: Plugin, note: Note, name: str, instead: Reply | WsFault) -> web.Response:
        reply = plugin.writer.fault(instead) if isinstance(instead, WsFault) else instead
        self._store.add_log(note.entry(self._chance.stamp(), name))
        return _response(reply)

    def _refuse(self, plugin: Plugin, note: Note, fault: WsFault) -> web.Response:
        reply = plugin.writer.fault(fault)
        self._store.add_log(note.entry(self._chance.stamp(), reply.outcome))
        return _response(reply)

    def _cut(self, request: web.Request, note: Note, name: str) -> web.Response:
        self._store.add_log(note.entry(self._chance.stamp(), name))
        return _abort(request)


def _authenticate(request: web.Request, nation: Nation) -> None:
    """Raises: WsFault, as Apache CXF wraps Domibus's refusal: without detail."""
    refusal = WsFault("", "[DOM_002]: Authentication failed for this plugin user")
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise refusal from error
    if scheme.lower() != "basic" or not hmac.compare_digest(given, f"{nation.user}:{nation.password}".encode()):
        raise refusal


def _describe(note: Note, plugin: Plugin, call: soap.Request, submission: Submission | None) -> None:
    """Message id, type and payloads for the log and for the faults' filters."""
    if submission:
        note.message_id, note.type, note.parts = submission.header.message_id, submission.type, submission.parts
        return
    note.message_id = call.child("messageID")
    held = plugin.known(note.message_id, RECEIVING) or plugin.known(note.message_id, SENDING)
    note.type = held.type if held else ""


def _waits(afterwards: Mapping[str, Fault]) -> bool:
    return bool(afterwards.keys() & {"slow", "submit-timeout-after-accept"})


def _abort(request: web.Request) -> web.Response:
    """Reset the connection; the answer that aiohttp wants back reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type})
