"""Who may call which route: every route declares what it needs, and a route without a declaration stops the start.

    declare(app, "GET", "/api/v1/messages", Access(Action.MESSAGES_LIST, bearer), list_messages)

The middleware authenticates by the declared scheme, checks the role's permission and leaves the identity in the
request. Rejected attempts are logged (D6.4 R15.5.3), by route and reason.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from broker.errors import ConfigurationError, Forbidden, Unauthenticated
from broker.model.identity import Action, Identity
from broker.web.problem import RequestError, route_of
from broker.web.services import SERVICES, Services

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

log = structlog.get_logger()
Scheme = Callable[[web.Request], Awaitable[Identity]]


@dataclass(frozen=True, slots=True)
class Access:
    """What a route needs: an action, shown by a scheme. `PUBLIC` needs nothing."""

    action: Action | None
    scheme: Scheme | None


PUBLIC: Final = Access(None, None)
Declared = dict[tuple[str, str], Access]
DECLARED: Final = web.AppKey("declared", dict[tuple[str, str], Access])
IDENTITY: Final = web.RequestKey("identity", Identity)


def declare(app: web.Application, method: str, path: str, access: Access, handler: Handler) -> None:
    """Add a route together with what it needs."""
    route = app.router.add_route(method, path, handler)
    assert route.resource is not None  # noqa: S101 - add_route always makes one
    declared_of(app)[method, route.resource.canonical] = access


def declared_of(app: web.Application) -> Declared:
    """The declarations of an application, by method and path pattern."""
    if DECLARED not in app:
        app[DECLARED] = {}
    return app[DECLARED]


def known_backend(request: web.Request) -> str:
    """The back end that calls.

    Raises:
        RequestError: its token names a back end that this node does not have.
    """
    backend = request[IDENTITY].backend
    if backend not in request.app[SERVICES].backends:
        raise RequestError("unknown-backend", "no back end of this name is configured at this node")
    return backend


async def check_routes(app: web.Application) -> None:
    """An `on_startup` signal. Raises: ConfigurationError, naming the routes that declare nothing."""
    declared = app[DECLARED]
    bare = [
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and (route.method, route.resource.canonical) not in declared
    ]
    if bare:
        raise ConfigurationError(f"these routes do not declare who may call them: {', '.join(bare)}")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the request through to its handler, or refuse it. Unknown addresses are left to the router."""
    if request.match_info.http_exception is not None:
        return await handler(request)
    access = request.app[DECLARED].get((request.method, route_of(request)))
    if access is None:
        raise ConfigurationError("a route without a declaration was called")
    if access.action is not None and access.scheme is not None:
        request[IDENTITY] = await _admitted(request, access.scheme, access.action)
    response = await handler(request)
    if access.action is not None and not response.prepared:
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


async def _admitted(request: web.Request, scheme: Scheme, action: Action) -> Identity:
    try:
        return _permitted(await scheme(request), action)
    except (Unauthenticated, Forbidden) as error:
        log.warning("request.rejected", route=route_of(request), code=error.code, error_code=_slug(error.detail))
        raise


def _slug(sentence: str) -> str:
    """One of our own sentences as a code that a log may hold."""
    return re.sub(r"[^a-z0-9:]+", "-", sentence.lower()).strip("-")[:80]


def _permitted(identity: Identity, action: Action) -> Identity:
    if not identity.may(action):
        raise Forbidden(f"this needs the permission {action.value}")
    return identity


async def bearer(request: web.Request) -> Identity:
    """The scheme of the API: `Authorization: Bearer <token>`.

    Raises:
        Unauthenticated: no token, a forged one, or a one-time token that was used before.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send a token in the header Authorization: Bearer")
    return await identify(request.app[SERVICES], token.strip())


async def identify(services: Services, token: str) -> Identity:
    """Who a token speaks for; a one-time token is used up by this.

    Raises:
        Unauthenticated: forged, or used before.
    """
    identity = await services.authenticator.bearer(token)
    if identity.one_time:
        async with services.store.transaction() as tx:
            now = services.clock.now()
            if not await tx.use_once(f"token:{identity.token_id}", now, until=identity.good_until or now):
                raise Unauthenticated("this token was good for one use and has been used")
    return identity


async def api_key(request: web.Request) -> Identity:
    """The scheme of the National Dispatcher API: the header `X-API-key`.

    Raises:
        Unauthenticated: no key, or nobody's.
    """
    key = request.headers.get("X-API-key", "")
    if not key:
        raise Unauthenticated("send your key in the header X-API-key")
    return await request.app[SERVICES].authenticator.api_key(key)
