"""What the tamper-evident journal records (D6.4 R15.4: actor, action, target, UTC time, outcome)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact. Written inside the transaction that makes it true; numbered and chained by the sealer.

    `detail` holds ids, states, codes and hashes only: never a name, an address or form text.
    """

    id: str
    at: datetime
    actor: str  #: a component (`flow`, `sealer`), a back end, or a staff subject
    action: str  #: dotted, stable: `message.kept`, `exchange.submitted`, `leg.stepped`, …
    target: str  #: id of the message, exchange or case
    outcome: str
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry with its place in the chain: `hash` = SHA-256 over RFC 8785 of entry, number and `previous`."""

    number: int
    entry: Entry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the chain had this head. The signature is Ed25519, base64."""

    number: int
    hash: str
    at: datetime
    key_id: str
    signature: str
