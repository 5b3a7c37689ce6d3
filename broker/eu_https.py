"""eu-https of a node from the configuration: the side that calls the counterpart, and the endpoint that it calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from adapters.access_point.eu_https import EuHttps, EuHttpsSettings, Limits, Patience, tokens
from adapters.identity.remote_keys import RemoteKeys, http_fetch
from broker.access_point import tls_of
from broker.flow.presence import Presence
from broker.flow.received import had, received
from broker.web.counterpart import Counterpart, Proven

if TYPE_CHECKING:
    from adapters.access_point.eu_https.transport import Transport
    from adapters.identity.keys import KeyRing
    from broker.flow.arrival import Accepted
    from broker.flow.node import Node
    from broker.ports import Clock
    from broker.settings import AccessPointSection

KIND = "eu-https"


def is_eu_https(section: AccessPointSection) -> bool:
    """Whether this node speaks eu-https; it is off unless the configuration says so."""
    return section.kind == KIND and bool(section.url)


def eu_https_of(section: AccessPointSection, ring: KeyRing, clock: Clock) -> EuHttps:
    """The adapter. Raises: ConfigurationError."""
    url = keys_url(section)

    def keys(transport: Transport) -> RemoteKeys:
        async def fetch() -> Any:
            return await http_fetch(transport.session, url)()

        return RemoteKeys(fetch, clock)

    return EuHttps(settings_of(section), ring.current, keys, now=clock.now, tls=tls_of(section))


def keys_url(section: AccessPointSection) -> str:
    """Where the counterpart publishes its keys."""
    return section.jwks_url or f"{section.url.rstrip('/')}/keys"


def settings_of(section: AccessPointSection) -> EuHttpsSettings:
    """What the adapter must know."""
    return EuHttpsSettings(
        name=section.name,
        url=section.url,
        party=section.party,
        counterpart=section.central_party,
        patience=Patience(total=section.timeout),
    )


def counterpart_of(section: AccessPointSection, node: Node, ring: KeyRing) -> Counterpart | None:
    """The endpoint; None where the node does not speak eu-https."""
    point = node.access_point
    if not isinstance(point, EuHttps):
        return None
    presence = Presence(node)
    inbound = tokens.Between(issuer=section.central_party, audience=section.party)

    async def prove(token: str, operation: str, message_id: str) -> Proven:
        asked = tokens.Asked(operation, message_id)
        proof = await tokens.verify_request(token, asked, point.keys, inbound, now=node.clock.now())
        await presence.heard()
        return Proven(proof.token_id, proof.sha256)

    async def take(message_id: str, body: bytes) -> Accepted:
        return await received(node, section.name, message_id, body, point.reading)

    return Counterpart(
        party=section.central_party,
        prove=prove,
        use_up=partial(_use_up, node, section.central_party),
        take=take,
        known=partial(_known, node, section, ring),
        keys=ring.jwks(),
        limit=Limits().body,
    )


def proven_before(signed: bytes, message_id: str, sent: bytes | None) -> bool:  # noqa: ARG001 -- a prover's shape
    """A receipt of eu-https was held against the counterpart's keys when it was fetched: nothing is left to prove."""
    return True


async def _use_up(node: Node, party: str, token_id: str) -> bool:
    now = node.clock.now()
    async with node.store.transaction() as tx:
        return await tx.use_once(f"{KIND}:{party}:{token_id}", now, until=now + tokens.GOOD_FOR)


async def _known(node: Node, section: AccessPointSection, ring: KeyRing, message_id: str) -> dict[str, Any] | None:
    kept = await had(node, section.name, message_id)
    if kept is None:
        return None
    back = tokens.Between(issuer=section.party, audience=section.central_party)
    signed = tokens.receipt(ring.current, message_id, kept.sha256, back, at=kept.kept_at)
    return {"sha256": kept.sha256, "received_at": kept.kept_at.isoformat(), "receipt": signed}
