"""Fetch from the access point in two phases: retrieve without marking, commit, then mark as downloaded.

What was notified stands in work rows, what nobody notified is found by polling. Each id is in one hand at a time. One
message that cannot be fetched never holds up those behind it: each id has its own back-off. An id that is deleted
between the list and the retrieval is reported in the journal, not looped on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, Garbled, LostLease, NotFound, Unavailable
from broker.flow import settle
from broker.flow.arrival import Arrival
from broker.flow.inbox import inbox_key, lost_key
from broker.flow.keep import KeyReused, keep, quarantine
from broker.flow.lost import GONE, park_lost
from broker.flow.node import commit, log
from broker.flow.unavailable import failing_since, park_unavailable
from broker.flow.unreadable import park_unreadable
from broker.model.messages import Door, document_place
from broker.model.work import Work, WorkKind
from broker.ports import ALWAYS, Window

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import AccessPoint, Transaction, UserMessage

CONCURRENCY: Final = 4
#: Seconds after which a slow message leaves its place to the next one; it is fetched on beside them.
PATIENCE: Final = 2.0
#: How many are in hand at most, the slow ones beside them included: each may hold a payload in a spool.
MOST_IN_HAND: Final = 16
BATCH: Final = 500
#: How often what a full list hides is looked for, how far back at first, and by how much one look overlaps the last.
LOOK_BEHIND: Final = timedelta(seconds=20)
HORIZON: Final = timedelta(days=32)
OVERLAP: Final = timedelta(hours=1)
MOST_WINDOWS: Final = 200  # of one look: an access point may not heed the times
#: Tries after which an id that was told of and is not there counts as deleted: notification and list may come early.
GONE_TRIES: Final = 3
#: Tries after which an answer that cannot be read is kept for a person.
GARBLED_TRIES: Final = 3
#: How long a person is spared a pending message that cannot be fetched, and how seldom it is asked for after that.
UNAVAILABLE_AFTER: Final = timedelta(hours=1)
#: How long one of which a person was told, and which will hardly change, is left alone.
HOPELESS: Final = timedelta(days=1)
_HOPELESS: Final = frozenset({"answer-too-large", "answer-bomb", "payload-too-large"})


@dataclass(slots=True)
class Fetcher:
    """Fetches for one node from one access point; `poll` also asks for what is pending.

    A pending message that cannot be fetched for `unavailable_after` is put before a person; one that takes longer than
    `patience` (seconds) leaves its place to the next. `failing` remembers which id cannot be fetched since when,
    `resting` which is left alone until when, `in_hand` which are being fetched.
    """

    node: Node
    access_point: AccessPoint
    poll: bool = True
    unavailable_after: timedelta = UNAVAILABLE_AFTER
    patience: float = PATIENCE
    failing: dict[str, datetime] = field(default_factory=dict)
    resting: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    looked_behind: datetime | None = None
    in_hand: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def drain(self) -> int:
        """Fetch what was notified, then every pending message that is not resting; how many were kept and marked.

        Raises: Unavailable, if the list itself cannot be had.
        """
        notified = await self._notified()
        return notified + (await self._pending() if self.poll else 0)

    async def _notified(self) -> int:
        now = self.node.clock.now()
        async with self.node.store.transaction() as tx:
            due = await tx.due_work(now, BATCH, (WorkKind.FETCH,))
        return await self._all(self._by_row, [work.subject for work in due])

    async def _pending(self) -> int:
        """All that waits. What stays pending may fill the list, and hide what came behind it."""
        seen = set[str]()
        done, listed = await self._drained(ALWAYS, seen)
        if listed:
            return done + await self._behind(listed, seen)
        for mid in self.resting.keys() - seen:
            del self.resting[mid]
            self.failing.pop(mid, None)
        return done

    async def _drained(self, window: Window, seen: set[str]) -> tuple[int, int]:
        """A list holds 500 ids at most, in no order: it is asked for again as long as it brings new ones.

        How many were kept and marked, and how many the last list still held.
        """
        done = 0
        while True:
            listed = dict.fromkeys(await self.access_point.pending(window))
            fresh = [mid for mid in listed if mid not in seen]
            if not fresh:
                return done, len(listed)
            seen.update(fresh)
            done += await self._all(self._guarded, [mid for mid in fresh if self._due(mid)])

    async def _behind(self, full: int, seen: set[str]) -> int:
        """What a full list hides: asked for by time of receipt, in halves, until an answer is no longer full."""
        done = await self._all(self._guarded, [mid for mid in self.resting if mid not in seen and self._due(mid)])
        now = self.node.clock.now()
        if self.looked_behind and now < self.looked_behind + LOOK_BEHIND:
            return done
        start = self.looked_behind - OVERLAP if self.looked_behind else now - HORIZON
        self.looked_behind = now
        windows = deque((Window(until=start), Window(start, now), Window(since=now)))
        for _ in range(MOST_WINDOWS):
            if not windows:
                break
            window = windows.popleft()
            more, listed = await self._drained(window, seen)
            done += more
            windows += window.halves() if listed >= full else ()
        return done

    def _due(self, message_id: str) -> bool:
        rest = self.resting.get(message_id)
        return message_id not in self.in_hand and (rest is None or rest[1] <= self.node.clock.now())

    async def _all(self, fetch: Callable[[str], Coroutine[None, None, bool]], message_ids: list[str]) -> int:
        gate = asyncio.Semaphore(CONCURRENCY)

        async def one(message_id: str) -> bool:
            async with gate:
                while len(self.in_hand) >= MOST_IN_HAND:
                    await asyncio.wait(set(self.in_hand.values()), return_when=asyncio.FIRST_COMPLETED)
                if message_id in self.in_hand:
                    return False
                task = asyncio.create_task(fetch(message_id))
                self.in_hand[message_id] = task
                task.add_done_callback(lambda _: self.in_hand.pop(message_id, None))
                await asyncio.wait({task}, timeout=self.patience)
            return task.result() if task.done() else False

        return sum(await asyncio.gather(*(one(message_id) for message_id in message_ids)))

    async def close(self) -> None:
        """Let go of what is still being fetched: it is pending, or stands in its row."""
        tasks = list(self.in_hand.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, message_id: str) -> bool:
        """Fetch what is pending; what fails rests."""
        tries = self.resting.get(message_id, (0, None))[0] + 1
        error = await self._tried(message_id, tries, known=tries > 1)
        if error is None:
            self.resting.pop(message_id, None)
            return True
        if isinstance(error, NotFound) and (tries == GONE_TRIES or not await self._is_listed(message_id)):
            await self._report_gone(message_id)
        self.resting[message_id] = (tries, await self._again(message_id, error, tries))
        log.warning("fetch.failed", wire_message_id=message_id, code=_code(error), attempt=tries)
        return False

    async def _is_listed(self, message_id: str) -> bool:
        """Whether the access point still promises it; one that cannot be asked took nothing back."""
        try:
            return message_id in await self.access_point.pending(ALWAYS)
        except Unavailable:
            return True

    async def _again(self, message_id: str, error: BrokerError, tries: int) -> datetime:
        """When what failed is tried again; what a person was told of and is hopeless, seldom."""
        if not isinstance(error, Garbled):
            return await self._again_unavailable(message_id, error, tries)
        told = tries >= GARBLED_TRIES and await self._set_aside(message_id, error)
        delay = self.node.retry.delay(tries, self.node.random)
        return self.node.clock.now() + (max(delay, HOPELESS) if told and _code(error) in _HOPELESS else delay)

    async def _again_unavailable(self, message_id: str, error: BrokerError, tries: int) -> datetime:
        """When it is tried again; what has failed for long, and is still listed, is put before a person."""
        now = self.node.clock.now()
        delay = self.node.retry.delay(tries, self.node.random)
        since = await self._since(message_id, error)
        if isinstance(error, NotFound) or now - since < self.unavailable_after:
            return now + delay
        told = await self._put_before(message_id, error)
        return now + (max(delay, self.unavailable_after) if told else delay)

    async def _since(self, message_id: str, error: BrokerError) -> datetime:
        """When it first failed, kept in the store: a restart does not begin the hour anew."""
        if message_id not in self.failing:
            try:
                since = await failing_since(self.node, self.access_point.name, message_id, _code(error))
            except BrokerError:
                return self.node.clock.now()
            self.failing[message_id] = since
        return self.failing[message_id]

    async def _put_before(self, message_id: str, error: BrokerError) -> bool:
        """Whether a person knows of it; while nothing can be had of the access point, no single message is to blame."""
        try:
            if message_id not in await self.access_point.pending(ALWAYS):
                return False
            await park_unavailable(self.node, self.access_point.name, message_id, _code(error))
        except BrokerError as problem:
            log.warning("fetch.not_set_aside", wire_message_id=message_id, code=problem.code)
            return False
        return True

    async def _by_row(self, message_id: str) -> bool:
        """Fetch what was notified; what fails waits in its row."""
        work = await commit(self.node, lambda tx: self._claim(tx, message_id))
        if work is None:
            return False
        error = await self._tried(message_id, work.attempts, known=True)
        left = await self._left(work, error)
        try:
            await commit(self.node, lambda tx: self._put_down(tx, work, left))
        except LostLease:
            log.warning("fetch.lease_lost", wire_message_id=message_id)
        return error is None

    async def _left(self, work: Work, error: BrokerError | None) -> tuple[BrokerError, datetime] | None:
        """What keeps the row, and until when; None if nothing does."""
        if error is None:
            return None
        if isinstance(error, NotFound) and work.attempts >= GONE_TRIES:
            await self._report_gone(work.subject)
            return None
        return error, await self._again(work.subject, error, work.attempts)

    async def _claim(self, tx: Transaction, message_id: str) -> Work | None:
        now = self.node.clock.now()
        until = now + timedelta(seconds=self.node.retry.lease)
        return await tx.claim_work(WorkKind.FETCH, message_id, worker=self.node.worker, now=now, until=until)

    async def _put_down(self, tx: Transaction, work: Work, left: tuple[BrokerError, datetime] | None) -> None:
        if left is None:
            await tx.finish_work(work)
            return
        error, at = left
        log.warning("fetch.failed", wire_message_id=work.subject, code=_code(error), attempt=work.attempts)
        await tx.postpone_work(work, at=at, error=_code(error))

    async def _tried(self, message_id: str, tries: int, *, known: bool) -> BrokerError | None:
        """Fetch one; what went wrong, None if nothing did. `known`: it may be kept already."""
        retrieve = self.access_point.retrieve if tries < GARBLED_TRIES else self.access_point.retrieve_aside
        try:
            if not (known and await self._is_kept(inbox_key(message_id))):
                await self._keep(await retrieve(message_id))
            await settle.came(self.node, self.access_point.name, message_id)
            await self.access_point.mark_downloaded(message_id)
        except BrokerError as problem:
            return problem
        except Exception as error:  # noqa: BLE001 -- what nobody foresaw of one message must not hold up the others
            log.error("fetch.broken", wire_message_id=message_id, exc_info=error)
            return BrokerError()
        self.failing.pop(message_id, None)
        return None

    async def _is_kept(self, key: str) -> bool:
        async with self.node.store.transaction() as tx:
            return await tx.message_by_key(Door.ACCESS_POINT, self.access_point.name, key) is not None

    async def _keep(self, user_message: UserMessage) -> None:
        arrival = arrival_of(self.access_point.name, user_message)
        try:
            await keep(self.node, arrival)
        except KeyReused as reused:
            await quarantine(self.node, arrival, *reused.problems)

    async def _set_aside(self, message_id: str, error: Garbled) -> bool:
        """Whether a person knows of the answer that cannot be read. The message stays pending and is tried on."""
        try:
            return await park_unreadable(self.node, self.access_point.name, message_id, error)
        except BrokerError as problem:
            log.warning("fetch.not_set_aside", wire_message_id=message_id, code=problem.code)
            return False

    async def _report_gone(self, message_id: str) -> None:
        self.failing.pop(message_id, None)
        if await self._is_kept(inbox_key(message_id)) or await self._is_kept(lost_key(message_id)):
            return
        async with self.node.store.transaction() as tx:
            entry = self.node.entry("fetch.gone", message_id, "not-found", access_point=self.access_point.name)
            await tx.write_entry(entry)
        await park_lost(self.node, self.access_point.name, message_id, GONE)
        await settle.gone(self.node, self.access_point.name, message_id)


def _code(error: BrokerError) -> str:
    """What exactly is wrong, where that is known."""
    return error.problems[0].code if isinstance(error, Garbled) else error.code


def arrival_of(access_point: str, user_message: UserMessage) -> Arrival:
    """A user message as an arrival, with every part of it and every fact of its header."""
    parts = user_message.parts
    main = parts[document_place([part.href for part in parts])] if parts else None
    return Arrival(
        door=Door.ACCESS_POINT,
        party=access_point,
        key=inbox_key(user_message.message_id),
        data=main.payload if main else b"",
        content_type=main.media_type if main else "",
        headers=_header_of(user_message),
        parts=parts,
    )


def _header_of(user_message: UserMessage) -> dict[str, str]:
    """The ebMS3 header, flat; what senders add as message properties stands under names of its own."""
    return {
        "message_id": user_message.message_id,
        "ref_to_message_id": user_message.ref_to_message_id,
        "conversation_id": user_message.conversation_id,
        "timestamp": user_message.timestamp,
        "from_party": user_message.from_party,
        "from_role": user_message.from_role,
        "to_party": user_message.to_party,
        "to_role": user_message.to_role,
        "agreement": user_message.agreement,
        "service": user_message.service,
        "service_type": user_message.service_type,
        "action": user_message.action,
        **{f"property.{name}": value for name, value in user_message.properties.items()},
    }
