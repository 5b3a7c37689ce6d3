"""The access point over TLS (`access_point.tls_*`): who it is, who we are, and what nobody falls back to."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker.access_point import access_point_of
from broker.errors import ConfigurationError, Unavailable
from broker.settings import AccessPointSection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.access_point.domibus_ws import DomibusWs

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

    def issue(self, subject: str, address: str = "127.0.0.1") -> tuple[str, str]:
        """The files of a certificate, valid for one address, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = (self.folder / f"{self.name}-{subject}.{end}" for end in ("pem", "key"))
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))])
        certificate.write_bytes(self._signed(subject, key, names))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return str(certificate), str(secret)

    def _signed(self, subject: str, key: Key, extension: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Server:
    """An access point that asks for a client certificate of its authority; who called, with which credentials."""

    url: str = ""
    callers: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        shown: Any = request.transport.get_extra_info("peercert")
        subject = dict(pair for (pair,) in shown["subject"])["commonName"]
        self.callers.append((subject, request.headers.get("Authorization", "")))
        if request.method == "GET":
            return web.Response(body=b"<receipt/>", content_type="application/xml")
        return web.Response(body=STATUS.encode(), content_type="application/soap+xml")


@pytest.fixture
def central(tmp_path: Path) -> Authority:
    return Authority("central", tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority("stranger", tmp_path)


@asynccontextmanager
async def serving(central: Authority, certificate: tuple[str, str]) -> AsyncIterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=central.file)
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_REQUIRED
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


@asynccontextmanager
async def caller(server: Server, **tls: str) -> AsyncIterator[DomibusWs]:
    """The adapter as the configuration makes it."""
    section = AccessPointSection(url=f"{server.url}/wsplugin", ext_url=f"{server.url}/ext", **tls)  # type: ignore[arg-type] # texts all
    adapter = access_point_of(section)
    assert adapter is not None
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.mark.parametrize("files", ["two", "one"])
async def test_the_access_point_knows_us_by_our_certificate(central: Authority, tmp_path: Path, files: str) -> None:
    certificate, key = central.issue("hdeu-node")
    if files == "one":
        both = tmp_path / "both.pem"
        both.write_text((tmp_path / certificate).read_text("ascii") + (tmp_path / key).read_text("ascii"), "ascii")
        certificate, key = str(both), ""
    async with serving(central, central.issue("access-point")) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            await adapter.ping()
            assert await adapter.receipt("sent-1") == b"<receipt/>"
        assert server.callers == [("hdeu-node", "")] * 2


async def test_a_password_goes_beside_the_certificate_where_both_are_wanted(central: Authority) -> None:
    certificate, key = central.issue("hdeu-node")
    async with serving(central, central.issue("access-point")) as server:
        files = {"tls_ca": central.file, "tls_certificate": certificate, "tls_key": key}
        async with caller(server, username="fr", password="example", **files) as adapter:
            await adapter.ping()
        [(subject, credentials)] = server.callers
        assert (subject, credentials.partition(" ")[0]) == ("hdeu-node", "Basic")


@pytest.mark.parametrize("ours", ["none", "of another authority"])
async def test_without_a_certificate_of_its_authority_nothing_is_said_to_us(
    central: Authority, stranger: Authority, ours: str
) -> None:
    certificate, key = ("", "") if ours == "none" else stranger.issue("hdeu-node")
    async with serving(central, central.issue("access-point")) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            with pytest.raises(Unavailable):
                await adapter.ping()
        assert server.callers == []


@pytest.mark.parametrize("theirs", ["of another authority", "for another address"])
async def test_an_access_point_that_does_not_prove_itself_hears_nothing_of_us(
    central: Authority, stranger: Authority, theirs: str
) -> None:
    shown = stranger.issue("access-point") if "authority" in theirs else central.issue("elsewhere", "127.0.0.9")
    certificate, key = central.issue("hdeu-node")
    async with serving(central, shown) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            with pytest.raises(Unavailable, match="no connection"):
                await adapter.ping()
        assert server.callers == []


@pytest.mark.parametrize("mistake", ["missing", "no PEM", "key of another"])
def test_files_that_cannot_be_right_are_told_at_the_start(central: Authority, tmp_path: Path, mistake: str) -> None:
    certificate, key = central.issue("hdeu-node")
    (tmp_path / "rubbish.pem").write_text("rubbish", "ascii")
    wrong = {
        "missing": {"tls_ca": str(tmp_path / "nowhere.pem")},
        "no PEM": {"tls_certificate": str(tmp_path / "rubbish.pem")},
        "key of another": {"tls_certificate": certificate, "tls_key": central.issue("another")[1]},
    }
    right = {"tls_ca": central.file, "tls_certificate": certificate, "tls_key": key}
    with pytest.raises(ConfigurationError, match=r"access_point\.tls_ca, tls_certificate, tls_key"):
        access_point_of(AccessPointSection(url="https://127.0.0.1:1/", **{**right, **wrong[mistake]}))  # type: ignore[arg-type] # texts all
