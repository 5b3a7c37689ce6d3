"""The kit as a National Dispatcher: the REST that a case system (DAAMS) pulls from, and what it was asked and told.

`getApplications` and `getApplication` are as observed at a national test environment. The operations by which a case
system answers are named in D6.4, their addresses are not: `POST …/applications/{id}/<operation>` is ours, provisional.
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu.conformance import example
from adapters.mock_eu.packing import Unpackable, runner_of, unpacking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BASE: Final = "/national-dispatcher"
#: D6.4 names the first four; an acknowledgement is a message there without an operation of its own.
OPERATIONS: Final = ("requestInfo", "changeStatus", "setDueDates", "updateApplicationDecision", "acknowledge")
_NAMES: Final = {"DATA_ACCESS_APPLICATION": "application", example.REQUEST: "request"}
Spoil = Callable[[web.Response], web.Response]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an application as the dispatcher has it."""

    number: int
    content: dict[str, Any]
    files: dict[str, bytes]


@dataclass(slots=True)
class Shelf:
    """An application on the counter: its versions, its status, and what is done to answers about it."""

    id: str
    versions: list[Version]
    status: str = "SUBMITTED"
    detail: list[Spoil] = field(default_factory=list)  #: one per answer of getApplication, in order
    damaged: bool = False  #: every answer of getApplication is cut in half


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the case system."""

    operation: str
    application_id: str
    key: str
    body: Any = None


@dataclass(slots=True)
class Counter:
    """What lies on the counter, and every request at it. `list_` spoils answers of getApplications, in order."""

    key: str
    shelves: dict[str, Shelf] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    list_: list[Spoil] = field(default_factory=list)
    rows: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: rows

    def put(self, content: dict[str, Any], files: dict[str, bytes] | None = None) -> Shelf:
        """A new application."""
        shelf = Shelf(secrets.token_hex(12), [])
        self.shelves[shelf.id] = shelf
        self.amend(shelf, content, files)
        return shelf

    def amend(self, shelf: Shelf, content: dict[str, Any], files: dict[str, bytes] | None = None) -> None:
        """The next version of an application."""
        owned = {"application_id": shelf.id, "dateSubmitted": _nanoseconds()}
        given = {example.PLAN_ENTRY: example.PLAN} if files is None else files
        shelf.versions.append(Version(len(shelf.versions) + 1, {**content, **owned}, given))

    def asked(self, operation: str, application_id: str) -> list[Call]:
        """Requests of one operation about one application."""
        return [call for call in self.calls if (call.operation, call.application_id) == (operation, application_id)]

    def app(self) -> web.Application:
        """The REST."""
        app = web.Application(middlewares=[unpacking])
        app.router.add_get(f"{BASE}/applications", self._list)
        app.router.add_get(f"{BASE}/applications/{{id}}", self._detail)
        app.router.add_post(f"{BASE}/applications/{{id}}/{{operation}}", self._take)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        if refused := self._noted(request, "getApplications"):
            return refused
        rows = [_row(shelf, version) for shelf in self.shelves.values() for version in shelf.versions]
        return _spoilt(web.json_response(self.rows(rows)), self.list_)

    async def _detail(self, request: web.Request) -> web.Response:
        if refused := self._noted(request, "getApplication"):
            return refused
        shelf = self.shelves.get(request.match_info["id"])
        if shelf is None:
            raise web.HTTPNotFound
        wanted = request.query.get("version", "")
        found = [version for version in shelf.versions if wanted in {"", str(version.number)}]
        if not found:
            raise web.HTTPNotFound
        answer = _spoilt(web.Response(body=_zip(found[-1]), content_type="application/zip"), shelf.detail)
        return half(answer) if shelf.damaged else answer

    async def _take(self, request: web.Request) -> web.Response:
        operation = request.match_info["operation"]
        if operation not in OPERATIONS:
            raise web.HTTPNotFound
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        except Unpackable as error:
            return error.response()
        if refused := self._noted(request, operation, body):
            return refused
        return web.json_response({}, status=202)

    def _noted(self, request: web.Request, operation: str, body: Any = None) -> web.Response | None:
        key = request.headers.get("X-API-key", "")
        self.calls.append(Call(operation, request.match_info.get("id", ""), key, body))
        return None if key == self.key else web.json_response({"error": "unknown key"}, status=403)


@asynccontextmanager
async def counter(host: str, port: int, key: str) -> AsyncIterator[Counter]:
    """The counter, open for as long as the cases run."""
    made = Counter(key)
    runner = runner_of(made.app(), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield made
    finally:
        await runner.cleanup()


def away(_: web.Response) -> web.Response:
    """A spoil: HTTP 503 with a page."""
    return web.Response(status=503, text="<h1>Service Unavailable</h1>", content_type="text/html")


def half(answer: web.Response) -> web.Response:
    """A spoil: the second half is missing."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    return web.Response(body=body[: len(body) // 2], content_type=answer.content_type)


def _spoilt(answer: web.Response, spoils: list[Spoil]) -> web.Response:
    return spoils.pop(0)(answer) if spoils else answer


def _row(shelf: Shelf, version: Version) -> dict[str, Any]:
    kind = version.content["application_type"]
    return {
        "application_id": shelf.id,
        "applicationType": _NAMES.get(kind, kind),
        "status": shelf.status,
        "title": version.content["title"],
        "dateSubmitted": version.content["dateSubmitted"],
        "version": version.number,
    }


def _zip(version: Version) -> bytes:
    files = _packed(version.files)
    document = json.dumps(version.content, ensure_ascii=False).encode()
    return _packed({"application_metadata.json": document, "application_file.zip": files})


def _packed(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return made.getvalue()


def _nanoseconds() -> str:
    """Nine digits, as the platform writes them."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{secrets.randbelow(1000):03}Z"
