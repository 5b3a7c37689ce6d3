"""A counterpart that was away and is back: what waits for it goes at once instead of at its next try.

Between two nodes nobody polls, and a work row may rest for a quarter of an hour. So a node says at its start and every
minute that it is there, by asking for anything at all; whoever is asked takes that as a hint and nothing more: if the
way there is still broken, the next try says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from broker.flow.node import CENTRAL, log

if TYPE_CHECKING:
    from broker.flow.node import Node

#: How soon what it hastened is hastened again: its requests may arrive, and ours not.
ONCE_IN: Final = timedelta(seconds=10)


@dataclass(slots=True)
class Presence:
    """Hears from the counterpart of one node."""

    node: Node
    hastened_at: datetime | None = None

    async def heard(self) -> int:
        """The counterpart has proven who it is: let what waits for it be due; how much. Raises: Unavailable."""
        now = self.node.clock.now()
        if self.hastened_at and self.hastened_at <= now < self.hastened_at + ONCE_IN:
            return 0
        async with self.node.store.transaction() as tx:
            hastened = await tx.hasten_deliveries(CENTRAL, now)
        if hastened:
            self.hastened_at = now
            self.node.breakers.of(CENTRAL).succeeded()
            log.info("counterpart.back", count=hastened)
        return hastened
