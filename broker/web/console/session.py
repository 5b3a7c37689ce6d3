"""A staff session: a signed token of ours in a cookie that scripts cannot read. The node keeps no session.

The token holds the subject, the roles and its own end; a key of this process signs it, so that a restart ends
every session. It is good for the console alone: its issuer and audience are not those of API tokens.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import jwt

from broker.errors import Unauthenticated
from broker.model.identity import Identity, Role

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_ALGORITHM: Final = "HS256"
_NAME: Final = "hdeu-console"
_REQUIRED: Final = ["iss", "aud", "sub", "roles", "iat", "exp"]


def cookie_name(node: str) -> str:
    """The cookie's name. Cookies know no ports, and two nodes of one host must not end each other's sessions."""
    return f"hdeu_session_{hashlib.sha256(node.encode()).hexdigest()[:8]}"


def issue(identity: Identity, *, key: bytes, node: str, now: datetime, lifetime: timedelta) -> str:
    """A session for this caller, until `now + lifetime`."""
    claims = {
        "iss": _NAME,
        "aud": f"{_NAME}:{node}",
        "sub": identity.subject,
        "roles": sorted(identity.roles),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read(token: str, *, key: bytes, node: str, now: datetime) -> Identity:
    """Whose session this is.

    Raises:
        Unauthenticated: forged, for another node, or over.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=_NAME,
            audience=f"{_NAME}:{node}",
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
        )
        over = int(claims["exp"]) <= now.timestamp()
        identity = Identity(str(claims["sub"]), frozenset(Role(role) for role in claims["roles"]))
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise Unauthenticated("the session is not one of this node") from error
    if over:
        raise Unauthenticated("the session is over")
    return identity
