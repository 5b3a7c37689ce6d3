"""What the doctor sees of a living access point: does it answer, its clock, certificates, rights, message filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509

from adapters.access_point.domibus_ws.probe import Sight, look
from broker.access_point import access_point_of, settings_of, tls_of
from broker.commands.findings import Finding, fails, unknown, works
from broker.errors import BrokerError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.access_point.domibus_ws import DomibusWs
    from broker.settings import AccessPointSection, Settings

SKEW: Final = timedelta(seconds=60)
ENDING: Final = timedelta(days=30)
_NO_ACCESS: Final = "none is configured (access_point.url): nothing goes out and nothing comes in"


async def probe(settings: Settings, notified: Iterable[str]) -> list[Finding]:
    """Everything that can be seen of the access point. `notified` are ids that it told of and nobody has fetched."""
    section = settings.access_point
    access_point = access_point_of(section)
    if access_point is None:
        return [works("access point", _NO_ACCESS)]
    try:
        await access_point.ping()
    except BrokerError as error:
        return [fails("access point", f"{error.code}: {error.detail}"), *_files(section)]
    finally:
        await access_point.close()
    sight = await look(settings_of(section), tls_of(section))
    found = [works("access point", f"{section.name} answers"), clock(sight), *_certificates(section, sight)]
    return [*found, anonymous(sight), *await _rights(section, tuple(notified))]


def clock(sight: Sight, now: datetime | None = None) -> Finding:
    """Whether both machines have the same time."""
    name = "clock skew"
    if sight.clock is None:
        return unknown(name, "the access point does not tell its time: compare both machines' clocks by hand")
    apart = abs((now or datetime.now(UTC)) - sight.clock)
    if apart > SKEW:
        return fails(
            name, f"{round(apart.total_seconds())} seconds apart: start the time service (NTP) on both machines"
        )
    return works(name, f"{round(apart.total_seconds())} seconds")


def anonymous(sight: Sight) -> Finding:
    """Whether anybody may use the access point."""
    name = "anonymous login"
    if sight.anonymous:
        return fails(
            name, "anybody may send and fetch: set domibus.auth.unsecureLoginAllowed=false at the access point"
        )
    return works(name, "the access point asks for credentials")


def certificate(name: str, ends: datetime, now: datetime | None = None) -> Finding:
    """How long a certificate is still good."""
    left = ends - (now or datetime.now(UTC))
    if left < ENDING:
        return fails(name, f"it ends on {ends.date()}, in {max(left.days, 0)} days: renew it now")
    return works(name, f"good for {left.days} days")


def _certificates(section: AccessPointSection, sight: Sight) -> list[Finding]:
    name = "access point's certificate"
    if sight.certificate_ends is not None:
        return [certificate(name, sight.certificate_ends), *_files(section)]
    if section.url.startswith("https:"):
        return [unknown(name, "its end cannot be seen: look with openssl s_client"), *_files(section)]
    return [
        unknown(name, "the access point is reached without TLS: only on one machine or a closed network"),
        *_files(section),
    ]


def _files(section: AccessPointSection) -> list[Finding]:
    """Certificates that lie in files of ours."""
    files = {"client certificate": section.tls_certificate, "receipts' certificate": section.receipt_certificate}
    found = []
    for name, path in files.items():
        if path:
            try:
                loaded = x509.load_pem_x509_certificate(Path(path).read_bytes())
            except (OSError, ValueError) as error:
                raise ConfigurationError(f"{name}: {path} is no certificate ({type(error).__name__})") from error
            found.append(certificate(name, loaded.not_valid_after_utc))
    return found


async def _rights(section: AccessPointSection, notified: tuple[str, ...]) -> list[Finding]:
    access_point = access_point_of(section)
    assert access_point is not None  # noqa: S101 -- it has just answered
    try:
        user = await _user(section, access_point)
        try:
            return [*user, await message_filter(access_point, notified)]
        except BrokerError as error:
            return [*user, unknown("message filter", f"the pending list cannot be had: {error.detail}")]
    finally:
        await access_point.close()


async def _user(section: AccessPointSection, access_point: DomibusWs) -> list[Finding]:
    """Whether the plugin user may do what we need."""
    name = "plugin user"
    try:
        await access_point.pending()
        await access_point.push_failed()
    except BrokerError as error:
        return [
            fails(name, f"{section.username} may not list messages ({error.detail}): give it ROLE_USER or ROLE_ADMIN")
        ]
    found = [works(name, f"{section.username} may list messages")]
    if not section.ext_url:
        why = "set access_point.ext_url to see it; who is no admin sees only its own final recipient"
        return [*found, unknown("plugin user's role", why)]
    try:
        await access_point.state()
    except BrokerError as error:
        return [*found, fails("plugin user's role", f"{error.detail}: /ext needs a plugin user with ROLE_ADMIN")]
    return [*found, works("plugin user's role", "may use /ext")]


async def message_filter(access_point: DomibusWs, notified: tuple[str, ...]) -> Finding:
    """Whether received messages come to the WS plugin: another one that stands first in the filters takes them all."""
    name = "message filter"
    pending = frozenset(await access_point.pending())
    for message_id in notified:
        if message_id not in pending and await access_point.status(message_id, received=True) == "RECEIVED":
            advice = "put the WS plugin first under Message Filter in the console, with criteria for the others"
            return fails(name, f"a message was received and is not in the pending list: {advice}")
    if pending:
        return works(name, f"{len(pending)} messages wait for the WS plugin")
    return unknown(name, "nothing waits: send a test message and see under Message Filter that the WS plugin is first")
