"""Clients of the National Dispatcher API (header `X-API-key`), kept as salted hashes.

A key is 256 random bits, so one salted SHA-256 is enough; a slow hash would only let a caller burn our time.
Kept form: `sha256$<salt>$<hash>`, both in hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from broker.errors import ConfigurationError, Unauthenticated
from broker.model.identity import Identity, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT: Final = re.compile(r"sha256\$(?P<salt>[0-9a-f]{32,})\$(?P<hash>[0-9a-f]{64})")
MAX_LENGTH: Final = 256  #: characters of a presented key


def hash_key(key: str, *, salt: bytes) -> str:
    """The form for the configuration. `salt` is 16 random bytes or more."""
    return f"sha256${salt.hex()}${_digest(key, salt)}"


class ApiKeys:
    """The configured clients, by name."""

    def __init__(self, clients: Mapping[str, str], *, sees: Mapping[str, str] | None = None) -> None:
        """Kept keys by client, and the back end that a client is confined to.

        Raises: ConfigurationError, if a kept form is not one of ours.
        """
        self._sees = sees or {}
        self._clients = {name: _parsed(name, kept) for name, kept in clients.items()}

    def identify(self, key: str) -> Identity:
        """Whose key this is. Every client is compared, so that time tells nothing.

        Raises:
            Unauthenticated: it is nobody's.
        """
        presented = key[:MAX_LENGTH]
        found = [
            name for name, (salt, kept) in self._clients.items() if hmac.compare_digest(_digest(presented, salt), kept)
        ]
        if not found or len(key) > MAX_LENGTH:
            raise Unauthenticated("the API key is not known")
        return Identity(found[0], frozenset({Role.DISPATCHER_CLIENT}), sees=self._sees.get(found[0], ""))


def _parsed(name: str, kept: str) -> tuple[bytes, str]:
    match = _KEPT.fullmatch(kept)
    if match is None:
        raise ConfigurationError(f"the API key of client {name!r} is not in the form sha256$<salt>$<hash>")
    return bytes.fromhex(match["salt"]), match["hash"]


def _digest(key: str, salt: bytes) -> str:
    return hashlib.sha256(salt + key.encode("utf-8", "surrogateescape")).hexdigest()
