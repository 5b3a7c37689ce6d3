"""One HTTP exchange with the access point: connect, send piece by piece, read chunk by chunk within limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from adapters.access_point.domibus_ws.answers import Answer, answer_of, read
from adapters.access_point.domibus_ws.hardened import Unreadable
from adapters.access_point.domibus_ws.intake import intake
from broker.errors import ConfigurationError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from adapters.access_point.domibus_ws.outgoing import Outgoing
    from adapters.access_point.domibus_ws.settings import DomibusSettings

_CHUNK: Final = 256 * 1024
_MOCK: Final = "X-HealthData-EU-Mock"  #: in every answer of the mock EU node, whatever its parties are called


class NotConnected(Unavailable):
    """No connection was made: nothing was sent, so the call may be repeated at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and content of one HTTP answer: SOAP, or why it is none."""

    status: int
    answer: Answer | Unreadable


class Transport:
    """Posts SOAP over one pooled session, opened at first use."""

    def __init__(self, settings: DomibusSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._known_as_real = settings.mock

    async def post(self, body: Outgoing) -> Reply:
        """Raises: NotConnected; OutcomeUnknown, if the exchange broke off after connecting; ConfigurationError."""
        try:
            await self._no_mock()
            async with self._posting(body) as response:
                return Reply(response.status, await self._answer(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotConnected(f"no connection to the access point {self._settings.name}: {_kind(error)}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(f"the access point {self._settings.name} fell silent: {_kind(error)}") from error

    async def post_raw(self, body: Outgoing) -> tuple[str, bytes]:
        """Content-Type and body of the answer, unread, and cut off at the limit of a document. Raises: Unavailable."""
        raw, limit = bytearray(), self._settings.limits.document
        try:
            await self._no_mock()
            async with self._posting(body) as response:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    raw += chunk
                    if len(raw) > limit:
                        response.close()
                        break
                return response.headers.get("Content-Type", ""), bytes(raw[:limit])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the access point {self._settings.name} fell silent: {_kind(error)}") from error

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _no_mock(self) -> None:
        """Ask before anything is sent: nobody's health data may go to what plays the EU. Raises: ConfigurationError."""
        if self._known_as_real:
            return
        async with self._opened().get(self._settings.url, allow_redirects=False) as response:
            if _MOCK in response.headers:
                raise ConfigurationError("access_point.url: the mock EU node answers there; production refuses it")
        self._known_as_real = True

    def _posting(self, body: Outgoing) -> aiohttp.client._RequestContextManager:
        headers = {"Content-Type": body.content_type, "Content-Length": str(len(body))}
        data = body.whole() if len(body) <= _CHUNK else _streamed(body)
        return self._opened().post(self._settings.url, data=data, headers=headers, allow_redirects=False)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            patience = self._settings.patience
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=patience.total, connect=patience.connect),
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
                headers={"Accept": "application/soap+xml, */*", **self._credentials()},
            )
        return self._session

    def _credentials(self) -> dict[str, str]:
        user, password = self._settings.user, self._settings.password
        return {"Authorization": aiohttp.encode_basic_auth(user, password, "utf-8")} if user else {}

    async def _answer(self, response: aiohttp.ClientResponse) -> Answer | Unreadable:
        """The body read as SOAP; of what cannot be read the rest is not waited for."""
        limits = self._settings.limits
        try:
            content_type = response.headers.get("Content-Type", "")
            if _is_small(response):
                return read(content_type, await response.read(), limits)
            taken = intake(content_type, limits)
            async for chunk in self._within_limits(response):
                taken.feed(chunk)
            return answer_of(taken.end(), limits)
        except Unreadable as error:
            response.close()
            return error

    async def _within_limits(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Never more than the limit: a claim of gigabytes must not fill the memory. Raises: OutcomeUnknown."""
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > self._settings.limits.answer:
                response.close()
                raise OutcomeUnknown(f"the answer is larger than {self._settings.limits.answer} bytes")
            yield chunk


def _is_small(response: aiohttp.ClientResponse) -> bool:
    """Whether the answer cannot grow beyond one chunk: its length is told, and it is not packed."""
    return 0 <= (response.content_length or -1) <= _CHUNK and "Content-Encoding" not in response.headers


async def _streamed(body: Outgoing) -> AsyncIterator[bytes]:
    for chunk in body.chunks():
        yield chunk


def _kind(error: BaseException) -> str:
    """The error's class alone: its text may hold addresses with credentials."""
    return type(error).__name__
