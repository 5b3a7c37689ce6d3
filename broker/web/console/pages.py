"""The pages. All but signing in and out only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from broker.errors import Forbidden, Unauthenticated
from broker.flow import case_views, views
from broker.flow.due import WITHIN_DAYS, due_list
from broker.model.exchanges import Direction, State
from broker.model.messages import MessageType
from broker.ports import ExchangeFilter
from broker.web import bodies
from broker.web.auth import identify
from broker.web.console import labels, present, session
from broker.web.console.console import CONSOLE, HOME, draw, is_partial, words_of
from broker.web.console.gate import ROOT, for_staff, from_own_page, is_secure, login_page, where_to
from broker.web.problem import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from broker.model.identity import Identity
    from broker.web.console.i18n import Words

PAGE: Final = 25
_LONGEST: Final = 200
MOST_DUE: Final = 200  #: rows of the page of what is due; the rest stands behind a shorter period
_PERIODS: Final = ("7", str(WITHIN_DAYS), "90", "365")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter of the list of messages, as the form sends it; what is unknown counts as not asked."""

    state: str = ""
    direction: str = ""
    type: str = ""
    text: str = ""
    before: str = ""
    refresh: bool = False

    def as_filter(self) -> ExchangeFilter:
        """For the store: a group stands for its states."""
        group = labels.GROUPS.get(self.state)
        states = tuple(sorted(group[1])) if group else (self.state,) if self.state else ()
        return ExchangeFilter(
            states=states, direction=self.direction, type=self.type, text=self.text, before=self.before, limit=PAGE
        )

    def query(self, **changed: Any) -> str:
        """The address of this list, with some fields changed; the form's names."""
        values = {"state": self.state, "direction": self.direction, "type": self.type, "text": self.text}
        values |= {"before": self.before, "refresh": "on" if self.refresh else ""} | changed
        return HOME + ("?" + urlencode(filled) if (filled := {k: v for k, v in values.items() if v}) else "")

    @property
    def filtered(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.state or self.direction or self.type or self.text)


def asked(query: Mapping[str, str]) -> Asked:
    """Read the filter from a query."""

    def known(name: str, values: Any) -> str:
        value = query.get(name, "")
        return value if value in values else ""

    return Asked(
        state=known("state", {*labels.GROUPS, *State}),
        direction=known("direction", set(Direction)),
        type=known("type", set(MessageType)),
        text=query.get("text", "").strip()[:_LONGEST],
        before=query.get("before", "")[:_LONGEST],
        refresh=query.get("refresh") == "on",
    )


async def home(request: web.Request) -> web.Response:  # noqa: ARG001  # aiohttp's handler
    """The console begins with the messages."""
    return _go(HOME)


def _go(place: str) -> web.Response:
    return web.Response(status=303, headers={"Location": place})


async def messages(request: web.Request) -> web.Response:
    """The list of messages; htmx gets the part that the filter changes."""
    console, words, wanted = request.app[CONSOLE], words_of(request), asked(request.query)
    async with console.services.store.transaction() as tx:
        page = await views.message_list(tx, wanted.as_filter())
        counts = group_counts(await tx.figures(console.services.clock.now()))
    context = {
        "asked": wanted,
        "rows": [present.message_row(row, words) for row in page["messages"]],
        "next": wanted.query(before=page["next"]) if page["next"] else "",
        "counts": counts,
        "seconds": console.settings.refresh_seconds,
        **_choices(words),
    }
    return draw(request, "messages_results.html" if is_partial(request) else "messages.html", context)


def _choices(words: Words) -> dict[str, Any]:
    types = {str(kind): words(labels.TYPES.get(kind, kind)) for kind in MessageType}
    return {
        "groups": {name: words(label) for name, (label, _) in labels.GROUPS.items()},
        "states": {str(state): words(label.name) for state, label in labels.STATES.items()},
        "directions": {name: words(label) for name, label in labels.DIRECTIONS.items()},
        "types": dict(sorted(types.items(), key=lambda item: item[1])),
    }


def group_counts(figures: Mapping[str, float]) -> dict[str, int]:
    """How many exchanges stand in each group of states."""
    counts = dict.fromkeys(labels.GROUPS, 0)
    for key, value in figures.items():
        kind, _, rest = key.partition(".")
        state = rest.rpartition(".")[2]
        for name, (_, states) in labels.GROUPS.items():
            if kind == "exchanges" and state in states:
                counts[name] += int(value)
    return counts


async def message(request: web.Request) -> web.Response:
    """One message. Raises: NotFound."""
    async with request.app[CONSOLE].services.store.transaction() as tx:
        view = await views.message_view(tx, request.match_info["id"])
    return draw(request, "message.html", {"message": present.message_page(view, words_of(request))})


async def cases(request: web.Request) -> web.Response:
    """The list of cases."""
    text, before = (request.query.get(name, "").strip()[:_LONGEST] for name in ("text", "before"))
    services = request.app[CONSOLE].services
    today = services.today()
    async with services.store.transaction() as tx:
        page = await case_views.case_list(tx, today, limit=PAGE, before=before, text=text)
    following = urlencode({"text": text, "before": page["next"]}) if page["next"] else ""
    rows = [present.case_row(row, words_of(request)) for row in page["cases"]]
    return draw(request, "cases.html", {"rows": rows, "text": text, "next": following})


async def case(request: web.Request) -> web.Response:
    """One case. Raises: NotFound."""
    services = request.app[CONSOLE].services
    async with services.store.transaction() as tx:
        view = await case_views.case_view(tx, request.match_info["key"], services.today())
    return draw(request, "case.html", {"case": present.case_page(view, words_of(request))})


async def due(request: web.Request) -> web.Response:
    """What falls due first over all cases."""
    services = request.app[CONSOLE].services
    asked = request.query.get("within", "")
    within = int(asked) if asked in _PERIODS else WITHIN_DAYS
    async with services.store.transaction() as tx:
        found = await due_list(tx, services.today(), within=within, limit=MOST_DUE)
    rows = [present.due_row(row, words_of(request)) for row in found["clocks"]]
    context = {"rows": rows, "within": str(within), "periods": _PERIODS, "until": found["until"], "most": MOST_DUE}
    return draw(request, "due.html", context)


async def accessibility(request: web.Request) -> web.Response:
    """The accessibility statement (Directive (EU) 2016/2102, Art. 7)."""
    return draw(request, "accessibility.html", {})


async def login(request: web.Request) -> web.Response:
    """Who is signed in already goes on; the login page itself is the answer 401."""
    return _go(where_to(request.query.get("back", "")))


async def sign_in(request: web.Request) -> web.Response:
    """A token for a session. A one-time token is used up, also by a caller who may not see the console."""
    if not from_own_page(request):
        raise Forbidden("the form was not sent by a page of this node")
    form = await bodies.form(request)
    token, back = (form.get(name, "") for name in ("token", "back"))
    console = request.app[CONSOLE]
    try:
        identity = await identify(console.services, token.strip())
    except Unauthenticated:
        return login_page(request, rejected=True)
    response = _go(where_to(back))
    _start_session(request, response, for_staff(identity))
    return response


def _start_session(request: web.Request, response: web.Response, identity: Identity) -> None:
    console = request.app[CONSOLE]
    settings, services = console.settings, console.services
    now = services.clock.now()
    token = session.issue(
        identity, key=settings.session_key, node=services.node, now=now, lifetime=settings.session_lifetime
    )
    response.set_cookie(
        console.cookie,
        token,
        path=ROOT,
        max_age=int(settings.session_lifetime.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=is_secure(request),
    )


async def sign_out(request: web.Request) -> web.Response:
    """Forget the session."""
    if not from_own_page(request):
        raise Forbidden("the form was not sent by a page of this node")
    response = _go(f"{ROOT}/login")
    response.del_cookie(
        request.app[CONSOLE].cookie, path=ROOT, httponly=True, samesite="Strict", secure=is_secure(request)
    )
    return response


async def static(request: web.Request) -> web.Response:
    """A file of the pages."""
    asset = request.app[CONSOLE].assets.get(request.match_info["name"])
    if asset is None:
        raise RequestError("not-found", "no such file")
    return web.Response(body=asset.data, content_type=asset.media_type, charset="utf-8")
