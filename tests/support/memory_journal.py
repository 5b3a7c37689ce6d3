"""The journal's part of the store in plain Python: what the ledger needs, and no more."""

from __future__ import annotations

from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from broker.model.messages import Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from broker.model.journal import Checkpoint, Entry, SealedEntry
    from broker.model.messages import Message


class MemoryStore:
    """Everything true at once: no transaction is ever rolled back."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.messages: dict[str, Message] = {}
        self.waiting: list[Entry] = []
        self.chain: list[SealedEntry] = []
        self.signed: list[Checkpoint] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryStore]:
        yield self

    async def put_content(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self.contents[digest] = data
        return digest

    async def content_pieces(self, digest: str) -> AsyncIterator[bytes]:
        yield self.contents[digest]

    async def add_message(self, message: Message) -> None:
        self.messages[message.id] = message

    async def message(self, message_id: str) -> Message:
        return self.messages[message_id]

    async def write_entry(self, entry: Entry) -> None:
        self.waiting.append(entry)

    async def unsealed(self, limit: int) -> tuple[Entry, ...]:
        return tuple(self.waiting[:limit])

    async def entries_about(self, targets: tuple[str, ...]) -> tuple[Entry, ...]:
        known = (*(sealed.entry for sealed in self.chain), *self.waiting)
        return tuple(entry for entry in known if entry.target in targets)

    async def sealed_number(self, entry_id: str) -> int | None:
        return next((sealed.number for sealed in self.chain if sealed.entry.id == entry_id), None)

    async def last_sealed(self) -> SealedEntry | None:
        return self.chain[-1] if self.chain else None

    async def seal(self, entries: tuple[SealedEntry, ...]) -> None:
        self.chain.extend(entries)
        del self.waiting[: len(entries)]

    async def sealed(self, after: int, limit: int) -> tuple[SealedEntry, ...]:
        return tuple(sealed for sealed in self.chain if sealed.number > after)[:limit]

    async def unjournalled(self, limit: int) -> tuple[str, ...]:
        about = {entry.target for entry in (*(sealed.entry for sealed in self.chain), *self.waiting)}
        came = sorted(one.id for one in self.messages.values() if one.door is not Door.RULE)
        return tuple(one for one in came if one not in about)[:limit]

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.signed.append(checkpoint)

    async def checkpoints(self) -> tuple[Checkpoint, ...]:
        return tuple(self.signed)

    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        return bool(name and holder) and now < until
