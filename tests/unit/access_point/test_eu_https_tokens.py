"""The tokens of eu-https: what holds, and every way in which one does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from adapters.access_point.eu_https import tokens
from adapters.access_point.eu_https.tokens import Asked, Between, Proof
from adapters.identity.keys import KeyRing, NodeKey, generate
from adapters.identity.remote_keys import RemoteKeys
from adapters.identity.tokens import Grant, issue, ring_source
from broker.errors import Unauthenticated, Unavailable
from broker.model.identity import Role

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
RING = KeyRing(current=generate("EdDSA"), next=generate("ES256"), previous=generate("ES256"))
FR_TO_FI = Between(issuer="urn:example:node:fr", audience="urn:example:node:fi")
ASKED = Asked("submit", "m-1@fr")
BODY = b'{"message_id": "m-1@fr"}'
TOKEN_ID = "a-token-id-of-20-char"


def token(key: NodeKey = RING.current, **changes: Any) -> str:
    """A good token, or one with other claims; None leaves a claim out."""
    at = int(NOW.timestamp())
    whole = {
        "iss": FR_TO_FI.issuer,
        "aud": FR_TO_FI.audience,
        "iat": at,
        "exp": at + 60,
        "jti": TOKEN_ID,
        "op": ASKED.operation,
        "mid": ASKED.message_id,
        "sha256": hashlib.sha256(BODY).hexdigest(),
    }
    given = {"kid": key.id, "typ": tokens.REQUEST} | changes.pop("header", {})
    header = {name: value for name, value in given.items() if value is not None}
    claims = {name: value for name, value in (whole | changes).items() if value is not None}
    return jwt.encode(claims, key.private, key.algorithm, headers=header)


async def verify(given: str, *, now: datetime = NOW, asked: Asked = ASKED) -> Proof:
    return await tokens.verify_request(given, asked, ring_source(RING), FR_TO_FI, now=now)


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned() -> str:
    claims = jwt.decode(token(), options={"verify_signature": False})
    return f"{part({'alg': 'none', 'typ': tokens.REQUEST, 'kid': RING.current.id})}.{part(claims)}."


def signed_with_the_public_key(form: Encoding, kind: PublicFormat) -> str:
    claims = jwt.decode(token(), options={"verify_signature": False})
    head = f"{part({'alg': 'HS256', 'typ': tokens.REQUEST, 'kid': RING.current.id})}.{part(claims)}"
    secret = RING.current.private.public_key().public_bytes(form, kind)
    return f"{head}.{part(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def of_the_api() -> str:
    grant = Grant("urn:example:staff", frozenset({Role.OPERATOR}), timedelta(hours=1))
    return issue(RING.current, grant, issuer=FR_TO_FI.issuer, node="fi", now=NOW, token_id="jti-1")


def as_a_receipt() -> str:
    return tokens.receipt(RING.current, ASKED.message_id, hashlib.sha256(BODY).hexdigest(), FR_TO_FI, at=NOW)


AT = int(NOW.timestamp())
STRANGER = generate()
FORGED: dict[str, tuple[str, str]] = {
    "unsigned": (unsigned(), "algorithm is not allowed"),
    "HS256 with the public key in PEM": (
        signed_with_the_public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "algorithm is not allowed",
    ),
    "HS256 with the raw public key": (
        signed_with_the_public_key(Encoding.Raw, PublicFormat.Raw),
        "algorithm is not allowed",
    ),
    "another key under its own id": (token(STRANGER), "key is not known"),
    "another key under our id": (token(STRANGER, header={"kid": RING.current.id}), "signature does not hold"),
    "the id of a key of another algorithm": (token(header={"kid": RING.next.id}), "not that of its key"),
    "no key id": (token(header={"kid": None}), "key is not known"),
    "another type": (token(header={"typ": "JWT"}), "of another kind"),
    "a receipt": (as_a_receipt(), "of another kind"),
    "a token of the API": (of_the_api(), "of another kind"),
    "expired": (token(iat=AT - 200, exp=AT - 100), "has expired"),
    "not yet valid": (token(iat=AT + 100, exp=AT + 160), "not valid yet"),
    "good for too long": (token(exp=AT + 86400), "lives too long"),
    "expires before it begins": (token(exp=AT - 1), "lives too long"),
    "times as text": (token(iat=str(AT)), "not numbers"),
    "times beyond all numbers": (token(exp=1e400), "not numbers"),
    "another audience": (token(aud="urn:example:node:se"), "another audience"),
    "a list of audiences": (token(aud=[FR_TO_FI.audience, "urn:example:node:se"]), "another audience"),
    "another issuer": (token(iss="urn:example:node:se"), "not the configured counterpart"),
    "another operation": (token(op="status"), "for another request"),
    "another message": (token(mid="m-2@fr"), "for another request"),
    "a hash that is none": (token(sha256="x"), "does not have its form"),
    "a token id that is short": (token(jti="1"), "does not have its form"),
    "too long": (token(more="x" * 5000), "too long"),
    "no token": ("x", "not a token"),
    "nothing": ("", "not a token"),
    **{
        f"without {name}": (token(**{name: None}), "lacks a required claim")
        for name in tokens._REQUIRED[tokens.REQUEST]
    },
}


@pytest.mark.parametrize("key", list(RING.named().values()), ids=list(RING.named()))
async def test_a_token_of_any_published_key_holds(key: NodeKey) -> None:
    assert await verify(token(key)) == Proof(TOKEN_ID, hashlib.sha256(BODY).hexdigest())


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_does_not_hold_says_why_and_nothing_of_itself(name: str) -> None:
    forged, why = FORGED[name]
    with pytest.raises(Unauthenticated, match=why) as caught:
        await verify(forged)
    assert not forged or forged not in str(caught.value)


@pytest.mark.parametrize("change", [b"", BODY + b" ", BODY.replace(b"m-1", b"m-2")])
async def test_the_body_is_part_of_what_is_signed(change: bytes) -> None:
    made = tokens.request_token(RING.current, ASKED, BODY, FR_TO_FI, now=NOW, token_id=TOKEN_ID)
    proof = await verify(made)
    assert proof.sha256 == tokens.digest(BODY) != tokens.digest(change)


@given(position=st.integers(0), flip=st.integers(1, 255))
async def test_no_changed_byte_of_a_token_goes_unseen(position: int, flip: int) -> None:
    good = token().encode()
    at = position % len(good)
    forged = (good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]).decode("latin-1")
    if _means(forged) == _means(good.decode()):
        return  # base64url has spare bits at the end of a part: other letters, the same bytes
    with pytest.raises(Unauthenticated):
        await verify(forged)


def _means(text: str) -> Any:
    try:
        return [base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) for one in text.split(".")]
    except ValueError:
        return text


@pytest.mark.parametrize(("seconds", "holds"), [(-31, False), (-29, True), (0, True), (89, True), (91, False)])
async def test_two_clocks_may_differ_by_half_a_minute(seconds: int, *, holds: bool) -> None:
    made = tokens.request_token(RING.current, ASKED, BODY, FR_TO_FI, now=NOW, token_id=TOKEN_ID)
    at = NOW + timedelta(seconds=seconds)
    if holds:
        assert await verify(made, now=at)
    else:
        with pytest.raises(Unauthenticated):
            await verify(made, now=at)


async def test_a_token_is_remembered_for_as_long_as_it_could_be_used() -> None:
    longest = token(iat=AT + int(tokens.LEEWAY), exp=AT + int(tokens.LEEWAY) + tokens.LONGEST)
    await verify(longest)
    await verify(longest, now=NOW + tokens.GOOD_FOR - timedelta(seconds=1))
    with pytest.raises(Unauthenticated, match="has expired"):
        await verify(longest, now=NOW + tokens.GOOD_FOR)


async def test_keys_that_were_never_reached_are_no_forgery() -> None:
    async def away(_: str) -> None:
        raise Unavailable("the issuer's keys cannot be had at the moment")

    with pytest.raises(Unavailable):
        await tokens.verify_request(token(), ASKED, away, FR_TO_FI, now=NOW)


async def test_a_receipt_names_its_message_and_the_hash_of_its_document() -> None:
    made = tokens.receipt(RING.current, "m-1@fr", tokens.digest(b"{}"), FR_TO_FI, at=NOW)
    keys = ring_source(RING)
    assert await tokens.verify_receipt(made, "m-1@fr", keys, FR_TO_FI) == tokens.digest(b"{}")
    with pytest.raises(Unauthenticated, match="another message"):
        await tokens.verify_receipt(made, "m-2@fr", keys, FR_TO_FI)
    with pytest.raises(Unauthenticated, match=r"counterpart|audience"):
        await tokens.verify_receipt(made, "m-1@fr", keys, Between(FR_TO_FI.audience, FR_TO_FI.issuer))
    with pytest.raises(Unauthenticated, match="of another kind"):
        await tokens.verify_receipt(token(), "m-1@fr", keys, FR_TO_FI)


def test_two_tokens_for_the_same_request_differ_in_their_id_alone() -> None:
    first, second = (
        jwt.decode(
            tokens.request_token(RING.current, ASKED, BODY, FR_TO_FI, now=NOW, token_id=name * 16),
            options={"verify_signature": False},
        )
        for name in "ab"
    )
    assert {name for name in first if first[name] != second[name]} == {"jti"}


class Published:
    """A counterpart's key set, and how often it was fetched."""

    def __init__(self, *keys: NodeKey) -> None:
        self.keys, self.fetched, self.at = list(keys), 0, NOW

    async def __call__(self) -> Any:
        self.fetched += 1
        return {"keys": [key.public for key in self.keys]}

    def now(self) -> datetime:
        return self.at


async def test_a_key_that_came_up_since_is_fetched_and_keys_that_nobody_has_are_asked_for_every_half_minute() -> None:
    old, new = generate(), generate("ES256")
    there = Published(old)
    keys = RemoteKeys(there, there)

    async def believed(key: NodeKey) -> bool:
        asked_at = int(there.at.timestamp())
        try:
            made = token(key, iat=asked_at, exp=asked_at + 60)
            await tokens.verify_request(made, ASKED, keys, FR_TO_FI, now=there.at)
        except Unauthenticated:
            return False
        return True

    assert await believed(old)
    there.keys = [new]
    assert [await believed(generate()) for _ in range(20)] == [False] * 20
    assert there.fetched == 1, "so soon after the first fetch nobody makes us fetch again"
    there.at += timedelta(seconds=31)
    assert [await believed(new), await believed(old)] == [True, False]
    assert [await believed(generate()) for _ in range(20)] == [False] * 20
    assert there.fetched == 2
