"""The applicant's side of the platform, by REST: file, answer, respond, withdraw, and look."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import BodyPartReader, web

from adapters.mock_eu import countries, legs
from adapters.mock_eu.letters import Letter

if TYPE_CHECKING:
    from adapters.mock_eu.model import Chance
    from adapters.mock_eu.platform import Platform
    from adapters.mock_eu.store import Store

_ENTRY: Final = re.compile(r"[^_/\\]+_[^/\\]+")
_PLATFORM_OWNED: Final = ("application_id", "version", "dateSubmitted", "in_reply_to")
_FEE_ANSWERS: Final = frozenset({"ACCEPT", "REDUCE", "REJECT"})
_ANSWERS: Final = frozenset({"ACCEPT", "REJECT"})


class Problem(Exception):
    """Something that the applicant must change."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail

    def response(self) -> web.Response:
        """As application/problem+json."""
        document = {
            "type": f"urn:hdeu:mock:problem:{self.code}",
            "title": self.code.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        return web.json_response(document, status=self.status, content_type="application/problem+json")


@dataclass(slots=True)
class Form:
    """What came in a request: metadata, files by entry name, further plain fields."""

    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class Applicant:
    """The handlers."""

    def __init__(self, store: Store, platform: Platform, chance: Chance) -> None:
        self._store, self._platform, self._chance = store, platform, chance

    def routes(self) -> list[web.RouteDef]:
        """All under /applicant/applications."""
        base = "/applicant/applications"
        return [
            web.post(base, self.submit),
            web.get(base, self.index),
            web.get(base + "/{id}", self.show),
            web.post(base + "/{id}/versions", self.amend),
            web.post(base + "/{id}/fee-responses", self.answer_fees),
            web.post(base + "/{id}/responses", self.answer_decision),
            web.post(base + "/{id}/withdrawal", self.withdraw),
        ]

    async def submit(self, request: web.Request) -> web.Response:
        """A new application: sent to every connected nation with a dataset in it."""
        form = await _read(request)
        content = _checked(form.metadata)
        id_ = self._platform.new_application_id()
        nations = self._platform.nations_of(content)
        if not nations:
            raise Problem(422, "no-nation", "no dataset belongs to a connected nation")
        with self._store.commit():
            self._keep(id_, 1, content, form.files)
            self._platform.distribute(id_, "ApplicationSubmitted", nations)
        return web.json_response(_created(id_, 1, nations), status=201, headers={"Location": f"{request.path}/{id_}"})

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """All applications, newest first."""
        return web.json_response({"applications": [self.view(kept) for kept in self._store.applications()]})

    async def show(self, request: web.Request) -> web.Response:
        """One application with every nation's leg."""
        return web.json_response(self.view(self._kept(request)))

    async def amend(self, request: web.Request) -> web.Response:
        """A new version: an answer to the nation that asked, an amendment to the others."""
        kept = self._kept(request)
        form = await _read(request)
        content = _checked({**kept["content"], **form.metadata})
        in_reply_to = request.query.get("in_reply_to") or form.fields.get("in_reply_to", "")
        id_, version = kept["id"], kept["version"] + 1
        if not _open(self._store.legs(id_)):
            raise Problem(409, "withdrawn", "no leg of the application is open")
        asked = _asked(self._store.legs(id_), in_reply_to)
        with self._store.commit():
            self._keep(id_, version, content, form.files)
            nations = self._send_version(id_, content, asked)
        return web.json_response(_created(id_, version, nations), status=201)

    async def answer_fees(self, request: web.Request) -> web.Response:
        """Art. 62(5): accept, reduce, reject."""
        return await self._respond(request, "FeeResponse", "fee_estimate", _FEE_ANSWERS)

    async def answer_decision(self, request: web.Request) -> web.Response:
        """D6.3 section 6.6: accept or reject the decision."""
        return await self._respond(request, "ApplicantResponse", "decision", _ANSWERS)

    async def withdraw(self, request: web.Request) -> web.Response:
        """From every nation that still works on it."""
        kept = self._kept(request)
        open_legs = _open(self._store.legs(kept["id"]))
        if not open_legs:
            raise Problem(409, "nothing-to-withdraw", "no leg of the application is open")
        at = self._chance.stamp()
        with self._store.commit():
            for nation, leg in open_legs.items():
                letter = Letter("ApplicationWithdrawn", {"applicationId": kept["id"]}, kept["id"], kept["version"])
                leg["withdrawal"] = {"at": at, "message_id": self._platform.send(nation, letter)}
                legs.set_status(leg, "WITHDRAWN", at)
                self._store.put_leg(kept["id"], nation, leg)
        return web.json_response({"application_id": kept["id"], "nations": list(open_legs)}, status=202)

    def view(self, kept: dict[str, Any]) -> dict[str, Any]:
        """What the applicant sees."""
        content = kept["content"]
        return {
            "application_id": kept["id"],
            "title": content.get("title"),
            "version": kept["version"],
            "origin": kept["origin"] or "platform",
            "submitted_at": content.get("dateSubmitted"),
            "attachments": list(self._store.files(kept["id"])),
            "nations": self._store.legs(kept["id"]),
        }

    def _kept(self, request: web.Request) -> dict[str, Any]:
        found = self._store.application(request.match_info["id"])
        if found is None:
            raise Problem(404, "unknown-application", "the platform knows no such application")
        return found

    def _keep(self, id_: str, version: int, content: dict[str, Any], files: dict[str, bytes]) -> None:
        at = self._chance.stamp()
        # Release 7 writes nanoseconds; readers must survive them.
        submitted = self._chance.now().strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{int(self._chance.hex(4), 16) % 1000:03}Z"
        owned = {"application_id": id_, "version": version, "dateSubmitted": submitted}
        self._store.put_application(id_, version, origin=("", ""), at=at, content={**content, **owned})
        self._store.put_files(id_, files)

    def _send_version(self, id_: str, content: dict[str, Any], asked: dict[str, str]) -> list[str]:
        """Every open leg gets the version in its own way; nations that are new to it get the application."""
        all_legs = self._store.legs(id_)
        nations = list(_open(all_legs))
        for nation in nations:
            type_ = "AdditionalInformation" if nation in asked else "ApplicationAmended"
            self._platform.send(nation, self._platform.application_letter(id_, type_, ref=asked.get(nation, "")))
            for question in all_legs[nation]["questions"]:
                question["answered"] = question["answered"] or nation in asked
            self._store.put_leg(id_, nation, all_legs[nation])
        added = [nation for nation in self._platform.nations_of(content) if nation not in all_legs]
        self._platform.distribute(id_, "ApplicationSubmitted", added)
        return nations + added

    async def _respond(self, request: web.Request, type_: str, about: str, allowed: frozenset[str]) -> web.Response:
        kept, body = self._kept(request), await _object(request)
        nation, response = body.get("nation"), body.get("response")
        leg = self._store.legs(kept["id"]).get(str(nation))
        if leg is None:
            raise Problem(422, "unknown-nation", "the application has no leg in this nation")
        if response not in allowed:
            raise Problem(422, "bad-response", f"response must be one of {', '.join(sorted(allowed))}")
        if not leg[about]:
            raise Problem(409, "nothing-to-answer", f"the nation has sent no {about.replace('_', ' ')}")
        at = self._chance.stamp()
        content = {"applicationId": kept["id"], "response": response, "date": at}
        letter = Letter(type_, content, kept["id"], kept["version"], ref=leg[about]["message_id"])
        with self._store.commit():
            message_id = self._platform.send(str(nation), letter)
            name = "fee_response" if about == "fee_estimate" else "response"
            leg[name] = {"response": response, "at": at, "message_id": message_id}
            self._store.put_leg(kept["id"], str(nation), leg)
        return web.json_response({"application_id": kept["id"], "message_id": message_id}, status=202)


def _created(id_: str, version: int, nations: list[str]) -> dict[str, Any]:
    return {"application_id": id_, "version": version, "nations": nations}


def _open(all_legs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {nation: leg for nation, leg in all_legs.items() if leg["status"] != "WITHDRAWN"}


def _asked(all_legs: dict[str, dict[str, Any]], in_reply_to: str) -> dict[str, str]:
    """Nation → question that the version answers: the named one, or else each nation's latest open one."""
    if not in_reply_to:
        return {nation: found[-1]["id"] for nation, leg in all_legs.items() if (found := legs.open_questions(leg))}
    for nation, leg in all_legs.items():
        if any(question["id"] == in_reply_to for question in leg["questions"]):
            return {nation: in_reply_to}
    raise Problem(422, "unknown-question", "nobody asked a question with this id")


def _checked(metadata: dict[str, Any]) -> dict[str, Any]:
    """The applicant's part of an application. Raises: Problem."""
    content = {name: value for name, value in metadata.items() if name not in _PLATFORM_OWNED}
    if not isinstance(content.get("title"), str) or not content["title"].strip():
        raise Problem(422, "title-missing", "title must be a text that is not empty")
    datasets = content.get("datasets")
    if not isinstance(datasets, list) or not datasets:
        raise Problem(422, "datasets-missing", "datasets must name at least one dataset")
    if not isinstance(content.get("form"), dict):
        raise Problem(422, "form-missing", "form must be an object of sections")
    for number, dataset in enumerate(datasets):
        if not countries.of_dataset(dataset):
            raise Problem(422, "unknown-country", f"datasets[{number}].country is unknown")
    content.setdefault("application_type", "DATA_ACCESS_APPLICATION")
    return content


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
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Problem(400, "not-json", "the body is not JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise Problem(400, "wrong-shape", "the body is not a JSON object")
    return value
