"""Bytes as they were kept: originals, parts, documents, reports, receipts, files; part of the API under `/api/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from broker.errors import NotFound
from broker.flow import views
from broker.flow.receipts import receipt_of
from broker.model.exchanges import Direction
from broker.model.identity import Action
from broker.payloads import PIECE, Payload
from broker.web.auth import IDENTITY, known_backend
from broker.web.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

    from broker.model.exchanges import Exchange
    from broker.model.messages import Attachment


async def get_bytes(request: web.Request) -> web.Response:
    """The original bytes, as they were kept."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        payload = await tx.payload(message.sha256)
    return download(payload, message.content_type, message.sha256)


async def get_part(request: web.Request) -> web.Response:
    """One payload of an AS4 user message, as it was kept."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        part = views.part_of(message, request.match_info["number"])
        return download(await tx.payload(part.sha256), part.media_type, part.sha256)


def download(data: bytes | Payload, content_type: str, sha256: str) -> web.Response:
    """Bytes as a file: foreign content is never rendered under our origin."""
    payload = Payload.of(data)
    headers = {
        "Content-Type": content_type or "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-store",
        "Content-Length": str(payload.size),
    }
    return web.Response(body=payload.whole() if payload.size <= PIECE else _sent(payload), headers=headers)


async def _sent(payload: Payload) -> AsyncIterator[bytes]:
    """Piece by piece, as fast as the other side takes them."""
    for piece in payload.pieces():
        yield piece


async def get_document(request: web.Request) -> web.Response:
    """The translated document of an exchange; `?exchange=` names it where there are several."""
    exchange, payload = await _content_of(request, "document_sha256")
    return download(payload, exchange.content_type, exchange.document_sha256)


async def get_report(request: web.Request) -> web.Response:
    """The report of an exchange's translation."""
    exchange, payload = await _content_of(request, "report_sha256")
    pivot = await _went_out(request, exchange)
    report = views.with_hints(request.app[SERVICES].report(payload.whole(), pivot), exchange)
    return download(report, "application/json", exchange.report_sha256)


async def _went_out(request: web.Request, exchange: Exchange) -> bytes:
    """The eu-1 document that was written onto the wire; empty if the exchange is no such."""
    if exchange.direction is not Direction.OUTBOUND or not exchange.pivot_sha256:
        return b""
    async with request.app[SERVICES].store.transaction() as tx:
        return await tx.content(exchange.pivot_sha256)


async def _content_of(request: web.Request, member: str) -> tuple[Exchange, Payload]:
    wanted = request.query.get("exchange", "")
    async with request.app[SERVICES].store.transaction() as tx:
        _, shown = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        with_it = [found for found in shown if getattr(found, member) and wanted in {"", found.id}]
        if not with_it:
            raise NotFound("this message has none (yet)")
        return with_it[0], await tx.payload(getattr(with_it[0], member))


async def get_receipt(request: web.Request) -> web.Response:
    """The other side's signed receipt, as it came; `?exchange=` names whose where there are several."""
    wanted = request.query.get("exchange", "")
    async with request.app[SERVICES].store.transaction() as tx:
        _, shown = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        receipt = await receipt_of(tx, tuple(found for found in shown if wanted in {"", found.id}))
    return download(receipt.data, receipt.media_type, receipt.sha256)


async def get_attachment(request: web.Request) -> web.Response:
    """The bytes of one of a message's attachments."""
    async with request.app[SERVICES].store.transaction() as tx:
        message, _ = await views.visible_message(tx, request.match_info["id"], backend=request[IDENTITY].backend)
        attachment = _named(message.attachments, request.match_info["attachment"])
        return download(await tx.payload(attachment.sha256), attachment.media_type, attachment.sha256)


def _named(attachments: tuple[Attachment, ...], wanted: str) -> Attachment:
    found = next((attachment for attachment in attachments if attachment.id == wanted), None)
    if found is None:
        raise NotFound("the message has no attachment of this id")
    return found


async def get_content(request: web.Request) -> web.Response:
    """Claim check: a document too large for a queue, for the back end that it is addressed to."""
    backend, wanted = known_backend(request), request.match_info["sha256"]
    async with request.app[SERVICES].store.transaction() as tx:
        exchange = await tx.exchange_by_document(backend, wanted)
        if exchange is None:
            raise NotFound("no document with this hash is addressed to you")
        return download(await tx.payload(wanted), exchange.content_type, wanted)


CONTENT_ROUTES: Final[tuple[tuple[str, str, Action, Handler], ...]] = (
    ("GET", "/messages/{id}/bytes", Action.MESSAGES_BYTES, get_bytes),
    ("GET", "/messages/{id}/parts/{number}", Action.MESSAGES_BYTES, get_part),
    ("GET", "/messages/{id}/document", Action.MESSAGES_BYTES, get_document),
    ("GET", "/messages/{id}/report", Action.MESSAGES_BYTES, get_report),
    ("GET", "/messages/{id}/receipt", Action.MESSAGES_BYTES, get_receipt),
    ("GET", "/messages/{id}/attachments/{attachment}", Action.MESSAGES_BYTES, get_attachment),
    ("GET", "/contents/{sha256}", Action.MESSAGES_BYTES, get_content),
)
