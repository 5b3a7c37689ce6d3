"""What every stage and loop of one node works with: ports, rules as data, and who is connected."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random

from broker.errors import Conflict, Unavailable
from broker.flow.order import Hands
from broker.flow.retry import Breakers, PauseBoard, RetryPolicy
from broker.model.journal import Entry
from broker.model.lifecycle import POLICIES
from broker.model.work import Work, WorkKind
from broker.translation.completeness import RuleSet, shipped_rules
from broker.translation.files.rules import FileRules, shipped_file_rules

if TYPE_CHECKING:
    from datetime import datetime

    from broker.judges import Scanner, Validator
    from broker.model.clocks import ClockRule, WorkingDays
    from broker.model.lifecycle import Lifecycle
    from broker.ports import AccessPoint, Backend, Clock, Documents, Ids, Store, Tickets, Transaction
    from broker.translation.codecs.codec import Codec
    from broker.translation.codecs.national import NationalCodec
    from broker.translation.translator import Translator

T = TypeVar("T")
CENTRAL: Final = "cp"  #: addressee of everything that goes to the Central Platform
_WIRE_IDS: Final = uuid.UUID("6f6d9f0e-8f0f-5d0b-9a51-1c4a3f2f5f10")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Connected:
    """A back end as the flow sees it: its profile, what is routed to it, its national chain."""

    name: str
    profile: str
    backend: Backend
    catalogs: frozenset[str] = frozenset()
    default: bool = True
    chain: str = ""
    wants_notices: bool = True
    codec: NationalCodec | None = None  #: of a profile whose documents are not XML
    policies: frozenset[str] = POLICIES  #: what the body chose where the sources differ


@dataclass(frozen=True, slots=True)
class Wire:
    """ebMS3 header values towards the Central Platform, and the profile that travels."""

    party: str
    central_party: str
    service: str
    service_type: str
    action: str
    properties: Mapping[str, str]
    profile: str = "eu-r7"
    peer: bool = False  #: the other side is a body like ours, and not the Central Platform


@dataclass(frozen=True, slots=True)
class Due:
    """What an addressee owes for one message type, and after how many days silence is a state."""

    what: str = "none"
    answer: str = ""
    days: int = 0


#: Told of each finished try: step, outcome, seconds.
Observe = Callable[[str, str, float], None]


def unobserved(step: str, outcome: str, seconds: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Node:
    """One running node. Rules are data; everything that touches the world is a port."""

    name: str
    nation: str
    participant: str
    release: str
    store: Store
    tickets: Tickets
    clock: Clock
    ids: Ids
    documents: Documents
    codec: Codec
    translator: Translator
    backends: Mapping[str, Connected]
    wire: Wire
    lifecycle: Lifecycle
    chains: Mapping[str, Lifecycle]
    clocks: Mapping[str, ClockRule]
    days: WorkingDays
    due: Mapping[str, Due]
    access_point: AccessPoint | None = None
    scanner: Scanner | None = None
    validator: Validator | None = None  #: a remote one, asked beside the schemas
    judged_by: str = "the schemas of this release"
    forms: RuleSet = field(default_factory=shipped_rules)
    files: FileRules = field(default_factory=shipped_file_rules)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breakers: Breakers = field(default_factory=Breakers)
    random: Random = field(default_factory=Random)
    hands: Hands = field(default_factory=Hands)
    paused: PauseBoard = field(default_factory=PauseBoard)
    observe: Observe = unobserved
    hold_seconds: float = 3600.0
    production: bool = False  #: messages that are marked as tests wait for a person
    worker: str = "worker"

    def policies_of(self, owner: str) -> frozenset[str]:
        """What the body behind this back end chose where the sources differ."""
        link = self.backends.get(owner)
        return link.policies if link else POLICIES

    def wire_id(self, *parts: str) -> str:
        """The MessageId towards the access point: the same parts give the same id, so a repeat is a duplicate."""
        return f"{uuid.uuid5(_WIRE_IDS, '|'.join((self.name, *parts)))}@{self.name}"

    def entry(self, action: str, target: str, outcome: str, **detail: str) -> Entry:
        """A journal entry of the flow: ids, states and codes only."""
        actor = detail.pop("actor", "flow")
        return Entry(self.ids.new(), self.clock.now(), actor, action, target, outcome, detail)

    def work(self, kind: WorkKind, subject: str, *, at: datetime | None = None) -> Work:
        """A work row, due now unless told otherwise."""
        return Work(self.ids.new(), kind, subject, at or self.clock.now())

    async def hint(self, kind: WorkKind, subject: str) -> None:
        """Issue a ticket; if the queue is away the sweeper will."""
        try:
            await self.tickets.put(kind, subject)
        except Unavailable:
            log.warning("ticket.not_issued", kind=kind.value, subject=subject)


async def commit(node: Node, change: Callable[[Transaction], Awaitable[T]], *, tries: int = 6) -> T:
    """Run `change` in one transaction; when another one was first, run it again on what is true now.

    Raises: Conflict after `tries`; Unavailable.
    """
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(tries),
        wait=wait_random(0, 0.05),
        reraise=True,
    ):
        with attempt:
            async with node.store.transaction() as tx:
                return await change(tx)
    raise AssertionError("unreachable")


async def amend(tx: Transaction, exchange_id: str, **changes: Any) -> None:
    """Set columns of an exchange as it is now."""
    await tx.save_exchange(replace(await tx.exchange(exchange_id), **changes))
