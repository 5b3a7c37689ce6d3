"""The mock's own words: an ebMS message as it lies at an access point."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SENDING: Final = "SENDING"
RECEIVING: Final = "RECEIVING"


@dataclass(frozen=True, slots=True)
class Chance:
    """Time and randomness, as parameters: `hex` gives so many random hexadecimal digits."""

    now: Callable[[], datetime]
    hex: Callable[[int], str]

    def stamp(self, offset: timedelta = timedelta(0)) -> str:
        """The present moment, or one so far from it, as on the wire: UTC, milliseconds."""
        return (self.now() + offset).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def since(self, stamp: str) -> float:
        """Seconds from a moment as `stamp` writes it until now."""
        return (self.now() - datetime.fromisoformat(stamp)).total_seconds()

    def until(self, stamp: str) -> float:
        """Seconds from now to a moment as `stamp` writes it, 0 where it is past."""
        return max(-self.since(stamp), 0.0)


@dataclass(frozen=True, slots=True)
class Part:
    """One payload."""

    href: str
    media_type: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, in lower-case hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Property:
    """A message property; `type` is kept as sent."""

    name: str
    value: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The ebMS3 header, flat."""

    message_id: str = ""
    ref_to_message_id: str = ""
    conversation_id: str = ""
    from_party: str = ""
    from_type: str = ""
    from_role: str = ""
    to_party: str = ""
    to_type: str = ""
    to_role: str = ""
    service: str = ""
    service_type: str = ""
    action: str = ""
    timestamp: str = ""
    properties: tuple[Property, ...] = ()

    def value(self, name: str) -> str:
        """The value of a message property, "" if absent."""
        return next((item.value for item in self.properties if item.name == name), "")

    def as_dict(self) -> dict[str, Any]:
        """For keeping as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Header:
        """Back from JSON."""
        return cls(**{**kept, "properties": tuple(Property(**item) for item in kept["properties"])})


@dataclass(frozen=True, slots=True)
class Held:
    """A message at one access point in one role."""

    seq: int
    nation: str
    role: str
    type: str
    status: str
    pending: bool
    at: str
    header: Header
    parts: tuple[Part, ...] = field(repr=False)
