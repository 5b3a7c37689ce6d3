"""Destinations that a person pauses and resumes: maintenance, or a disconnection (Regulation (EU) 2025/327, Art. 75).

Messages to a paused destination wait in their rows and use up neither tries nor budget; what comes in still comes in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from broker.errors import Conflict, NotFound
from broker.flow.node import CENTRAL, Node, commit, log
from broker.flow.reasons import journal_decision, need_reason
from broker.flow.timeline import stamp
from broker.model.work import Pause

if TYPE_CHECKING:
    from broker.model.work import Work
    from broker.ports import Transaction

RECHECK: Final = timedelta(seconds=10)  #: how soon after its end a pause is noticed


def names(node: Node) -> tuple[str, ...]:
    """Every destination of the node."""
    return (CENTRAL, *sorted(node.backends))


async def pause(node: Node, destination: str, *, actor: str, reason: str) -> dict[str, Any]:
    """Let nothing go to a destination from now on.

    Raises: NotFound (no such destination), Refused (`reason-missing`), Conflict (it is paused already).
    """
    _need(node, destination)
    need_reason(reason, "a pause", "Say what happens, and until when.")

    async def change(tx: Transaction) -> None:
        if not await tx.add_pause(Pause(destination, node.clock.now(), actor, reason.strip()[:500])):
            raise Conflict(f"{destination} is paused already")
        await journal_decision(node, tx, "destination.paused", destination, "paused", actor=actor, reason=reason)

    await _changed(node, change)
    log.warning("destination.paused", destination=destination)
    return await _one(node, destination)


async def resume(node: Node, destination: str, *, actor: str) -> dict[str, Any]:
    """Let messages go to a destination again. Raises: NotFound (no such destination), Conflict (it is not paused)."""
    _need(node, destination)

    async def change(tx: Transaction) -> None:
        if not await tx.end_pause(destination):
            raise Conflict(f"{destination} is not paused")
        await tx.write_entry(node.entry("destination.resumed", destination, "resumed", actor=actor))

    await _changed(node, change)
    log.warning("destination.resumed", destination=destination)
    return await _one(node, destination)


async def _changed(node: Node, change: Callable[[Transaction], Awaitable[None]]) -> None:
    """Commit once: a refusal is the answer here, not a reason to try again."""
    await commit(node, change, tries=1)
    node.paused.read_at = None


async def destinations(node: Node) -> list[dict[str, Any]]:
    """Every destination, and its pause."""
    async with node.store.transaction() as tx:
        paused = {found.destination: found for found in await tx.pauses()}
    return [_shown(name, paused.get(name)) for name in names(node)]


async def _one(node: Node, destination: str) -> dict[str, Any]:
    return next(row for row in await destinations(node) if row["name"] == destination)


def _shown(name: str, found: Pause | None) -> dict[str, Any]:
    if found is None:
        return {"name": name, "paused": False}
    return {"name": name, "paused": True, "since": stamp(found.since), "actor": found.actor, "reason": found.reason}


def _need(node: Node, destination: str) -> None:
    if destination not in names(node):
        raise NotFound(f"no destination is called {destination}; there are {', '.join(names(node))}")


async def is_paused(node: Node, tx: Transaction, work: Work, destination: str) -> bool:
    """Whether nothing may go there now; then the row waits, and no try is counted."""
    now = node.clock.now()
    found = await node.paused.of(tx, destination, now)
    if found is None:
        return False
    await tx.finish_work(work)
    unclaimed = replace(work, attempts=work.attempts - 1, claimed_by="", claimed_until=None)
    why = f"paused: {destination} is paused since {stamp(found.since)}"
    await tx.add_work(replace(unclaimed, next_attempt_at=now + RECHECK, last_error=why))
    return True
