"""The tokens of eu-https: who asks what of whom about which bytes, signed; and the receipt that comes back.

A request carries `Authorization: Bearer <JWT>` (RFC 7519), signed with EdDSA or ES256 and explicitly typed (RFC 8725
section 3.11), so that no token of another purpose passes for one. Claims: `iss` and `aud` (the parties), `iat`, `exp`,
`jti`, `op` (the operation), `mid` (the message id, "" where there is none), `sha256` (of the body, in lower-case
hexadecimal). A receipt says that the receiver has kept a message: `mid`, and the `sha256` of its business document.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import jwt

from broker.errors import Unauthenticated

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALLOWED: Final = ("EdDSA", "ES256")
REQUEST: Final = "eu-https+jwt"
RECEIPT: Final = "eu-https-receipt+jwt"
LIFETIME: Final = 60  #: seconds from `iat` to `exp` of what we sign
LONGEST: Final = 300  #: seconds that a token of the other side may live
LEEWAY: Final = 30.0  #: seconds that the clocks of two organisations may differ
GOOD_FOR: Final = timedelta(seconds=LONGEST + 2 * LEEWAY)  #: how long at most a token is taken from its first use on
MAX_LENGTH: Final = 4096  #: characters; ours have about 600
_CLAIMED: Final = ("iss", "aud", "iat", "mid", "sha256")
_REQUIRED: Final = {REQUEST: (*_CLAIMED, "exp", "jti", "op"), RECEIPT: _CLAIMED}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN_ID: Final = re.compile(r"[\x21-\x7e]{16,128}")
#: What is wrong, as a caller may read it: it names no secret and no claim's value.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (jwt.MissingRequiredClaimError, "the token lacks a required claim"),
    (jwt.InvalidAudienceError, "the token is meant for another audience"),
    (jwt.InvalidIssuerError, "the token's issuer is not the configured counterpart"),
    (jwt.InvalidSignatureError, "the token's signature does not hold"),
)

#: Finds a public key of the other side by its id. Raises: Unavailable, if its keys were never reached.
KeySource = Callable[[str], Awaitable["jwt.PyJWK | None"]]


class Signer(Protocol):
    """Our key pair; `algorithm` is one of `ALLOWED`."""

    @property
    def private(self) -> Ed25519PrivateKey | EllipticCurvePrivateKey:
        """What signs."""
        ...

    @property
    def id(self) -> str:
        """The key id under which our key set has it."""
        ...

    @property
    def algorithm(self) -> str:
        """Of its signatures."""
        ...


@dataclass(frozen=True, slots=True)
class Between:
    """From whom to whom."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: an operation, about a message."""

    operation: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token that holds says beside who and what: its own id, and the hash of the body it belongs to."""

    token_id: str
    sha256: str


def digest(body: bytes) -> str:
    """SHA-256 as tokens carry it."""
    return hashlib.sha256(body).hexdigest()


def request_token(key: Signer, asked: Asked, body: bytes, between: Between, *, now: datetime, token_id: str) -> str:
    """A token for one request."""
    at = int(now.timestamp())
    told = {"op": asked.operation, "mid": asked.message_id, "sha256": digest(body), "jti": token_id}
    return _signed(key, REQUEST, {**_parties(between), "iat": at, "exp": at + LIFETIME, **told})


def receipt(key: Signer, message_id: str, sha256: str, between: Between, *, at: datetime) -> str:
    """The receiver's word that it has kept a message; `sha256` is of the business document."""
    claims = {**_parties(between), "iat": int(at.timestamp()), "mid": message_id, "sha256": sha256}
    return _signed(key, RECEIPT, claims)


async def verify_request(token: str, asked: Asked, keys: KeySource, between: Between, *, now: datetime) -> Proof:
    """Hold a request's token against who may send it and what it came with.

    The caller still compares the body's hash and uses the token's id up.
    Raises: Unauthenticated; Unavailable, if the other side's keys were never reached.
    """
    claims = await _opened(token, REQUEST, keys, between)
    _check_times(claims, now.timestamp())
    if (claims["op"], claims["mid"]) != (asked.operation, asked.message_id):
        raise Unauthenticated("the token is for another request")
    return Proof(_matching(claims["jti"], _TOKEN_ID), _matching(claims["sha256"], _SHA256))


async def verify_receipt(token: str, message_id: str, keys: KeySource, between: Between) -> str:
    """The hash of the business document that a receipt confirms. Raises: Unauthenticated, Unavailable."""
    claims = await _opened(token, RECEIPT, keys, between)
    if claims["mid"] != message_id:
        raise Unauthenticated("the receipt is for another message")
    return _matching(claims["sha256"], _SHA256)


def _parties(between: Between) -> dict[str, str]:
    return {"iss": between.issuer, "aud": between.audience}


def _signed(key: Signer, kind: str, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.id, "typ": kind})


async def _opened(token: str, kind: str, keys: KeySource, between: Between) -> dict[str, Any]:
    """The claims, once type, key, signature and parties hold. Times are judged by our own clock."""
    if len(token) > MAX_LENGTH:
        raise Unauthenticated("the token is too long")
    key = await _key(_header(token, kind), keys)
    unclocked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    options: Any = {"require": list(_REQUIRED[kind]), **unclocked, "strict_aud": True}
    allowed = [key.algorithm_name]
    try:
        return jwt.decode(token, key, allowed, options, issuer=between.issuer, audience=between.audience)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        reason = next((text for wrong, text in _REASONS if isinstance(error, wrong)), "this is not a valid token")
        raise Unauthenticated(reason) from error


def _header(token: str, kind: str) -> Mapping[str, Any]:
    """The header as claimed; it only chooses the key to check with."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated("this is not a token") from error
    if header.get("alg") not in ALLOWED:
        raise Unauthenticated("the token's algorithm is not allowed")
    if header.get("typ") != kind:
        raise Unauthenticated("the token is of another kind")
    return header


async def _key(header: Mapping[str, Any], keys: KeySource) -> jwt.PyJWK:
    key_id = header.get("kid")
    key = await keys(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise Unauthenticated("the token's key is not known")
    if key.algorithm_name != header["alg"]:
        raise Unauthenticated("the token's algorithm is not that of its key")
    return key


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = (claims["iat"], claims["exp"])
    if any(isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at) for at in times):
        raise Unauthenticated("the token's times are not numbers")
    issued, expires = times
    if not 0 < expires - issued <= LONGEST:
        raise Unauthenticated("the token lives too long")
    if now >= expires + LEEWAY:
        raise Unauthenticated("the token has expired")
    if now < issued - LEEWAY:
        raise Unauthenticated("the token is not valid yet")


def _matching(value: Any, wanted: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not wanted.fullmatch(value):
        raise Unauthenticated("a claim of the token does not have its form")
    return value
