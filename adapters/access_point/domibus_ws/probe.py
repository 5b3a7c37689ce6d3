"""What can be seen of an access point from outside, beside its operations: its clock, certificate, open doors."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from adapters.access_point.domibus_ws.client import DomibusWs
from broker.errors import BrokerError, Unavailable

if TYPE_CHECKING:
    from adapters.access_point.domibus_ws.settings import DomibusSettings

_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen. None is: not to be seen."""

    clock: datetime | None  #: of the access point's machine
    certificate_ends: datetime | None
    anonymous: bool  #: whether it works for a caller without any credentials


async def look(settings: DomibusSettings, tls: ssl.SSLContext | None) -> Sight:
    """Look at an access point. Raises: Unavailable."""
    clock, ends = await _knock(settings.url, tls)
    stranger = DomibusWs(replace(settings, user="", password="", patience=replace(settings.patience, tries=1)), tls=tls)
    try:
        await stranger.ping()
        anonymous = True
    except BrokerError:
        anonymous = False
    finally:
        await stranger.close()
    return Sight(clock, ends, anonymous)


async def _knock(url: str, tls: ssl.SSLContext | None) -> tuple[datetime | None, datetime | None]:
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    connector = aiohttp.TCPConnector(ssl=tls or True)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            session.get(url, params={"wsdl": ""}, allow_redirects=False) as response,
        ):
            transport = response.connection.transport if response.connection else None
            certificate = transport.get_extra_info("peercert") if transport else None
            return _date(response.headers.get("Date", "")), _ends(certificate)
    except (aiohttp.ClientError, TimeoutError) as error:
        host = urlsplit(url).hostname or ""
        raise Unavailable(f"{host} cannot be reached: {type(error).__name__}") from error


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _ends(certificate: dict[str, str] | None) -> datetime | None:
    found = (certificate or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(found), UTC) if found else None
