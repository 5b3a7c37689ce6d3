"""Destinations that a person paused: nothing is sent to them until somebody resumes them."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from sqlalchemy import bindparam, delete, select

from adapters.store.sql.rows import Rows, values_of
from adapters.store.sql.tables import PAUSES
from broker.model.work import Pause

_FIELDS: Final = tuple(field.name for field in fields(Pause))
_ALL: Final = select(*(PAUSES.c[name] for name in _FIELDS)).order_by(PAUSES.c.destination)
_END: Final = delete(PAUSES).where(PAUSES.c.destination == bindparam("destination"))


class Pauses(Rows):
    """One row per paused destination."""

    async def add_pause(self, pause: Pause) -> bool:
        """Whether the destination was not paused before."""
        return await self._insert_new(PAUSES, values_of(pause))

    async def end_pause(self, destination: str) -> bool:
        """Whether the destination was paused."""
        return (await self._run(_END, {"destination": destination})).rowcount == 1

    async def pauses(self) -> tuple[Pause, ...]:
        """Every paused destination, by name."""
        return tuple(Pause(**row._mapping) for row in await self._run(_ALL))  # noqa: SLF001  same
