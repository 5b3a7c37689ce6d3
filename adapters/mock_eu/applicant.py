"""The applicant's side of the platform, by REST: file, answer, respond, appeal, ask, withdraw, and look."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import BodyPartReader, web

from adapters.mock_eu.problem import Problem
from adapters.mock_eu.reading import json_of

if TYPE_CHECKING:
    from adapters.mock_eu.deeds import Deeds

_ENTRY: Final = re.compile(r"[^_/\\]+_[^/\\]+")


@dataclass(slots=True)
class Form:
    """What came in a request: metadata, files by entry name, further plain fields."""

    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class Applicant:
    """The handlers."""

    def __init__(self, deeds: Deeds) -> None:
        self._deeds = deeds

    def routes(self) -> list[web.RouteDef]:
        """All under /applicant/applications."""
        base = "/applicant/applications"
        return [
            web.post(base, self.submit),
            web.get(base, self.index),
            web.get(base + "/{id}", self.show),
            web.get(base + "/{id}/files/{sha256}", self.paper),
            web.post(base + "/{id}/versions", self.amend),
            web.post(base + "/{id}/fee-responses", self.accept_fees),
            web.post(base + "/{id}/responses", self.respond),
            web.post(base + "/{id}/appeals", self.appeal),
            web.post(base + "/{id}/permit-requests", self.ask),
            web.post(base + "/{id}/reminders", self.remind),
            web.post(base + "/{id}/withdrawal", self.withdraw),
        ]

    async def submit(self, request: web.Request) -> web.Response:
        """A new application."""
        form = await _read(request)
        created = self._deeds.file(form.metadata, form.files)
        place = {"Location": f"{request.path}/{created['application_id']}"}
        return web.json_response(created, status=201, headers=place)

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """All applications, newest first."""
        return web.json_response({"applications": self._deeds.views()})

    async def show(self, request: web.Request) -> web.Response:
        """One application with every nation's leg."""
        return web.json_response(self._deeds.view(self._deeds.kept(request.match_info["id"])))

    async def paper(self, request: web.Request) -> web.Response:
        """A decision, a permit or an appendix, byte for byte as the nation sent it."""
        part = self._deeds.paper(request.match_info["id"], request.match_info["sha256"])
        headers = {"Content-Type": part.media_type, "Content-Disposition": "attachment"}
        return web.Response(body=part.data, headers=headers)

    async def amend(self, request: web.Request) -> web.Response:
        """A new version."""
        id_ = request.match_info["id"]
        self._deeds.kept(id_)
        form = await _read(request)
        in_reply_to = request.query.get("in_reply_to") or form.fields.get("in_reply_to", "")
        return web.json_response(self._deeds.amend(id_, form.metadata, form.files, in_reply_to), status=201)

    async def appeal(self, request: web.Request) -> web.Response:
        """`{nation, text}`."""
        body = await _object(request)
        id_ = request.match_info["id"]
        return _sent(id_, self._deeds.appeal(id_, _text(body, "nation"), _text(body, "text")))

    async def ask(self, request: web.Request) -> web.Response:
        """`{nation, kind, justification, …}`: what else there is goes into the message as it is."""
        body = await _object(request)
        id_, nation, kind = request.match_info["id"], _text(body, "nation"), _text(body, "kind")
        wishes = {name: value for name, value in body.items() if name not in {"nation", "kind"}}
        return _sent(id_, self._deeds.ask(id_, nation, kind, wishes))

    async def remind(self, request: web.Request) -> web.Response:
        """`{nation, due_date}`."""
        body = await _object(request)
        id_ = request.match_info["id"]
        return _sent(id_, self._deeds.remind(id_, _text(body, "nation"), _text(body, "due_date")))

    async def withdraw(self, request: web.Request) -> web.Response:
        """From every nation that still works on it."""
        id_ = request.match_info["id"]
        return web.json_response({"application_id": id_, "nations": self._deeds.withdraw(id_)}, status=202)

    async def accept_fees(self, request: web.Request) -> web.Response:
        """`{nation, response}` to a fee estimate."""
        body, id_ = await _object(request), request.match_info["id"]
        said = self._deeds.answer(id_, "fee_estimate", _text(body, "nation"), _text(body, "response"))
        return _sent(id_, said)

    async def respond(self, request: web.Request) -> web.Response:
        """`{nation, response}` to a decision, or to the offer of a statistical answer."""
        body, id_ = await _object(request), request.match_info["id"]
        return _sent(id_, self._deeds.respond(id_, _text(body, "nation"), _text(body, "response")))


def _sent(id_: str, message_id: str) -> web.Response:
    return web.json_response({"application_id": id_, "message_id": message_id}, status=202)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


async def _read(request: web.Request) -> Form:
    """JSON, or multipart with a part `metadata` and files called `<attachmentId>_<filename>`."""
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    metadata = await _object(request)
    in_reply_to = metadata.get("in_reply_to", "")
    return Form(metadata=metadata, fields={"in_reply_to": in_reply_to if isinstance(in_reply_to, str) else ""})


async def _read_multipart(request: web.Request) -> Form:
    form = Form()
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Problem(400, "bad-multipart", "a part within a part is not accepted")
        name, data = part.name or "", await part.read(decode=True)
        if name == "metadata":
            form.metadata = _json_object(bytes(data))
        elif name == "in_reply_to":
            form.fields[name] = bytes(data).decode("utf-8", "replace").strip()
        else:
            form.files[_entry_name(name, part.filename or "")] = bytes(data)
    return form


def _entry_name(name: str, filename: str) -> str:
    for candidate in (name, filename):
        if _ENTRY.fullmatch(candidate):
            return candidate
    raise Problem(422, "bad-file-name", "a file part must be called <attachmentId>_<filename>")


async def _object(request: web.Request) -> dict[str, Any]:
    return _json_object(await request.read())


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        value = json_of(data)
    except ValueError as error:
        raise Problem(400, "not-json", "the body is not JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise Problem(400, "wrong-shape", "the body is not a JSON object")
    return value
