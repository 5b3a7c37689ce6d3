"""Forged, foreign and expired tokens at the running node."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt

from adapters.identity.keys import generate, load_ring
from adapters.identity.tokens import Grant, issue
from broker.model.identity import Role
from tests.support.bad_input import (
    Matrix,
    passes,
)
from tests.support.flow_node import dossier
from tests.support.running_node import Running

NODE = "france"
NO_ALGORITHM = b'{"alg":"none"}'


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(node: Running) -> dict[str, str]:
    """Tokens that must open nothing, by what is wrong with them."""
    ring = load_ring(node.stage.folder / NODE / "keys")
    now = datetime.now(UTC)
    grant = Grant("hdh", frozenset({Role.BACKEND}), timedelta(hours=1))
    claims = {
        "iss": NODE,
        "aud": f"hdeu:{NODE}",
        "sub": "hdh",
        "roles": ["backend"],
        "jti": "x",
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(now.timestamp()) + 3600,
    }
    head = {"kid": ring.current.id}
    public = json.dumps(ring.jwks()["keys"][0]).encode()
    signing = f"{_b64(json.dumps({'alg': 'HS256', **head}).encode())}.{_b64(json.dumps(claims).encode())}"
    good = issue(ring.current, grant, issuer=NODE, node=NODE, now=now, token_id="y")
    first, _, rest = good.partition(".")
    return {
        "alg none": f"{_b64(NO_ALGORITHM)}.{_b64(json.dumps(claims).encode())}.",
        "another key": jwt.encode(claims, generate().private, algorithm="EdDSA", headers=head),
        "HS256 with the public key": f"{signing}.{_b64(hmac.new(public, signing.encode(), 'sha256').digest())}",
        "expired": issue(ring.current, grant, issuer=NODE, node=NODE, now=now - timedelta(hours=2), token_id="z"),
        "not yet": issue(ring.current, grant, issuer=NODE, node=NODE, now=now + timedelta(hours=2), token_id="z"),
        "wrong audience": issue(ring.current, grant, issuer=NODE, node="finland", now=now, token_id="z"),
        "wrong issuer": issue(ring.current, grant, issuer="finland", node=NODE, now=now, token_id="z"),
        "other claims under a good signature": f"{first}.{_b64(json.dumps(claims).encode())}.{rest.partition('.')[2]}",
        **{
            f"without {name}": jwt.encode(
                {key: value for key, value in claims.items() if key != name},
                ring.current.private,
                algorithm=ring.current.algorithm,
                headers=head,
            )
            for name in claims
        },
    }


def test_forged_tokens_open_nothing(node: Running, matrix: Matrix) -> None:
    for name, token in forged(node).items():
        answer = node.post(dossier("ApplicationAck"), Authorization=f"Bearer {token}")
        assert (name, answer.status, answer.json["type"]) == (name, 401, "urn:hdeu:problem:unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        matrix.add("HTTP", f"token: {name}", "401", code="unauthenticated", kept="no", after="after all of them")
    passes(node)


def test_a_token_for_an_unknown_back_end_is_refused(node: Running, matrix: Matrix) -> None:
    ring = load_ring(node.stage.folder / NODE / "keys")
    grant = Grant("nobody", frozenset({Role.BACKEND}), timedelta(hours=1))
    token = issue(ring.current, grant, issuer=NODE, node=NODE, now=datetime.now(UTC), token_id="r")
    answer = node.post(dossier("ApplicationAck"), Authorization=f"Bearer {token}")
    assert (answer.status, answer.json["type"]) == (403, "urn:hdeu:problem:unknown-backend")
    passes(node)
    matrix.add("HTTP", "unknown back end", "403", code="unknown-backend", kept="no")
