"""One line and one figure for each request: method, route's pattern, status, duration. No address, query or body."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from broker.web.problem import route_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware

    from broker.ports import Ids
    from broker.web.metrics import Metrics

log = structlog.get_logger()
HEADER: Final = "X-Request-ID"
#: A caller's own request id is taken over only if nothing can be written in it but hexadecimal digits.
_ID: Final = re.compile(r"[0-9a-f-]{8,64}", re.ASCII)
_GAVE_UP: Final = 499  # the caller went away: nginx's word for it
_ERROR: Final = 500
#: Probes come every few seconds and say nothing while they succeed.
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


def request_log(*, ids: Ids, metrics: Metrics, timer: Callable[[], float]) -> Middleware:
    """The outermost middleware; `timer` gives seconds, as `time.perf_counter` does."""

    @web.middleware
    async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun, status = timer(), _ERROR
        given = request.headers.get(HEADER, "")
        request_id = given if _ID.fullmatch(given) else ids.new()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                response = await handler(request)
                status = response.status
                if not response.prepared:
                    response.headers[HEADER] = request_id
            except web.HTTPException as error:
                status = error.status
                raise
            except asyncio.CancelledError:
                status = _GAVE_UP
                raise
            finally:
                _told(request, metrics, status, timer() - begun)
        return response

    return logged


def _told(request: web.Request, metrics: Metrics, status: int, seconds: float) -> None:
    route = route_of(request)
    metrics.request(method=request.method, route=route, status=status, seconds=seconds)
    if route in _QUIET and status < _ERROR:
        return
    say = log.error if status >= _ERROR else log.info
    say("http.request", method=request.method, route=route, status=status, duration_ms=round(seconds * 1000, 1))
