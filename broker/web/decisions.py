"""What a person decides of a message: part of the API under `/api/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.model.identity import Action
from broker.web import bodies
from broker.web.auth import IDENTITY
from broker.web.services import SERVICES

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


async def post_sign_off(request: web.Request) -> web.Response:
    """A person agrees to what the translation loses, and says why."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    reason = bodies.text(await bodies.command(request), "reason")
    state = await services.sign_off(message_id, actor=request[IDENTITY].subject, reason=reason)
    return web.json_response({"id": message_id, "state": state}, status=202)


async def post_retry(request: web.Request) -> web.Response:
    """A person lets a message go on now."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    state = await services.retry(message_id, actor=request[IDENTITY].subject)
    return web.json_response({"id": message_id, "state": state}, status=202)


async def post_restore(request: web.Request) -> web.Response:
    """A person lets the access point send again what it gave up."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    state = await services.restore(message_id, actor=request[IDENTITY].subject)
    return web.json_response({"id": message_id, "state": state}, status=202)


async def post_close(request: web.Request) -> web.Response:
    """A person ends a message that nothing else will end, and says why."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    reason = bodies.text(await bodies.command(request), "reason")
    state = await services.close(message_id, actor=request[IDENTITY].subject, reason=reason)
    return web.json_response({"id": message_id, "state": state})


DECISION_ROUTES: Final[tuple[tuple[str, str, Action, Handler], ...]] = (
    ("POST", "/messages/{id}/sign-off", Action.MESSAGES_SIGN_OFF, post_sign_off),
    ("POST", "/messages/{id}/retry", Action.MESSAGES_RETRY, post_retry),
    ("POST", "/messages/{id}/restore", Action.MESSAGES_RETRY, post_restore),
    ("POST", "/messages/{id}/close", Action.MESSAGES_CLOSE, post_close),
)
