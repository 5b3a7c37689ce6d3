"""Public keys of an external issuer, fetched without blocking the loop.

PyJWKClient waits in urllib; this source keeps its ideas: a time to live, one fetch at a time however many callers
wait, one fetch for an unknown key id but not more often than the cool-down allows, no redirects, and the last good set
while the issuer is away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import structlog

from adapters.http_bodies import first_bytes
from adapters.identity.tokens import ALLOWED
from broker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from broker.ports import Clock

log = structlog.get_logger()
Fetch = Callable[[], Awaitable[Any]]
MAX_BYTES: Final = 256 * 1024
TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


class RemoteKeys:
    """A key source over one JWKS address; call it with a key id."""

    def __init__(
        self,
        fetch: Fetch,
        clock: Clock,
        *,
        ttl: timedelta = timedelta(minutes=10),
        cool_down: timedelta = timedelta(seconds=30),
    ) -> None:
        self._fetch, self._clock, self._ttl, self._cool_down = fetch, clock, ttl, cool_down
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None. Raises: Unavailable, if the issuer was never reached."""
        if self._should_ask(key_id):
            async with self._one_at_a_time:
                if self._should_ask(key_id):
                    await self._refresh()
        if self._fetched_at is None:
            raise Unavailable("the issuer's keys cannot be had at the moment")
        return self._keys.get(key_id)

    def age(self) -> timedelta | None:
        """How old the set in use is; None before the first one."""
        return None if self._fetched_at is None else self._clock.now() - self._fetched_at

    def _should_ask(self, key_id: str) -> bool:
        now = self._clock.now()
        if self._tried_at is not None and now - self._tried_at < self._cool_down:
            return False
        stale = self._fetched_at is None or now - self._fetched_at >= self._ttl
        return stale or key_id not in self._keys

    async def _refresh(self) -> None:
        try:
            self._keys = usable_keys(await self._fetch())
            self._fetched_at = self._clock.now()
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError, Unavailable) as error:
            log.warning("keys.fetch_failed", error=type(error).__name__)
        self._tried_at = self._clock.now()  # only now: who comes meanwhile waits for this fetch


def usable_keys(document: Any) -> dict[str, jwt.PyJWK]:
    """The keys of a set that may sign tokens for us: public, named, with an allowed algorithm.

    Raises:
        ValueError: this is no key set.
        jwt.PyJWKSetError: it holds no usable key.
    """
    if not isinstance(document, dict):
        raise ValueError("a key set is a JSON object")  # noqa: TRY004 - the value comes from outside, it is data
    found = jwt.PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in found if key.key_id and key.algorithm_name in ALLOWED}


def http_fetch(session: aiohttp.ClientSession, url: str) -> Fetch:
    """A fetch over HTTPS; plain HTTP only on this machine.

    Raises:
        ConfigurationError: the address would travel unprotected.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ConfigurationError("the key set's address must be https")

    async def fetch() -> Any:
        async with session.get(url, allow_redirects=False, timeout=TIMEOUT) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP OK
                raise Unavailable(f"the issuer answered {response.status}")
            body = await first_bytes(response, MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ValueError("the key set is too large")
        return json.loads(body)

    return fetch
