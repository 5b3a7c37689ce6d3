"""Retention by REST and on a page of its own: what an access point keeps for how long, and a run ahead of time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu import retention, retention_page
from adapters.mock_eu.problem import Problem
from adapters.mock_eu.reading import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.mock_eu.retention import Retention, RetentionWorker, Swept
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.store import Store

_LONGEST: Final = 60 * 24 * 366 * 10  # minutes that one may look ahead


class RetentionDesk:
    """The handlers."""

    def __init__(self, settings: Settings, store: Store, worker: RetentionWorker) -> None:
        self._settings, self._store, self._worker = settings, store, worker

    def routes(self) -> list[web.RouteDef]:
        """One rule for each nation."""
        rule = "/access-points/{nation}/retention"
        return [
            web.get(rule, self.show),
            web.put(rule, self.change),
            web.delete(rule, self.reset),
            web.post(rule + "/runs", self.run),
            web.get("/retention/page", self.page),
            web.post("/retention/page", self.act),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The rule in force."""
        return web.json_response(asdict(self._rule(self._nation(request))))

    async def change(self, request: web.Request) -> web.Response:
        """Some or all of its members, as JSON object. 200 with all of them."""
        nation, values = self._nation(request), await _object(request)
        return web.json_response(asdict(self._change(nation, values)))

    async def reset(self, request: web.Request) -> web.Response:
        """As configured."""
        retention.reset_rule(self._store, self._nation(request))
        return web.Response(status=204)

    async def run(self, request: web.Request) -> web.Response:
        """`{minutes}` (0): run now, as if it were so many minutes later. 200 with what that took."""
        nation, values = self._nation(request), await _object(request)
        if set(values) - {"minutes"}:
            raise Problem(422, "bad-run", "a run has minutes and nothing else")
        return web.json_response(asdict(self._run(nation, values.get("minutes", 0))))

    async def page(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """The rules of all nations, for people."""
        return self._shown()

    async def act(self, request: web.Request) -> web.Response:
        """Change a rule, put it back, or run the worker."""
        said = {name: str(value).strip() for name, value in (await request.post()).items() if str(value).strip()}
        nation, do = said.pop("nation", ""), said.pop("do", "")
        try:
            if nation not in self._settings.nations:
                raise _no_nation(self._settings)
            took = self._do(nation, do, said)
        except Problem as problem:
            return self._shown(wrong=str(problem), status=problem.status)
        return self._shown(took=took)

    def _do(self, nation: str, do: str, said: Mapping[str, str]) -> Swept | None:
        if do == "run":
            return self._run(nation, _number(said.get("minutes", "0")))
        if do == "reset":
            retention.reset_rule(self._store, nation)
        else:
            values: dict[str, Any] = {name: _number(value) for name, value in said.items()}
            self._change(nation, {**values, "delete_metadata": said.get("delete_metadata") == "on"})
        return None

    def _shown(self, *, wrong: str = "", status: int = 200, took: Swept | None = None) -> web.Response:
        rules = {code: self._rule(code) for code in self._settings.nations}
        return web.Response(text=retention_page.written(rules, wrong, took), status=status, content_type="text/html")

    def _rule(self, nation: str) -> Retention:
        return retention.rule_of(self._settings, self._store, nation)

    def _change(self, nation: str, values: Mapping[str, Any]) -> Retention:
        try:
            return retention.set_rule(self._settings, self._store, nation, values)
        except retention.BadRetention as error:
            raise Problem(422, "bad-retention", str(error)) from error

    def _run(self, nation: str, minutes: Any) -> Swept:
        if not retention.is_minutes(minutes) or not 0 <= minutes <= _LONGEST:
            raise Problem(422, "bad-run", f"minutes must be a number from 0 to {_LONGEST}")
        return self._worker.sweep(nation, timedelta(minutes=minutes))

    def _nation(self, request: web.Request) -> str:
        nation = request.match_info["nation"]
        if nation not in self._settings.nations:
            raise _no_nation(self._settings)
        return nation


def _no_nation(settings: Settings) -> Problem:
    return Problem(404, "unknown-nation", f"there are {', '.join(sorted(settings.nations))}")


async def _object(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    try:
        found = json_of(data) if data else {}
    except ValueError as error:
        raise Problem(400, "not-json", "the body is not JSON") from error
    if not isinstance(found, dict):
        raise Problem(400, "wrong-shape", "the body is not a JSON object")
    return found


def _number(text: str) -> float | str:
    """What is no number stays text, and is refused by its name."""
    try:
        return float(text)
    except ValueError:
        return text
