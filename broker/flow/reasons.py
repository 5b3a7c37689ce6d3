"""The reason that a person gives for a decision: required, kept as content, and named in the journal by its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import Problem, Refused

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import Transaction


def need_reason(reason: str, what: str, hint: str) -> None:
    """Raises: Refused (`reason-missing`), if it says nothing."""
    if not reason.strip():
        raise Refused((Problem("reason-missing", f"{what} needs a reason", path="reason", hint=hint),))


async def journal_decision(
    node: Node, tx: Transaction, action: str, target: str, outcome: str, *, actor: str, reason: str
) -> None:
    """Write who decided what, and why."""
    digest = await tx.put_content(reason.encode())
    await tx.write_entry(node.entry(action, target, outcome, actor=actor, reason_sha256=digest))
