"""Hold an application that was lodged here against the rules of a complete form, before it leaves the house.

The Central Platform would take an incomplete form and each body would ask for what is missing (Art. 68(4)): four weeks
that nobody needs to lose. What comes from the EU is not held against them: whether it is complete is the body's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.flow.outcomes import Park, Stop
from broker.model.messages import MessageType
from broker.translation.completeness import missing

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.flow.passage import Passage


async def complete(node: Node, passage: Passage) -> Passage | Stop:
    """The same passage, if its form lacks nothing or is none of ours; else parked, with the list of what it lacks."""
    if passage.known.type != MessageType.APPLICATION_ORIGINATED:
        return passage
    lacking = missing(passage.tree, node.forms)
    return Park(f"the form lacks {len(lacking)} mandatory fields", lacking) if lacking else passage
