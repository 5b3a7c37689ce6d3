"""The journal's rows: written by transactions, numbered and chained by the sealer."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, exists, insert, select, update

from adapters.store.sql.rows import Rows, values_of
from adapters.store.sql.tables import CHECKPOINTS, JOURNAL, MESSAGES
from broker.errors import Conflict
from broker.model.journal import Checkpoint, Entry, SealedEntry
from broker.model.messages import Door

if TYPE_CHECKING:
    from sqlalchemy import Row

_J: Final = JOURNAL.c
_ENTRY_FIELDS: Final = tuple(field.name for field in fields(Entry))
_ENTRY: Final = tuple(_J[name] for name in _ENTRY_FIELDS)
_SEALED: Final = select(*_ENTRY, _J.number, _J.previous, _J.hash).where(_J.number.is_not(None))
_LAST: Final = _SEALED.order_by(_J.number.desc()).limit(1)
_AFTER: Final = _SEALED.where(_J.number > bindparam("after")).order_by(_J.number).limit(bindparam("limit"))
_NUMBER: Final = select(_J.number).where(_J.id == bindparam("id"))
_UNSEALED: Final = select(*_ENTRY).where(_J.number.is_(None)).order_by(_J.at, _J.id).limit(bindparam("limit"))
_ABOUT: Final = select(*_ENTRY).where(_J.target.in_(bindparam("targets", expanding=True))).order_by(_J.at, _J.id)
_UNJOURNALLED: Final = (
    select(MESSAGES.c.id)
    .where(MESSAGES.c.door != Door.RULE, ~exists().where(_J.target == MESSAGES.c.id))
    .order_by(MESSAGES.c.id)
    .limit(bindparam("limit"))
)
_WRITE: Final = insert(JOURNAL)
_SEAL: Final = (
    update(JOURNAL)
    .where(_J.id == bindparam("id_"), _J.number.is_(None))
    .values(number=bindparam("number_"), previous=bindparam("previous_"), hash=bindparam("hash_"))
)
_ADD_CHECKPOINT: Final = insert(CHECKPOINTS)
_CHECKPOINT_FIELDS: Final = tuple(field.name for field in fields(Checkpoint))
_CHECKPOINTS: Final = select(*(CHECKPOINTS.c[name] for name in _CHECKPOINT_FIELDS)).order_by(CHECKPOINTS.c.number)


class JournalRows(Rows):
    """Entries, their chain, and the signed heads of it."""

    async def write_entry(self, entry: Entry) -> None:
        """Raises: Refused, for text that could not be hashed."""
        await self._run(_WRITE, values_of(entry))

    async def unsealed(self, limit: int) -> tuple[Entry, ...]:
        """Without a number, oldest first."""
        return tuple(_entry(row) for row in await self._run(_UNSEALED, {"limit": limit}))

    async def sealed_number(self, entry_id: str) -> int | None:
        """The entry's place in the chain; None as long as it is not sealed."""
        number: int | None = (await self._run(_NUMBER, {"id": entry_id})).scalar()
        return number

    async def last_sealed(self) -> SealedEntry | None:
        """The head of the chain."""
        row = (await self._run(_LAST)).first()
        return _sealed(row) if row else None

    async def seal(self, entries: tuple[SealedEntry, ...]) -> None:
        """Number and chain. Raises: Conflict, if one of them is sealed already or the number is taken."""
        rows = [
            {"id_": sealed.entry.id, "number_": sealed.number, "previous_": sealed.previous, "hash_": sealed.hash}
            for sealed in entries
        ]
        if rows and (await self._run(_SEAL, rows)).rowcount != len(rows):
            raise Conflict("Another sealer was first.", constraint="uq_journal_number")

    async def sealed(self, after: int, limit: int) -> tuple[SealedEntry, ...]:
        """By number, from the one after `after`."""
        return tuple(_sealed(row) for row in await self._run(_AFTER, {"after": after, "limit": limit}))

    async def entries_about(self, targets: tuple[str, ...]) -> tuple[Entry, ...]:
        """Oldest first, sealed or not."""
        return tuple(_entry(row) for row in await self._run(_ABOUT, {"targets": targets}))

    async def unjournalled(self, limit: int) -> tuple[str, ...]:
        """Messages that came by a door and that no entry is about: it was written with the message, and is gone."""
        return tuple(row.id for row in await self._run(_UNJOURNALLED, {"limit": limit}))

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Raises: Conflict, if this head was signed already."""
        await self._run(_ADD_CHECKPOINT, values_of(checkpoint))

    async def checkpoints(self) -> tuple[Checkpoint, ...]:
        """By number."""
        rows = await self._run(_CHECKPOINTS)
        return tuple(Checkpoint(**row._mapping) for row in rows)  # noqa: SLF001  SQLAlchemy's public name for a row by names


def _entry(row: Row[Any]) -> Entry:
    known = row._mapping  # noqa: SLF001  SQLAlchemy's public name for a row by names
    return Entry(**{name: known[name] for name in _ENTRY_FIELDS})


def _sealed(row: Row[Any]) -> SealedEntry:
    return SealedEntry(number=row.number, entry=_entry(row), previous=row.previous or "", hash=row.hash or "")
