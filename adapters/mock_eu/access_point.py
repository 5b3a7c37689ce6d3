"""The access points over HTTP: authentication, faults on order, the log; and the WSDL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from aiohttp import web

from adapters.mock_eu import soap, spoil
from adapters.mock_eu.answers import Reply, WsFault
from adapters.mock_eu.doors import authenticated, nation_of
from adapters.mock_eu.grammar import Grammar
from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.operations import Note, Plugin, Shared, Submission
from adapters.mock_eu.packing import Unpackable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Held
    from adapters.mock_eu.settings import Nation, Settings
    from adapters.mock_eu.store import Store

_XSDS: Final = frozenset({"wsplugin-body.xsd", "ebms-header.xsd"})
#: Faults of the way back, asked for once the operation is kept.
_LATER: Final = (
    "slow",
    "submit-timeout-after-accept",
    "reset-after-commit",
    "push-before-answer",
    "date-skew",
    *spoil.DENIED,
    *(name for name in spoil.AFTERWARDS if name not in spoil.DIFFERENTLY),
)
_A_MOMENT: Final = 0.02  # seconds
_CUTS: Final = frozenset({"submit-timeout-after-accept", "reset-after-commit"})


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
        self, settings: Settings, store: Store, kitchen: Kitchen, shared: Shared, *, wake: Callable[[], None]
    ) -> None:
        self._settings, self._store, self._kitchen, self._wake = settings, store, kitchen, wake
        self._shared, self._chance = shared, shared.chance
        self._plugins = {code: Plugin(settings, nation, store, shared) for code, nation in settings.nations.items()}
        self._strict = Grammar(schemas()) if settings.style.schema_validation else None

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
        nation = nation_of(request, self._settings)
        plugin, note = self._plugins[nation.code], Note(nation.code, "unreadable")
        try:
            body = await request.read()
            self._authenticate(request, nation)
            return await self._serve(request, plugin, self._read(request, body), note)
        except soap.NotSoap as error:
            return await self._refuse(request, plugin, note, WsFault("", str(error)))
        except Unpackable as error:
            response = await self._refuse(request, plugin, note, WsFault("", error.detail))
            response.headers.update(error.headers or {})
            return response
        except web.RequestPayloadError:
            request.content.feed_eof()
            fault = WsFault("", "the body breaks off")
            response = await self._refuse(request, plugin, note, fault)
            response.force_close()
            return response
        except WsFault as fault:
            return await self._refuse(request, plugin, note, fault)

    def _authenticate(self, request: web.Request, nation: Nation) -> None:
        """Raises: WsFault, as Apache CXF wraps Domibus's refusal: without detail."""
        if self._settings.style.auth and not authenticated(request, nation):
            raise WsFault("", "[DOM_002]: Authentication failed for this plugin user")

    def _read(self, request: web.Request, body: bytes) -> soap.Request:
        content_type = request.headers.get("Content-Type", "")
        if not self._settings.style.mtom_in and content_type.lower().startswith("multipart/"):
            raise soap.NotSoap("MTOM is switched off")
        call = soap.read(content_type, body)
        if self._strict is not None:
            self._strict.check(call)
        return call

    async def wsdl(self, request: web.Request) -> web.Response:
        """The WSDL with this access point's address."""
        nation = nation_of(request, self._settings)
        text = (schemas() / "wsplugin.wsdl").read_text("utf-8")
        here = str(request.url.origin()) + f"/{nation.code}/domibus/services/wsplugin"
        text = text.replace('"http://localhost:8080/domibus/services/wsplugin"', quoteattr(here))
        skew = self._kitchen.fire("date-skew", nation.code, "wsdl")
        headers = self._skewed(skew) if skew else {}
        return web.Response(text=text, content_type="text/xml", headers=headers)

    async def xsd(self, request: web.Request) -> web.Response:
        """What the WSDL imports by relative address."""
        name = f"{request.match_info['name']}.xsd"
        if name not in _XSDS:
            raise web.HTTPNotFound
        return web.Response(text=(schemas() / name).read_text("utf-8"), content_type="text/xml")

    async def _serve(self, request: web.Request, plugin: Plugin, call: soap.Request, note: Note) -> web.StreamResponse:
        note.operation = call.operation
        submission = plugin.check(call) if call.operation == "submitMessage" else None
        held = _describe(note, plugin, call, submission)
        if self._fire("reset-before-commit", note):
            self._log(note, "reset-before-commit")
            return _abort(request)
        for name, instead in spoil.INSTEAD.items():
            if self._fire(name, note):
                return await self._spoilt(request, plugin, note, name, instead(note.message_id))
        if held is not None and held.parts and self._fire("deleted-before-retrieve", note):
            self._shared.states.delete(held)
        return await self._commit(request, plugin, call, note, submission)

    async def _commit(
        self, request: web.Request, plugin: Plugin, call: soap.Request, note: Note, submission: Submission | None
    ) -> web.StreamResponse:
        """Do it, keep it with its log entry, and only then think of the answer."""
        fired = self._fire_all(spoil.DIFFERENTLY, note)
        with self._store.commit(), plugin.writer.differently(_merged(fired)):
            reply = plugin.keep(submission) if submission else plugin.answer(call, note)
            fired |= self._fire_later(reply, note)
            for name in fired.keys() & spoil.DENIED.keys():
                reply = plugin.writer.fault(spoil.DENIED[name](note.message_id))
            self._store.add_log(note.entry(self._chance.stamp(), ", then ".join([reply.outcome, *fired])))
        if submission:
            self._wake()
        for name, change in spoil.AFTERWARDS.items():
            reply = change(reply, fired[name]) if name in fired else reply
        if skew := fired.get("date-skew"):
            reply = replace(reply, headers={**reply.headers, **self._skewed(skew)})
        await self._wait(note, fired)
        return _abort(request) if fired.keys() & _CUTS else await _response(request, reply)

    async def _wait(self, note: Note, fired: Mapping[str, Fault]) -> None:
        """As long as the faults say; `push-before-answer` only until the back end was told."""
        await asyncio.sleep(
            max((fired[name].seconds for name in ("slow", "submit-timeout-after-accept") if name in fired), default=0)
        )
        if early := fired.get("push-before-answer"):
            deadline = asyncio.get_running_loop().time() + early.seconds
            while self._shared.notifications.waits_for(note.nation, note.message_id):
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(_A_MOMENT)

    def _skewed(self, fault: Fault) -> dict[str, str]:
        """The header that tells this server's time."""
        return {"Date": format_datetime(self._chance.now() + timedelta(seconds=fault.seconds), usegmt=True)}

    def _fire_later(self, reply: Reply, note: Note) -> dict[str, Fault]:
        """Those of the way back that change something of this answer."""
        fits: dict[str, Callable[[Fault], bool]] = {name: partial(fit, reply) for name, fit in spoil.FITS.items()}
        fits["push-before-answer"] = lambda _: self._shared.notifications.waits_for(note.nation, note.message_id)
        return {name: fault for name in _LATER if (fault := self._fire(name, note, fits.get(name)))}

    def _fire_all(self, names: Iterable[str], note: Note) -> dict[str, Fault]:
        return {name: fault for name in names if (fault := self._fire(name, note))}

    def _fire(self, name: str, note: Note, fits: Callable[[Fault], bool] | None = None) -> Fault | None:
        return self._kitchen.fire(name, note.nation, note.operation, note.type, fits=fits)

    async def _spoilt(
        self, request: web.Request, plugin: Plugin, note: Note, name: str, instead: Reply | WsFault
    ) -> web.StreamResponse:
        self._log(note, name)
        return await _response(request, plugin.writer.fault(instead) if isinstance(instead, WsFault) else instead)

    async def _refuse(self, request: web.Request, plugin: Plugin, note: Note, fault: WsFault) -> web.StreamResponse:
        reply = plugin.writer.fault(fault)
        self._log(note, reply.outcome)
        return await _response(request, reply)

    def _log(self, note: Note, outcome: str) -> None:
        self._store.add_log(note.entry(self._chance.stamp(), outcome))


def _merged(fired: Iterable[str]) -> dict[str, Any]:
    """The writer's members that the fired faults change."""
    return {name: value for fault in fired for name, value in spoil.DIFFERENTLY[fault].items()}


def _describe(note: Note, plugin: Plugin, call: soap.Request, submission: Submission | None) -> Held | None:
    """Message id, type and payloads for the log and for the faults' filters; the inbound message, if it is one."""
    if submission:
        note.message_id, note.type, note.parts = submission.header.message_id, submission.type, submission.parts
        return None
    note.message_id = call.child("messageID")
    inbound = plugin.known(note.message_id, RECEIVING)
    held = inbound or plugin.known(note.message_id, SENDING)
    note.type = held.type if held else ""
    return inbound


def _abort(request: web.Request) -> web.Response:
    """Reset the connection; the answer that aiohttp wants back reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _response(request: web.Request, reply: Reply) -> web.StreamResponse:
    headers = {"Content-Type": reply.content_type, **reply.headers} if reply.content_type else {}
    if not reply.claimed:
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = reply.claimed
    await response.prepare(request)
    await response.write(reply.body)
    return _abort(request)
