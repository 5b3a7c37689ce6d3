"""Reading what a request carries, within limits; the memory used is never more than the limit and one chunk."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from broker.web.packing import Unpacking, coding_of
from broker.web.problem import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

MAX_COMMAND: Final = 16_384  #: bytes of a small JSON body such as a reason
MAX_PAGE: Final = 200
DEFAULT_PAGE: Final = 50


async def limited(request: web.Request, limit: int, *, code: str) -> bytes:
    """The body.

    Raises:
        RequestError: it is larger than `limit` bytes; told from Content-Length where there is one. Or it is packed as
            nobody here can unpack it.
    """
    return b"".join([chunk async for chunk in chunks(request, limit, code=code)])


async def chunks(request: web.Request, limit: int, *, code: str) -> AsyncIterator[bytes]:
    """The body as it comes, unpacked; the limit holds for what it unpacks to.

    Raises:
        RequestError: as `limited`; bytes may have been handed out before.
    """
    unpacking, size = Unpacking(coding_of(request)), 0
    async for chunk in as_sent(request, limit, code=code):
        for piece in unpacking.feed(chunk):
            size = _within(limit, size + len(piece), code)
            yield piece
    for piece in unpacking.end():
        size = _within(limit, size + len(piece), code)
        yield piece


async def as_sent(request: web.Request, limit: int, *, code: str) -> AsyncIterator[bytes]:
    """The body as it comes, packed or not.

    Raises:
        RequestError: it is larger than `limit` bytes as it was sent.
    """
    _within(limit, request.content_length or 0, code)
    size = 0
    async for chunk in request.content.iter_any():
        size = _within(limit, size + len(chunk), code)
        yield chunk


def unpack(sent: bytes, coding: str, limit: int, *, code: str) -> bytes:
    """A whole body, unpacked.

    Raises:
        Unpackable: it is not packed as `coding` says.
        RequestError: it unpacks to more than `limit` bytes.
    """
    unpacking, body = Unpacking(coding), bytearray()
    for piece in chain(unpacking.feed(sent), unpacking.end()):
        body += piece
        _within(limit, len(body), code)
    return bytes(body)


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a small form, `application/x-www-form-urlencoded`; of a field given twice, the last.

    Raises:
        RequestError: it is no such form.
    """
    body = await limited(request, MAX_COMMAND, code="document-too-large")
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_PAGE))
    except ValueError as error:
        raise RequestError("bad-request", "the body is not a form") from error


def _within(limit: int, size: int, code: str) -> int:
    """The size itself. Raises: RequestError."""
    if size > limit:
        hint = "Send files as attachments and leave their content out of the document."
        raise RequestError(code, f"more than {limit} bytes", hint=hint if code == "document-too-large" else "")
    return size


async def command(request: web.Request) -> dict[str, Any]:
    """The JSON object of a small command; empty where there is no body.

    Raises:
        RequestError: it is no JSON object.
    """
    body = await limited(request, MAX_COMMAND, code="document-too-large")
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("bad-request", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise RequestError("bad-request", "the body is not a JSON object")
    return value


def text(fields: dict[str, Any], name: str, *, maximum: int = 2000) -> str:
    """A required text of a command.

    Raises:
        RequestError: it is missing, empty, no text, or too long.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > maximum:
        raise RequestError("bad-request", f"{name} must be a text of 1 to {maximum} characters", path=f"/{name}")
    return value.strip()


def page_size(request: web.Request) -> int:
    """The query parameter `limit`.

    Raises:
        RequestError: it is no number from 1 to 200.
    """
    asked = request.query.get("limit", str(DEFAULT_PAGE))
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= MAX_PAGE):
        raise RequestError("bad-request", f"limit must be a number from 1 to {MAX_PAGE}", path="limit")
    return int(asked)
