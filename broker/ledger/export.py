"""The journal as JSON lines, each in RFC 8785 form, for `verify.py`.

- `header`: format, public keys (JWK)
- `checkpoint`: the signed heads; they stand before the entries, so that a file cut short shows against them
- `entry`: a sealed entry
- `message`: behind the entry that says a message was kept: the hash that the message's row names now
- `content`: behind the first entry that names a content's hash: the hash of the bytes kept under it now, if whole
- `stray`: a message that came by a door and that no entry is about: those that were are gone
- `end`: how many records and entries there were

Nothing stands in it that the verifier does not check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.errors import NotFound
from broker.ledger.entries import entry_fields, moment_text
from broker.ledger.keys import public_jwk
from broker.model.journal import SealedEntry
from broker.ports import Store, Transaction

FORMAT: Final = "hdeu-journal-1"
KEPT: Final = "message.kept"  #: the action whose `detail.sha256` names a message's bytes
_HASH_SUFFIX: Final = "sha256"  #: every member of `detail` with this ending names kept bytes
_HASH_LENGTH: Final = 64
_NOT_WHOLE: Final = "not whole"  #: in the place of a hash: bytes are there, and not as many as there should be
_STRAYS: Final = 50  #: that are named at most
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """What to export. With `contents`, kept bytes are read and hashed anew."""

    store: Store
    keys: Sequence[Ed25519PublicKey]
    contents: bool = True
    page: int = 500

    async def lines(self) -> AsyncIterator[str]:
        """One line for each record, without the line end."""
        async for record in self.records():
            yield rfc8785.dumps(record).decode()

    async def records(self) -> AsyncIterator[Record]:
        """The records, in order."""
        yield {
            "kind": "header",
            "format": FORMAT,
            "keys": [public_jwk(key) for key in self.keys],
        }
        # The head first: what the sealer signs in between is covered by a checkpoint that is read after it.
        async with self.store.transaction() as transaction:
            head = await transaction.last_sealed()
        async with self.store.transaction() as transaction:
            checkpoints = await transaction.checkpoints()
        for checkpoint in checkpoints:
            yield {"kind": "checkpoint", **asdict(checkpoint), "at": moment_text(checkpoint.at)}
        last = max([head.number if head else 0, *(checkpoint.number for checkpoint in checkpoints)])
        entries, records = 0, 1 + len(checkpoints)
        async for record in self._entries(last):
            entries += record["kind"] == "entry"
            records += 1
            yield record
        async with self.store.transaction() as transaction:
            strays = await transaction.unjournalled(_STRAYS)
        for stray in strays:
            yield {"kind": "stray", "id": stray}
        records += len(strays)
        yield {"kind": "end", "entries": entries, "records": records}

    async def _entries(self, last: int) -> AsyncIterator[Record]:
        """Page by page. Pages overlap by one number, so that a row with a doubled number is not skipped."""
        seen: set[str] = set()
        written: set[str] = set()
        after = -1
        while True:
            async with self.store.transaction() as transaction:
                page = await transaction.sealed(after, self.page + 1)
                fresh = [sealed for sealed in page if sealed.number <= last and sealed.entry.id not in written]
                records = [record for sealed in fresh for record in await self._about(transaction, sealed, seen)]
            for record in records:
                yield record
            if not fresh:
                return
            written = {sealed.entry.id for sealed in page}
            after = fresh[-1].number - 1

    async def _about(self, transaction: Transaction, sealed: SealedEntry, seen: set[str]) -> list[Record]:
        place = {"number": sealed.number, "previous": sealed.previous, "hash": sealed.hash}
        records: list[Record] = [{"kind": "entry", **entry_fields(sealed.entry), **place}]
        if not self.contents:
            return records
        if sealed.entry.action == KEPT and _HASH_SUFFIX in sealed.entry.detail:
            row = await _message_hash(transaction, sealed.entry.target)
            records.append({"kind": "message", "entry": sealed.number, "id": sealed.entry.target, "sha256": row})
        for named in _hashes(sealed) - seen:
            seen.add(named)
            found = await _content_hash(transaction, named)
            records.append({"kind": "content", "entry": sealed.number, "sha256": named, "found": found})
        return records


def _hashes(sealed: SealedEntry) -> set[str]:
    named = sealed.entry.detail.items()
    return {text for name, text in named if name.endswith(_HASH_SUFFIX) and len(text) == _HASH_LENGTH}


async def _message_hash(transaction: Transaction, message_id: str) -> str:
    try:
        return (await transaction.message(message_id)).sha256
    except (NotFound, ValueError):  # a row that nobody can read any more
        return ""


async def _content_hash(transaction: Transaction, named: str) -> str:
    digest, pieces = sha256(), 0
    try:
        async for piece in transaction.content_pieces(named):
            digest.update(piece)
            pieces += 1
    except NotFound:
        return _NOT_WHOLE if pieces else ""
    return digest.hexdigest()
