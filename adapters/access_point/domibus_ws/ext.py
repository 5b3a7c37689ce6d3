"""Domibus's documented REST services (`/ext`): what the WS plugin cannot do.

They need a plugin user with the role ROLE_ADMIN, so they have credentials of their own. Without an address nothing here
is available, and nothing else suffers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import aiohttp

from adapters.http_bodies import first_bytes
from broker.errors import ConfigurationError, NotFound, Unavailable

if TYPE_CHECKING:
    import ssl

    from adapters.access_point.domibus_ws.settings import DomibusSettings

_OK: Final = frozenset({200, 202, 204})
_NOT_FOUND: Final = 404
_UNAUTHORIZED: Final = frozenset({401, 403})
_MOST: Final = 1024 * 1024  #: bytes of a receipt's envelope


class Ext:
    """The services of one access point, over one pooled session, opened at first use."""

    def __init__(self, settings: DomibusSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def restore(self, message_id: str) -> None:
        """Let a message in SEND_FAILURE be sent again. Raises: NotFound, Unavailable, ConfigurationError."""
        await self._call("PUT", f"/monitoring/messages/failed/{quote(message_id, safe='')}/restore")

    async def signal_envelope(self, message_id: str) -> bytes | None:
        """The signal message that answered: with a signed receipt in it. None where there is none (yet).

        Raises: Unavailable, ConfigurationError.
        """
        return await self._envelope(message_id, "signalEnvelope")

    async def envelope(self, message_id: str) -> bytes | None:
        """The signed envelope of a user message. None where there is none. Raises: Unavailable, ConfigurationError."""
        return await self._envelope(message_id, "envelope")

    async def _envelope(self, message_id: str, which: str) -> bytes | None:
        try:
            envelope = await self._call("GET", f"/messages/usermessages/{quote(message_id, safe='')}/{which}")
        except NotFound:
            return None
        return envelope or None

    async def state(self) -> bytes:
        """What Domibus says of its own parts, as JSON. Raises: NotFound, Unavailable, ConfigurationError."""
        return await self._call("GET", "/monitoring/application/status")

    async def pmode(self) -> bytes:
        """The PMode in use, as its console exports it. Raises: NotFound, Unavailable, ConfigurationError."""
        try:
            number = json.loads(await self._call("GET", "/pmode/current"))["id"]
        except (ValueError, TypeError, LookupError) as error:
            raise Unavailable("the access point's /ext services do not say which PMode is in use") from error
        return await self._call("GET", f"/pmode/{quote(str(number), safe='')}")

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, method: str, path: str) -> bytes:
        if not self._settings.ext_url:
            raise ConfigurationError("the access point's /ext services are not configured (access_point.ext_url)")
        url = self._settings.ext_url.rstrip("/") + path
        try:
            async with self._opened().request(method, url, allow_redirects=False) as response:
                body = await first_bytes(response, _MOST + 1)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the access point's /ext services fell silent: {type(error).__name__}") from error
        self._judge(response.status, len(body))
        return body

    def _judge(self, status: int, size: int) -> None:
        if status in _UNAUTHORIZED:
            raise Unavailable(f"the access point's /ext services refused our credentials: HTTP {status}")
        if status == _NOT_FOUND:
            raise NotFound("the access point has no such message")
        if status not in _OK or size > _MOST:
            raise Unavailable(f"the access point's /ext services answered HTTP {status} with {size} bytes")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            user = self._settings.ext_user or self._settings.user
            password = self._settings.ext_password if self._settings.ext_user else self._settings.password
            patience = self._settings.patience
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=patience.total, connect=patience.connect),
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
                headers={"Authorization": aiohttp.encode_basic_auth(user, password, "utf-8")} if user else {},
            )
        return self._session
