"""Bytes by their SHA-256: what is small in one row, what is large in pieces, and never whole in memory on its way."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy import insert as plain_insert

from adapters.store.sql.rows import Rows, insert
from adapters.store.sql.tables import CONTENT_PIECES, CONTENTS
from broker.errors import NotFound
from broker.payloads import PIECE, Payload, Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy import BindParameter, Executable

    from adapters.store.sql.connections import Values

_FIRST: Final = select(CONTENTS.c.data, CONTENTS.c.size).where(CONTENTS.c.sha256 == bindparam("sha256"))
_KEPT: Final = select(CONTENTS.c.size).where(CONTENTS.c.sha256 == bindparam("sha256"))
_NEXT: Final = select(CONTENT_PIECES.c.data).where(
    CONTENT_PIECES.c.sha256 == bindparam("sha256"), CONTENT_PIECES.c.number == bindparam("number")
)
_ADD_PIECE: Final = plain_insert(CONTENT_PIECES)
_COLUMNS: Final = ("sha256", "size", "data", "kept_at")


class Contents(Rows):
    """Each byte sequence once."""

    async def put_content(self, data: bytes | Payload) -> str:
        """Keep bytes once; return their SHA-256."""
        payload = Payload.of(data)
        await self._keep((payload,))
        return payload.sha256

    async def put_contents(self, *several: bytes | Payload) -> tuple[str, ...]:
        """Keep each once, what is small in one statement; their SHA-256, "" for nothing."""
        payloads = [Payload.of(data) for data in several]
        await self._keep([payload for payload in payloads if payload.size])
        return tuple(payload.sha256 if payload.size else "" for payload in payloads)

    async def content(self, sha256: str) -> bytes:
        """The bytes at once. Raises: NotFound."""
        pieces = [piece async for piece in self.content_pieces(sha256)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def content_pieces(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, a piece at a time. Raises: NotFound, at the end of what is not all of it, too."""
        row = (await self._run(_FIRST, {"sha256": sha256})).first()
        if row is None:
            raise NotFound(f"No content {sha256} is kept here.")
        size = len(row.data)
        yield bytes(row.data)
        for number in count(1) if size < row.size else ():
            data = (await self._run(_NEXT, {"sha256": sha256, "number": number})).scalar()
            if data is None:
                break
            size += len(data)
            yield bytes(data)
        if size != row.size:
            raise NotFound(f"Of the {row.size} bytes of content {sha256} {size} are kept here.")

    async def payload(self, sha256: str) -> Payload:
        """The bytes in a spool, for what takes longer than a transaction may. Raises: NotFound, Unavailable."""
        return (await self.payloads(sha256))[0]

    async def payloads(self, *several: str) -> tuple[Payload, ...]:
        """The same of several, in one spool."""
        spool = Spool(self._spools)
        return tuple([await self._laid_aside(spool, sha256) for sha256 in several])

    async def has_content(self, sha256: str) -> bool:
        """Whether bytes with this hash are kept."""
        return (await self._run(_KEPT, {"sha256": sha256})).first() is not None

    async def _laid_aside(self, spool: Spool, sha256: str) -> Payload:
        start = spool.size
        async for piece in self.content_pieces(sha256):
            spool.write(piece)
        return spool.since(start)

    async def _keep(self, payloads: Sequence[Payload]) -> None:
        """Whose row is new, its further pieces are written; who else had it wrote them in the commit of the row."""
        if not payloads:
            return
        rows = [self._row(payload) for payload in payloads]
        numbered = {f"{name}_{number}": value for number, row in enumerate(rows) for name, value in row.items()}
        new = {row.sha256 for row in await self._run(_keep_first(self._dialect, len(rows)), numbered)}
        for payload in {payload.sha256: payload for payload in payloads if payload.sha256 in new}.values():
            for number, start in enumerate(range(PIECE, payload.size, PIECE), start=1):
                piece = {"sha256": payload.sha256, "number": number, "data": payload.read(start, PIECE)}
                await self._run(_ADD_PIECE, piece)

    def _row(self, payload: Payload) -> Values:
        values = (payload.sha256, payload.size, payload.read(0, PIECE), self._clock.now())
        return dict(zip(_COLUMNS, values, strict=True))


@cache
def _keep_first(dialect: str, rows: int) -> Executable:
    values: list[dict[str, BindParameter[Any]]] = [
        {name: bindparam(f"{name}_{number}") for name in _COLUMNS} for number in range(rows)
    ]
    return insert(dialect, CONTENTS).values(values).on_conflict_do_nothing().returning(CONTENTS.c.sha256)
