"""The mock as one aiohttp application."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu import page
from adapters.mock_eu.access_point import AccessPoints
from adapters.mock_eu.applicant import Applicant
from adapters.mock_eu.counter import Counter
from adapters.mock_eu.deeds import Deeds
from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.ext import Ext
from adapters.mock_eu.https import Counterparts
from adapters.mock_eu.keys import seal_in
from adapters.mock_eu.mail import Mail
from adapters.mock_eu.menu import Kitchen
from adapters.mock_eu.model import SENDING, Chance
from adapters.mock_eu.notifications import Notifications
from adapters.mock_eu.operations import Shared
from adapters.mock_eu.orders import UnknownFault
from adapters.mock_eu.packing import LARGEST, unpacking
from adapters.mock_eu.platform import Platform
from adapters.mock_eu.problem import Problem
from adapters.mock_eu.pump import Pump
from adapters.mock_eu.pusher import Pusher
from adapters.mock_eu.reading import json_of
from adapters.mock_eu.registry import KINDS, Registry
from adapters.mock_eu.retention import RetentionWorker
from adapters.mock_eu.retention_desk import RetentionDesk
from adapters.mock_eu.states import States
from adapters.mock_eu.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

    from adapters.mock_eu.model import Held
    from adapters.mock_eu.settings import Settings

_FILTERS: Final = ("nation", "operation", "message_id", "type", "outcome")  #: of the log
_SHOWN: Final = 50  #: rows of a table for people
BANNER: Final = {"X-HealthData-EU-Mock": "true"}


def chance() -> Chance:
    """The real clock and real randomness."""
    return Chance(now=lambda: datetime.now(UTC), hex=lambda digits: secrets.token_hex(digits)[:digits])


def create_app(settings: Settings, luck: Chance | None = None) -> web.Application:
    """Access points, platform, applicant's side, faults and log over one store in `settings.data_dir`."""
    luck = luck or chance()
    store = Store(settings.data_dir / "mock-eu.sqlite3", durable=settings.durable)
    kitchen = Kitchen(store, tuple(settings.nations))
    notifications = Notifications(store, settings.nations, luck)
    states = States(store, notifications, settings, luck)
    mail, registry = Mail(settings, store, states, kitchen, luck), Registry(store)
    platform = Platform(settings, store, mail, registry, kitchen, luck)
    pump = Pump(store, states, platform, mail, kitchen)
    pusher = Pusher(settings, store, notifications, states, kitchen, luck)
    deeds = Deeds(store, platform, luck)
    desk = Desk(store, kitchen, registry, platform, frozenset(settings.nations), luck)
    counter = Counter(deeds, kitchen, tuple(settings.nations), lambda: luck.hex(12))
    app = web.Application(middlewares=[_problems, unpacking], client_max_size=LARGEST)
    shared = Shared(states, notifications, luck)
    for doors in (AccessPoints, Counterparts):
        app.add_routes(doors(settings, store, kitchen, shared, wake=pump.wake).routes())
    seal = cache(lambda: seal_in(settings.data_dir, luck.now()))
    ext = Ext(settings, store, states, kitchen, chance=luck, seal=seal, wake=pump.wake)
    keeper = RetentionWorker(settings, store, states, luck, ext.keep_proof)
    for room in (ext, Applicant(deeds), counter, desk, RetentionDesk(settings, store, keeper)):
        app.add_routes(room.routes())
    app.on_response_prepare.append(_banner)
    app.cleanup_ctx.append(_running(store, pump, pusher, keeper))
    return app


class Desk:
    """What testers use: faults, log, registers, what lies at the access points, health."""

    def __init__(
        self,
        store: Store,
        kitchen: Kitchen,
        registry: Registry,
        platform: Platform,
        nations: frozenset[str],
        luck: Chance,
    ) -> None:
        self._store, self._kitchen, self._registry = store, kitchen, registry
        self._platform, self._nations, self._luck = platform, nations, luck

    def routes(self) -> list[web.RouteDef]:
        """Everything beside access points and applications."""
        return [
            web.get("/faults", self.faults),
            web.post("/faults", self.arm),
            web.delete("/faults", self.disarm),
            web.delete("/faults/{id}", self.disarm),
            web.get("/log", self.log),
            web.get("/log/page", self.traffic),
            web.get("/registry/{kind}", self.register),
            web.post("/registry/permits/{key}/share", self.share),
            web.get("/access-points/{nation}/messages", self.messages),
            web.get("/healthz", self.health),
        ]

    async def faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """What is armed, with counts, and the menu."""
        armed = [_shown(fault) for fault in self._kitchen.armed]
        return web.json_response({"faults": armed, "menu": {name: dish.says for name, dish in MENU.items()}})

    async def arm(self, request: web.Request) -> web.Response:
        """One fault as JSON object. 201 with its id."""
        try:
            order = json_of(await request.read())
        except ValueError as error:
            raise Problem(400, "not-json", "the body is not JSON") from error
        if not isinstance(order, dict):
            raise Problem(400, "wrong-shape", "the body is not a JSON object")
        try:
            fault = self._kitchen.arm(self._luck.hex(12), order)
        except UnknownFault as error:
            raise Problem(422, "unknown-fault", str(error)) from error
        return web.json_response(_shown(fault), status=201)

    async def disarm(self, request: web.Request) -> web.Response:
        """One, or all."""
        try:
            self._kitchen.disarm(request.match_info.get("id"))
        except UnknownFault as error:
            raise Problem(404, "unknown-fault", str(error)) from error
        return web.Response(status=204)

    async def log(self, request: web.Request) -> web.Response:
        """Every SOAP operation, oldest first; `after` and the members of an entry narrow it."""
        after = _number(request)
        wanted = {name: value for name, value in request.query.items() if name != "after"}
        if unknown := sorted(set(wanted) - set(_FILTERS)):
            raise Problem(400, "bad-filter", f"{', '.join(unknown)}: there are after, {', '.join(_FILTERS)}")
        entries = [entry for entry in self._store.log(after) if all(entry.get(k) == v for k, v in wanted.items())]
        return web.json_response({"entries": entries})

    async def traffic(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """The newest messages and operations, for people."""
        sides = {SENDING: "nation"}
        lying = {
            nation: [(at, sides.get(role, "platform"), *rest) for at, role, *rest in self._store.lying(nation, _SHOWN)]
            for nation in sorted(self._nations)
        }
        return web.Response(text=page.traffic(lying, self._store.latest(_SHOWN)), content_type="text/html")

    async def register(self, request: web.Request) -> web.Response:
        """Permits, enforcement, datasets, results or reports, each entry with all its versions."""
        kind = request.match_info["kind"]
        if kind not in KINDS:
            raise Problem(404, "unknown-register", f"there are {', '.join(KINDS)}")
        return web.json_response({"entries": self._registry.entries(kind)})

    async def share(self, request: web.Request) -> web.Response:
        """`?nation=`: the platform sends a permit of the registry to a nation (PeerPermit)."""
        permit = self._registry.entry("permits", request.match_info["key"])
        nation = request.query.get("nation", "")
        if permit is None:
            raise Problem(404, "unknown-permit", "the registry has no such permit")
        if nation not in self._nations or nation == permit["nation"]:
            raise Problem(422, "unknown-nation", "nation must be a connected one that does not own the permit")
        return web.json_response({"message_id": self._platform.share(permit, nation)}, status=202)

    async def messages(self, request: web.Request) -> web.Response:
        """What lies or lay at a nation's access point, oldest first; `after` is a number of an earlier answer."""
        after, nation = _number(request), request.match_info["nation"]
        if nation not in self._nations:
            raise Problem(404, "unknown-nation", f"there are {', '.join(sorted(self._nations))}")
        held = self._store.messages("nation = ? AND seq > ? ORDER BY seq", (nation, after))
        return web.json_response({"messages": [_described(each) for each in held]})

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """Alive."""
        return web.json_response({"status": "ok", "mock": True})


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors of the mock's own API as problem+json; those of the access points stay as they are."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.RequestPayloadError:
        return _unreadable(request)
    except web.HTTPClientError as error:
        if "/domibus/" in request.path or "/eu-https/" in request.path:
            raise
        code = error.reason.lower().replace(" ", "-")
        return Problem(error.status, code, error.reason).response()


def _unreadable(request: web.Request) -> web.StreamResponse:
    """A body that breaks off; nothing more is read of this connection."""
    request.content.feed_eof()
    response = Problem(400, "body-unreadable", "the body breaks off").response()
    response.force_close()
    return response


async def _banner(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 -- a signal's shape
    response.headers.update(BANNER)


def _running(store: Store, *workers: Pump | Pusher | RetentionWorker) -> Any:
    """The platform works while the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:  # noqa: ARG001 -- aiohttp's shape
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        store.close()

    return context


def _number(request: web.Request) -> int:
    after = request.query.get("after", "0")
    if not after.isdecimal():
        raise Problem(400, "bad-after", "after must be a number")
    return int(after)


def _described(held: Held) -> dict[str, Any]:
    return {
        "seq": held.seq,
        "from": "nation" if held.role == SENDING else "platform",
        "message_id": held.header.message_id,
        "ref_to_message_id": held.header.ref_to_message_id,
        "conversation_id": held.header.conversation_id,
        "type": held.type,
        "status": held.status,
        "at": held.at,
    }


def _shown(fault: Any) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in fault.__slots__}
