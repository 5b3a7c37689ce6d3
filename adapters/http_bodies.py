"""Bodies of HTTP answers that are small, or too large to be wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp


async def first_bytes(response: aiohttp.ClientResponse, count: int) -> bytes:
    """So many bytes of a body, fewer only at its end; aiohttp's own `read(count)` gives what one packet brought.

    Raises: aiohttp.ClientError, TimeoutError.
    """
    body = bytearray()
    while len(body) < count and (piece := await response.content.read(count - len(body))):
        body += piece
    return bytes(body)
