"""What the doctor sees of eu-https: the counterpart, its certificate, clock and keys, and whether it knows ours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import jwt

from adapters.access_point.eu_https import tokens
from adapters.access_point.tls_sight import look_at
from adapters.identity.keys import load_ring
from adapters.identity.remote_keys import http_fetch, usable_keys
from adapters.system import SystemClock
from broker.access_point import tls_of
from broker.commands.findings import Finding, fails, unknown, works
from broker.commands.opening import keys_dir
from broker.commands.seeing import clock, our_certificates, server_certificate
from broker.errors import BrokerError, Unavailable
from broker.eu_https import eu_https_of, keys_url
from broker.web.counterpart import PATH

if TYPE_CHECKING:
    import ssl

    from broker.settings import Settings

SKEW: Final = timedelta(seconds=tokens.LEEWAY)
_OURS: Final = "our keys"
_THEIRS: Final = "counterpart's keys"


async def probe_https(settings: Settings) -> list[Finding]:
    """Everything that can be seen of the counterpart. Raises: ConfigurationError."""
    section, tls = settings.access_point, tls_of(settings.access_point)
    ours = await _our_keys(settings)
    try:
        sight = await look_at(section.url, tls)
    except Unavailable as error:
        return [fails("counterpart", f"{error.code}: {error.detail}"), *our_certificates(section), ours]
    shown = [server_certificate("counterpart's certificate", section, sight), *our_certificates(section)]
    if sight.trouble:
        return [fails("counterpart", "nothing can be said to it before its certificate is in order"), *shown, ours]
    return [
        await _answers(settings),
        clock(sight.clock, allowed=SKEW),
        *shown,
        await _their_keys(keys_url(section), tls),
        ours,
    ]


async def _answers(settings: Settings) -> Finding:
    """Whether a signed question is answered: then it has our keys, and takes us for whom we say we are."""
    name, section = "counterpart", settings.access_point
    point = eu_https_of(section, load_ring(keys_dir(settings)), SystemClock())
    try:
        await point.ping()
    except BrokerError as error:
        return fails(name, f"{error.code}: {error.detail}. {_advice(error, section.party)}".rstrip())
    finally:
        await point.close()
    return works(name, f"{section.central_party} answers what {section.party} signs")


def _advice(error: BrokerError, party: str) -> str:
    if error.facts.get("status") not in {401, 403}:
        return ""
    return f"There, access_point.central_party must be {party}, and jwks_url lead to {PATH}/keys of this node"


async def _their_keys(url: str, tls: ssl.SSLContext | None) -> Finding:
    """Whether what the counterpart signs can be held against its keys."""
    try:
        found = usable_keys(await _fetched(url, tls))
    except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError, BrokerError) as error:
        return fails(
            _THEIRS, f"{url} has no key set that can be used ({type(error).__name__}): see access_point.jwks_url"
        )
    if not found:
        return fails(
            _THEIRS, f"{url} has no key for {' or '.join(tokens.ALLOWED)} with a kid: nothing from there is believed"
        )
    return works(_THEIRS, f"{len(found)} at {url}")


async def _our_keys(settings: Settings) -> Finding:
    """Whether this node publishes the key that it signs with."""
    current, url = load_ring(keys_dir(settings)).current.id, f"{settings.public_url}{PATH}/keys"
    try:
        found = usable_keys(await _fetched(url, None))
    except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError, BrokerError) as error:
        why = f"{url} cannot be read from here ({type(error).__name__}): start the node, and let the counterpart try it"
        return unknown(_OURS, why)
    if current not in found:
        return fails(
            _OURS, f"{url} does not have the current key of data_dir: restart the node after rotating its keys"
        )
    return works(_OURS, f"published at {url}, the current one among them")


async def _fetched(url: str, tls: ssl.SSLContext | None) -> Any:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls or True)) as session:
        return await http_fetch(session, url)()
