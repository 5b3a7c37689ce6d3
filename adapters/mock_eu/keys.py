"""The mock's own key: made at the first start, its certificate says that it is a mock, nobody else has it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_NAME: Final = "MOCK EU node (not HealthData@EU)"
_BITS: Final = 2048
_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Seal:
    """A private key with its self-signed certificate, in DER."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    @property
    def pem(self) -> bytes:
        """The certificate, for whoever checks a receipt."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(serialization.Encoding.PEM)

    def sign(self, data: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256, as eDelivery AS4 1.15 has it."""
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def seal_in(folder: Path, now: datetime) -> Seal:
    """The key kept in the folder; made there if it has none."""
    path = folder / "mock-eu-key.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _keep(path, _made(now))
    data = path.read_bytes()
    key = serialization.load_pem_private_key(data, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    certificate = x509.load_pem_x509_certificate(data)
    return Seal(key, certificate.public_bytes(serialization.Encoding.DER))


def _made(now: datetime) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + certificate.public_bytes(pem)


def _keep(path: Path, data: bytes) -> None:
    """Readable by its owner alone, and whole or not at all."""
    partial = path.with_suffix(".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 -- a mode is needed
        file.write(data)
    partial.replace(path)
