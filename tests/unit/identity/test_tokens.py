"""Forged, foreign and late tokens are refused; each refusal says why without telling a secret."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.identity.api_keys import ApiKeys
from adapters.identity.authenticator import STAFF, NodeAuthenticator, external_trust, own_trust
from adapters.identity.keys import KeyRing, NodeKey, generate
from adapters.identity.tokens import Grant, Trust, issue, ring_source
from broker.errors import ConfigurationError, Unauthenticated
from broker.model.identity import Role

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
READER = Grant("urn:example:reader", frozenset({Role.READER}), HOUR)
RING = KeyRing(current=generate("EdDSA"), next=generate("ES256"), previous=generate("ES256"))


@dataclass
class FixedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def node(*more: Trust, at: datetime = NOW) -> Any:
    own = own_trust(RING, issuer="https://fr.example.org", node="fr")
    return NodeAuthenticator((own, *more), api_keys=ApiKeys({}), clock=FixedClock(at))


def token(
    key: NodeKey = RING.current,
    *,
    grant: Grant = READER,
    name: str = "fr",
    issuer: Any = "https://fr.example.org",
    now: datetime = NOW,
) -> Any:
    return issue(key, grant, issuer=issuer, node=name, now=now, token_id="jti-1")


def claims(**changes: Any) -> Any:
    at = int(NOW.timestamp())
    whole = {
        "iss": "https://fr.example.org",
        "aud": "hdeu:fr",
        "sub": "urn:example:reader",
        "roles": ["reader"],
        "iat": at,
        "nbf": at,
        "exp": at + 3600,
        "jti": "jti-1",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(key: NodeKey = RING.current, *, header: Any = None, **changes: Any) -> Any:
    return jwt.encode(claims(**changes), key.private, key.algorithm, headers={"kid": key.id} | (header or {}))


def assembled(header: Any, payload: Any, signature: Any = b"") -> Any:
    def part(value: Any) -> Any:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    head, body = part(json.dumps(header).encode()), part(json.dumps(payload).encode())
    return head, body, f"{head}.{body}.{part(signature)}"


def hs256_with(secret: bytes) -> Any:
    header = {"alg": "HS256", "typ": "JWT", "kid": RING.current.id}
    head, body, _ = assembled(header, claims())
    mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return assembled(header, claims(), mac)[2]


def public_pem(key: NodeKey) -> Any:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("part", ["current", "next", "previous"])
async def test_a_token_of_any_key_in_the_overlap_is_accepted(part: str) -> None:
    identity = await node().bearer(token(RING.named()[part]))
    assert (identity.subject, identity.roles, identity.token_id) == (READER.subject, READER.roles, "jti-1")
    assert not identity.one_time


async def test_a_one_time_token_says_so() -> None:
    grant = Grant("urn:example:reader", frozenset({Role.CASEWORKER}), HOUR, one_time=True)
    assert (await node().bearer(token(grant=grant))).one_time


@pytest.mark.parametrize("seconds", [HOUR.total_seconds(), 1e18])
async def test_a_token_says_until_when_it_is_taken_even_one_that_hardly_ends(seconds: float) -> None:
    good = signed(exp=int(NOW.timestamp() + seconds))
    end = (await node().bearer(good)).good_until
    assert end is not None
    await node(at=end - timedelta(seconds=1)).bearer(good)
    assert end >= NOW + HOUR
    if seconds < 1e18:
        with pytest.raises(Unauthenticated, match="has expired"):
            await node(at=end).bearer(good)


FORGED = {
    "alg none": (assembled({"alg": "none", "kid": RING.current.id}, claims())[2], "algorithm is not allowed"),
    "hs256 with the public key": (hs256_with(public_pem(RING.current)), "algorithm is not allowed"),
    "hs256 with the published JWK": (hs256_with(RING.current.public["x"].encode()), "algorithm is not allowed"),
    "another key under our key id": (signed(generate(), header={"kid": RING.current.id}), "signature does not hold"),
    "another key under its own id": (signed(generate()), "key is not known"),
    "another algorithm under our key id": (
        signed(generate("ES256"), header={"kid": RING.current.id}),
        "algorithm is not allowed",
    ),
    "no key id": (assembled({"alg": "EdDSA"}, claims(), b"signature")[2], "key is not known"),
    "a key id that is a list": (assembled({"alg": "EdDSA", "kid": ["x"]}, claims(), b"s")[2], "not a token"),
    "altered payload": (
        ".".join([*token().split(".")[:1], assembled({}, claims(roles=["operator"]))[1], token().split(".")[2]]),
        "signature does not hold",
    ),
    "empty signature": (token().rsplit(".", 1)[0] + ".", "signature does not hold"),
    "expired": (token(now=NOW - 2 * HOUR), "has expired"),
    "not yet valid": (token(now=NOW + HOUR), "not valid yet"),
    "issued in the future": (signed(iat=int(NOW.timestamp()) + 60), "not valid yet"),
    "wrong audience": (token(name="fi"), "another audience"),
    "several audiences without ours": (signed(aud=["hdeu:fi", "hdeu:de"]), "another audience"),
    "another issuer": (token(issuer="https://evil.example.org"), "issuer is not trusted"),
    "expiry that is not a number": (signed(exp=float("nan")), "times are not numbers"),
    "expiry without end": (signed(exp=float("inf")), "times are not numbers"),
    "expiry that is true": (signed(exp=True), "times are not numbers"),
    "expiry as text": (signed(exp="9999999999"), "times are not numbers"),
    "unknown role": (signed(roles=["emperor"]), "names no role"),
    "roles as text": (signed(roles="reader"), "not a list"),
    "no roles": (signed(roles=[]), "names no role"),
    "empty subject": (signed(sub=""), "names no role, subject"),
    "back end and staff at once": (signed(roles=["backend", "operator"]), "carries no other role"),
    "not a token": ("abc", "not a token"),
    "empty": ("", "not a token"),
    "not ASCII": ("é.é.é", "not a token"),
    "far too long": ("a" * 5000, "too long"),
    **{
        f"without {name}": (signed(**{name: None}), "lacks a required claim")
        for name in ("iss", "aud", "sub", "roles", "iat", "nbf", "exp", "jti")
    },
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused_with_its_own_reason(name: str) -> None:
    forged, reason = FORGED[name]
    with pytest.raises(Unauthenticated) as caught:
        await node().bearer(forged)
    assert caught.value.code == "unauthenticated"
    assert reason in caught.value.detail
    assert "urn:example" not in caught.value.detail


async def test_two_clocks_may_differ_by_five_seconds() -> None:
    late, early = NOW + HOUR + timedelta(seconds=4.9), NOW - timedelta(seconds=4.9)
    for at in (late, early):
        assert await node(at=at).bearer(token())
    for at in (NOW + HOUR + timedelta(seconds=5), NOW - timedelta(seconds=5.1)):
        with pytest.raises(Unauthenticated):
            await node(at=at).bearer(token())


async def test_an_outside_issuer_speaks_for_staff_with_its_own_keys_only() -> None:
    theirs = KeyRing(current=generate(), next=generate())
    outside = external_trust(ring_source(theirs), issuer="https://idp.example.org", node="fr")
    both = node(outside)
    foreign = token(theirs.current, issuer="https://idp.example.org")
    assert (await both.bearer(foreign)).roles == {Role.READER}
    for crossed in (token(theirs.current), token(issuer="https://idp.example.org")):
        with pytest.raises(Unauthenticated):
            await both.bearer(crossed)


async def test_an_outside_issuer_cannot_make_a_back_end() -> None:
    assert Role.BACKEND not in STAFF
    theirs = KeyRing(current=generate(), next=generate())
    outside = external_trust(ring_source(theirs), issuer="https://idp.example.org", node="fr")
    grant = Grant("hdh", frozenset({Role.BACKEND}), HOUR)
    with pytest.raises(Unauthenticated):
        await node(outside).bearer(token(theirs.current, grant=grant, issuer="https://idp.example.org"))


@pytest.mark.parametrize(
    "grant",
    [
        Grant("", frozenset({Role.READER}), HOUR),
        Grant("urn:example:reader", frozenset(), HOUR),
        Grant("hdh", frozenset({Role.BACKEND, Role.READER}), HOUR),
        Grant("urn:example:reader", frozenset({Role.READER}), timedelta(0)),
    ],
)
def test_a_senseless_grant_is_not_signed(grant: Grant) -> None:
    with pytest.raises(ConfigurationError):
        token(grant=grant)
