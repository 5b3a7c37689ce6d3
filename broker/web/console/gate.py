"""Who comes in, and what every answer of the console carries.

The scheme `staff` is what console routes declare: a bearer token, or a session. `as_pages` stands outside all other
middlewares: a refusal becomes a page (401 the login page), and every answer gets its security headers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import Forbidden, Unauthenticated
from broker.model.identity import Action
from broker.web.auth import bearer
from broker.web.console import session
from broker.web.console.assets import BASE as STATIC
from broker.web.console.console import CONSOLE, HOME, draw
from broker.web.console.i18n import COOKIE, asked_language
from broker.web.problem import MEDIA_TYPE

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from broker.model.identity import Identity

ROOT: Final = "/console"
#: Headers of a refusal that its page keeps.
_KEPT: Final = ("Accept-Encoding", "Allow", "Retry-After", "X-Request-ID")
_UNAUTHORIZED: Final = 401
_YEAR: Final = 365 * 24 * 3600
#: Nothing but this node's own files; no frames, no plugins, no other base; forms come back here.
POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


async def staff(request: web.Request) -> Identity:
    """The scheme of the console. A token in the header counts before the cookie.

    Raises:
        Unauthenticated: neither shows who is calling.
        Forbidden: a back end called, which has no business here.
    """
    identity = await bearer(request) if "Authorization" in request.headers else _in_session(request)
    return for_staff(identity)


def for_staff(identity: Identity) -> Identity:
    """The same identity. Raises: Forbidden, if it is a back end's, or may not see the list of messages."""
    if identity.backend or not identity.may(Action.MESSAGES_LIST):
        raise Forbidden("the console is for staff")
    return identity


def _in_session(request: web.Request) -> Identity:
    console = request.app[CONSOLE]
    token = request.cookies.get(console.cookie, "")
    if not token:
        raise Unauthenticated("sign in with a token")
    now = console.services.clock.now()
    return session.read(token, key=console.settings.session_key, node=console.services.node, now=now)


def from_own_page(request: web.Request) -> bool:
    """Whether a form was sent by a page of this node: beside SameSite, the defence against forged requests."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def where_to(asked: str) -> str:
    """The page to go to after signing in: one of the console's, never another site's."""
    safe = asked.startswith(f"{ROOT}/") and asked.isascii() and asked.isprintable() and "\\" not in asked
    return asked if safe and not asked.startswith(f"{ROOT}/login") else HOME


@web.middleware
async def as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The console's outermost middleware; other addresses pass through untouched."""
    if request.path != ROOT and not request.path.startswith(f"{ROOT}/"):
        return await handler(request)
    response = await handler(request)
    if isinstance(response, web.Response) and response.content_type == MEDIA_TYPE:
        kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
        response = refusal(request, response)
        response.headers.update(kept)
    response.headers.update(HEADERS)
    _set_caching(request, response)
    if language := asked_language(request):
        _keep_language(request, response, language)
    return response


def refusal(request: web.Request, problem: web.Response) -> web.Response:
    """The page that says what the problem document says; 401 is the login page."""
    if problem.status == _UNAUTHORIZED:
        return login_page(request, rejected="Authorization" in request.headers)
    code = json.loads(problem.text or "{}").get("type", "").rpartition(":")[2]
    return draw(request, "error.html", {"status": problem.status, "code": code}, status=problem.status)


def login_page(request: web.Request, *, rejected: bool = False, used: bool = False) -> web.Response:
    """401: where to sign in. A partial request is told to load the whole page."""
    back = where_to(request.path_qs) if request.method == "GET" else HOME
    context = {"rejected": rejected, "used": used, "back": back}
    response = draw(request, "login.html", context, status=_UNAUTHORIZED)
    response.headers["WWW-Authenticate"] = 'Bearer realm="hdeu"'
    if "HX-Request" in request.headers:
        response.headers["HX-Refresh"] = "true"
    return response


def _set_caching(request: web.Request, response: web.StreamResponse) -> None:
    named_by_content = request.path.startswith(f"{STATIC}/") and "v" in request.query and response.status < 300  # noqa: PLR2004  # 2xx
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if named_by_content else "no-store"
    if not named_by_content:
        response.headers["Vary"] = "Accept-Language, Cookie, HX-Request"


def _keep_language(request: web.Request, response: web.StreamResponse, language: str) -> None:
    response.set_cookie(
        COOKIE, language, path=ROOT, max_age=_YEAR, httponly=True, samesite="Strict", secure=is_secure(request)
    )


def is_secure(request: web.Request) -> bool:
    """Whether cookies may travel over https alone."""
    return request.secure or request.app[CONSOLE].settings.secure_cookie
