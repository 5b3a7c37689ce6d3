"""The same messages over eu-https, for nations that speak it: JSON, signed requests, and a list to fetch from.

    GET    /{nation}/eu-https/keys           the mock's public keys
    POST   /{nation}/eu-https/messages/{id}  submit: 201, 200 known before, 409 other content
    GET    /{nation}/eu-https/messages/{id}  whether it is kept, with a receipt
    GET    /{nation}/eu-https/pending        ids that wait to be fetched
    GET    /{nation}/eu-https/pending/{id}   one of them; DELETE takes it off the list

Faults and log use the names of the operations that do the same at the WS plugin.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import sqlite3
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu import spoil, wire
from adapters.mock_eu.answers import Reply
from adapters.mock_eu.doors import nation_of
from adapters.mock_eu.model import RECEIVING, SENDING, Header, Part, Property
from adapters.mock_eu.operations import Note, Shared
from adapters.mock_eu.packing import codings_of
from adapters.mock_eu.reading import json_of
from adapters.mock_eu.signatures import NotSigned, Pen, Readers, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Held
    from adapters.mock_eu.settings import Nation, Settings
    from adapters.mock_eu.store import Store

_JSON: Final = "application/json"
_TEXTS: Final = ("conversation_id", "ref_to_message_id", "service", "service_type", "action")
_HTML: Final = "text/html"
#: Faults that replace the operation, in the order in which they are asked for.
_INSTEAD: Final[dict[str, Reply]] = {
    "http-503-html": Reply(503, _HTML, b"<h1>Service Unavailable</h1>"),
    "unauthorized": Reply(401, _HTML, b"<h1>Unauthorized</h1>"),
    "http-403": Reply(403, _HTML, b"<h1>Forbidden</h1>"),
    "http-204": Reply(204, "", b""),
    "http-500-no-detail": Reply(500, _HTML, b"<h1>Internal Server Error</h1>"),
    "retrieve-conflict": Reply(409, _HTML, b"<h1>Conflict</h1>"),
    "download-error": Reply(500, _HTML, b"<h1>Internal Server Error</h1>"),
    "listed-too-early": Reply(
        404, "application/problem+json", b'{"type": "urn:hdeu:problem:not-found", "problems": [{"code": "not-found"}]}'
    ),
    "duplicate-fault": Reply(200, _JSON, b'{"status": "RECEIVED"}'),
}
_LATER: Final = ("slow", "submit-timeout-after-accept", "reset-after-commit")
_CUTS: Final = frozenset({"submit-timeout-after-accept", "reset-after-commit"})


def _twice(said: dict[str, Any], _: Fault) -> dict[str, Any]:
    return {**said, "messages": [one for one in said["messages"] for _ in range(2)]}


def _capped(said: dict[str, Any], fault: Fault) -> dict[str, Any]:
    return {**said, "messages": said["messages"][: fault.amount]}


def _listed(reply: Reply) -> list[str]:
    said = json.loads(reply.body) if reply.status == 200 else {}  # noqa: PLR2004 -- only an answer lists
    return list(said.get("messages", ()))


def _other_id(said: dict[str, Any], _: Fault) -> dict[str, Any]:
    return {**said, "message_id": "hdeu-mock-other@central.example"}


def _bad_base64(said: dict[str, Any], _: Fault) -> dict[str, Any]:
    return {**said, "parts": [{**part, "data": "%%" + part["data"][2:]} for part in said["parts"]]}


#: Faults that change what the answer says, before it is written.
_DIFFERENTLY: Final[dict[str, Callable[[dict[str, Any], Fault], dict[str, Any]]]] = {
    "list-duplicate": _twice,
    "list-capped": _capped,
    "wrong-id": _other_id,
    "other-id-confirmed": _other_id,
    "corrupt-base64": _bad_base64,
}
#: Of those that change nothing at some answers: whether they would at this one.
_FITS: Final[dict[str, Callable[[Reply, Fault], bool]]] = {
    "list-duplicate": lambda reply, _: bool(_listed(reply)),
    "list-capped": lambda reply, fault: len(_listed(reply)) > fault.amount,
}
#: Faults that spoil its bytes, the same as at the WS plugin.
_AFTERWARDS: Final = ("truncated-soap", "gzip-bomb", "huge-claim")


class Counterparts:
    """The eu-https side of every nation that publishes keys; `wake` is called after a submit was kept."""

    def __init__(
        self, settings: Settings, store: Store, kitchen: Kitchen, shared: Shared, *, wake: Callable[[], None]
    ) -> None:
        self._settings, self._store, self._kitchen, self._wake = settings, store, kitchen, wake
        self._states, self._chance = shared.states, shared.chance
        self._pen, self._readers = Pen(settings.data_dir), Readers()

    def routes(self) -> list[web.RouteDef]:
        """None of them shows where the WS plugin is."""
        base = "/{nation}/eu-https"
        return [
            web.get(f"{base}/keys", self.keys),
            web.post(f"{base}/messages/{{id}}", self._door("submit", "submitMessage", self._submit)),
            web.get(f"{base}/messages/{{id}}", self._door("status", "getStatus", self._status)),
            web.get(f"{base}/pending", self._door("pending", "listPendingMessages", self._pending)),
            web.get(f"{base}/pending/{{id}}", self._door("retrieve", "retrieveMessage", self._retrieve)),
            web.delete(f"{base}/pending/{{id}}", self._door("downloaded", "markMessageAsDownloaded", self._mark)),
        ]

    async def keys(self, request: web.Request) -> web.Response:
        """The public keys of the mock."""
        nation_of(request, self._settings)
        return web.json_response(self._pen.key_set())

    def _door(self, signed: str, operation: str, answer: Callable[[Nation, Note, bytes], Reply]) -> Handler:
        """One operation behind the signature, with its faults and its line in the log."""

        async def handle(request: web.Request) -> web.StreamResponse:
            nation = nation_of(request, self._settings)
            if codings_of(request):
                detail = "a signed body travels as it is, without Content-Encoding"
                refusal = _refusal(415, "content-encoding-unsupported", detail)
                return _http(replace(refusal, headers={"Accept-Encoding": "identity"}))
            body = await request.read()
            note = Note(nation.code, operation, request.match_info.get("id", ""))
            try:
                await self._authenticate(request, nation, signed, body)
            except NotSigned as error:
                self._log(note, f"401 {error}")
                return _http(Reply(401, _JSON, _problem("unauthenticated", str(error))))
            return await self._serve(request, nation, note, body, answer)

        return handle

    async def _authenticate(self, request: web.Request, nation: Nation, operation: str, body: bytes) -> None:
        """Raises: NotSigned."""
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        if not nation.jwks:
            raise NotSigned("this nation publishes no keys")
        message_id = request.match_info.get("id", "")
        central = self._settings.central_party_id
        await self._readers.check(token, nation.jwks, Wanted(nation.party_id, central, operation, message_id, body))

    async def _serve(
        self,
        request: web.Request,
        nation: Nation,
        note: Note,
        body: bytes,
        answer: Callable[[Nation, Note, bytes], Reply],
    ) -> web.StreamResponse:
        held = self._describe(nation, note, body)
        if self._fire("reset-before-commit", note):
            self._log(note, "reset-before-commit")
            return _cut(request)
        for name, instead in _INSTEAD.items():
            if self._fire(name, note):
                self._log(note, name)
                return _http(instead)
        if held is not None and held.parts and self._fire("deleted-before-retrieve", note):
            self._states.delete(held)
        with self._store.commit():
            reply = answer(nation, note, body)
            fired = self._fire_all(reply, note)
            self._log(note, ", then ".join([str(reply.status), *fired]))
        self._wake()
        await asyncio.sleep(max((fired[name].seconds for name in _LATER[:2] if name in fired), default=0))
        return _cut(request) if fired.keys() & _CUTS else await _spoilt(request, reply, fired)

    def _describe(self, nation: Nation, note: Note, body: bytes) -> Held | None:
        """Type and payloads, for the faults' filters and the log; the inbound message, if it is one."""
        if note.operation == "submitMessage":
            header, note.parts = _read(body, nation, self._settings.central_party_id)
            note.type = wire.type_of(nation.wire, note.parts, header)
            return None
        held = self._store.message(nation.code, RECEIVING, note.message_id)
        known = held or self._store.message(nation.code, SENDING, note.message_id)
        note.type = known.type if known else ""
        return held

    def _submit(self, nation: Nation, note: Note, body: bytes) -> Reply:
        header, parts = _read(body, nation, self._settings.central_party_id)
        header = replace(header, message_id=note.message_id, timestamp=self._chance.stamp())
        try:
            self._states.enqueue(nation.code, note.type, header, parts)
        except sqlite3.IntegrityError:
            held = self._store.message(nation.code, SENDING, note.message_id)
            if held is None or held.parts != parts:
                return _refusal(409, "key-reused", "this id was used before, with other content")
            return self._kept(nation, held.header.message_id, parts, 200)
        return self._kept(nation, note.message_id, parts, 201)

    def _status(self, nation: Nation, note: Note, _body: bytes) -> Reply:
        held = self._store.message(nation.code, SENDING, note.message_id)
        return self._kept(nation, note.message_id, held.parts, 200) if held else _missing()

    def _pending(self, nation: Nation, _note: Note, _body: bytes) -> Reply:
        found = [header.message_id for _, _, header in self._store.pending(nation.code)]
        return _said(200, {"messages": found[: self._settings.style.list_max]})

    def _retrieve(self, nation: Nation, note: Note, _body: bytes) -> Reply:
        held = self._store.message(nation.code, RECEIVING, note.message_id)
        if held is None or not held.parts:
            return _missing()
        note.parts = held.parts
        return _said(200, _written(held))

    def _mark(self, nation: Nation, note: Note, _body: bytes) -> Reply:
        held = self._store.message(nation.code, RECEIVING, note.message_id)
        if held is None or not held.pending:
            return _missing()
        self._states.download(held)
        return Reply(204, "", b"")

    def _kept(self, nation: Nation, message_id: str, parts: tuple[Part, ...], status: int) -> Reply:
        main = next((part for part in parts if part.href.lower() == "cid:message"), parts[0])
        sha256 = hashlib.sha256(main.data).hexdigest()
        signed = self._pen.receipt(self._settings.central_party_id, nation.party_id, message_id, sha256)
        said = {"message_id": message_id, "status": "RECEIVED", "sha256": sha256, "receipt": signed}
        return _said(status, said)

    def _fire_all(self, reply: Reply, note: Note) -> dict[str, Fault]:
        """Those of the way back that change something of this answer."""
        names = (*_LATER, *_DIFFERENTLY, *_AFTERWARDS)
        fits = {name: partial(fit, reply) for name, fit in _FITS.items()}
        return {name: fault for name in names if (fault := self._fire(name, note, fits.get(name)))}

    def _fire(self, name: str, note: Note, fits: Callable[[Fault], bool] | None = None) -> Fault | None:
        return self._kitchen.fire(name, note.nation, note.operation, note.type, fits=fits)

    def _log(self, note: Note, outcome: str) -> None:
        self._store.add_log(note.entry(self._chance.stamp(), outcome))


def _read(body: bytes, nation: Nation, central: str) -> tuple[Header, tuple[Part, ...]]:
    """Raises: web.HTTPUnprocessableEntity."""
    try:
        said = json_of(body)
        parts = tuple(
            Part(part["href"], part["media_type"], base64.b64decode(part["data"], validate=True))
            for part in said["parts"]
        )
        texts = {name: str(said.get(name, "")) for name in _TEXTS}
        properties = tuple(Property(name, str(value)) for name, value in said.get("properties", {}).items())
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise web.HTTPUnprocessableEntity from error
    return Header(**texts, from_party=nation.party_id, to_party=central, properties=properties), parts


def _written(held: Held) -> dict[str, Any]:
    head = held.header
    texts = {name: getattr(head, name) for name in ("message_id", *_TEXTS, "from_role", "to_role", "timestamp")}
    parts = [
        {"href": part.href, "media_type": part.media_type, "data": base64.b64encode(part.data).decode()}
        for part in held.parts
    ]
    return {**texts, "properties": {item.name: item.value for item in head.properties}, "parts": parts}


def _said(status: int, said: dict[str, Any]) -> Reply:
    return Reply(status, _JSON, json.dumps(said).encode())


def _missing() -> Reply:
    return _refusal(404, "not-found", "no such message")


def _refusal(status: int, code: str, detail: str) -> Reply:
    return Reply(status, "application/problem+json", _problem(code, detail))


def _problem(code: str, detail: str) -> bytes:
    problem = {"type": f"urn:hdeu:problem:{code}", "detail": detail, "problems": [{"code": code, "detail": detail}]}
    return json.dumps(problem).encode()


async def _spoilt(request: web.Request, reply: Reply, fired: dict[str, Fault]) -> web.StreamResponse:
    for name, change in _DIFFERENTLY.items():
        if name in fired and reply.status in {200, 201}:  # only an answer can be spoilt
            reply = replace(reply, body=json.dumps(change(json.loads(reply.body), fired[name])).encode())
    for name in _AFTERWARDS:
        if name in fired:
            reply = spoil.AFTERWARDS[name](reply, fired[name])
    return await _claimed(request, reply) if reply.claimed else _http(reply)


async def _claimed(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Less than the length that is claimed, and then a cut."""
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
    response.content_length = reply.claimed
    await response.prepare(request)
    await response.write(reply.body)
    return _cut(request)


def _http(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type, **reply.headers} if reply.content_type else {}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """Reset the connection; the answer that aiohttp wants back reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
