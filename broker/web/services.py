"""What the web needs of the node, as callables and ports that the composition root hands in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from datetime import date

    from broker.flow.arrival import Accepted, Arrival
    from broker.ports import Authenticator, Clock, Store


class SignOff(Protocol):
    """Agree to what the translation of a message loses, so that its exchanges in SIGN_OFF go on."""

    async def __call__(self, message_id: str, *, actor: str, reason: str) -> str:
        """The new state. Raises: NotFound; Conflict, if nothing of it waits for a sign-off."""
        ...


class Acknowledge(Protocol):
    """A back end has what was handed over to it."""

    async def __call__(self, named: str, *, backend: str) -> str:
        """The new state. Raises: NotFound; Conflict, if nothing was handed over."""
        ...


class Retry(Protocol):
    """Let a message that waits for a person, or for its next attempt, go on now."""

    async def __call__(self, message_id: str, *, actor: str) -> str:
        """The new state. Raises: NotFound; Conflict, if there is nothing to try again."""
        ...


class CloseOne(Protocol):
    """End a message that nothing else will end."""

    async def __call__(self, message_id: str, *, actor: str, reason: str) -> str:
        """The new state. Raises: NotFound; Conflict, if there is nothing to close."""
        ...


class PauseOne(Protocol):
    """Let nothing go to a destination."""

    async def __call__(self, destination: str, *, actor: str, reason: str) -> dict[str, Any]:
        """The destination as it is shown. Raises: NotFound, Conflict."""
        ...


class ResumeOne(Protocol):
    """Let messages go to a destination again."""

    async def __call__(self, destination: str, *, actor: str) -> dict[str, Any]:
        """The destination as it is shown. Raises: NotFound, Conflict."""
        ...


Accept = Callable[["Arrival"], Awaitable["Accepted"]]


class KeepFile(Protocol):
    """Keep bytes that a later message will name."""

    async def __call__(self, data: bytes, *, backend: str) -> bool:
        """Whether they are new."""
        ...


Export = Callable[[], AsyncIterator[str]]
Destinations = Callable[[], Awaitable[list[dict[str, Any]]]]
Status = Callable[[str], str]
Report = Callable[[bytes, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that a door takes in one request."""

    document: int = 10_000_000
    attachment: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One node, as its web sees it."""

    node: str
    store: Store
    clock: Clock
    authenticator: Authenticator
    accept: Accept
    keep_file: KeepFile
    sign_off: SignOff
    retry: Retry
    acknowledge: Acknowledge
    close: CloseOne
    restore: Retry  #: let the access point send again what it gave up
    destinations: Destinations
    pause: PauseOne
    resume: ResumeOne
    export: Export  #: the sealed journal as JSON lines, without line ends
    report: Report  #: a kept report of a translation, spelled out as JSON; with the eu-1 that went out, over both hops
    status: Status  #: what the wire calls an internal state of a leg; "" if it has no word for it
    today: Callable[[], date]  #: the day here, in the zone in which legal days are counted
    backends: frozenset[str]  #: names that a back end's token may carry
    limits: Limits = Limits()


SERVICES: Final = web.AppKey("services", Services)
