"""Answers of the other side, read as they come and never beyond a limit, whatever is claimed or unpacked."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp

from broker.errors import Problem
from broker.payloads import Payload, Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CHUNK: Final = 256 * 1024
_DULL: Final = 10 * 1024 * 1024  #: bytes up to which an answer may be as dull as it likes
_MOST_PACKED: Final = 100  #: how often a larger one may be larger than what travelled of it
_HTTP_BODY: Final = "HTTP body"
_TOO_LARGE: Final = frozenset({"answer-too-large", "soap-too-large"})


class Unreadable(ValueError):
    """Bytes that are not what was expected; `problem` says what, where, and what to do next."""

    def __init__(self, code: str, detail: str, path: str = "") -> None:
        super().__init__(detail)
        self.problem = Problem(code, detail, path)


async def chunks(response: aiohttp.ClientResponse, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises: Unreadable (`answer-too-large`, `answer-bomb`)."""
    size = 0
    if claimed := _claims_too_much(response, limit):
        raise claimed
    async for chunk in response.content.iter_chunked(CHUNK):
        size += len(chunk)
        if stopped := _is_too_much(response, size, limit):
            raise stopped
        yield chunk


async def taken(response: aiohttp.ClientResponse, limit: int, *, cut: int) -> tuple[bytes, Unreadable | None]:
    """The body; of one that is not taken why, and its first `cut` bytes for a person to look at."""
    data = bytearray()
    stopped = await _poured(response, limit, cut, data.extend)
    return (bytes(data[:cut]), stopped) if stopped else (bytes(data), None)


async def laid_aside(
    response: aiohttp.ClientResponse, limit: int, *, cut: int, folder: str | None
) -> tuple[Payload, Unreadable | None]:
    """The body; of one that is not taken why, and its first `cut` bytes for a person to look at."""
    spool = Spool(folder)
    stopped = await _poured(response, limit, cut, spool.write)
    return (Payload(spool, 0, min(cut, spool.size)), stopped) if stopped else (spool.since(0), None)


async def _poured(
    response: aiohttp.ClientResponse, limit: int, cut: int, write: Callable[[bytes], None]
) -> Unreadable | None:
    """Write the body as it comes. Why it is not taken, and then no more than `cut` bytes and one chunk of it."""
    size, stopped = 0, _claims_too_much(response, limit)
    with suppress(*[aiohttp.ClientPayloadError] * bool(stopped)):  # a claim that was not kept: what came is all
        async for chunk in response.content.iter_chunked(CHUNK):
            write(chunk)
            size += len(chunk)
            stopped = stopped or _is_too_much(response, size, limit)
            if stopped and size >= cut:
                response.close()
                break
    return stopped


def _claims_too_much(response: aiohttp.ClientResponse, limit: int) -> Unreadable | None:
    return _too_large(limit) if (response.content_length or 0) > limit else None


def _is_too_much(response: aiohttp.ClientResponse, size: int, limit: int) -> Unreadable | None:
    """Whether it is too large, or far more came out of it than was in it: no message is that dull."""
    content = response.content
    if content.total_bytes > max(_DULL, _MOST_PACKED * content.total_raw_bytes):
        return Unreadable("answer-bomb", f"it unpacks to more than {_MOST_PACKED} times its bytes", _HTTP_BODY)
    return as_it_travelled(_too_large(limit), response) if size > limit else None


def as_it_travelled(error: Unreadable, response: aiohttp.ClientResponse) -> Unreadable:
    """What travelled packed and is too large is a bomb, whichever limit it met first.

    How much of it has come when a piece is unpacked is chance, and no code may hang on that.
    """
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    if packed and error.problem.code in _TOO_LARGE:
        return Unreadable("answer-bomb", f"it unpacks to more than is taken: {error.problem.detail}", _HTTP_BODY)
    return error


def _too_large(limit: int) -> Unreadable:
    return Unreadable("answer-too-large", f"the answer is larger than {limit} bytes", _HTTP_BODY)
