"""What a stage or a try can come to, as values. Only the runner acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.errors import Problem


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do in this step."""

    before: bool = False  #: an earlier try had done it, and only now it is known


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after `delay`; the row says so, with the reason."""

    delay: timedelta
    reason: str
    code: str = "unavailable"


@dataclass(frozen=True, slots=True)
class Refuse:
    """The sender must act."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Park:
    """A person must act."""

    reason: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Apart:
    """It is several messages in one: each is kept as one of its own and goes its way."""

    entries: tuple[bytes, ...]


Stop = Later | Refuse | Park | Apart
Outcome = Done | Stop
