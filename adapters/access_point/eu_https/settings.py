"""What the adapter must be told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and the number of tries of one call. Longer waits are the work row's business.

    After `retry_within` seconds no new try begins, so that a stalled counterpart costs one time-out and not three.
    """

    connect: float = 5.0
    total: float = 60.0
    tries: int = 3
    retry_within: float = 10.0
    first_pause: float = 0.2
    longest_pause: float = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes: `body` bounds what is read of one request or answer (base64 included), `payload` the decoded parts."""

    body: int = 92 * 1024 * 1024
    payload: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EuHttpsSettings:
    """One counterpart: where it is, and as whom both sides are known. Parties are the names that tokens carry."""

    name: str
    url: str  #: `https://…/eu-https`
    party: str
    counterpart: str
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
