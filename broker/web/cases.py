"""Cases and what falls due over all of them: part of the API under `/api/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.flow import case_views
from broker.flow.due import WITHIN_DAYS, due_list
from broker.model.identity import Action
from broker.web import bodies
from broker.web.problem import RequestError
from broker.web.services import SERVICES

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

#: Ten years: the longest term of a permit (Art. 68(12)) and its one renewal together.
MAX_DAYS: Final = 3660


async def get_cases(request: web.Request) -> web.Response:
    """Cases, newest first."""
    services, query, limit = request.app[SERVICES], request.query, bodies.page_size(request)
    before, text = query.get("before", ""), query.get("text", "")
    async with services.store.transaction() as tx:
        found = await case_views.case_list(tx, services.today(), limit=limit, before=before, text=text)
    return web.json_response(found)


async def get_case(request: web.Request) -> web.Response:
    """One case with its legs, clocks, news and messages."""
    services = request.app[SERVICES]
    async with services.store.transaction() as tx:
        return web.json_response(await case_views.case_view(tx, request.match_info["key"], services.today()))


async def get_due(request: web.Request) -> web.Response:
    """What falls due within so many days, over all cases, and what is overdue."""
    services, limit, within = request.app[SERVICES], bodies.page_size(request), _within(request)
    async with services.store.transaction() as tx:
        return web.json_response(await due_list(tx, services.today(), within=within, limit=limit))


def _within(request: web.Request) -> int:
    asked = request.query.get("within", str(WITHIN_DAYS))
    if not (asked.isascii() and asked.isdigit() and int(asked[:9]) <= MAX_DAYS):
        raise RequestError("bad-request", f"within must be a number of days from 0 to {MAX_DAYS}", path="within")
    return int(asked)


CASE_ROUTES: Final[tuple[tuple[str, str, Action, Handler], ...]] = (
    ("GET", "/cases", Action.CASES_READ, get_cases),
    ("GET", "/cases/{key}", Action.CASES_READ, get_case),
    ("GET", "/due", Action.CASES_READ, get_due),
)
