"""The pages' forms: the same deeds as by REST, then the page again, with what went wrong if something did."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu import countries, examples, page
from adapters.mock_eu.orders import UnknownFault
from adapters.mock_eu.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.mock_eu.deeds import Deeds
    from adapters.mock_eu.menu import Kitchen

_WHOLE: Final = ("nth", "seed", "times", "amount")
_REAL: Final = ("probability", "seconds")


class Counter:
    """The handlers of the pages."""

    def __init__(self, deeds: Deeds, kitchen: Kitchen, nations: tuple[str, ...], new_id: Callable[[], str]) -> None:
        self._deeds, self._kitchen, self._nations, self._new_id = deeds, kitchen, nations, new_id
        self._do: Final[dict[str, Callable[[str, Mapping[str, str]], Any]]] = {
            "amend": self._amend,
            "fee_estimate": lambda id_, said: deeds.answer(id_, "fee_estimate", said["nation"], said["response"]),
            "decision": lambda id_, said: deeds.answer(id_, "decision", said["nation"], said["response"]),
            "offer": lambda id_, said: deeds.answer(id_, "offer", said["nation"], said["response"]),
            "appeal": lambda id_, said: deeds.appeal(id_, said["nation"], said["text"]),
            "ask": lambda id_, said: deeds.ask(
                id_, said["nation"], said["kind"], {"justification": said["justification"]}
            ),
            "withdraw": lambda id_, _: deeds.withdraw(id_),
        }

    def routes(self) -> list[web.RouteDef]:
        """The applicant's pages and that of the faults."""
        return [
            web.get("/", self.home),
            web.get("/applicant/", self.index),
            web.post("/applicant/", self.file),
            web.get("/applicant/pages/{id}", self.show),
            web.post("/applicant/pages/{id}/{deed}", self.act),
            web.get("/faults/page", self.faults),
            web.post("/faults/page", self.arm),
        ]

    async def home(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """To the list."""
        raise web.HTTPFound("/applicant/")

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """All applications, and the form for a new one."""
        return _html(page.applications(self._deeds.views(), self._nations))

    async def file(self, request: web.Request) -> web.Response:
        """A new application from an example."""
        said = await request.post()
        try:
            form = examples.form(str(said.get("form", "")))
            wanted = {str(code) for code in said.getall("nation", [])}
            form["datasets"] = [each for each in form["datasets"] if countries.of_dataset(each) in wanted]
            form["title"] = str(said.get("title") or form["title"])
            created = self._deeds.file(form, _attached(said.get("attachment")))
        except KeyError:
            return _html(page.applications(self._deeds.views(), self._nations, "There is no such example."), 422)
        except Problem as problem:
            return _html(page.applications(self._deeds.views(), self._nations, str(problem)), problem.status)
        raise web.HTTPSeeOther(f"/applicant/pages/{created['application_id']}")

    async def show(self, request: web.Request) -> web.Response:
        """One application."""
        return _html(page.application(self._view(request)))

    async def act(self, request: web.Request) -> web.Response:
        """One deed on it."""
        id_, deed = request.match_info["id"], self._do.get(request.match_info["deed"])
        if deed is None:
            raise web.HTTPNotFound
        said = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            deed(id_, said)
        except KeyError as error:
            return _html(page.application(self._view(request), f"{error.args[0]} is missing"), 422)
        except Problem as problem:
            return _html(page.application(self._view(request), str(problem)), problem.status)
        raise web.HTTPSeeOther(f"/applicant/pages/{id_}")

    async def faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """What is armed."""
        return _html(page.faults(self._kitchen.armed))

    async def arm(self, request: web.Request) -> web.Response:
        """One more, or none any more."""
        said = {name: str(value).strip() for name, value in (await request.post()).items() if str(value).strip()}
        try:
            if said.pop("do", "") == "disarm":
                self._kitchen.disarm(said.get("id"))
            else:
                self._kitchen.arm(self._new_id(), _order(said))
        except UnknownFault as error:
            return _html(page.faults(self._kitchen.armed, str(error), said), 422)
        raise web.HTTPSeeOther("/faults/page")

    def _amend(self, id_: str, said: Mapping[str, str]) -> None:
        """The title, and the answer that an assessor most often asks for."""
        content = self._deeds.kept(id_)["content"]
        changes: dict[str, Any] = {"title": said.get("title") or content["title"]}
        if why := said.get("why", "").strip():
            section = {**content["form"].get("section5", {}), "whyTheDataIsNeeded": why}
            changes["form"] = {**content["form"], "section5": section}
        self._deeds.amend(id_, changes, {}, said.get("in_reply_to", ""))

    def _view(self, request: web.Request) -> dict[str, Any]:
        return self._deeds.view(self._deeds.kept(request.match_info["id"]))


def _order(said: Mapping[str, str]) -> dict[str, Any]:
    """Text fields as the menu wants them; what is no number stays text, and is refused there by its name."""
    kinds: dict[str, Callable[[str], Any]] = {**dict.fromkeys(_WHOLE, int), **dict.fromkeys(_REAL, float)}
    return {name: _as(kinds[name], value) if name in kinds else value for name, value in said.items()}


def _as(kind: Callable[[str], Any], value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        return value


def _attached(field: Any) -> dict[str, bytes]:
    if not isinstance(field, web.FileField) or not field.filename:
        return {}
    name = field.filename.replace("\\", "/").rpartition("/")[2]
    return {f"{secrets.token_hex(12)}_{name}": field.file.read()}


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
