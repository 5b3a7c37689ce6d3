"""What stands around the flow in its tests: an access point, an office, a queue. Each says what it was asked.

`tests/unit/flow/test_fakes.py` holds the access point to what the real adapter promises.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from broker.errors import AlreadySubmitted, Garbled, NotFound, OutcomeUnknown, Unavailable
from broker.payloads import Payload
from broker.ports import ALWAYS

if TYPE_CHECKING:
    from datetime import datetime

    from broker.model.work import WorkKind
    from broker.ports import Delivery, UserMessage, Window


@dataclass
class FakeAccessPoint:
    """Keeps what is submitted and offers what waits. `script` says, call by call, what goes wrong instead."""

    name: str = "ap-fr"
    sent: dict[str, UserMessage] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    inbox: dict[str, UserMessage] = field(default_factory=dict)
    marked: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    script: dict[str, deque[Exception | None]] = field(default_factory=lambda: defaultdict(deque))
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unpushed: list[str] = field(default_factory=list)
    receipts: dict[str, bytes] = field(default_factory=dict)
    received: dict[str, datetime] = field(default_factory=dict)
    list_max: int = 500
    cut: bool = False  #: submits are kept, and the answer is lost

    def _told(self, name: str, message_id: str = "") -> None:
        self.calls.append((name, message_id))
        planned = self.script[name] or self.script[f"{name} {message_id}"]
        error = planned.popleft() if planned else None
        if error is not None:
            raise error

    async def submit(self, message: UserMessage) -> None:
        self._told("submit", message.message_id)
        if message.message_id in self.sent:
            raise AlreadySubmitted(f"Message with id [{message.message_id}] already exists")
        self.sent[message.message_id] = message
        self.statuses.setdefault(message.message_id, "SEND_ENQUEUED")
        if self.cut:
            raise OutcomeUnknown("the connection was cut before the answer")

    async def pending(self, window: Window = ALWAYS) -> tuple[str, ...]:
        self._told("pending")
        waiting = (message_id for message_id in self.inbox if message_id not in self.marked)
        return tuple(islice((one for one in waiting if self._within(window, one)), self.list_max))

    def _within(self, window: Window, message_id: str) -> bool:
        at = self.received.get(message_id)
        late, early = window.until and at and at > window.until, window.since and at and at < window.since
        return not (late or early)

    async def retrieve(self, message_id: str) -> UserMessage:
        self._told("retrieve", message_id)
        if message_id not in self.inbox:
            raise NotFound(f"Message not found, id [{message_id}]")
        return self.inbox[message_id]

    async def retrieve_aside(self, message_id: str) -> UserMessage:
        try:
            return await self.retrieve(message_id)
        except Garbled as garbled:
            garbled.raw = ("text/plain", Payload(f"what came of {message_id}".encode()))
            raise

    async def mark_downloaded(self, message_id: str) -> None:
        self._told("mark", message_id)
        if message_id not in self.marked:
            self.marked.append(message_id)

    async def status(self, message_id: str) -> str:
        self._told("status", message_id)
        return self.statuses.get(message_id, "NOT_FOUND")

    async def errors(self, message_id: str) -> tuple[str, ...]:
        self._told("errors", message_id)
        return self.faults.get(message_id, ())

    async def push_failed(self) -> tuple[str, ...]:
        self._told("push_failed")
        return tuple(self.unpushed)

    async def push_again(self, message_ids: tuple[str, ...]) -> None:
        self._told("push_again", ",".join(message_ids))
        self.unpushed = [one for one in self.unpushed if one not in message_ids]

    async def restore(self, message_id: str) -> None:
        self._told("restore", message_id)
        if self.statuses.get(message_id) != "SEND_FAILURE":
            raise NotFound(f"Message not found, id [{message_id}]")
        self.statuses[message_id] = "SEND_ENQUEUED"

    async def receipt(self, message_id: str) -> bytes | None:
        self._told("receipt", message_id)
        return self.receipts.get(message_id)

    async def sent_envelope(self, message_id: str) -> bytes | None:
        self._told("envelope", message_id)
        return f"<envelope of {message_id}/>".encode()

    async def ping(self) -> None:
        self._told("ping")

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class FakeOffice:
    """A national system: takes deliveries once per id. `script` says, call by call, what goes wrong instead."""

    name: str
    acknowledges: bool = True
    taken: dict[str, Delivery] = field(default_factory=dict)
    tries: list[str] = field(default_factory=list)
    script: deque[Exception | None] = field(default_factory=deque)

    async def deliver(self, delivery: Delivery) -> bool:
        self.tries.append(delivery.id)
        error = self.script.popleft() if self.script else None
        if error is not None:
            raise error
        self.taken.setdefault(delivery.id, delivery)
        return self.acknowledges

    async def close(self) -> None:
        """Nothing is open."""

    def of(self, kind: str) -> list[Delivery]:
        return [delivery for delivery in self.taken.values() if delivery.type == kind]


@dataclass
class FakeTickets:
    """Remembers what was put; `away` refuses."""

    put_: list[tuple[WorkKind, str]] = field(default_factory=list)
    away: bool = False

    async def put(self, kind: WorkKind, subject: str) -> None:
        if self.away:
            raise Unavailable("the queue is away")
        self.put_.append((kind, subject))

    async def consume(self, *_: object, **__: object) -> None:
        raise AssertionError("a test runs the flow itself")

    async def ping(self) -> None:
        """There it is."""

    async def close(self) -> None:
        """Nothing is open."""
