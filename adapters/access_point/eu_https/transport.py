"""One HTTPS exchange with the counterpart: connect, send, read the answer within limits."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from adapters.access_point.bodies import taken
from adapters.access_point.patience import one_call
from broker.errors import Garbled, Problem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from adapters.access_point.eu_https.settings import EuHttpsSettings


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `path` stands behind the counterpart's address."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and content of one answer; or why it was not taken, and as much of it as a person may look at."""

    status: int
    content_type: str
    body: bytes
    problem: Problem | None = None

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
            self._session = aiohttp.ClientSession(
                timeout=self._settings.patience.timeout,
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
            )
        return self._session

    async def call(self, request: Request) -> Reply:
        """Raises: NotConnected; OutcomeUnknown, if the exchange broke off after connecting."""
        with one_call(self._settings.name):
            async with self._calling(request) as response:
                limits = self._settings.limits
                body, stopped = await taken(response, limits.body, cut=limits.unread)
                problem = stopped.problem if stopped else None
                return Reply(response.status, response.headers.get("Content-Type", ""), body, problem)

    def _calling(self, request: Request) -> aiohttp.client._RequestContextManager:
        url = URL(f"{self._settings.url.rstrip('/')}/{request.path}", encoded=True)
        data = io.BytesIO(request.body) if request.body else None
        return self.session.request(request.method, url, data=data, headers=request.headers, allow_redirects=False)

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None
