"""How one signing key of the journal follows another: an entry, sealed under the old key, names the new one.

The first key is `journal.pem`; each that follows lies beside it as `journal-<key id>.pem`. Which one signs is said by
the journal itself, so that every process of a node agrees at once. `journal-first.pem` keeps the public half of the
first: verifiers begin with it when `journal.pem` was destroyed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.errors import ConfigurationError
from broker.ledger.keys import (
    SigningKey,
    create_signing_key,
    public_from_x,
    public_jwk,
    public_pem,
    read_public_key,
    read_signing_key,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from broker.model.journal import Entry
    from broker.ports import Transaction

FOLLOWED: Final = "journal.key_followed"  #: the action of such an entry
JOURNAL: Final = "journal"  #: its target
_FIRST: Final = "journal.pem"
_FIRST_PUBLIC: Final = "journal-first.pem"
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


async def handovers(tx: Transaction) -> tuple[Entry, ...]:
    """The entries by which a key followed another, sealed or not, oldest first."""
    return tuple(entry for entry in await tx.entries_about((JOURNAL,)) if entry.action == FOLLOWED)


async def newest_public(tx: Transaction, directory: Path) -> Ed25519PublicKey:
    """The public half of the key that signs now, or as soon as its handover is sealed. Raises: ConfigurationError."""
    followed = await handovers(tx)
    return public_from_x(followed[-1].detail["new_x"]) if followed else first_public(directory)


async def newest_key(tx: Transaction, directory: Path) -> SigningKey:
    """The key that signs now, or as soon as its handover is sealed. Raises: ConfigurationError, if it is not here."""
    followed = await handovers(tx)
    return following_key(directory, followed[-1].detail["new"]) if followed else first_key(directory)


def first_public(directory: Path) -> Ed25519PublicKey:
    """The public half of the journal's first key. Raises: ConfigurationError."""
    kept = directory / _FIRST_PUBLIC
    return read_public_key(kept) if kept.exists() else first_key(directory).public


def first_key(directory: Path) -> SigningKey:
    """The journal's first key. Raises: ConfigurationError."""
    return read_signing_key(directory / _FIRST)


def following_key(directory: Path, key_id: str) -> SigningKey:
    """A key that followed another. Raises: ConfigurationError, if it is not here."""
    path = directory / f"journal-{key_id}.pem"
    if not _KEY_ID.fullmatch(key_id) or read_signing_key(path).key_id != key_id:
        raise ConfigurationError(f"The journal's key {path} is not the one that the journal names.")
    return read_signing_key(path)


def make_following(directory: Path, old: Ed25519PublicKey) -> dict[str, str]:
    """Make a key that is to follow `old`; the detail of the entry that says so. Raises: ConfigurationError."""
    kept = directory / _FIRST_PUBLIC
    if not kept.exists():
        kept.write_bytes(public_pem(first_public(directory)))
    new = create_signing_key(directory).public
    names = {"old": public_jwk(old), "new": public_jwk(new)}
    return {
        **{name: jwk["kid"] for name, jwk in names.items()},
        **{f"{name}_x": jwk["x"] for name, jwk in names.items()},
    }
