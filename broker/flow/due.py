"""What falls due over all cases: "what must I do, and by when"."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from broker.flow.case_views import clock_view

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from broker.model.cases import Case
    from broker.ports import Transaction

WITHIN_DAYS: Final = 30  #: how far ahead a person looks who names no number


async def due_list(tx: Transaction, today: date, *, within: int = WITHIN_DAYS, limit: int = 50) -> dict[str, Any]:
    """`clocks` that run and whose last day comes within so many days or is over, the earliest first.

    Clocks without a number in the law ("without undue delay") have no last day and stand with their case alone.
    """
    until = (today + timedelta(days=within)).isoformat()
    clocks = await tx.clocks_due(until=until, limit=limit)
    cases = {key: await tx.case(key) for key in _once(clock.case_key for clock in clocks)}
    rows = [{**_owner(cases[clock.case_key], clock.leg), **clock_view(clock, today)} for clock in clocks]
    return {"clocks": rows, "until": until}


def _once(keys: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(keys)


def _owner(case: Case, leg: str) -> dict[str, Any]:
    aliases = [{"scheme": alias.scheme, "value": alias.value} for alias in case.aliases]
    return {"case": case.key, "leg": leg, "aliases": aliases}
