"""The mock's own hand in eu-https: its key, the nations' keys, and what a token must say."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

_REQUEST: Final = "eu-https+jwt"
_RECEIPT: Final = "eu-https-receipt+jwt"
_KEY_ID: Final = "hdeu-mock-1"
_CLAIMS: Final = ("iss", "aud", "iat", "exp", "jti", "op", "mid", "sha256")
_SKEW: Final = 30
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


class NotSigned(Exception):
    """The request does not prove who makes it; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the token of one request must say."""

    issuer: str
    audience: str
    operation: str
    message_id: str
    body: bytes = field(repr=False)


class Pen:
    """The mock's key pair on P-256, made at the first start."""

    def __init__(self, folder: Path) -> None:
        path = folder / "mock-eu-https.pem"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_new_key())
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{path} holds no key on a curve")
        self._key = key

    def key_set(self) -> dict[str, Any]:
        """The public half, as a nation fetches it."""
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}

    def receipt(self, issuer: str, audience: str, message_id: str, sha256: str) -> str:
        """The signed word that a message is kept."""
        claims = {"iss": issuer, "aud": audience, "iat": int(time.time()), "mid": message_id, "sha256": sha256}
        return jwt.encode(claims, self._key, "ES256", headers={"kid": _KEY_ID, "typ": _RECEIPT})


class Readers:
    """The nations' public keys, fetched from where each publishes them; and the tokens that were used."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}
        self._used: set[str] = set()

    async def check(self, token: str, key_set_url: str, wanted: Wanted) -> None:
        """Raises: NotSigned."""
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(key_set_url, str(header.get("kid")))
            if header.get("typ") != _REQUEST or header["alg"] != key.algorithm_name:
                raise NotSigned("the token is of another kind")
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA", "ES256"],
                issuer=wanted.issuer,
                audience=wanted.audience,
                leeway=_SKEW,
                options={"require": list(_CLAIMS)},
            )
        except (jwt.PyJWTError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NotSigned(type(error).__name__) from error
        self._hold(claims, wanted)

    def _hold(self, claims: dict[str, Any], wanted: Wanted) -> None:
        told = (claims["op"], claims["mid"], claims["sha256"])
        if told != (wanted.operation, wanted.message_id, hashlib.sha256(wanted.body).hexdigest()):
            raise NotSigned("the token is for another request")
        if claims["op"] == "submit" and claims["jti"] in self._used:
            raise NotSigned("the token was used before")
        self._used.add(claims["jti"])

    async def _key(self, url: str, key_id: str) -> jwt.PyJWK:
        """Raises: NotSigned, aiohttp.ClientError, TimeoutError."""
        if (url, key_id) not in self._keys:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
                found = jwt.PyJWKSet.from_dict(json.loads(await response.text()))
            self._keys |= {(url, str(key.key_id)): key for key in found.keys}
        if (url, key_id) not in self._keys:
            raise NotSigned("the token's key is not published")
        return self._keys[url, key_id]


def _new_key() -> bytes:
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(pem, pkcs8, serialization.NoEncryption())
