"""What a server shows before anything is said to it: its certificate, what is wrong with it, and its clock.

The handshake is our own and not a client library's, because a library says *it failed* where a person needs to hear
whose certificate it is, for which names, until when, and who issued it.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from broker.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_SECONDS: Final = 10.0
_MOST: Final = 65_536  #: bytes of the answer's head


class BrokenOff(Exception):
    """The server hung up in the middle of the handshake, or right behind it."""


class Trouble(StrEnum):
    """Why nothing can be said to the server."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    UNKNOWN_AUTHORITY = "unknown-authority"
    UNTRUSTED = "untrusted"  #: for a reason that has no word of its own
    NO_CLIENT_CERTIFICATE = "no-client-certificate"  #: it wants one of ours, or another one
    BROKEN_OFF = "broken-off"  #: it hangs up before anything is said: many servers do so without a client certificate


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person must know of a certificate."""

    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    issuer: str


@dataclass(frozen=True, slots=True)
class TlsSight:
    """What was seen. None is: not to be seen; a server without TLS has no certificate."""

    clock: datetime | None = None
    certificate: Certificate | None = None
    trouble: Trouble | None = None


#: OpenSSL's numbers (`X509_V_ERR_…`).
_BY_NUMBER: Final[Mapping[int, Trouble]] = {
    9: Trouble.NOT_YET_VALID,
    10: Trouble.EXPIRED,
    62: Trouble.WRONG_HOST,
    64: Trouble.WRONG_HOST,
    **dict.fromkeys((2, 18, 19, 20, 21), Trouble.UNKNOWN_AUTHORITY),
}
#: Alerts of a server that misses a client certificate, or does not accept the one it got.
_ABOUT_OURS: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "EXPIRED")


async def look_at(url: str, tls: ssl.SSLContext | None) -> TlsSight:
    """Look at the server behind an address, as `tls` (or the system's authorities) would judge it.

    Raises: Unavailable, if nobody answers there at all.
    """
    address = urlsplit(url)
    if address.scheme != "https":
        return await _heard(url, None)
    context = tls or ssl.create_default_context()
    try:
        return await _heard(url, context)
    except ssl.SSLCertVerificationError as error:
        trouble = _BY_NUMBER.get(error.verify_code, Trouble.UNTRUSTED)
        return TlsSight(certificate=await _shown(url), trouble=trouble)
    except (ssl.SSLError, BrokenOff) as error:
        return TlsSight(certificate=await _shown(url), trouble=_of_alert(error))


async def _heard(url: str, context: ssl.SSLContext | None) -> TlsSight:
    """Ask for nothing in particular. Raises: ssl.SSLError, Unavailable."""
    address = urlsplit(url)
    path = address.path or "/"
    async with _line(url, context) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        head = await _head(reader)
        if context is not None and not head:
            raise BrokenOff
        return TlsSight(_date(head), _certificate(writer))


async def _shown(url: str) -> Certificate | None:
    """The certificate alone, believed or not; None where not even that can be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(ssl.SSLError, BrokenOff, Unavailable):
        async with _line(url, context) as (_, writer):
            return _certificate(writer)
    return None


@asynccontextmanager
async def _line(
    url: str, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection with a deadline on everything. Raises: ssl.SSLError, as it is; BrokenOff, Unavailable."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or (443 if context else 80)
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()
    except ssl.SSLError:
        raise
    except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as error:
        if context is not None:
            raise BrokenOff from error
        raise Unavailable(f"{host} hangs up") from error
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"{host} cannot be reached: {type(error).__name__}") from error


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The answer's head, as far as it comes."""
    head = bytearray()
    while b"\r\n\r\n" not in head and len(head) < _MOST and (chunk := await reader.read(4096)):
        head += chunk
    return bytes(head)


def _of_alert(error: ssl.SSLError | BrokenOff) -> Trouble:
    """What the alert says; some servers send none, and TLS 1.2 has none for a certificate that is missing."""
    reason = (getattr(error, "reason", "") or "").upper()
    return Trouble.NO_CLIENT_CERTIFICATE if any(word in reason for word in _ABOUT_OURS) else Trouble.BROKEN_OFF


def _certificate(writer: asyncio.StreamWriter) -> Certificate | None:
    line = writer.get_extra_info("ssl_object")
    shown = line.getpeercert(binary_form=True) if line else None
    if not shown:
        return None
    loaded = x509.load_der_x509_certificate(shown)
    return Certificate(loaded.not_valid_before_utc, loaded.not_valid_after_utc, _names(loaded), _name(loaded.issuer))


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The hosts that it is for; without any, its subject, which no client looks at any more."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (_name(certificate.subject),)
    return tuple(str(one.value) for one in found)


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _date(head: bytes) -> datetime | None:
    found = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"date:")), b"")
    try:
        return parsedate_to_datetime(found[5:].decode("latin-1").strip()).astimezone(UTC)
    except ValueError:
        return None
