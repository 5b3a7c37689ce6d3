"""What a node throws away by itself: only what nobody can ask for any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from broker.flow.node import Node

#: How much longer than it lives a used token is remembered: the clocks of two workers may differ.
MARGIN: Final = timedelta(hours=1)


async def forget_used_tokens(node: Node) -> int:
    """Forget the ids of tokens that have expired, as nobody takes such a token; how many. Raises: Unavailable."""
    async with node.store.transaction() as tx:
        return await tx.forget_used(node.clock.now() - MARGIN)
