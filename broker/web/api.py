"""The staff and back-end API under `/api/v1` (schemas/openapi.yaml is its contract)."""

from __future__ import annotations

import hashlib
import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import Conflict, Refused
from broker.flow import views
from broker.flow.arrival import Accepted, Arrival
from broker.model.exchanges import Direction, State
from broker.model.identity import Action
from broker.model.messages import Door
from broker.ports import ExchangeFilter
from broker.web import bodies
from broker.web.auth import IDENTITY, Access, bearer, declare, known_backend
from broker.web.cases import CASE_ROUTES
from broker.web.contents import CONTENT_ROUTES
from broker.web.decisions import DECISION_ROUTES
from broker.web.destinations import DESTINATION_ROUTES
from broker.web.problem import Answer, RequestError, from_error, respond
from broker.web.services import SERVICES, Services

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


BASE: Final = "/api/v1"
DOCUMENT_TYPES: Final = ("application/xml", "application/json")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def add_api_routes(app: web.Application, services: Services) -> None:
    """Add the API. The application needs the middlewares `problems` and `guard`, in this order."""
    app[SERVICES] = services
    rooms = (ROUTES, CONTENT_ROUTES, DECISION_ROUTES, CASE_ROUTES, DESTINATION_ROUTES)
    for method, path, action, handler in chain.from_iterable(rooms):
        declare(app, method, BASE + path, Access(action, bearer), handler)


async def post_message(request: web.Request) -> web.Response:
    """A back end brings a message: 202, or 422 with the id under which it is kept all the same."""
    services, backend = request.app[SERVICES], known_backend(request)
    key = idempotency_key(request)
    if request.content_type not in DOCUMENT_TYPES:
        raise RequestError("unsupported-media-type", f"send one of {', '.join(DOCUMENT_TYPES)}")
    data = await bodies.limited(request, services.limits.document, code="document-too-large")
    arrival = Arrival(Door.HTTP, backend, key, data, request.content_type)
    try:
        accepted = await services.accept(arrival)
    except Refused:
        raise
    except Conflict as error:
        answer = from_error(error, instance=request.path)
        return respond(Answer("key-reused", answer.detail, answer.problems, request.path))
    return accepted_response(accepted)


def idempotency_key(request: web.Request) -> str:
    """The key under which the same submission is recognised.

    Raises:
        RequestError: it is missing, longer than 255 characters or not printable ASCII.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        hint = "Choose one id per submission, and send the same one when you repeat it."
        raise RequestError("idempotency-key-missing", "the header Idempotency-Key is required", hint=hint)
    if not _KEY.fullmatch(key):
        raise RequestError("idempotency-key-invalid", "the key must be 1 to 255 printable ASCII characters")
    return key


def accepted_response(accepted: Accepted) -> web.Response:
    """202 with the message's address, or 422 with the problems of the kept message."""
    location = f"{BASE}/messages/{accepted.message_id}"
    headers = {"Location": location} | ({} if accepted.fresh else {"Idempotent-Replayed": "true"})
    body = {"id": accepted.message_id, "state": accepted.state}
    if accepted.state == State.REFUSED:
        detail = "; ".join(problem.detail for problem in accepted.problems[:3]) or "the message is refused"
        return respond(Answer("refused", detail, accepted.problems, location, body, headers))
    return web.json_response(body, status=202, headers=headers)


async def put_attachment(request: web.Request) -> web.Response:
    """Bytes that a later message will name: 201 the first time that it brings them, else 200."""
    services, wanted = request.app[SERVICES], request.match_info["sha256"]
    backend = known_backend(request)
    data = await bodies.limited(request, services.limits.attachment, code="attachment-too-large")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        hint = "Take the SHA-256 of exactly the bytes you send, in lower-case hexadecimal."
        raise RequestError("hash-mismatch", "the bytes have another SHA-256", value=found, hint=hint)
    fresh = await services.keep_file(data, backend=backend)
    return web.json_response({"sha256": wanted, "size": len(data)}, status=201 if fresh else 200)


async def get_messages(request: web.Request) -> web.Response:
    """Messages, newest first."""
    async with request.app[SERVICES].store.transaction() as tx:
        return web.json_response(await views.message_list(tx, exchange_filter(request)))


def exchange_filter(request: web.Request) -> ExchangeFilter:
    """The filter that the query names.

    Raises:
        RequestError: an unknown state, direction or page size.
    """
    query = request.query
    states = tuple(state for state in ",".join(query.getall("state", [])).split(",") if state)
    for name, given, known in (("state", states, State), ("direction", (query.get("direction", ""),), Direction)):
        if unknown := [value for value in given if value and value not in tuple(known)]:
            raise RequestError("bad-request", f"unknown {name}", path=name, value=unknown[0][:50])
    return ExchangeFilter(
        states=states,
        direction=query.get("direction", ""),
        type=query.get("type", ""),
        party=request[IDENTITY].backend,
        case_key=query.get("case", ""),
        text=query.get("text", ""),
        before=query.get("before", ""),
        limit=bodies.page_size(request),
    )


async def get_message(request: web.Request) -> web.Response:
    """One message with its exchanges, attempts and timeline."""
    identity = request[IDENTITY]
    async with request.app[SERVICES].store.transaction() as tx:
        view = await views.message_view(tx, request.match_info["id"], backend=identity.backend)
    return web.json_response(view if identity.may(Action.MESSAGES_BYTES) else views.without_words(view))


async def post_acknowledge(request: web.Request) -> web.Response:
    """A back end says that it has the message."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    state = await services.acknowledge(message_id, backend=known_backend(request))
    return web.json_response({"id": message_id, "state": state})


async def get_audit_export(request: web.Request) -> web.StreamResponse:
    """The sealed journal as JSON lines, for `hdeu audit verify`."""
    headers = {"Content-Type": "application/jsonl", "Content-Disposition": 'attachment; filename="journal.jsonl"'}
    response = web.StreamResponse(headers=headers)
    lines = request.app[SERVICES].export()
    first = await anext(lines, None)  # an error before the first line still becomes a problem document
    await response.prepare(request)
    if first is not None:
        await response.write(f"{first}\n".encode())
    async for line in lines:
        await response.write(f"{line}\n".encode())
    await response.write_eof()
    return response


ROUTES: Final[tuple[tuple[str, str, Action, Handler], ...]] = (
    ("POST", "/messages", Action.MESSAGES_SUBMIT, post_message),
    ("GET", "/messages", Action.MESSAGES_LIST, get_messages),
    ("GET", "/messages/{id}", Action.MESSAGES_READ, get_message),
    ("POST", "/messages/{id}/acknowledge", Action.MESSAGES_ACKNOWLEDGE, post_acknowledge),
    ("PUT", "/attachments/{sha256}", Action.MESSAGES_SUBMIT, put_attachment),
    ("GET", "/audit/export", Action.AUDIT_EXPORT, get_audit_export),
)
