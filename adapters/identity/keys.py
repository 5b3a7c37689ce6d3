"""The node's key pairs: PEM files of mode 0600, key ids after RFC 7638, a JWKS with overlap.

`<data_dir>/keys/` holds `current.pem` (signs tokens), `next.pem` (already published, so that others know it
before it signs), `previous.pem` (still verifies until its tokens have run out) and `journal.pem` (Ed25519;
signs checkpoints of the journal, never tokens).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from broker.errors import ConfigurationError

ALGORITHMS: Final = ("EdDSA", "ES256")
PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
_THUMBPRINT_MEMBERS: Final = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}


@dataclass(frozen=True, slots=True)
class NodeKey:
    """A private key with its public JWK. `id` is the RFC 7638 thumbprint."""

    private: PrivateKey
    public: dict[str, str]

    @property
    def id(self) -> str:
        """The key id (`kid`)."""
        return self.public["kid"]

    @property
    def algorithm(self) -> str:
        """`EdDSA` or `ES256`."""
        return self.public["alg"]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys whose tokens this node accepts; only `current` signs."""

    current: NodeKey
    next: NodeKey
    previous: NodeKey | None = None

    def named(self) -> dict[str, NodeKey]:
        """The keys there are, by the part they play."""
        keys = {"next": self.next, "current": self.current}
        return keys if self.previous is None else {**keys, "previous": self.previous}

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517 section 5)."""
        return {"keys": [key.public for key in self.named().values()]}


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638: SHA-256 over the required members in lexicographic order, base64url without padding."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def node_key(private: PrivateKey) -> NodeKey:
    """A key pair with its published form."""
    if isinstance(private, Ed25519PrivateKey):
        jwk, algorithm = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True), "EdDSA"
    else:
        jwk, algorithm = ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "ES256"
    public = {name: str(jwk[name]) for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    return NodeKey(private, {**public, "kid": thumbprint(public), "alg": algorithm, "use": "sig"})


def generate(algorithm: str = "EdDSA") -> NodeKey:
    """A fresh pair.

    Raises:
        ConfigurationError: the algorithm is none of `ALGORITHMS`.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown key algorithm {algorithm!r}: use one of {', '.join(ALGORITHMS)}")
    return node_key(Ed25519PrivateKey.generate() if algorithm == "EdDSA" else generate_private_key(SECP256R1()))


def ensure_key(path: Path, algorithm: str = "EdDSA") -> NodeKey:
    """The key in this file, made first where there is none. Safe when two processes start at once.

    Raises:
        ConfigurationError: the file cannot be read or written, is no key, or others may read it.
    """
    if not path.exists():
        _publish(path, generate(algorithm))
    return load_key(path)


def load_key(path: Path) -> NodeKey:
    """The key in this file.

    Raises:
        ConfigurationError: it is missing, is no Ed25519 or P-256 key, or others than its owner may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path.name}: others may read this key; set its mode to 0600")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path.name}: no readable key ({type(error).__name__})") from error
    if isinstance(private, Ed25519PrivateKey):
        return node_key(private)
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        return node_key(private)
    raise ConfigurationError(f"{path.name}: neither an Ed25519 nor a P-256 key")


def init_keys(directory: Path, algorithm: str = "EdDSA") -> KeyRing:
    """The node's ring, made first where it is missing; existing keys are never touched.

    Raises:
        ConfigurationError: as ensure_key.
    """
    ensure_key(directory / "journal.pem")
    ensure_key(directory / "current.pem", algorithm)
    ensure_key(directory / "next.pem", algorithm)
    return load_ring(directory)


def load_ring(directory: Path) -> KeyRing:
    """The ring as it is.

    Raises:
        ConfigurationError: a key is missing or unusable.
    """
    previous = directory / "previous.pem"
    return KeyRing(
        current=load_key(directory / "current.pem"),
        next=load_key(directory / "next.pem"),
        previous=load_key(previous) if previous.exists() else None,
    )


def rotate_keys(directory: Path, algorithm: str = "EdDSA") -> KeyRing:
    """Move every key one place on (next, current, previous) and make a new next one.

    The order of the steps leaves a usable ring if the program stops in between: the next start completes it.

    Raises:
        ConfigurationError: as ensure_key.
    """
    load_ring(directory)
    (directory / "current.pem").replace(directory / "previous.pem")
    (directory / "next.pem").replace(directory / "current.pem")
    return init_keys(directory, algorithm)


def _publish(path: Path, key: NodeKey) -> None:
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link_whole(path, pem)
    except OSError as error:
        raise ConfigurationError(f"{path.name}: cannot be written ({type(error).__name__})") from error


def _link_whole(path: Path, data: bytes) -> None:
    """Give the name to a file that is already whole; the first of two writers wins."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
