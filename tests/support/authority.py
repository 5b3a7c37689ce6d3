"""A certificate authority made on the spot, and an access point whose certificate it issued."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STATUS = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
    '<getStatusResponse xmlns="http://eu.domibus.wsplugin/">NOT_FOUND</getStatusResponse></e:Body></e:Envelope>'
)
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """Issues certificates into a folder."""

    name: str
    folder: Path
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def file(self) -> str:
        """Its own certificate."""
        path = self.folder / f"{self.name}.pem"
        if not path.exists():
            path.write_bytes(self._signed(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None)))
        return str(path)

    def issue(
        self, subject: str, address: str = "127.0.0.1", *, begins: float = -1, ends: float = 1
    ) -> tuple[str, str]:
        """The files of a certificate for one address, and of its key; it begins and ends so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = (self.folder / f"{self.name}-{subject}.{end}" for end in ("pem", "key"))
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))])
        certificate.write_bytes(self._signed(subject, key, names, begins, ends))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return str(certificate), str(secret)

    def _signed(
        self, subject: str, key: Key, extension: x509.ExtensionType, begins: float = -400, ends: float = 400
    ) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=ends))
            .add_extension(extension, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Server:
    """An access point over TLS; who called, with which credentials."""

    url: str = ""
    callers: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        shown: Any = request.transport.get_extra_info("peercert")
        subject = dict(pair for (pair,) in shown["subject"])["commonName"] if shown else ""
        self.callers.append((subject, request.headers.get("Authorization", "")))
        if request.method == "GET":
            return web.Response(body=b"<receipt/>", content_type="application/xml")
        return web.Response(body=STATUS.encode(), content_type="application/soap+xml")


@asynccontextmanager
async def serving(
    central: Authority,
    certificate: tuple[str, str],
    *,
    asks: bool = True,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> AsyncIterator[Server]:
    """It `asks` for a client certificate of its authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=central.file)
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    context.maximum_version = newest
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        server.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
