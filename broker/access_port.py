"""The port of the national access point: what the flow needs of it, whichever interface it has.

The Domibus WS plugin and eu-https are behind it; the Domibus REST plugin or another product fit behind it as well.
Import all of this from `broker.ports`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from broker.payloads import Payload


@dataclass(frozen=True, slots=True)
class Part:
    """One payload of an AS4 user message."""

    href: str  #: `cid:message` for the business document
    media_type: str
    payload: Payload

    @classmethod
    def of(cls, href: str, media_type: str, data: bytes) -> Part:
        """One whose bytes are at hand."""
        return cls(href, media_type, Payload(data))

    @property
    def data(self) -> bytes:
        """All its bytes at once, for what is known to be small."""
        return self.payload.whole()


@dataclass(frozen=True, slots=True)
class UserMessage:
    """An ebMS3 user message as seen at the access point's back-end interface."""

    message_id: str
    parts: tuple[Part, ...]
    conversation_id: str = ""
    ref_to_message_id: str = ""
    from_party: str = ""
    from_role: str = ""
    to_party: str = ""
    to_role: str = ""
    service: str = ""
    service_type: str = ""
    action: str = ""
    agreement: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    timestamp: str = ""


class Told(StrEnum):
    """What an access point tells by itself."""

    RECEIVED = "received"  #: a message waits to be fetched
    MESSAGE = "message"  #: a message, whole
    SENT = "sent"  #: the other side has it: the AS4 receipt came
    SEND_FAILED = "send-failed"
    RECEIVE_FAILED = "receive-failed"
    DELETED = "deleted"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification; `status` belongs to STATUS, `message` to MESSAGE."""

    told: Told
    message_ids: tuple[str, ...]
    status: str = ""
    message: UserMessage | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """When a message was received, by the access point's clock, both ends included; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def halves(self) -> tuple[Window, ...]:
        """Earlier and later half; none where it is open, or a tenth of a second."""
        if self.since is None or self.until is None or self.until - self.since <= timedelta(seconds=0.1):
            return ()
        middle = self.since + (self.until - self.since) / 2
        return Window(self.since, middle), Window(middle, self.until)


ALWAYS: Final = Window()


class AccessPoint(Protocol):
    """The national eDelivery access point (Domibus or compatible)."""

    @property
    def name(self) -> str: ...

    async def submit(self, message: UserMessage) -> None:
        """Hand a message to the access point under its own MessageId.

        Raises: AlreadySubmitted (duplicate fault by code or text), OutcomeUnknown (time-out or cut after the
        request was sent), Refused (the other side's own word: it will never take this), Unavailable (anything
        else: all of it stays retryable).
        """
        ...

    async def pending(self, window: Window = ALWAYS) -> tuple[str, ...]:
        """Ids of what waits to be fetched: so many as one list holds, in no order. Raises: Unavailable."""
        ...

    async def retrieve(self, message_id: str) -> UserMessage:
        """Without marking it as downloaded. Raises: NotFound, Unavailable; Garbled, if the answer cannot be read."""
        ...

    async def retrieve_aside(self, message_id: str) -> UserMessage:
        """The same, and the bytes are laid aside meanwhile: a Garbled has them, so that nobody fetches them again."""
        ...

    async def mark_downloaded(self, message_id: str) -> None:
        """Already marked counts as success. Raises: Unavailable."""
        ...

    async def status(self, message_id: str) -> str:
        """A Domibus messageStatus, NOT_FOUND for an unknown id."""
        ...

    async def errors(self, message_id: str) -> tuple[str, ...]:
        """Codes of what went wrong with what we sent, oldest first (`EBMS:0005`). Raises: Unavailable."""
        ...

    async def push_failed(self) -> tuple[str, ...]:
        """Ids whose notification the access point gave up. Raises: Unavailable."""
        ...

    async def push_again(self, message_ids: tuple[str, ...]) -> None:
        """Let the access point notify again, of ids that `push_failed` names. Raises: NotFound, Unavailable."""
        ...

    async def restore(self, message_id: str) -> None:
        """Let a message that the access point gave up be sent again under its own id.

        Raises: NotFound, Unavailable; ConfigurationError, if this access point offers no such thing.
        """
        ...

    async def receipt(self, message_id: str) -> bytes | None:
        """The other side's signed AS4 receipt of what we sent, where it can be had. Raises: Unavailable."""
        ...

    async def sent_envelope(self, message_id: str) -> bytes | None:
        """The signed SOAP envelope in which a message went out, where it can be had. Raises: Unavailable."""
        ...

    async def ping(self) -> None:
        """Raises: Unavailable."""
        ...

    async def close(self) -> None: ...
