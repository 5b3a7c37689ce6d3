"""One HTTPS exchange with the counterpart: connect, send, read the answer within limits."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from broker.errors import Garbled, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from adapters.access_point.eu_https.settings import EuHttpsSettings

_CHUNK: Final = 256 * 1024


class NotConnected(Unavailable):
    """No connection was made: nothing was sent, so the call may be repeated at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `path` stands behind the counterpart's address."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and content of one answer."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object that it carries. Raises: Garbled."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Garbled("the counterpart's answer is not JSON", status=self.status) from error
        if not isinstance(value, dict):
            raise Garbled("the counterpart's answer is not a JSON object", status=self.status)
        return value


class Transport:
    """Calls over one pooled session, opened at first use. Redirects are not followed: a token has one receiver."""

    def __init__(self, settings: EuHttpsSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings, self._tls = settings, tls
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, with the private trust store and client certificate if there are any."""
        if self._session is None:
            patience = self._settings.patience
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=patience.total, connect=patience.connect),
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
            )
        return self._session

    async def call(self, request: Request) -> Reply:
        """Raises: NotConnected; OutcomeUnknown, if the exchange broke off after connecting."""
        try:
            async with self._calling(request) as response:
                return Reply(response.status, response.headers.get("Content-Type", ""), await self._body(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotConnected(f"no connection to {self._settings.name}: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(f"{self._settings.name} fell silent: {type(error).__name__}") from error

    def _calling(self, request: Request) -> aiohttp.client._RequestContextManager:
        url = URL(f"{self._settings.url.rstrip('/')}/{request.path}", encoded=True)
        data = io.BytesIO(request.body) if request.body else None
        return self.session.request(request.method, url, data=data, headers=request.headers, allow_redirects=False)

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Never more than the limit, whatever is claimed or unpacked. Raises: OutcomeUnknown."""
        body, limit = bytearray(), self._settings.limits.body
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > limit:
                response.close()
                raise OutcomeUnknown(f"the answer is larger than {limit} bytes")
        return bytes(body)
