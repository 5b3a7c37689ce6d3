"""The adapters of the port `AccessPoint`, each as France before the mock: what a contract test needs of any of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header
from adapters.access_point.eu_https import EuHttps, EuHttpsSettings
from adapters.access_point.patience import Patience
from adapters.identity.keys import KeyRing, generate
from adapters.identity.remote_keys import RemoteKeys, http_fetch
from adapters.system import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.access_point.eu_https.transport import Transport

DOMIBUS, EU_HTTPS = "domibus-ws", "eu-https"
PROTOCOLS = (DOMIBUS, EU_HTTPS)
PASSWORD = "Mock-fr-Only-2026!"
FRANCE, CENTRAL = "hdeu:mock:ap:fr", "hdeu:mock:ap:central"
QUICK = {"connect": 1, "total": 0.5, "tries": 2, "first_pause": 0.01, "longest_pause": 0.02}
USUAL = Patience()
Adapter = DomibusWs | EuHttps


def new_ring() -> KeyRing:
    return KeyRing(current=generate(), next=generate("ES256"))


@dataclass(frozen=True)
class France:
    """The French node's keys, and where they are published."""

    ring: KeyRing = field(default_factory=new_ring)
    jwks: str = ""

    def adapter(self, protocol: str, base: str, patience: dict[str, Any] | None = None) -> Adapter:
        """An adapter of this protocol before the mock at `base`. Close it."""
        known = Patience(**(patience or {}))
        return eu_https(base, self.ring, known) if protocol == EU_HTTPS else domibus(base, known)


def stranger(protocol: str, base: str) -> Adapter:
    """Somebody who says that he is France."""
    return eu_https(base, new_ring()) if protocol == EU_HTTPS else domibus(base, password="Wrong-Password-2026!")


def domibus(base: str, patience: Patience = USUAL, *, password: str = PASSWORD) -> DomibusWs:
    header = Header(from_party=FRANCE, to_party=CENTRAL)
    url = f"{base}/fr/domibus/services/wsplugin"
    return DomibusWs(DomibusSettings("national", url, "fr", password, header, patience))


def eu_https(base: str, ring: KeyRing, patience: Patience = USUAL) -> EuHttps:
    url = f"{base}/fr/eu-https"
    settings = EuHttpsSettings("national", url, FRANCE, CENTRAL, patience)
    clock = SystemClock()

    def keys(transport: Transport) -> RemoteKeys:
        async def fetch() -> Any:
            return await http_fetch(transport.session, f"{url}/keys")()

        return RemoteKeys(fetch, clock)

    return EuHttps(settings, ring.current, keys, now=clock.now)


@asynccontextmanager
async def published() -> AsyncIterator[France]:
    """France, whose keys everybody can fetch."""
    ring = new_ring()

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response(ring.jwks())

    app = web.Application()
    app.router.add_get("/keys", keys)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield France(ring, f"http://127.0.0.1:{runner.addresses[0][1]}/keys")
    finally:
        await runner.cleanup()
