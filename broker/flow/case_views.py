"""What people see of cases: plain dicts, the same for API, console and command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.flow.timeline import stamp
from broker.flow.views import message_row
from broker.model.clocks import days_left, standing
from broker.model.lifecycle import CHANGE, PERMIT, PERMIT_STATUS

if TYPE_CHECKING:
    from datetime import date

    from broker.model.cases import Case, Leg, RunningClock
    from broker.ports import Transaction


async def case_list(
    tx: Transaction, today: date, *, limit: int = 50, before: str = "", text: str = ""
) -> dict[str, Any]:
    """`cases` newest first and `next`: the key to ask `before` for the following page, or null."""
    page = await tx.cases(limit=limit, before=before, text=text)
    rows = [{**_case(case), "legs": await _legs(tx, case.key, today)} for case in page]
    return {"cases": rows, "next": page[-1].key if len(page) == limit else None}


async def _legs(tx: Transaction, key: str, today: date) -> list[dict[str, Any]]:
    clocks = await tx.clocks(key)
    return [_leg(leg, clocks, today) for leg in await tx.legs(key)]


async def case_view(tx: Transaction, key: str, today: date) -> dict[str, Any]:
    """One case: aliases, legs with their clocks, news of others, messages newest first.

    Raises:
        NotFound: no such case.
    """
    case = await tx.case(key)
    messages = await tx.messages_of_case(key)
    return {
        **_case(case),
        "versions": sorted({message.version for message in messages if message.version}),
        "legs": await _legs(tx, key, today),
        "news": [dict(news) for news in case.news],
        "messages": [await message_row(tx, message.id) for message in reversed(messages)],
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "key": case.key,
        "version": case.version,
        "created_at": stamp(case.created_at),
        "aliases": [{"scheme": alias.scheme, "value": alias.value} for alias in case.aliases],
    }


def _leg(leg: Leg, clocks: tuple[RunningClock, ...], today: date) -> dict[str, Any]:
    return {
        "owner": leg.owner,
        "state": leg.state,
        "origin": leg.origin,
        "national_state": leg.national_state,
        "permit": _permit(leg),
        "updated_at": stamp(leg.updated_at),
        "clocks": [clock_view(clock, today) for clock in clocks if clock.leg == leg.owner],
    }


def _permit(leg: Leg) -> dict[str, Any] | None:
    """Two things: whether it holds, and what became of the change that was asked for last; None before there is one."""
    status = leg.facts.get(PERMIT_STATUS)
    kind, _, came_to = leg.facts.get(CHANGE, "").partition(" ")
    request = {"type": kind, "status": came_to} if kind else None
    return {"number": leg.facts.get(PERMIT, ""), "status": status, "change_request": request} if status else None


def clock_view(clock: RunningClock, today: date) -> dict[str, Any]:
    """One clock as it stands on a day of this node's calendar."""
    return {
        "clock": clock.clock,
        "state": standing(clock, today),
        "days_left": days_left(clock, today),
        "started_at": stamp(clock.started_at),
        "due_on": clock.due_on,
        "reason": clock.reason,
        "paused_at": stamp(clock.paused_at) if clock.paused_at else None,
        "stopped_at": stamp(clock.stopped_at) if clock.stopped_at else None,
    }
