"""Ports to those who judge what comes in, from outside this program: their opinion is asked, and they may be silent.

Adapters implement these; they raise only errors of `broker.errors`.
"""

from __future__ import annotations

from typing import Protocol


class Scanner(Protocol):
    """A malware scanner."""

    async def scan(self, data: bytes) -> str:
        """What was found, by the scanner's own name for it; "" if nothing was. Raises: Unavailable."""
        ...

    async def ping(self) -> None:
        """Raises: Unavailable."""
        ...
