"""The node's Ed25519 key for checkpoints, and its name: the RFC 7638 thumbprint of the public half."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import rfc8785
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name under which its signatures stand."""

    private: Ed25519PrivateKey
    key_id: str

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that verifiers hold."""
        return self.private.public_key()


def public_jwk(public: Ed25519PublicKey) -> dict[str, str]:
    """The public key as a JSON Web Key (RFC 8037), with its thumbprint as `kid`."""
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    return required | {"kid": _base64url(sha256(rfc8785.dumps(required)).digest())}


def public_pem(public: Ed25519PublicKey) -> bytes:
    """The public key as a file that auditors keep."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signing_key(private: Ed25519PrivateKey) -> SigningKey:
    """The key with its name."""
    return SigningKey(private, public_jwk(private.public_key())["kid"])


def read_signing_key(path: Path) -> SigningKey:
    """An unencrypted PKCS #8 PEM file. Raises: ConfigurationError."""
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"The journal's key {path} cannot be read: give an Ed25519 key as PEM.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(f"The journal's key {path} is not Ed25519.")
    return signing_key(private)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A PEM file. Raises: ConfigurationError."""
    try:
        public = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"The public key {path} cannot be read: give an Ed25519 key as PEM.") from error
    if not isinstance(public, Ed25519PublicKey):
        raise ConfigurationError(f"The public key {path} is not Ed25519.")
    return public


def public_from_x(x: str) -> Ed25519PublicKey:
    """The key of a JSON Web Key's member `x` (RFC 8037). Raises: ValueError."""
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(x + "=="))


def create_signing_key(directory: Path) -> SigningKey:
    """Make a key, `journal-<key id>.pem` in this directory; the file is readable by its owner alone.

    Raises: ConfigurationError, if it cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    made = signing_key(private)
    path = directory / f"journal-{made.key_id}.pem"
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise ConfigurationError(f"The journal's key {path} cannot be written.") from error
    return made


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
