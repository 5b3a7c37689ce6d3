"""Which back ends a message from the EU concerns.

Order: the legs that the case already has; else the back ends that own one of the catalogues; else the default
back end of the nation. Nothing is dropped: what nobody owns is parked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.flow.node import Connected, Node
    from broker.translation.facts import Facts


def owners(node: Node, facts: Facts) -> tuple[Connected, ...]:
    """The back ends that decide a leg of this new application; empty if it concerns nobody here."""
    if facts.countries and node.nation not in facts.countries:
        return ()
    wanted = frozenset(facts.catalog_ids)
    owning = tuple(link for link in node.backends.values() if link.catalogs & wanted)
    return owning or tuple(link for link in node.backends.values() if link.default)
