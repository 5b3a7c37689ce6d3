"""The headers that go with every delivery, whatever carries it: CloudEvents 1.0 binary mode and a few of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from broker.ports import Delivery

TYPE_PREFIX: Final = "eu.hdeu."


def source(node: str) -> str:
    """The CloudEvents source of a node."""
    return f"urn:hdeu:node:{node}"


def headers(delivery: Delivery, *, node: str) -> dict[str, str]:
    """What travels beside the document; headers without a value are left out. The same over all tries."""
    named = {
        "ce-specversion": "1.0",
        "ce-id": delivery.id,
        "ce-source": source(node),
        "ce-type": f"{TYPE_PREFIX}{delivery.type}",
        "ce-subject": delivery.case_key,
        "hdeu-profile": delivery.profile,
        "hdeu-sha256": delivery.sha256,
        "hdeu-causation": delivery.causation_id,
    }
    return {name: value for name, value in named.items() if value}
