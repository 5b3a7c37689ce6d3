"""The staff and back-end API under `/api/v1` (schemas/openapi.yaml is its contract)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import Conflict, NotFound, Refused
from broker.flow import views
from broker.flow.arrival import Accepted, Arrival
from broker.model.exchanges import Direction, State
from broker.model.identity import Action
from broker.model.messages import Door
from broker.ports import ExchangeFilter
from broker.web import bodies
from broker.web.auth import IDENTITY, Access, bearer, declare
from broker.web.cases import CASE_ROUTES
from broker.web.decisions import DECISION_ROUTES
from broker.web.destinations import DESTINATION_ROUTES
from broker.web.problem import Answer, RequestError, from_error, respond
from broker.web.services import SERVICES, Services

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from broker.model.exchanges import Exchange
    from broker.model.messages import Attachment

BASE: Final = "/api/v1"
DOCUMENT_TYPES: Final = ("application/xml", "application/json")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def add_api_routes(app: web.Application, services: Services) -> None:
    """Add the API. The application needs the middlewares `problems` and `guard`, in this order."""
    app[SERVICES] = services
    for method, path, action, handler in (*ROUTES, *DECISION_ROUTES, *CASE_ROUTES, *DESTINATION_ROUTES):
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


def known_backend(request: web.Request) -> str:
    """The back end that calls.

    Raises:
        RequestError: its token names a back end that this node does not have.
    """
    backend = request[IDENTITY].backend
    if backend not in request.app[SERVICES].backends:
        raise RequestError("unknown-backend", "no back end of this name is configured at this node")
    return backend


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


async def get_bytes(request: web.Request) -> web.Response:
    """The original bytes, as they were kept."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        data = await tx.content(message.sha256)
    return download(data, message.content_type, message.sha256)


async def get_part(request: web.Request) -> web.Response:
    """One payload of an AS4 user message, as it was kept."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        part = views.part_of(message, request.match_info["number"])
        return download(await tx.content(part.sha256), part.media_type, part.sha256)


def download(data: bytes, content_type: str, sha256: str) -> web.Response:
    """Bytes as a file: foreign content is never rendered under our origin."""
    headers = {
        "Content-Type": content_type or "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=data, headers=headers)


async def get_document(request: web.Request) -> web.Response:
    """The translated document of an exchange; `?exchange=` names it where there are several."""
    exchange, data = await _content_of(request, "document_sha256")
    return download(data, exchange.content_type, exchange.document_sha256)


async def get_report(request: web.Request) -> web.Response:
    """The report of an exchange's translation."""
    exchange, data = await _content_of(request, "report_sha256")
    pivot = await _went_out(request, exchange)
    report = views.with_hints(request.app[SERVICES].report(data, pivot), exchange)
    return download(report, "application/json", exchange.report_sha256)


async def _went_out(request: web.Request, exchange: Exchange) -> bytes:
    """The eu-1 document that was written onto the wire; empty if the exchange is no such."""
    if exchange.direction is not Direction.OUTBOUND or not exchange.pivot_sha256:
        return b""
    async with request.app[SERVICES].store.transaction() as tx:
        return await tx.content(exchange.pivot_sha256)


async def _content_of(request: web.Request, member: str) -> tuple[Exchange, bytes]:
    wanted = request.query.get("exchange", "")
    async with request.app[SERVICES].store.transaction() as tx:
        _, shown = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        with_it = [found for found in shown if getattr(found, member) and wanted in {"", found.id}]
        if not with_it:
            raise NotFound("this message has none (yet)")
        return with_it[0], await tx.content(getattr(with_it[0], member))


async def get_attachment(request: web.Request) -> web.Response:
    """The bytes of one of a message's attachments."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        attachment = _named(message.attachments, request.match_info["attachment"])
        return download(await tx.content(attachment.sha256), attachment.media_type, attachment.sha256)


def _named(attachments: tuple[Attachment, ...], wanted: str) -> Attachment:
    found = next((attachment for attachment in attachments if attachment.id == wanted), None)
    if found is None:
        raise NotFound("the message has no attachment of this id")
    return found


async def post_acknowledge(request: web.Request) -> web.Response:
    """A back end says that it has the message."""
    services, message_id = request.app[SERVICES], request.match_info["id"]
    state = await services.acknowledge(message_id, backend=known_backend(request))
    return web.json_response({"id": message_id, "state": state})


async def get_content(request: web.Request) -> web.Response:
    """Claim check: a document too large for a queue, for the back end that it is addressed to."""
    backend, wanted = known_backend(request), request.match_info["sha256"]
    async with request.app[SERVICES].store.transaction() as tx:
        exchange = await tx.exchange_by_document(backend, wanted)
        if exchange is None:
            raise NotFound("no document with this hash is addressed to you")
        return download(await tx.content(wanted), exchange.content_type, wanted)


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
    ("GET", "/messages/{id}/bytes", Action.MESSAGES_BYTES, get_bytes),
    ("GET", "/messages/{id}/parts/{number}", Action.MESSAGES_BYTES, get_part),
    ("GET", "/messages/{id}/document", Action.MESSAGES_BYTES, get_document),
    ("GET", "/messages/{id}/report", Action.MESSAGES_BYTES, get_report),
    ("GET", "/messages/{id}/attachments/{attachment}", Action.MESSAGES_BYTES, get_attachment),
    ("POST", "/messages/{id}/acknowledge", Action.MESSAGES_ACKNOWLEDGE, post_acknowledge),
    ("PUT", "/attachments/{sha256}", Action.MESSAGES_SUBMIT, put_attachment),
    ("GET", "/contents/{sha256}", Action.MESSAGES_BYTES, get_content),
    ("GET", "/audit/export", Action.AUDIT_EXPORT, get_audit_export),
)
