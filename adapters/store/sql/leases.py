"""Leases, one-time keys, figures."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, literal_column, or_, select, text

from adapters.store.sql.rows import Rows, insert
from adapters.store.sql.tables import CLOCKS, EXCHANGES, JOURNAL, LEASES, USED_ONCE, WORKS
from broker.model.exchanges import STEPS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Executable

_STATES: Final = select(EXCHANGES.c.direction, EXCHANGES.c.state, func.count().label("total")).group_by(
    EXCHANGES.c.direction, EXCHANGES.c.state
)
_AT: Final = WORKS.c.next_attempt_at
_DUE: Final = select(func.count().label("total"), func.min(_AT, type_=_AT.type).label("oldest")).where(
    bindparam("now") >= _AT,
    or_(WORKS.c.claimed_until.is_(None), WORKS.c.claimed_until <= bindparam("now")),
)
_UNTIL: Final = USED_ONCE.c["until"]
_FORGET: Final[Executable] = (
    delete(USED_ONCE).where(bindparam("before", type_=_UNTIL.type) > _UNTIL).returning(literal_column("1"))
)
_UNSEALED: Final = select(func.count()).select_from(JOURNAL).where(JOURNAL.c.number.is_(None))
_EXPIRED: Final = (
    select(func.count())
    .select_from(CLOCKS)
    .where(text("state = 'running' AND due_on <> ''"), CLOCKS.c.due_on < bindparam("today"))
)


class Leases(Rows):
    """What one holder has, what may be used once, and what metrics show."""

    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """Take or prolong. In PostgreSQL the row stays locked up to the commit: nobody takes it in between."""
        new = insert(self._dialect, LEASES)
        taken: Executable = new.on_conflict_do_update(
            index_elements=("name",),
            set_={"holder": new.excluded.holder, "until": new.excluded.until},
            where=or_(
                LEASES.c.holder == new.excluded.holder, LEASES.c.until <= bindparam("now_", type_=LEASES.c.until.type)
            ),
        ).returning(literal_column("1"))
        values = {"name": name, "holder": holder, "until": until, "now_": now}
        return (await self._run(taken, values)).first() is not None

    async def use_once(self, key: str, at: datetime, *, until: datetime) -> bool:
        """True the first time a key is used, False as long as it is remembered."""
        return await self._insert_new(USED_ONCE, {"key": key, "used_at": at, "until": until})

    async def forget_used(self, before: datetime) -> int:
        """Forget keys that had to be remembered until earlier than `before`; how many."""
        return len(list(await self._run(_FORGET, {"before": before})))

    async def figures(self, now: datetime) -> dict[str, float]:
        """Counts for metrics; a state without exchanges counts 0."""
        counts = {f"exchanges.{direction}.{state}": 0.0 for direction, states in STEPS.items() for state in states}
        for row in await self._run(_STATES):
            counts[f"exchanges.{row.direction}.{row.state}"] = float(row.total)
        (work,) = await self._run(_DUE, {"now": now})
        counts["work.due"] = float(work.total)
        counts["work.oldest_seconds"] = (now - work.oldest).total_seconds() if work.oldest else 0.0
        counts["journal.unsealed"] = float((await self._run(_UNSEALED)).scalar())
        today = now.astimezone(UTC).date().isoformat()
        counts["clocks.expired"] = float((await self._run(_EXPIRED, {"today": today})).scalar())
        return counts
