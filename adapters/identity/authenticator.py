"""The port `Authenticator`: tokens of this node and of trusted issuers, and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.identity.tokens import Trust, audience, ring_source, verify
from broker.model.identity import Role

if TYPE_CHECKING:
    from adapters.identity.api_keys import ApiKeys
    from adapters.identity.keys import KeyRing
    from adapters.identity.tokens import KeySource
    from broker.model.identity import Identity
    from broker.ports import Clock

#: What an external issuer may say of people; back ends get their tokens from the node itself.
STAFF: Final = frozenset({Role.READER, Role.CASEWORKER, Role.OPERATOR, Role.AUDITOR})


class NodeAuthenticator:
    """Who is calling, by the configured trusts. A token is judged by the keys of the issuer it claims, and no other."""

    def __init__(self, trusts: tuple[Trust, ...], *, api_keys: ApiKeys, clock: Clock) -> None:
        self._trusts = {trust.issuer: trust for trust in trusts}
        self._api_keys = api_keys
        self._clock = clock

    async def bearer(self, token: str) -> Identity:
        """Raises: Unauthenticated; Unavailable, if an external issuer's keys were never reached."""
        return await verify(token, self._trusts, now=self._clock.now())

    async def api_key(self, key: str) -> Identity:
        """Raises: Unauthenticated."""
        return self._api_keys.identify(key)


def own_trust(ring: KeyRing, *, node: str, issuer: str = "") -> Trust:
    """The node trusts what it signed itself."""
    return Trust(issuer=issuer or node, audience=audience(node), keys=ring_source(ring))


def external_trust(keys: KeySource, *, issuer: str, node: str, roles: frozenset[Role] = STAFF) -> Trust:
    """An issuer of staff tokens (for example the ministry's identity provider)."""
    return Trust(issuer=issuer, audience=audience(node), keys=keys, roles=roles)
