"""What a person asks the access point for: a message that it still has, and does not list as pending any more.

After an older backup was restored, what was fetched since is downloaded there and missing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import ConfigurationError, Conflict
from broker.flow.inbox import inbox_key
from broker.flow.node import commit
from broker.flow.notified import fetch_row
from broker.model.messages import Door

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.ports import Transaction


async def ask_for(node: Node, wire_id: str, *, actor: str) -> None:
    """Let the node fetch it, as if it had been notified; once it is gone, that is put before a person.

    Raises: Conflict (it is kept here), ConfigurationError (no access point), Unavailable.
    """
    if node.access_point is None:
        raise ConfigurationError("no access point is configured (access_point.url)")
    name = node.access_point.name

    async def change(tx: Transaction) -> None:
        kept = await tx.message_by_key(Door.ACCESS_POINT, name, inbox_key(wire_id))
        if kept is not None:
            raise Conflict(f"the message {wire_id} is kept here: see `hdeu messages show {kept.id}`")
        await tx.add_work_once(fetch_row(node, name, wire_id))
        await tx.write_entry(node.entry("fetch.asked", wire_id, "noted", actor=actor, access_point=name))

    await commit(node, change)
