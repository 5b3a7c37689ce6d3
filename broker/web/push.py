"""The push endpoint: what the access point tells by itself, over SOAP with Basic authentication.

Domibus takes every answer but a 200 for a failure and tries again, a 4xx too; after its retry budget it gives up. So
200 is said to everything that is committed, also to what cannot be read: that is kept for a person.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import Unauthenticated
from broker.model.identity import Action, Identity, Role
from broker.web import bodies
from broker.web.auth import Access, declare

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

PATH: Final = "/access-point/push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One access point's push. `take` reads a body of this Content-Type and returns once what came is committed.

    `limit` is in bytes.
    """

    name: str
    user: str
    password: str = field(repr=False)
    take: Callable[[str, AsyncIterator[bytes]], Awaitable[None]]
    limit: int
    accepted: bytes
    media_type: str


def add_push_route(app: web.Application, push: Push) -> None:
    """Add the endpoint. The application needs the middlewares `problems` and `guard`, in this order."""
    access = Access(Action.ACCESS_POINT_PUSH, partial(_authenticated, push))
    declare(app, "POST", PATH, access, _handler(push))


def _handler(push: Push) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        chunks = bodies.chunks(request, push.limit, code="notification-too-large")
        await push.take(request.headers.get("Content-Type", ""), chunks)
        return web.Response(body=push.accepted, headers={"Content-Type": push.media_type})

    return handle


async def _authenticated(push: Push, request: web.Request) -> Identity:
    """Raises: Unauthenticated."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, f"{push.user}:{push.password}".encode()):
        detail = "send the user and password of the push rule in the header Authorization: Basic"
        raise Unauthenticated(detail, challenge='Basic realm="hdeu", charset="UTF-8"')
    return Identity(push.name, frozenset({Role.ACCESS_POINT}))
