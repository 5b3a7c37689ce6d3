"""Put back what is not in the document itself: annex entries first, then the carry, then the order of instances.

The other side's change always wins: nothing is put over a value that is there, into an instance that is gone, or
beside an anchor that was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.translation.carry import anchor_hash
from broker.translation.places import Instances, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.translation.carry import Carry, Item, Said
    from broker.translation.leaves import Leaves, Moves, Place
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node, Where


class Restorer:
    """Writes into the places of one target document."""

    def __init__(self, plan: Plan, written: Leaves, *, given: Iterable[Place] = ()) -> None:
        self._plan, self._written = plan, written
        self._given = frozenset(given)
        self._instances = Instances(written, plan.target_keys, plan.target_mapped)
        self._around: dict[str, Place] = {"": (plan.target, ())}  #: by the path up to the last step
        self._may_create: set[tuple[Node, tuple[str, ...]]] = set()
        self._created: set[Place] = set()

    def groups(self) -> set[Node]:
        """Every group in which something is."""
        return {group for group, _ in self._instances.groups()}

    def annex(self, entries: list[tuple[str, str]]) -> list[Place | None]:
        """Put annex entries (path, text) in their places; None for those that have none."""
        self._announce(path for path, _ in entries)
        return [self._annexed(path, text) for path, text in entries]

    def _annexed(self, path: str, text: str) -> Place | None:
        place = self._resolve(path, create=True)
        if place is None:
            return None
        node, where = place
        if not node.is_leaf or (node.fits is not None and not node.fits(text)):
            return None
        found = self._written.setdefault(where, {})
        if node in found:
            return None
        found[node] = text
        return place

    def carry(self, carry: Carry) -> tuple[list[Place], list[str]]:
        """Put the carry back: places restored, and paths that were orphaned."""
        if carry.type != self._plan.rule.type or carry.side != self._side:
            return [], [item.path for item in carry.items if item.value is not None]
        self._announce(item.path for item in carry.items)
        restored, orphaned = [], []
        for item in sorted(carry.items, key=lambda item: bool(item.anchor)):
            if self._resolve(item.path, create=False) in self._given:
                continue  # the flow knows better: this is a new message
            place = self._restore(item)
            if place is None:
                orphaned.append(item.path)
            else:
                restored.append(place)
        return restored, orphaned

    def instead(self, carry: Carry) -> dict[Place, tuple[Place, Said]]:
        """Where a value stands now, and the leaf that said it as it was; only while it is the same value."""
        found = {}
        for said in carry.instead if carry.side == self._side else ():
            place, now = self._resolve(said.path, create=False), self._resolve(said.usual, create=False)
            if place and now and not self._written.has(*place) and anchor_hash(self._written.value(*now)) == said.hash:
                found[now] = place, said
        return found

    @property
    def _side(self) -> str:
        return self._plan.profile if self._plan.forth else "eu-1"

    def _restore(self, item: Item) -> Place | None:
        if item.anchor and not self._holds(item):
            return None
        place = self._resolve(item.path, create=True)
        if place is None or self._written.has(*place):
            return None
        self._written.put(*place, item.value)
        return place

    def _holds(self, item: Item) -> bool:
        anchor = self._resolve(item.anchor, create=False)
        if anchor is None:
            return item.hash == anchor_hash(None)
        return anchor_hash(self._written.value(*anchor)) == item.hash

    def _announce(self, paths: Iterable[str]) -> None:
        """Note which instances of mapped groups bring their own key, and so may be made anew."""
        keys = {key: group for group, key in self._plan.target_keys.items()}
        names = {key.name for key in keys}
        for path in paths:
            if path.rpartition("/")[2].partition("[")[0] not in names:
                continue
            found = parse(self._plan.target, path)
            if found is not None and found[0] in keys:
                self._may_create.add((keys[found[0]], found[1]))

    def _resolve(self, path: str, *, create: bool) -> Place | None:
        """The place of a labelled path. What stands around it is looked for once."""
        head, _, name = path.rpartition("/")
        around = self._around.get(head) or self._container(head)
        if around is None:
            return self._looked_for(path, create=create)
        bare, bracket, label = name.partition("[")
        node, where = around[0].by_name.get(bare), around[1]
        if node is None or node.repeats != bool(bracket):
            return None
        if not bracket:
            return node, where
        index = self._instances.index(node, where, label[:-1]) if label.endswith("]") else None
        return self._looked_for(path, create=create) if index is None else (node, (*where, index))

    def _container(self, path: str) -> Place | None:
        """The element that a labelled path leads to, if it is there already or does not repeat; looked for once."""
        head, _, name = path.rpartition("/")
        above = self._around.get(head) or self._container(head)
        bare, bracket, label = name.partition("[")
        node = above[0].by_name.get(bare) if above else None
        if above is None or node is None or node.repeats != bool(bracket):
            return None
        where = above[1]
        if bracket:
            index = self._instances.index(node, where, label[:-1]) if label.endswith("]") else None
            if index is None:
                return None
            where = (*where, index)
        self._around[path] = node, where
        return node, where

    def _looked_for(self, path: str, *, create: bool) -> Place | None:
        """The same, step by step: nothing is made anew for a path that the schema does not have."""
        found = parse(self._plan.target, path)
        if found is None:
            return None
        node, labels = found
        where: Where = ()
        for depth, (group, label) in enumerate(zip(node.groups, labels, strict=True), start=1):
            index = self._instances.index(group, where, label)
            if index is None:
                index = self._new(group, labels[:depth], where) if create else None
            if index is None:
                return None
            where = (*where, index)
        return node, where

    def _new(self, group: Node, labels: tuple[str, ...], around: Where) -> int | None:
        label = labels[-1]
        known = self._instances.labels(group, around)
        index = max(known, default=-1) + 1
        if group not in self._plan.target_mapped:
            if group not in self._plan.target_keys:
                if not label.isascii() or not label.isdigit() or not 0 < int(label) <= _MOST:
                    return None
                index = int(label) - 1
        elif not label.startswith("+") and (group, labels) not in self._may_create:
            return None
        self._instances.add(group, (*around, index), label)
        self._created.add((group, (*around, index)))
        return index

    def reorder(self, orders: dict[str, list[str]]) -> Moves:
        """What has to be renumbered so that what was not sent stands where it stood."""
        moves: Moves = {}
        for path, order in orders.items():
            group = self._group(path)
            if group is None:
                continue
            labels = self._instances.labels(*group)
            native = {index for index in labels if (group[0], (*group[1], index)) not in self._created}
            sequence = _merged(labels, order, native)
            if sequence != sorted(sequence):
                moves[group] = {old: new for new, old in enumerate(sequence)}
        return moves

    def _group(self, path: str) -> Place | None:
        head, _, _ = path.rpartition("/")
        above = self._resolve(head, create=False) if head else (self._plan.target, ())
        name = path.rpartition("/")[2]
        group = above[0].by_name.get(name) if above else None
        return (group, above[1]) if group is not None and group.repeats and above else None


def _merged(labels: dict[int, str], order: list[str], native: set[int]) -> list[int]:
    """Native instances in their own order; each other one after the nearest of its former predecessors."""
    by_label = {label: index for index, label in labels.items()}
    sequence = [index for index in labels if index in native]
    for position, label in enumerate(order):
        index = by_label.get(label)
        if index is None or index in native:
            continue
        before = [by_label[name] for name in reversed(order[:position]) if by_label.get(name) in sequence]
        sequence.insert(sequence.index(before[0]) + 1 if before else 0, index)
    return sequence + [index for index in labels if index not in sequence]


_MOST = 100_000
