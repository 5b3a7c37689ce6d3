"""The staff API's routes about destinations: which there are, pause one, resume it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.model.identity import Action
from broker.web import bodies
from broker.web.auth import IDENTITY
from broker.web.services import SERVICES

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


async def get_destinations(request: web.Request) -> web.Response:
    """Every destination, and its pause."""
    return web.json_response({"destinations": await request.app[SERVICES].destinations()})


async def post_pause(request: web.Request) -> web.Response:
    """A person lets nothing go to a destination, and says why."""
    reason = bodies.text(await bodies.command(request), "reason", maximum=500)
    actor = request[IDENTITY].subject
    shown = await request.app[SERVICES].pause(request.match_info["name"], actor=actor, reason=reason)
    return web.json_response(shown)


async def post_resume(request: web.Request) -> web.Response:
    """A person lets messages go to a destination again."""
    actor = request[IDENTITY].subject
    return web.json_response(await request.app[SERVICES].resume(request.match_info["name"], actor=actor))


DESTINATION_ROUTES: Final[tuple[tuple[str, str, Action, Handler], ...]] = (
    ("GET", "/destinations", Action.DESTINATIONS_READ, get_destinations),
    ("POST", "/destinations/{name}/pause", Action.DESTINATIONS_PAUSE, post_pause),
    ("POST", "/destinations/{name}/resume", Action.DESTINATIONS_PAUSE, post_resume),
)
