"""A back end that fetches by itself: it lists and takes its exchanges through the API and acknowledges them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.ports import Delivery


class PullBackend:
    """The `Backend` port where nothing is pushed: an exchange is handed over by being there for the API to show."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def deliver(self, delivery: Delivery) -> bool:  # noqa: ARG002 - the port's signature
        """Ready to be fetched; acknowledged only when the back end says so."""
        return False

    async def close(self) -> None:
        """Nothing is open."""
