"""What a door hands over, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from broker.payloads import Payload

if TYPE_CHECKING:
    from broker.errors import Problem
    from broker.model.messages import Door
    from broker.ports import Part

REDELIVERED: Final = "redelivered"  #: a header of what a queue delivered before, and took back


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message at a door: original bytes, and who brought it as authenticated there.

    `parts` are all payloads of an AS4 user message; `data` is the one of them that is the business document.
    """

    door: Door
    party: str
    key: str
    data: bytes | Payload
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)  #: transport facts worth keeping; never form data
    parts: tuple[Part, ...] = ()

    @property
    def payload(self) -> Payload:
        """The original bytes, however they were given."""
        return Payload.of(self.data)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a door answers: the kept message, whether it is new, and how far it came within the request."""

    message_id: str
    fresh: bool
    state: str
    problems: tuple[Problem, ...] = ()
