"""Which back ends a message from the EU concerns.

Order: the legs that the case already has; else the back ends that own one of the catalogues of this nation, and for
catalogues that none of them owns the default back end. Nothing is dropped: what concerns nobody is parked.
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
    wanted = {catalog for country, catalog in facts.catalogs if country in {"", node.nation}}
    owning = {link.name for link in node.backends.values() if link.catalogs & wanted}
    claimed = {catalog for name in owning for catalog in node.backends[name].catalogs}
    everything = bool(owning) and wanted <= claimed
    return tuple(link for link in node.backends.values() if link.name in owning or (link.default and not everything))
