"""Every port in one place: what the flow needs from the world, and nothing of how it is done.

Who judges from outside stands in `broker.judges`. Adapters implement these; they raise only errors of `broker.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from broker.access_port import ALWAYS as ALWAYS
from broker.access_port import AccessPoint as AccessPoint
from broker.access_port import Notification as Notification
from broker.access_port import Part as Part
from broker.access_port import Told as Told
from broker.access_port import UserMessage as UserMessage
from broker.access_port import Window as Window
from broker.model.work import TICKETED

if TYPE_CHECKING:
    from lxml import etree

    from broker.errors import Problem
    from broker.model.cases import Alias, Case, Leg, RunningClock
    from broker.model.exchanges import Exchange
    from broker.model.identity import Identity
    from broker.model.journal import Checkpoint, Entry, SealedEntry
    from broker.model.messages import Attachment, Message
    from broker.model.work import Attempt, Pause, Work, WorkKind
    from broker.payloads import Payload


class Clock(Protocol):
    """The time, as a parameter."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...


class Ids(Protocol):
    """New ids, as a parameter."""

    def new(self) -> str:
        """A fresh id that sorts by time (UUIDv7)."""
        ...


@dataclass(frozen=True, slots=True)
class ExchangeFilter:
    """What a list of exchanges shows. Empty fields do not filter; `text` matches any id or alias exactly."""

    states: tuple[str, ...] = ()
    direction: str = ""
    type: str = ""
    addressee: str = ""
    party: str = ""  #: exchanges whose message was brought by, or is addressed to, this back end
    case_key: str = ""
    text: str = ""
    limit: int = 50
    before: str = ""  #: an exchange id: only rows older than it (ids sort by time)


class Transaction(Protocol):
    """One commit. Everything done through it becomes true together, or not at all."""

    # contents, by SHA-256 in lower-case hexadecimal; however large, only a piece of one is held at a time
    async def put_content(self, data: bytes | Payload) -> str: ...
    async def put_contents(self, *several: bytes | Payload) -> tuple[str, ...]:
        """Of small ones as many in one round trip; of nothing (`b""`) nothing is kept, and its hash is ""."""
        ...

    async def content(self, sha256: str) -> bytes:
        """All of it at once, for documents. Raises: NotFound."""
        ...

    def content_pieces(self, sha256: str) -> AsyncIterator[bytes]:
        """All of it, a piece at a time. Raises: NotFound."""
        ...

    async def payload(self, sha256: str) -> Payload:
        """All of it, laid aside: it can be read when the transaction is over. Raises: NotFound, Unavailable."""
        ...

    async def payloads(self, *several: str) -> tuple[Payload, ...]:
        """As many, laid aside together."""
        ...

    async def has_content(self, sha256: str) -> bool: ...
    async def add_upload(self, backend: str, sha256: str, at: datetime) -> bool:
        """False if this back end uploaded this content before. Raises: NotFound, if it is not kept."""
        ...

    async def may_name(self, backend: str, sha256: str) -> bool:
        """Whether the back end uploaded this content, or a message addressed to it has a file of this content."""
        ...

    # messages
    async def add_message(self, message: Message) -> None:
        """Raises: Conflict, if (door, party, key) is taken."""
        ...

    async def message(self, message_id: str) -> Message:
        """Raises: NotFound."""
        ...

    async def message_by_key(self, door: str, party: str, key: str) -> Message | None: ...
    async def messages_by_keys(self, door: str, party: str, keys: tuple[str, ...]) -> tuple[Message, ...]:
        """Those of these keys that are kept, oldest first."""
        ...

    async def describe_message(self, message: Message) -> None:
        """Set what reading found out: type, profile, case_key, version, attachments. Never the bytes."""
        ...

    async def messages_of_case(self, case_key: str) -> tuple[Message, ...]:
        """Oldest first."""
        ...

    # exchanges
    async def add_exchange(self, exchange: Exchange) -> None:
        """Raises: Conflict, if the id or the wire_message_id is taken."""
        ...

    async def exchange(self, exchange_id: str) -> Exchange:
        """Raises: NotFound."""
        ...

    async def save_exchange(self, exchange: Exchange) -> Exchange:
        """Write all columns where the stored revision equals `exchange.revision`; return it with revision + 1.

        Raises: Conflict, if another transaction was first.
        """
        ...

    async def exchanges_of_message(self, message_id: str) -> tuple[Exchange, ...]:
        """Oldest first."""
        ...

    async def exchange_by_wire_id(self, wire_message_id: str) -> Exchange | None:
        """Sent under this MessageId now, or before it was sent again under another."""
        ...

    async def add_former_wire_id(self, wire_message_id: str, exchange_id: str) -> None: ...
    async def exchanges(self, wanted: ExchangeFilter) -> tuple[Exchange, ...]:
        """Newest first."""
        ...

    async def exchange_by_document(self, addressee: str, document_sha256: str) -> Exchange | None:
        """The newest that brings the addressee this document."""
        ...

    async def overdue_exchanges(self, now: datetime, limit: int) -> tuple[Exchange, ...]:
        """SUBMITTED exchanges whose `due_at` has passed."""
        ...

    async def unreceipted_exchanges(self, limit: int, after: str = "") -> tuple[Exchange, ...]:
        """SUBMITTED or ENDED outbound exchanges without `receipt_at`, oldest first, with an id greater than `after`."""
        ...

    async def unproven_exchanges(self, since: datetime, limit: int, after: str = "") -> tuple[Exchange, ...]:
        """Outbound, `receipt_at` not before `since`, no signed receipt kept; oldest first, ids greater than `after`."""
        ...

    # cases, legs, clocks
    async def case(self, key: str) -> Case:
        """Raises: NotFound."""
        ...

    async def case_by_alias(self, alias: Alias) -> Case | None: ...
    async def add_case(self, case: Case) -> None: ...
    async def save_case(self, case: Case) -> Case:
        """As save_exchange; also inserts aliases that are new (Conflict if one belongs to another case)."""
        ...

    async def cases(self, *, limit: int, before: str = "", text: str = "") -> tuple[Case, ...]:
        """Newest first; `before` is a case key, `text` an exact key or alias."""
        ...

    async def legs(self, case_key: str) -> tuple[Leg, ...]: ...
    async def leg(self, case_key: str, owner: str) -> Leg | None: ...
    async def save_leg(self, leg: Leg) -> Leg:
        """Insert at revision 0, else as save_exchange."""
        ...

    async def clocks(self, case_key: str) -> tuple[RunningClock, ...]: ...
    async def clocks_due(self, *, until: str, limit: int) -> tuple[RunningClock, ...]:
        """Those that run and whose last day (ISO date) is not after `until`, the earliest first."""
        ...

    async def save_clock(self, clock: RunningClock) -> None:
        """Insert or replace by (case_key, leg, clock, started_at)."""
        ...

    # work
    async def add_work(self, work: Work) -> None: ...
    async def add_work_once(self, work: Work) -> bool:
        """For rows whose id is made of their subject: False if the row is there already."""
        ...

    async def claim_work(
        self, kind: WorkKind, subject: str, *, worker: str, now: datetime, until: datetime
    ) -> Work | None:
        """Take the row if it is due and unclaimed (or its claim ran out); attempts + 1. None: nothing to do."""
        ...

    async def finish_work(self, work: Work) -> None:
        """Delete the row. Raises: LostLease, if it is not in the same hand any more, or not free as it was."""
        ...

    async def postpone_work(self, work: Work, *, at: datetime, error: str) -> None:
        """Release the claim and try again at `at`, with `work.attempts` and `work.about`. Raises: LostLease."""
        ...

    async def hasten_deliveries(self, addressee: str, now: datetime) -> int:
        """Let what was tried and waits for this addressee be due now; how many rows. What is in hand stays so."""
        ...

    async def note_about(self, work: Work) -> None:
        """Write `work.about` and keep the claim. Raises: LostLease."""
        ...

    async def work_ahead(self, work: Work, alias: str, *, patience: int, limit: int = 200) -> tuple[Work, ...]:
        """The rows before this one in its line that speak of `work.about` or `alias`, in their order.

        A row that nobody has read yet may speak of the same, until it was claimed more than `patience` times.
        """
        ...

    async def due_work(self, now: datetime, limit: int, kinds: tuple[WorkKind, ...] = TICKETED) -> tuple[Work, ...]:
        """Rows due and unclaimed of these kinds, oldest first."""
        ...

    async def work_of(self, subjects: tuple[str, ...]) -> tuple[Work, ...]: ...
    async def add_attempt(self, attempt: Attempt) -> None: ...
    async def attempts(self, subjects: tuple[str, ...]) -> tuple[Attempt, ...]:
        """Oldest first."""
        ...

    # pauses
    async def add_pause(self, pause: Pause) -> bool:
        """False if the destination was paused before."""
        ...

    async def end_pause(self, destination: str) -> bool:
        """False if the destination was not paused."""
        ...

    async def pauses(self) -> tuple[Pause, ...]:
        """By name."""
        ...

    # journal
    async def write_entry(self, entry: Entry) -> None: ...
    async def unsealed(self, limit: int) -> tuple[Entry, ...]:
        """Entries without a number, oldest first (by time, then id)."""
        ...

    async def sealed_number(self, entry_id: str) -> int | None:
        """The entry's place in the chain; None as long as it is not sealed."""
        ...

    async def last_sealed(self) -> SealedEntry | None: ...
    async def seal(self, entries: tuple[SealedEntry, ...]) -> None: ...
    async def sealed(self, after: int, limit: int) -> tuple[SealedEntry, ...]: ...
    async def entries_about(self, targets: tuple[str, ...]) -> tuple[Entry, ...]:
        """Oldest first, sealed or not."""
        ...

    async def unjournalled(self, limit: int) -> tuple[str, ...]:
        """Messages that came by a door and that no entry is about, sealed or not; the oldest first."""
        ...

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None: ...
    async def checkpoints(self) -> tuple[Checkpoint, ...]: ...

    # leases, one-time tokens, figures
    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool: ...
    async def use_once(self, key: str, at: datetime, *, until: datetime) -> bool:
        """True the first time a key is used, False as long as it is remembered: `until` then at least."""
        ...

    async def forget_used(self, before: datetime) -> int:
        """Forget keys that had to be remembered until earlier than `before`; how many."""
        ...

    async def figures(self, now: datetime) -> dict[str, float]:
        """For metrics.

        `exchanges.<direction>.<STATE>`, `work.due`, `work.oldest_seconds`, `journal.unsealed`, and `clocks.expired`,
        whose last day is over in UTC.
        """
        ...


class Store(Protocol):
    """The durable truth."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits on a clean exit, rolls back on an exception. Raises: Unavailable."""
        ...

    async def ping(self) -> None:
        """Raises: Unavailable, or ConfigurationError if the migrations are not at head."""
        ...

    async def close(self) -> None: ...


TicketHandler = Callable[[str], Awaitable[None]]


class Tickets(Protocol):
    """Hints to workers: ids only; the work row is the truth."""

    async def put(self, kind: WorkKind, subject: str) -> None:
        """Raises: Unavailable; losing a ticket is harmless, the sweeper issues another."""
        ...

    async def consume(self, kind: WorkKind, handler: TicketHandler, *, concurrency: int) -> None:
        """Call the handler for each ticket until cancelled; reconnects by itself.

        A ticket is acked when the handler returns or raises: the row keeps what is left to do.
        """
        ...

    async def ping(self) -> None:
        """Raises: Unavailable."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a back end is handed. `id` stays the same over all tries of one delivery."""

    id: str
    type: str
    profile: str
    content_type: str
    document: bytes
    sha256: str
    case_key: str = ""
    causation_id: str = ""  #: for notices: the message of the back end that this is about
    attachments: tuple[Attachment, ...] = ()


class Backend(Protocol):
    """A national system behind the broker."""

    @property
    def name(self) -> str: ...

    async def deliver(self, delivery: Delivery) -> bool:
        """Hand over; True if the back end has also acknowledged it.

        Raises: Unavailable (try again), Refused (it will never take this: a person must look).
        """
        ...

    async def close(self) -> None: ...


class Documents(Protocol):
    """The one hardened parser, the libxml2 gate and the xmlschema diagnosis."""

    def parse(self, data: bytes) -> etree._Element:
        """Raises: Refused (not-xml, dtd-forbidden, document-too-large, too-deep, too-many-attributes, bad-encoding)."""
        ...

    def is_valid(self, profile: str, root: etree._Element) -> bool:
        """The gate: the compiled schema's verdict."""
        ...

    async def diagnose(self, profile: str, data: bytes) -> tuple[Problem, ...]:
        """Explain a refusal: first 50 problems, each with path and rule; within two seconds."""
        ...


class Authenticator(Protocol):
    """Who is calling."""

    async def bearer(self, token: str) -> Identity:
        """Raises: Unauthenticated."""
        ...

    async def api_key(self, key: str) -> Identity:
        """Raises: Unauthenticated."""
        ...
