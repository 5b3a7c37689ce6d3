"""Fetch from the access point in two phases: retrieve without marking, commit, then mark as downloaded.

One message that cannot be fetched never holds up those behind it: each id has its own back-off. An id that
is deleted between the list and the retrieval is reported in the journal, not looped on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, NotFound
from broker.flow.arrival import Arrival
from broker.flow.keep import KeyReused, keep, quarantine
from broker.flow.node import log
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import AccessPoint, UserMessage

CONCURRENCY: Final = 4
MAIN_PART: Final = "cid:message"


@dataclass(slots=True)
class Fetcher:
    """Drains one access point's pending list. `resting` says which id is left alone until when."""

    node: Node
    access_point: AccessPoint
    resting: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    async def drain(self) -> int:
        """Fetch every pending message that is not resting; how many were kept and marked.

        Raises: Unavailable, if the list itself cannot be had.
        """
        listed = dict.fromkeys(await self.access_point.pending())
        self.resting = {mid: rest for mid, rest in self.resting.items() if mid in listed}
        now = self.node.clock.now()
        due = [mid for mid in listed if mid not in self.resting or self.resting[mid][1] <= now]
        gate = asyncio.Semaphore(CONCURRENCY)
        return sum(await asyncio.gather(*(self._guarded(mid, gate) for mid in due)))

    async def _guarded(self, message_id: str, gate: asyncio.Semaphore) -> bool:
        async with gate:
            try:
                await self._fetch(message_id)
            except BrokerError as problem:
                self._rest(message_id, problem.code)
                return False
            except Exception as error:  # noqa: BLE001 -- what nobody foresaw of one message must not hold up the others
                log.error("fetch.broken", wire_message_id=message_id, exc_info=error)
                self._rest(message_id, BrokerError.code)
                return False
            self.resting.pop(message_id, None)
            return True

    def _rest(self, message_id: str, code: str) -> None:
        tries = self.resting.get(message_id, (0, None))[0] + 1
        until = self.node.clock.now() + self.node.retry.delay(tries, self.node.random)
        self.resting[message_id] = (tries, until)
        log.warning("fetch.failed", wire_message_id=message_id, code=code, attempt=tries)

    async def _fetch(self, message_id: str) -> None:
        try:
            user_message = await self.access_point.retrieve(message_id)
        except NotFound:
            await self._report_gone(message_id)
            raise
        await self._keep(user_message)
        await self.access_point.mark_downloaded(message_id)

    async def _keep(self, user_message: UserMessage) -> None:
        arrival = arrival_of(self.access_point.name, user_message)
        try:
            await keep(self.node, arrival)
        except KeyReused as reused:
            await quarantine(self.node, arrival, reused.problems[0])

    async def _report_gone(self, message_id: str) -> None:
        if message_id in self.resting:
            return
        async with self.node.store.transaction() as tx:
            entry = self.node.entry("fetch.gone", message_id, "not-found", access_point=self.access_point.name)
            await tx.write_entry(entry)


def arrival_of(access_point: str, user_message: UserMessage) -> Arrival:
    """A user message as an arrival. Its key is the MessageId in the receiving role."""
    parts = {part.href.lower(): part for part in user_message.parts}
    main = parts.get(MAIN_PART) or next(iter(user_message.parts), None)
    return Arrival(
        door=Door.ACCESS_POINT,
        party=access_point,
        key=f"{user_message.message_id}|RECEIVING",
        data=main.data if main else b"",
        content_type=main.media_type if main else "",
        headers={
            "message_id": user_message.message_id,
            "ref_to_message_id": user_message.ref_to_message_id,
            "conversation_id": user_message.conversation_id,
            "from_party": user_message.from_party,
            "to_party": user_message.to_party,
            "action": user_message.action,
        },
    )
