"""Ports to those who judge what comes in, from outside this program: their opinion is asked, and they may be silent.

Adapters implement these; they raise only errors of `broker.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from broker.errors import Problem


class Scanner(Protocol):
    """A malware scanner."""

    async def scan(self, data: bytes) -> str:
        """What was found, by the scanner's own name for it; "" if nothing was. Raises: Unavailable."""
        ...

    async def ping(self) -> None:
        """Raises: Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a validator says of a document. `by` names it with what it says of its own version."""

    by: str
    problems: tuple[Problem, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it found nothing wrong."""
        return not self.problems


class Validator(Protocol):
    """A validator elsewhere, asked before a message goes out (D7.3 section 7.2, step 1)."""

    async def judge(self, data: bytes) -> Verdict:
        """Its verdict on a document as it would travel. Raises: Unavailable, also where it says that it cannot tell."""
        ...

    async def ping(self) -> None:
        """Raises: Unavailable."""
        ...
