"""One HTTP exchange with the access point: connect, post, read within limits."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from broker.errors import OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    import ssl

    from adapters.access_point.domibus_ws.settings import DomibusSettings

_CHUNK = 256 * 1024


class NotConnected(Unavailable):
    """No connection was made: nothing was sent, so the call may be repeated at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, Content-Type and body of one HTTP answer."""

    status: int
    content_type: str
    body: bytes


class Transport:
    """Posts SOAP with Basic authentication over one pooled session, opened at first use."""

    def __init__(self, settings: DomibusSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes) -> Reply:
        """Raises: NotConnected; OutcomeUnknown, if the exchange broke off after connecting."""
        url = self._settings.url
        try:
            async with self._opened().post(url, data=io.BytesIO(body), allow_redirects=False) as response:
                return Reply(response.status, response.headers.get("Content-Type", ""), await self._read(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotConnected(f"no connection to the access point {self._settings.name}: {_kind(error)}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(f"the access point {self._settings.name} fell silent: {_kind(error)}") from error

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            patience = self._settings.patience
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=patience.total, connect=patience.connect),
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
                headers={
                    "Authorization": aiohttp.encode_basic_auth(self._settings.user, self._settings.password, "utf-8"),
                    "Content-Type": "application/soap+xml; charset=utf-8",
                    "Accept": "application/soap+xml, */*",
                },
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, never more than the limit: a claim of gigabytes must not fill the memory."""
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._settings.limits.answer:
                raise OutcomeUnknown(f"the answer is larger than {self._settings.limits.answer} bytes")
        return bytes(body)


def _kind(error: BaseException) -> str:
    """The error's class alone: its text may hold addresses with credentials."""
    return type(error).__name__
