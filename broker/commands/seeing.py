"""What the doctor says of the server behind an address: its certificate, its clock; and of certificates of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509

from adapters.access_point.tls_sight import Trouble
from broker.commands.findings import Finding, fails, unknown, works
from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from adapters.access_point.tls_sight import Certificate, TlsSight
    from broker.settings import AccessPointSection

SKEW: Final = timedelta(seconds=60)
ENDING: Final = timedelta(days=30)


def clock(seen: datetime | None, now: datetime | None = None, *, allowed: timedelta = SKEW) -> Finding:
    """Whether both machines have the same time."""
    name = "clock skew"
    if seen is None:
        return unknown(name, "the other side does not tell its time: compare both machines' clocks by hand")
    apart = abs((now or datetime.now(UTC)) - seen)
    if apart > allowed:
        return fails(
            name, f"{round(apart.total_seconds())} seconds apart: start the time service (NTP) on both machines"
        )
    return works(name, f"{round(apart.total_seconds())} seconds")


def certificate(name: str, ends: datetime, now: datetime | None = None) -> Finding:
    """How long a certificate is still good."""
    left = ends - (now or datetime.now(UTC))
    if left < timedelta(0):
        return fails(name, f"it ended on {ends.date()}: have it renewed")
    if left < ENDING:
        return fails(name, f"it ends on {ends.date()}, in {left.days} days: renew it now")
    return works(name, f"good for {left.days} days")


def server_certificate(name: str, section: AccessPointSection, sight: TlsSight) -> Finding:
    """What is to be said of the certificate that the server showed."""
    shown = sight.certificate
    if sight.trouble is not None:
        return fails(name, _trouble(section, sight.trouble, shown))
    if shown is not None:
        return certificate(name, shown.ends)
    return unknown(name, "it is reached without TLS: only on one machine or a closed network")


def our_certificates(section: AccessPointSection) -> list[Finding]:
    """Certificates that lie in files of ours. Raises: ConfigurationError."""
    files = {"client certificate": section.tls_certificate, "receipts' certificate": section.receipt_certificate}
    return [certificate(name, _loaded(name, path).not_valid_after_utc) for name, path in files.items() if path]


def _loaded(name: str, path: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{name}: {path} is no certificate ({type(error).__name__})") from error


def _trouble(section: AccessPointSection, trouble: Trouble, shown: Certificate | None) -> str:
    host = urlsplit(section.url).hostname or ""
    ends, begins = (shown.ends.date(), shown.begins.date()) if shown else ("a day in the past", "a day to come")
    names, issuer = (", ".join(shown.names), shown.issuer) if shown else ("other names", "somebody unknown")
    ours = (
        "it does not accept access_point.tls_certificate: ask its operator which authority it trusts"
        if section.tls_certificate
        else "it asks for a client certificate: set access_point.tls_certificate and access_point.tls_key"
    )
    return {
        Trouble.EXPIRED: f"it ended on {ends}: its operator must renew it",
        Trouble.NOT_YET_VALID: f"it begins on {begins}: compare both machines' clocks",
        Trouble.WRONG_HOST: f"it is for {names} and not for {host}: name such a host in access_point.url",
        Trouble.UNKNOWN_AUTHORITY: f"its issuer ({issuer}) is not known here: name it in access_point.tls_ca",
        Trouble.UNTRUSTED: "it is not trusted: look with openssl s_client",
        Trouble.NO_CLIENT_CERTIFICATE: ours,
        Trouble.BROKEN_OFF: f"the other side hangs up before anything is said: perhaps {ours}",
    }[trouble]
