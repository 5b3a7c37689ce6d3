"""Work rows and attempts.

A claim is fenced by its holder and its end: a worker whose claim ran out and was given away, even to itself,
can neither finish nor postpone the row.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, exists, insert, or_, select, update

from adapters.store.sql.rows import Rows, values_of
from adapters.store.sql.tables import ATTEMPTS, EXCHANGES, WORKS
from broker.errors import LostLease
from broker.model.work import TICKETED, Attempt, Work, WorkKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

_W: Final = WORKS.c
_FIELDS: Final = tuple(field.name for field in fields(Work))
_COLUMNS: Final = tuple(_W[name] for name in _FIELDS)
_ATTEMPT_FIELDS: Final = tuple(field.name for field in fields(Attempt))
_FREE: Final = or_(_W.claimed_until.is_(None), _W.claimed_until <= bindparam("now"))
_DUE: Final = and_(_W.next_attempt_at <= bindparam("now"), _FREE)
_OLDEST: Final = (_W.next_attempt_at, _W.id)
_SIBLING: Final = WORKS.alias("sibling")
#: One subject is in one hand at a time, even where it was asked for twice.
_SUBJECT_IN_HAND: Final = exists().where(
    _SIBLING.c.kind == _W.kind,
    _SIBLING.c.subject == _W.subject,
    _SIBLING.c.claimed_until > bindparam("now"),
)
_CANDIDATE: Final = (
    select(_W.id)
    .where(_W.kind == bindparam("kind_"), _W.subject == bindparam("subject_"), _DUE, ~_SUBJECT_IN_HAND)
    .order_by(*_OLDEST)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM: Final = (
    update(WORKS)
    .where(_W.id == _CANDIDATE.scalar_subquery(), _DUE)
    .values(attempts=_W.attempts + 1, claimed_by=bindparam("worker"), claimed_until=bindparam("until"))
    .returning(*_COLUMNS)
)
_HELD: Final = and_(
    _W.id == bindparam("id_"),
    _W.claimed_by == bindparam("holder"),
    _W.claimed_until.is_not_distinct_from(bindparam("held_until", type_=_W.claimed_until.type)),
)
_FINISH: Final = delete(WORKS).where(_HELD)
_POSTPONE: Final = (
    update(WORKS)
    .where(_HELD)
    .values(
        next_attempt_at=bindparam("at"),
        last_error=bindparam("error"),
        attempts=bindparam("counted"),
        about=bindparam("about_"),
        claimed_by="",
        claimed_until=None,
    )
)
_HASTEN: Final = (
    update(WORKS)
    .where(
        _W.kind == WorkKind.DELIVER,
        _W.attempts > 0,
        _W.next_attempt_at > bindparam("now"),
        _FREE,
        exists().where(EXCHANGES.c.id == _W.subject, EXCHANGES.c.addressee == bindparam("addressee_")),
    )
    .values(next_attempt_at=bindparam("now"))
)
_ABOUT: Final = update(WORKS).where(_HELD).values(about=bindparam("about_"))
_AHEAD: Final = (
    select(*_COLUMNS)
    .where(
        _W.line == bindparam("line_"),
        _W.subject < bindparam("subject_"),
        or_(
            _W.about == bindparam("case"),
            _W.about == bindparam("alias"),
            and_(_W.about == "", _W.attempts <= bindparam("patience")),
        ),
    )
    .order_by(_W.subject)
    .limit(bindparam("limit"))
)
_DUE_ROWS: Final = (
    select(*_COLUMNS)
    .where(_DUE, _W.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(*_OLDEST)
    .limit(bindparam("limit"))
)
_OF_SUBJECTS: Final = select(*_COLUMNS).where(_W.subject.in_(bindparam("subjects", expanding=True))).order_by(*_OLDEST)
_ADD: Final = insert(WORKS)
_ADD_ATTEMPT: Final = insert(ATTEMPTS)
_ATTEMPTS: Final = (
    select(*(ATTEMPTS.c[name] for name in _ATTEMPT_FIELDS))
    .where(ATTEMPTS.c.subject.in_(bindparam("subjects", expanding=True)))
    .order_by(ATTEMPTS.c.started_at, ATTEMPTS.c.id)
)


class Works(Rows):
    """What is still to do, and each try of it."""

    async def add_work(self, work: Work) -> None:
        """One more row; a subject may have several, of which one is in hand at a time."""
        await self._run(_ADD, values_of(work))

    async def add_work_once(self, work: Work) -> bool:
        """Write a row whose id is made of its subject; False if it is there already."""
        return await self._insert_new(WORKS, values_of(work))

    async def claim_work(
        self, kind: WorkKind, subject: str, *, worker: str, now: datetime, until: datetime
    ) -> Work | None:
        """Take the oldest row that is due and free; attempts + 1. Never waits for another worker."""
        values = {"kind_": kind, "subject_": subject, "worker": worker, "now": now, "until": until}
        row = (await self._run(_CLAIM, values)).first()
        return _work(row) if row else None

    async def finish_work(self, work: Work) -> None:
        """Delete the row, or one that is free and still is. Raises: LostLease."""
        await self._held(_FINISH, work)

    async def postpone_work(self, work: Work, *, at: datetime, error: str) -> None:
        """Release the claim and try again at `at`, with `work.attempts` and `work.about`. Raises: LostLease."""
        await self._held(_POSTPONE, work, at=at, error=error, counted=work.attempts, about_=work.about)

    async def hasten_deliveries(self, addressee: str, now: datetime) -> int:
        """Let what was tried and waits for this addressee be due now; how many rows. What is in hand stays so."""
        return (await self._run(_HASTEN, {"addressee_": addressee, "now": now})).rowcount

    async def note_about(self, work: Work) -> None:
        """Write what the row was found to speak of, and keep the claim. Raises: LostLease."""
        await self._held(_ABOUT, work, about_=work.about)

    async def work_ahead(self, work: Work, alias: str, *, patience: int, limit: int = 200) -> tuple[Work, ...]:
        """Rows of the same line before this one that speak of the same, or were not read yet; first come, first."""
        about = {"case": work.about, "alias": alias, "patience": patience}
        rows = await self._run(_AHEAD, {"line_": work.line, "subject_": work.subject, "limit": limit, **about})
        return tuple(_work(row) for row in rows)

    async def _held(self, statement: Any, work: Work, **more: Any) -> None:
        claim = {"id_": work.id, "holder": work.claimed_by, "held_until": work.claimed_until}
        if (await self._run(statement, claim | more)).rowcount != 1:
            raise LostLease(f"Work {work.id} is in other hands now.")

    async def due_work(self, now: datetime, limit: int, kinds: tuple[WorkKind, ...] = TICKETED) -> tuple[Work, ...]:
        """Due and free, oldest first."""
        values = {"now": now, "limit": limit, "kinds": kinds}
        return tuple(_work(row) for row in await self._run(_DUE_ROWS, values))

    async def work_of(self, subjects: tuple[str, ...]) -> tuple[Work, ...]:
        """What is still to do for these messages and exchanges."""
        return tuple(_work(row) for row in await self._run(_OF_SUBJECTS, {"subjects": subjects}))

    async def add_attempt(self, attempt: Attempt) -> None:
        """One try of one step."""
        await self._run(_ADD_ATTEMPT, values_of(attempt))

    async def attempts(self, subjects: tuple[str, ...]) -> tuple[Attempt, ...]:
        """Oldest first."""
        rows = await self._run(_ATTEMPTS, {"subjects": subjects})
        return tuple(Attempt(**row._mapping) for row in rows)  # noqa: SLF001  SQLAlchemy's public name for a row by names


def _work(row: Row[Any]) -> Work:
    values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for a row by names
    return Work(**values | {"kind": WorkKind(values["kind"])})
