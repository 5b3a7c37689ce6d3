"""What the adapter must be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.access_point.patience import Patience


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes: `body` bounds what is read of one request or answer (base64 included), `payload` the decoded parts.

    `unread` bounds what is kept of an answer beyond that.
    """

    body: int = 92 * 1024 * 1024
    unread: int = 10 * 1024 * 1024
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
