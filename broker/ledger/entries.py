"""What is hashed and what is signed.

An entry's hash is SHA-256 over the RFC 8785 form of its fields, its number and the hash before it. The first
`previous` is 64 zeros. A checkpoint's signature is Ed25519 over the RFC 8785 form of its fields and a format name.
`verify.py` says the same in code of its own, so that an error here does not agree with itself.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import rfc8785

from broker.ledger.keys import SigningKey
from broker.model.journal import Checkpoint, Entry, SealedEntry

GENESIS: Final = "0" * 64
CHECKPOINT_FORMAT: Final = "hdeu-journal-checkpoint-1"


def moment_text(moment: datetime) -> str:
    """The one text of a moment: UTC, six decimals, `Z`."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S.%f}Z"


def entry_fields(entry: Entry) -> dict[str, Any]:
    """The entry as JSON."""
    return asdict(entry) | {"at": moment_text(entry.at)}


def entry_hash(entry: Entry, *, number: int, previous: str) -> str:
    """The hash of an entry in its place, lower-case hexadecimal."""
    fields: dict[str, Any] = entry_fields(entry) | {"number": number, "previous": previous}
    return sha256(rfc8785.dumps(fields)).hexdigest()


def chain(entries: tuple[Entry, ...], head: SealedEntry | None) -> tuple[SealedEntry, ...]:
    """Number the entries and hang each on the one before."""
    number, previous = (head.number, head.hash) if head else (0, GENESIS)
    sealed = []
    for number, entry in enumerate(entries, start=number + 1):  # noqa: B020  counting goes on from the head
        link = SealedEntry(number, entry, previous, entry_hash(entry, number=number, previous=previous))
        sealed.append(link)
        previous = link.hash
    return tuple(sealed)


def checkpoint_bytes(*, number: int, head: str, at: datetime, key_id: str) -> bytes:
    """What a checkpoint's signature is made over."""
    fields: dict[str, Any] = {"at": moment_text(at), "format": CHECKPOINT_FORMAT, "hash": head, "key_id": key_id}
    return rfc8785.dumps(fields | {"number": number})


def sign_head(head: SealedEntry, *, key: SigningKey, at: datetime) -> Checkpoint:
    """State with a signature that the chain had this head."""
    signed = key.private.sign(checkpoint_bytes(number=head.number, head=head.hash, at=at, key_id=key.key_id))
    return Checkpoint(head.number, head.hash, at, key.key_id, b64encode(signed).decode())
