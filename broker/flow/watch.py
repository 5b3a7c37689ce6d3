"""What looks after those who work: do the workers come round, and does the access point still push?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from broker.errors import Unavailable
from broker.flow.node import Node, log

if TYPE_CHECKING:
    from broker.ports import AccessPoint


class StandsStill(Unavailable):
    """There is work that has long been due, and nobody has worked on any."""

    code = "stands-still"


@dataclass(slots=True)
class WorkerWatch:
    """Whether the workers of this process come round. A consumer waits for tickets, so it cannot beat by itself."""

    node: Node
    within: float  #: seconds
    last: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        """A worker is done with a ticket."""
        self.last = self.node.clock.now()

    async def check(self) -> None:
        """Raises: StandsStill; Unavailable, if the store cannot be asked."""
        since = self.node.clock.now() - timedelta(seconds=self.within)
        if self.last > since:
            return
        async with self.node.store.transaction() as tx:
            if await tx.due_work(since, 1):
                raise StandsStill


async def push_again(access_point: AccessPoint) -> int:
    """Let the access point notify again what it gave up; how many. Without polling nobody else would hear of it.

    Raises: Unavailable.
    """
    given_up = await access_point.push_failed()
    if given_up:
        log.warning("push.again", access_point=access_point.name, count=len(given_up))
        await access_point.push_again(given_up)
    return len(given_up)
