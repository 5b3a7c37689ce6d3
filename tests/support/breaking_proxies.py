"""Proxies that break one thing each: before a dispatcher's REST, or between a dispatcher and its access point."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, web
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

METADATA = "application_metadata.json"
MASTER_KEY = "a-key-that-sees-everything-0123456789"


@dataclass(frozen=True)
class Rest:
    """What a proxy does to the REST: to the request's query and headers, to rows, to an archive's entries."""

    query: dict[str, str] = field(default_factory=dict)
    any_key: bool = False
    master_key: str = ""  #: asked with instead of whatever key was given
    rows: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: rows
    entries: Callable[[dict[str, bytes]], dict[str, bytes]] = lambda entries: entries


def without(name: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda rows: [{key: value for key, value in row.items() if key != name} for row in rows]


def setting(name: str, change: Callable[[Any], Any]) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda rows: [{**row, name: change(row[name])} for row in rows]


def _another_id(entries: dict[str, bytes]) -> dict[str, bytes]:
    document = {**json.loads(entries[METADATA]), "application_id": "f" * 24}
    return {**entries, METADATA: json.dumps(document).encode()}


def _without_files(entries: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in entries.items() if name != "application_file.zip"}


REST: dict[str, Rest] = {
    "drops a field": Rest(rows=without("dateSubmitted")),
    "changes an id": Rest(entries=_another_id),
    "doubles a row": Rest(rows=lambda rows: [row for row in rows for _ in range(2)]),
    "counts versions from another number": Rest(rows=setting("version", lambda number: number + 1)),
    "calls every application a request": Rest(rows=setting("applicationType", lambda _: "request")),
    "gives an old version": Rest(query={"version": "1"}),
    "drops the attachments": Rest(entries=_without_files),
    "lets anybody in": Rest(any_key=True),
    "gives everybody everything": Rest(master_key=MASTER_KEY),
}


@asynccontextmanager
async def rest_proxy(mutant: Rest, target: str, key: str) -> AsyncIterator[str]:
    """The REST at `target` through a mutant; its address."""
    async with ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            asked = key if mutant.any_key else request.headers.get("X-API-key", "")
            given = {"X-API-key": mutant.master_key if mutant.master_key and asked else asked}
            path, detail = request.path, request.path != "/applications"
            query = mutant.query if detail else {}
            async with session.get(target + path, headers=given, params=query) as answer:
                status, kind, body = answer.status, answer.content_type, await answer.read()
            if status == 200:
                body = _repacked(body, mutant) if detail else json.dumps(mutant.rows(json.loads(body))).encode()
            return web.Response(status=status, body=body, content_type=kind)

        app = web.Application()
        app.router.add_get("/{rest:.*}", handle)
        async with served(app) as url:
            yield url


def _repacked(body: bytes, mutant: Rest) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in mutant.entries(entries).items():
            archive.writestr(name, data)
    return made.getvalue()


@asynccontextmanager
async def served(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class SoapProxy:
    """Between dispatcher and access point; `mutant` says what it breaks now, "" nothing."""

    target: str
    session: ClientSession
    mutant: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        call = _call(body) if request.method == "POST" else ""
        bodies = MUTATIONS.get(self.mutant, {}).get(call, lambda one: [one])(body)
        if not bodies:
            return web.Response(body=_pretended(call, body), content_type="application/soap+xml")
        try:
            answers = [await self._pass(request, one, headers) for one in bodies]
        except ClientError:
            if request.transport is not None:
                request.transport.abort()  # as the access point did
            return web.Response(status=502)
        return answers[0]

    async def _pass(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
        url = self.target + request.path_qs
        async with self.session.request(request.method, url, data=body, headers=headers) as answer:
            kind = answer.headers.get("Content-Type", "")
            return web.Response(status=answer.status, body=await answer.read(), headers={"Content-Type": kind})


@asynccontextmanager
async def soap_proxy(target: str, port: int) -> AsyncIterator[SoapProxy]:
    async with ClientSession() as session:
        proxy = SoapProxy(target, session)
        app = web.Application(client_max_size=2**27)
        app.router.add_route("*", "/{rest:.*}", proxy.handle)
        async with served(app, port):
            yield proxy


def _call(body: bytes) -> str:
    return str(etree.QName(etree.fromstring(body).find("{*}Body")[0]).localname)


def _pretended(call: str, body: bytes) -> bytes:
    """What the access point would have said, although nothing reached it."""
    root = etree.fromstring(body)
    id_ = root.findtext(".//{*}MessageInfo/{*}MessageId") or root.findtext(".//messageID")
    name = call.replace("Request", "Response")
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/"><s:Body>'
        f"<w:{name}><messageID>{id_}</messageID></w:{name}></s:Body></s:Envelope>"
    ).encode()


def _verdict(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], list[bytes]]:
    """A ValidationResult with another content; other messages as they are."""

    def mutate(body: bytes) -> list[bytes]:
        root = etree.fromstring(body)
        value = root.find(".//payload/value")
        document = json.loads(base64.b64decode(value.text))
        if document["envelope"]["messageType"] != "ValidationResult":
            return [body]
        change(document["content"])
        value.text = base64.b64encode(json.dumps(document).encode()).decode()
        return [etree.tostring(root)]

    return mutate


def _twice(body: bytes) -> list[bytes]:
    root = etree.fromstring(body)
    message_id = root.find(".//{*}MessageInfo/{*}MessageId")
    message_id.text += "-again"
    return [body, etree.tostring(root)]


def _referring_elsewhere(body: bytes) -> list[bytes]:
    root = etree.fromstring(body)
    for reference in root.iter("{*}RefToMessageId"):
        reference.text = "another@central.example"
    return [etree.tostring(root)]


#: mutant: SOAP request element → what goes on instead of it; an empty list is answered by the proxy.
MUTATIONS: dict[str, dict[str, Callable[[bytes], list[bytes]]]] = {
    "swallows an answer": {"submitRequest": lambda _: []},
    "doubles a message": {"submitRequest": _twice},
    "turns a verdict round": {"submitRequest": _verdict(lambda content: content.update(validated=False))},
    "answers another message": {
        "submitRequest": _verdict(lambda content: content.update(originalMessageId="another@central.example"))
    },
    "refers to another message": {"submitRequest": _referring_elsewhere},
    "never marks": {"markMessageAsDownloadedRequest": lambda _: []},
}
