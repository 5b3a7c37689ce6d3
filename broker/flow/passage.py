"""A message on its way through the stages: what is known of it so far, immutable, replaced from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml import etree

    from broker.errors import Problem
    from broker.model.cases import Alias, Case, Leg, RunningClock
    from broker.model.exchanges import Exchange
    from broker.model.lifecycle import Change
    from broker.model.messages import Message
    from broker.payloads import Payload
    from broker.translation.facts import Facts
    from broker.translation.pieces import Lack


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to send because of this message: to whom, what, and what became of writing it.

    `own` means that it is the message itself going on, in another profile; otherwise a rule made the broker write it.
    """

    type: str
    addressee: str
    root: etree._Element
    own: bool
    leg: str = ""
    ref_to: str = ""  #: AS4 MessageId that it answers
    profile: str = ""
    wire_id: str = ""
    document: bytes | Payload = b""
    content_type: str = ""
    pivot: bytes = b""
    report: bytes = b""
    carry: bytes = b""
    losses: tuple[dict[str, str], ...] = ()
    problems: tuple[dict[str, str], ...] = ()
    waits: bool = False  #: for the sign-off of the message that it follows from
    failure: str = ""  #: why it cannot be sent as it is: it parks


@dataclass(frozen=True, slots=True)
class Passage:
    """Everything the stages found out and decided. Nothing of it is true before `record` commits it."""

    message: Message
    payload: Payload  #: the bytes that were kept, or those that a claim check names
    exchange: Exchange
    root: etree._Element | None = None  #: the message as eu-1
    facts: Facts | None = None
    claimed: str = ""  #: SHA-256 of the document, where a claim check came in its place
    files: tuple[tuple[str, Payload], ...] = ()  #: attachments that came inside: (sha256, bytes)
    report: bytes = b""
    losses: tuple[dict[str, str], ...] = ()
    flags: tuple[Problem, ...] = ()  #: values kept although eu-1, or its lists, have no word for them
    branch: str = ""  #: the road of its national chain that the document names
    lacks: tuple[Lack, ...] = ()  #: pieces that the document has not, and the roads that ask for them
    case: Case | None = None
    new_case: bool = False
    aliases: tuple[Alias, ...] = ()  #: learned from this message
    legs: tuple[Leg, ...] = ()
    changes: tuple[Change, ...] = ()
    clocks: tuple[RunningClock, ...] = ()  #: of the case, as they are before
    moved: tuple[RunningClock, ...] = ()  #: started, stopped, paused or resumed by this message
    news: dict[str, Any] | None = None
    answered: Exchange | None = None  #: the exchange that this message is an answer to, with the new facts
    acknowledged: Exchange | None = None  #: the delivery that a back end says it answers
    reply_to: str = ""  #: AS4 MessageId behind that delivery
    recorded: str = ""  #: why the message has no effect beyond being on record
    outgoing: tuple[Outgoing, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> Facts:
        """The facts; only for stages after reading."""
        if self.facts is None:
            raise RuntimeError("the stage order is wrong: nothing was read yet")
        return self.facts

    @property
    def tree(self) -> etree._Element:
        """The eu-1 document; only for stages after reading."""
        if self.root is None:
            raise RuntimeError("the stage order is wrong: nothing was read yet")
        return self.root
