"""The endpoint of eu-https: what a counterpart hands over itself, each request signed with its key.

    GET  /eu-https/keys           our public keys (RFC 7517)
    POST /eu-https/messages/{id}  hand over: 201 kept just now, 200 kept before, 409 other content under this id,
                                  422 what is wrong with it
    GET  /eu-https/messages/{id}  whether it is kept, with a signed receipt; 404 if it is not

201 and 200 are said once the message is committed. Who calls is known before the body is read; the token's hash of the
body is compared, and its id used up, before anything is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from broker.errors import NotFound, Unauthenticated
from broker.model.identity import Action, Identity, Role
from broker.web import bodies
from broker.web.auth import PUBLIC, Access, declare
from broker.web.packing import UnsupportedCoding, codings_of
from broker.web.problem import Answer, RequestError, respond

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from broker.flow.arrival import Accepted

PATH: Final = "/eu-https"
SUBMIT: Final = "submit"
STATUS: Final = "status"
_MESSAGE: Final = f"{PATH}/messages/{{message_id}}"
_KEY_SET: Final = "application/jwk-set+json"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a token says that holds: its id, and the SHA-256 of the body it belongs to."""

    token_id: str
    sha256: str


PROVEN: Final = web.RequestKey("proven", Proven)
Known = Mapping[str, Any]  #: what is said of a message that is kept: its hash, since when, a receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """The other side, and what it may do. `limit` is in bytes; all callables raise Unavailable."""

    party: str
    prove: Callable[[str, str, str], Awaitable[Proven]]  #: token, operation, message id. Raises: Unauthenticated
    use_up: Callable[[str], Awaitable[bool]]  #: False if a token of this id was used before
    take: Callable[[str, bytes], Awaitable[Accepted]]  #: returns once it is committed
    known: Callable[[str], Awaitable[Known | None]]
    keys: Mapping[str, Any]
    limit: int


def add_counterpart_routes(app: web.Application, counterpart: Counterpart) -> None:
    """Add the endpoint. The application needs the middlewares `problems` and `guard`, in this order."""
    for method, operation, handler in (("POST", SUBMIT, _post(counterpart)), ("GET", STATUS, _get(counterpart))):
        access = Access(Action.ACCESS_POINT_PUSH, partial(_authenticated, counterpart, operation))
        declare(app, method, _MESSAGE, access, handler)
    declare(app, "GET", f"{PATH}/keys", PUBLIC, _keys(counterpart))


def _keys(counterpart: Counterpart) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(counterpart.keys, content_type=_KEY_SET, headers={"Cache-Control": "max-age=300"})

    return handle


def _post(counterpart: Counterpart) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        body = await _body(request, counterpart)
        await _once(request, counterpart, body)
        message_id = request.match_info["message_id"]
        taken = await counterpart.take(message_id, body)
        if taken.problems:
            return _refused(request, taken)
        return await _told(counterpart, message_id, status=201 if taken.fresh else 200)

    return handle


def _get(counterpart: Counterpart) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        _matches(request, b"")
        return await _told(counterpart, request.match_info["message_id"], status=200)

    return handle


async def _told(counterpart: Counterpart, message_id: str, *, status: int) -> web.Response:
    """Raises: NotFound."""
    known = await counterpart.known(message_id)
    if known is None:
        raise NotFound("no message is kept under this id")
    return web.json_response({"message_id": message_id, "status": "RECEIVED", **known}, status=status)


def _refused(request: web.Request, taken: Accepted) -> web.Response:
    first = taken.problems[0]
    code = first.code if first.code == "key-reused" else "refused"
    return respond(Answer(code, first.detail, taken.problems, request.path, {"kept": taken.message_id}))


async def _body(request: web.Request, counterpart: Counterpart) -> bytes:
    """Raises: RequestError."""
    if packed := codings_of(request):
        raise UnsupportedCoding(
            packed, accepted="identity", hint="Send the signed JSON itself: its hash is of what is sent."
        )
    if request.content_type != "application/json":
        raise RequestError("unsupported-media-type", "the message is application/json", hint="Send JSON.")
    return await bodies.limited(request, counterpart.limit, code="document-too-large")


def _matches(request: web.Request, body: bytes) -> Proven:
    """Raises: Unauthenticated."""
    proven = request[PROVEN]
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest(), proven.sha256):
        raise Unauthenticated("the body is not the one that was signed")
    return proven


async def _once(request: web.Request, counterpart: Counterpart, body: bytes) -> None:
    """Reading twice does no harm; what changes something needs a fresh token. Raises: Unauthenticated."""
    if not await counterpart.use_up(_matches(request, body).token_id):
        raise Unauthenticated("the token was used before")


async def _authenticated(counterpart: Counterpart, operation: str, request: web.Request) -> Identity:
    """Raises: Unauthenticated; Unavailable, if the counterpart's keys cannot be had."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send a token in the header Authorization: Bearer")
    request[PROVEN] = await counterpart.prove(token.strip(), operation, request.match_info["message_id"])
    return Identity(counterpart.party, frozenset({Role.ACCESS_POINT}))
