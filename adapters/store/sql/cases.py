"""Cases with their aliases, legs, clocks."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, or_, select, text, update

from adapters.store.sql.connections import Values
from adapters.store.sql.rows import Rows, insert, values_of
from adapters.store.sql.tables import CASE_ALIASES, CASES, CLOCKS, LEGS
from broker.errors import Conflict, NotFound
from broker.model.cases import Alias, Case, Leg, RunningClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Executable, Row, Select

_CASE_FIELDS: Final = tuple(field.name for field in fields(Case) if field.name != "aliases")
_LEG_FIELDS: Final = tuple(field.name for field in fields(Leg))
_LEG_KEY: Final = ("case_key", "owner")
_CLOCK_FIELDS: Final = tuple(field.name for field in fields(RunningClock))
_CLOCK_KEY: Final = ("case_key", "leg", "clock", "started_at")
_OF_CASE: Final = CASE_ALIASES.c.case_key == CASES.c.key
_WITH_ALIASES: Final = select(
    *(CASES.c[name] for name in _CASE_FIELDS), CASE_ALIASES.c.scheme, CASE_ALIASES.c.value
).join_from(CASES, CASE_ALIASES, _OF_CASE, isouter=True)
_BY_KEY: Final = _WITH_ALIASES.where(CASES.c.key == bindparam("key")).order_by(CASE_ALIASES.c.position)
_ALIAS_OWNER: Final = select(CASE_ALIASES.c.case_key).where(
    CASE_ALIASES.c.scheme == bindparam("scheme"), CASE_ALIASES.c.value == bindparam("value")
)
_BY_ALIAS: Final = _WITH_ALIASES.where(CASES.c.key == _ALIAS_OWNER.scalar_subquery()).order_by(CASE_ALIASES.c.position)
_SAVE_CASE: Final = (
    update(CASES)
    .where(CASES.c.key == bindparam("key_"), CASES.c.revision == bindparam("revision_"))
    .values({name: bindparam(name) for name in _CASE_FIELDS if name != "key"})
)
_LEGS: Final = select(*(LEGS.c[name] for name in _LEG_FIELDS)).where(LEGS.c.case_key == bindparam("case_key"))
_BY_OWNER: Final = _LEGS.order_by(LEGS.c.owner)
_LEG: Final = _LEGS.where(LEGS.c.owner == bindparam("owner"))
_SAVE_LEG: Final = (
    update(LEGS)
    .where(*(LEGS.c[name] == bindparam(f"{name}_") for name in (*_LEG_KEY, "revision")))
    .values({name: bindparam(name) for name in _LEG_FIELDS if name not in _LEG_KEY})
)
_CLOCKS: Final = (
    select(*(CLOCKS.c[name] for name in _CLOCK_FIELDS))
    .where(CLOCKS.c.case_key == bindparam("case_key"))
    .order_by(CLOCKS.c.started_at, CLOCKS.c.leg, CLOCKS.c.clock)
)
#: Constants stand in the text, so that the partial index is used.
_DUE: Final = (
    select(*(CLOCKS.c[name] for name in _CLOCK_FIELDS))
    .where(text("state = 'running' AND due_on <> ''"), CLOCKS.c.due_on <= bindparam("until"))
    .order_by(CLOCKS.c.due_on, CLOCKS.c.started_at, CLOCKS.c.case_key, CLOCKS.c.leg, CLOCKS.c.clock)
    .limit(bindparam("most"))
)


class Cases(Rows):
    """Applications, the parts of them that we decide, and their dates."""

    async def case(self, key: str) -> Case:
        """Raises: NotFound."""
        found = _cases(await self._run(_BY_KEY, {"key": key}))
        if not found:
            raise NotFound(f"No case {key} is kept here.")
        return found[0]

    async def case_by_alias(self, alias: Alias) -> Case | None:
        """The case that bears this foreign id."""
        found = _cases(await self._run(_BY_ALIAS, values_of(alias)))
        return found[0] if found else None

    async def add_case(self, case: Case) -> None:
        """Raises: Conflict, if the key or one of the aliases is taken."""
        if not await self._insert_new(CASES, _case_values(case)):
            raise Conflict("A case with this key is kept already.", constraint="pk_cases")
        await self._own_aliases(case)

    async def save_case(self, case: Case) -> Case:
        """Raises: Conflict, if another transaction was first, or an alias belongs to another case."""
        saved = replace(case, revision=case.revision + 1)
        values = _case_values(saved) | {"key_": case.key, "revision_": case.revision}
        del values["key"]
        if (await self._run(_SAVE_CASE, values)).rowcount != 1:
            raise Conflict("The case was changed meanwhile: read it again.", constraint="revision")
        await self._own_aliases(case)
        return saved

    async def cases(self, *, limit: int, before: str = "", text: str = "") -> tuple[Case, ...]:
        """Newest first."""
        chosen = select(CASES.c.key).order_by(CASES.c.key.desc()).limit(limit)
        if before:
            chosen = chosen.where(CASES.c.key < before)
        if text:
            aliased = select(CASE_ALIASES.c.case_key).where(CASE_ALIASES.c.value == text)
            chosen = chosen.where(or_(CASES.c.key == text, CASES.c.key.in_(aliased)))
        return _cases(await self._run(_newest(chosen)))

    async def legs(self, case_key: str) -> tuple[Leg, ...]:
        """By owner."""
        rows = await self._run(_BY_OWNER, {"case_key": case_key})
        return tuple(Leg(**row._mapping) for row in rows)  # noqa: SLF001  SQLAlchemy's public name for a row by names

    async def leg(self, case_key: str, owner: str) -> Leg | None:
        """One owner's part of a case."""
        row = (await self._run(_LEG, {"case_key": case_key, "owner": owner})).first()
        return Leg(**row._mapping) if row else None  # noqa: SLF001  SQLAlchemy's public name for a row by names

    async def save_leg(self, leg: Leg) -> Leg:
        """Insert at revision 0, else write over the same revision. Raises: Conflict, if another was first."""
        saved = replace(leg, revision=leg.revision + 1)
        written = await (
            self._insert_new(LEGS, values_of(saved)) if leg.revision == 0 else self._update_leg(leg, saved)
        )
        if not written:
            raise Conflict("The leg was changed meanwhile: read it again.", constraint="revision")
        return saved

    async def _update_leg(self, leg: Leg, saved: Leg) -> bool:
        values = values_of(saved) | {"case_key_": leg.case_key, "owner_": leg.owner, "revision_": leg.revision}
        for name in _LEG_KEY:
            del values[name]
        return (await self._run(_SAVE_LEG, values)).rowcount == 1

    async def clocks(self, case_key: str) -> tuple[RunningClock, ...]:
        """In the order in which they started."""
        rows = await self._run(_CLOCKS, {"case_key": case_key})
        return tuple(RunningClock(**row._mapping) for row in rows)  # noqa: SLF001  as above

    async def clocks_due(self, *, until: str, limit: int) -> tuple[RunningClock, ...]:
        """Those that run and whose last day (ISO date) is not after `until`, the earliest first."""
        rows = await self._run(_DUE, {"until": until, "most": limit})
        return tuple(RunningClock(**row._mapping) for row in rows)  # noqa: SLF001  as above

    async def save_clock(self, clock: RunningClock) -> None:
        """Insert, or replace the one of the same case, leg, name and start. Raises: NotFound, without its case."""
        await self._run(_save_clock(self._dialect), values_of(clock))

    async def _own_aliases(self, case: Case) -> None:
        """One statement: a row comes back for each alias that is new or ours already."""
        aliases = dict.fromkeys(case.aliases)
        rows = [
            {"scheme": alias.scheme, "value": alias.value, "case_key": case.key, "position": position}
            for position, alias in enumerate(aliases)
        ]
        if not rows:
            return
        new = insert(self._dialect, CASE_ALIASES).values(rows)
        kept = new.on_conflict_do_update(
            index_elements=("scheme", "value"),
            set_={"case_key": new.excluded.case_key},
            where=CASE_ALIASES.c.case_key == new.excluded.case_key,
        )
        if len((await self._run(kept.returning(CASE_ALIASES.c.scheme))).rows) != len(rows):
            raise Conflict("An alias belongs to another case.", constraint="pk_case_aliases")


@cache
def _save_clock(dialect: str) -> Executable:
    new = insert(dialect, CLOCKS)
    replaced = {name: new.excluded[name] for name in _CLOCK_FIELDS if name not in _CLOCK_KEY}
    return new.on_conflict_do_update(index_elements=_CLOCK_KEY, set_=replaced)


def _newest(chosen: Select[Any]) -> Select[Any]:
    return _WITH_ALIASES.where(CASES.c.key.in_(chosen)).order_by(CASES.c.key.desc(), CASE_ALIASES.c.position)


def _case_values(case: Case) -> Values:
    return {name: getattr(case, name) for name in _CASE_FIELDS}


def _cases(rows: Iterable[Row[Any]]) -> tuple[Case, ...]:
    return tuple(_case(group) for _, group in groupby(rows, key=lambda row: row.key))


def _case(rows: Iterable[Row[Any]]) -> Case:
    """One case from its rows, one for each alias."""
    kept = [row._mapping for row in rows]  # noqa: SLF001  SQLAlchemy's public name for a row by names
    known: Values = {name: kept[0][name] for name in _CASE_FIELDS}
    aliases = tuple(Alias(row["scheme"], row["value"]) for row in kept if row["scheme"] is not None)
    return Case(**known | {"news": tuple(known["news"]), "aliases": aliases})
