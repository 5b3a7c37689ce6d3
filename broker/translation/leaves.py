"""Texts by place: first by the indices of a place, then by its node. What the engine reads, and what it writes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from broker.translation.shapes import Node, Where

Place = tuple["Node", "Where"]
#: Of a group in one place: the new index by the old one.
Moves = dict[Place, dict[int, int]]
#: Places in numbers: that of the node; -1 - n and n indices, where those of all that follow are others; or this, none.
NOWHERE: Final = -(1 << 31)


class Leaves(dict["Where", "dict[Node, str | None]"]):
    """Every leaf of a document, and every empty container (text None).

    Nodes of one depth share a dictionary whatever group they stand in: most leaves are then found by identity alone.
    """

    __slots__ = ()

    def value(self, node: Node, where: Where) -> str | None:
        """The text at a place; None if there is none."""
        found = self.get(where)
        return found.get(node) if found else None

    def has(self, node: Node, where: Where) -> bool:
        """Whether something is at a place, be it empty."""
        found = self.get(where)
        return found is not None and node in found

    def put(self, node: Node, where: Where, text: str | None) -> None:
        """Set a text."""
        found = self.get(where)
        if found is None:
            self[where] = {node: text}
        else:
            found[node] = text

    def instances(self) -> set[Place]:
        """The innermost instances in which something is."""
        return {(node.group, where) for where, found in self.items() if where for node in found if node.group}

    def groups(self) -> set[Node]:
        """Every group in which something is."""
        inner = {node.group for where, found in self.items() if where for node in found}
        return {group for one in inner if one for group in one.groups}

    def indices(self) -> dict[Place, set[int]]:
        """Which indices there are of each group in each place."""
        found: dict[Place, set[int]] = {}
        for inner, where in self.instances():
            for depth, group in enumerate(inner.groups, start=1):
                found.setdefault((group, where[: depth - 1]), set()).add(where[depth - 1])
        return found

    def moved(self, moves: Moves) -> Leaves:
        """The same with other indices."""
        moved, known = Leaves(), dict[Place, "Where"]()
        for node, where, text in self.places():
            at = where
            if node.group is not None and where:
                at = known.get((node.group, where)) or known.setdefault(
                    (node.group, where), renumbered(node, where, moves)
                )
            moved.put(node, at, text)
        return moved

    def places(self) -> Iterator[tuple[Node, Where, str | None]]:
        """Each with its text."""
        for where, found in self.items():
            for node, text in found.items():
                yield node, where, text


def renumbered(node: Node, where: Where, moves: Mapping[Place, Mapping[int, int]]) -> Where:
    """The indices of a place after the instances of some groups have changed theirs."""
    if not where:
        return where
    groups = enumerate(node.groups)
    return tuple([moves.get((group, where[:at]), {}).get(where[at], where[at]) for at, group in groups])


def gaps(used: Mapping[Place, set[int]]) -> Moves:
    """What numbers the instances will have in the document, where some numbers are not used."""
    return {
        place: {old: new for new, old in enumerate(sorted(found))}
        for place, found in used.items()
        if max(found) >= len(found)
    }


def from_numbers(nodes: tuple[Node, ...], numbers: Iterable[int]) -> Iterator[Place | None]:
    """The places that numbers stand for."""
    at: Where = ()
    left = iter(numbers)
    for number in left:
        if number == NOWHERE:
            yield None
        elif number < 0:
            at = tuple(islice(left, -1 - number))
        else:
            yield nodes[number], at
