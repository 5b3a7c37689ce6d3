"""One HTTP exchange with the access point: connect, send piece by piece, read chunk by chunk within limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from adapters.access_point.bodies import CHUNK, Unreadable, as_it_travelled, chunks, laid_aside
from adapters.access_point.domibus_ws.answers import Answer, answer_of, read
from adapters.access_point.domibus_ws.intake import intake
from adapters.access_point.patience import one_call
from broker.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from adapters.access_point.domibus_ws.outgoing import Outgoing
    from adapters.access_point.domibus_ws.settings import DomibusSettings
    from broker.payloads import Payload

_MOCK: Final = "X-HealthData-EU-Mock"  #: in every answer of the mock EU node, whatever its parties are called


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and content of one HTTP answer: SOAP, or why it is none."""

    status: int
    answer: Answer | Unreadable
    raw: tuple[str, Payload] | None = None  #: Content-Type and body, where they were laid aside


class Transport:
    """Posts SOAP over one pooled session, opened at first use."""

    def __init__(self, settings: DomibusSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._known_as_real = settings.mock
        self._named = f"the access point {settings.name}"

    async def post(self, body: Outgoing) -> Reply:
        """Raises: NotConnected; OutcomeUnknown, if the exchange broke off after connecting; ConfigurationError."""
        with one_call(self._named):
            if not self._known_as_real:
                await self._no_mock()
            async with self._posting(body) as response:
                return Reply(response.status, await self._answer(response))

    async def post_aside(self, body: Outgoing) -> Reply:
        """The same, and the reply has what it was read from; of a body beyond the limit what a document may have."""
        with one_call(self._named):
            if not self._known_as_real:
                await self._no_mock()
            async with self._posting(body) as response:
                return await self._aside(response)

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _no_mock(self) -> None:
        """Ask before anything is sent: nobody's health data may go to what plays the EU. Raises: ConfigurationError."""
        async with self._opened().get(self._settings.url, allow_redirects=False) as response:
            if _MOCK in response.headers:
                raise ConfigurationError("access_point.url: the mock EU node answers there; production refuses it")
        self._known_as_real = True

    def _posting(self, body: Outgoing) -> aiohttp.client._RequestContextManager:
        size = len(body)
        headers = {"Content-Type": body.content_type, "Content-Length": str(size)}
        data = body.whole() if size <= CHUNK else _streamed(body)
        return self._opened().post(self._settings.url, data=data, headers=headers, allow_redirects=False)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._settings.patience.timeout,
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
            read_on = intake(content_type, limits, self._settings.folder)
            async for chunk in chunks(response, limits.answer):
                read_on.feed(chunk)
            return answer_of(read_on.end(), limits)
        except Unreadable as error:
            response.close()
            return as_it_travelled(error, response)

    async def _aside(self, response: aiohttp.ClientResponse) -> Reply:
        """The body laid down first, then read as SOAP."""
        limits, folder = self._settings.limits, self._settings.folder
        content_type = response.headers.get("Content-Type", "")
        raw, stopped = await laid_aside(response, limits.answer, cut=limits.document, folder=folder)
        if stopped:
            return Reply(response.status, stopped, (content_type, raw))
        try:
            read_on = intake(content_type, limits, folder)
            for piece in raw.pieces():
                read_on.feed(piece)
            return Reply(response.status, answer_of(read_on.end(), limits), (content_type, raw))
        except Unreadable as error:
            return Reply(response.status, as_it_travelled(error, response), (content_type, raw))


def _is_small(response: aiohttp.ClientResponse) -> bool:
    """Whether the answer cannot grow beyond one chunk: its length is told, and it is not packed."""
    return 0 <= (response.content_length or -1) <= CHUNK and "Content-Encoding" not in response.headers


async def _streamed(body: Outgoing) -> AsyncIterator[bytes]:
    for chunk in body.chunks():
        yield chunk
