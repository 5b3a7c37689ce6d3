"""The endpoint that REMS puts its event notifications to, with a secret header.

REMS takes every answer but 200 for a failure, tries again with pauses, and gives up after one day. It signs nothing
(CSCfi/rems, event notifications): the secret is all that tells it from others. 200 is said once the event is
committed, also to a body that cannot be read or unpacked: that is kept as it was sent, and put before a person.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import Unauthenticated
from broker.model.identity import Action, Identity, Role
from broker.web import bodies
from broker.web.auth import Access, declare
from broker.web.packing import Unpackable, coding_of

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from broker.errors import Problem

PATH: Final = "/rems/{backend}/events"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsDoor:
    """The back ends that are REMS. `take` and `set_aside` return once an event is committed; `limit` is in bytes."""

    secrets: Mapping[str, str] = field(repr=False)
    take: Callable[[str, bytes], Awaitable[None]]
    set_aside: Callable[[str, bytes, Problem], Awaitable[None]]  #: a body that cannot be unpacked
    limit: int


def add_rems_route(app: web.Application, door: RemsDoor) -> None:
    """Add the endpoint. The application needs the middlewares `problems` and `guard`, in this order."""
    access = Access(Action.MESSAGES_SUBMIT, partial(_authenticated, door))
    declare(app, "PUT", PATH, access, _handler(door))


def _handler(door: RemsDoor) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        backend = request.match_info["backend"]
        sent = b"".join([chunk async for chunk in bodies.as_sent(request, door.limit, code="document-too-large")])
        try:
            body = bodies.unpack(sent, coding_of(request), door.limit, code="document-too-large")
        except Unpackable as error:
            await door.set_aside(backend, sent, error.problems[0])
        else:
            await door.take(backend, body)
        return web.Response()

    return handle


async def _authenticated(door: RemsDoor, request: web.Request) -> Identity:
    """Raises: Unauthenticated, alike for an unknown back end and for a wrong secret."""
    backend = request.match_info["backend"]
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    secret = door.secrets.get(backend, "")
    if not secret or scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), secret.encode()):
        raise Unauthenticated("send the secret of this back end in the header Authorization: Bearer")
    return Identity(backend, frozenset({Role.BACKEND}))
