"""Bearer tokens: JWTs (RFC 7519) signed with EdDSA or ES256, and nothing else.

Claims: `iss` (node name or URL), `aud` (`hdeu:<node>`), `sub`, `roles`, `iat`, `nbf`, `exp`, `jti`; `ott` marks a token
that is good for one use. All but `ott` are required. Times are NumericDates in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import jwt

from broker.errors import ConfigurationError, Unauthenticated
from broker.model.identity import Identity, Role

if TYPE_CHECKING:
    from datetime import timedelta

    from adapters.identity.keys import KeyRing, NodeKey

ALLOWED: Final = ("EdDSA", "ES256")
REQUIRED: Final = ("iss", "aud", "sub", "roles", "iat", "nbf", "exp", "jti")
LEEWAY: Final = 5.0  #: seconds that two clocks may differ
_LATEST: Final = 250_000_000_000.0  #: seconds, in the year 9892: later ends are as good as none
MAX_LENGTH: Final = 4096  #: characters; ours have about 600

KeySource = Callable[[str], Awaitable["jwt.PyJWK | None"]]
#: What is wrong, as a caller may read it: it names no secret and no claim's value.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (jwt.MissingRequiredClaimError, "the token lacks a required claim"),
    (jwt.InvalidAudienceError, "the token is meant for another audience"),
    (jwt.InvalidIssuerError, "the token's issuer is not trusted here"),
    (jwt.InvalidAlgorithmError, "the token's algorithm is not allowed"),
    (jwt.InvalidSignatureError, "the token's signature does not hold"),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new token says."""

    subject: str
    roles: frozenset[Role]
    lifetime: timedelta
    one_time: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """An issuer whose tokens are accepted: under which keys, for whom, with which roles at most."""

    issuer: str
    audience: str
    keys: KeySource
    roles: frozenset[Role] = frozenset(Role)


def audience(node: str) -> str:
    """The audience of tokens for this node."""
    return f"hdeu:{node}"


def issue(key: NodeKey, grant: Grant, *, issuer: str, node: str, now: datetime, token_id: str) -> str:
    """A signed token.

    Raises:
        ConfigurationError: the grant names no subject, no role, or a back end that is staff at the same time.
    """
    _check_grant(grant)
    at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience(node),
        "sub": grant.subject,
        "roles": sorted(grant.roles),
        "iat": at,
        "nbf": at,
        "exp": at + int(grant.lifetime.total_seconds()),
        "jti": token_id,
    }
    if grant.one_time:
        claims["ott"] = True
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.id})


def _check_grant(grant: Grant) -> None:
    if not grant.subject or not grant.roles:
        raise ConfigurationError("a token needs a subject and a role")
    if Role.BACKEND in grant.roles and len(grant.roles) > 1:
        raise ConfigurationError("a back end's token carries no other role")
    if grant.lifetime.total_seconds() < 1:
        raise ConfigurationError("a token lives for at least one second")


def ring_source(ring: KeyRing) -> KeySource:
    """The keys of this node, as a source for `Trust`."""
    keys = {key.id: jwt.PyJWK(key.public) for key in ring.named().values()}

    async def find(key_id: str) -> jwt.PyJWK | None:
        return keys.get(key_id)

    return find


async def verify(token: str, trusts: Mapping[str, Trust], *, now: datetime) -> Identity:
    """Who the token speaks for.

    Raises:
        Unauthenticated: it is malformed, foreign, altered, out of time, for somebody else, or incomplete.
    """
    header, issuer = _peek(token)
    trust = trusts.get(issuer)
    if trust is None:
        raise Unauthenticated("the token's issuer is not trusted here")
    key = await _key(header, trust)
    claims = _claims(token, key, trust)
    _check_times(claims, now.timestamp())
    return _identity(claims, trust)


def _peek(token: str) -> tuple[dict[str, Any], str]:
    """Header and issuer as claimed; they only choose the key to check with."""
    if len(token) > MAX_LENGTH:
        raise Unauthenticated("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated("this is not a token") from error
    if not isinstance(issuer, str):
        raise Unauthenticated("the token lacks a required claim")
    return header, issuer


async def _key(header: Mapping[str, Any], trust: Trust) -> jwt.PyJWK:
    if header.get("alg") not in ALLOWED:
        raise Unauthenticated("the token's algorithm is not allowed")
    key_id = header.get("kid")
    key = await trust.keys(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise Unauthenticated("the token's key is not known")
    return key


def _claims(token: str, key: jwt.PyJWK, trust: Trust) -> dict[str, Any]:
    """The claims, once signature, issuer and audience hold. Times are judged by our own clock."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(ALLOWED),
            issuer=trust.issuer,
            audience=trust.audience,
            options={
                "require": list(REQUIRED),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), "this is not a valid token")
        raise Unauthenticated(reason) from error


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = [claims[name] for name in ("exp", "nbf", "iat")]
    if any(isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at) for at in times):
        raise Unauthenticated("the token's times are not numbers")
    expires, not_before, issued = times
    if now >= expires + LEEWAY:
        raise Unauthenticated("the token has expired")
    if now < max(not_before, issued) - LEEWAY:
        raise Unauthenticated("the token is not valid yet")


def _identity(claims: Mapping[str, Any], trust: Trust) -> Identity:
    named = claims["roles"]
    if not isinstance(named, list):
        raise Unauthenticated("the token's roles are not a list")
    roles = frozenset(role for role in trust.roles if role.value in named)
    if not roles or not _is_text(claims["sub"]) or not _is_text(claims["jti"]):
        raise Unauthenticated("the token names no role, subject or id that is known here")
    if Role.BACKEND in roles and len(roles) > 1:
        raise Unauthenticated("a back end's token carries no other role")
    one_time = claims.get("ott") is True
    return Identity(claims["sub"], roles, claims["jti"], one_time=one_time, good_until=_end(claims["exp"]))


def _end(expires: float) -> datetime:
    """When a token is taken no more; of one that hardly ends, a time that a database can hold."""
    return datetime.fromtimestamp(min(expires + LEEWAY, _LATEST), UTC)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
