"""Put back what is not in the document itself: annex entries first, then the carry, then the order of instances.

The other side's change always wins: nothing is put over a value that is there, into an instance that is gone, or
beside an anchor that was changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from broker.translation.carry import anchor_hash
from broker.translation.leaves import NOWHERE
from broker.translation.places import Instances, labelled, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from broker.translation.carry import Carry, Item, Said
    from broker.translation.leaves import Leaves, Moves, Place
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node, Where


class _Instance:
    """An instance of a group, or the document itself: which leaves it may have, and what is written at its indices."""

    __slots__ = ("found", "groups", "leaves", "mark", "place", "where")

    def __init__(self, group: Node, where: Where, written: Leaves) -> None:
        self.place, self.where, self.groups = (group, where), where, group.groups
        self.leaves, self.found = group.leaves_in, written.setdefault(where, {})
        self.mark = (-1 - len(where), *where)  #: how it is announced in numbers

    def is_before(self, other: _Instance) -> bool | None:
        """Whether it stands before another; None, if neither is in an instance that the other is not in."""
        for mine, its, here, there in zip(self.groups, other.groups, self.where, other.where, strict=False):
            if mine is not its:
                return None
            if here != there:
                return here < there
        return None


class Restorer:
    """Writes into the places of one target document."""

    def __init__(self, plan: Plan, written: Leaves, *, given: Iterable[Place] = ()) -> None:
        self._plan, self._written = plan, written
        self._given = frozenset(given)
        self._instances = Instances(written, plan.target_keys, plan.target_mapped)
        #: Of a labelled path up to the last label, without its bracket: the group, and the indices of the instance.
        self._group_of: dict[str, Node | None] = {"": plan.target}
        self._where_of: dict[str, Where] = {"": ()}
        self._announced: set[str] = set()  #: paths of all that is put back
        #: Groups of which the national document has one instance itself; the others are in the annex, whole.
        self._alone = {} if plan.forth else {only.group: only for only in plan.only if only.first}
        self.created: set[Place] = set()
        #: Entries for what a field says in the language of its readers: where in the numbers, its place, the original.
        self.doubled: list[tuple[int, Place, str]] = []
        self.is_ordered = True  #: whether annex entries followed each other as in a document
        self.opened: dict[str, Place] = {}  #: the instances that annex entries were put into, likewise

    def groups(self) -> set[Node]:
        """Every group in which something is."""
        return {group for group, _ in self._instances.found}

    @property
    def found(self) -> Mapping[Place, Collection[int]]:
        """Which instances there are, those that were made anew included."""
        return self._instances.found

    def annex(self, paths: Sequence[str], texts: Sequence[str]) -> list[int]:
        """Put annex entries in their places; the places in numbers (`leaves`)."""
        self._announced.update(paths)
        twins, known, numbers = self._plan.twins, dict[str, _Instance](), list[int]()
        explained = self._plan.explained
        instance: _Instance | None = None
        last, at, order = instance, "]", 0  # no instance is called so
        for path, text in zip(paths, texts, strict=True):
            head, bracket, tail = path.rpartition("]")
            if head != at:
                instance = known.get(head) or self._open(known, head, tail)
                at = head if instance else "]"
            node = instance.leaves.get(tail) if instance else None
            if instance is None or node is None or (bracket and not head):
                numbers.append(NOWHERE)
                continue
            is_doubled = node in twins and instance.place not in self.created
            if node in explained and self._is_explained(explained[node], instance, path.removesuffix(tail)):
                numbers.append(NOWHERE)
                continue
            if not is_doubled and (node in instance.found or (node.fits is not None and not node.fits(text))):
                numbers.append(NOWHERE)
                continue
            before, order = order, node.order
            if instance is not last:
                is_before = last.is_before(instance) if last else True
                self.is_ordered &= before <= order if is_before is None else is_before
                numbers += instance.mark
                last = instance
            elif order < before:
                self.is_ordered = False
            if is_doubled:
                self.doubled.append((len(numbers), (node, instance.place[1]), text))
            else:
                instance.found[node] = text
            numbers.append(order)
        self.opened = {head: instance.place for head, instance in known.items()}
        return numbers

    def _is_explained(self, key: Node, instance: _Instance, head: str) -> bool:
        """Whether the key of a choice is there, or comes: a label in the annex was for a choice without one."""
        return f"{head}{key.tail}" in self._announced or self._written.has(key, instance.where[: key.depth])

    def _open(self, known: dict[str, _Instance], head: str, tail: str) -> _Instance | None:
        """The instance of a leaf; it may be made anew."""
        group = self._group(head)
        where = self._where(head, create=True) if group is not None and tail in group.leaves_in else None
        if group is None or where is None:
            return None
        instance = known[head] = _Instance(group, where, self._written)
        return instance

    def carry(self, carry: Carry) -> tuple[list[Place], list[str]]:
        """Put the carry back: places restored, and paths that were orphaned."""
        if carry.type != self._plan.rule.type or carry.side != self._side:
            return [], [item.path for item in carry.items if item.value is not None]
        self._announced.update(item.path for item in carry.items)
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

    def _brings_its_key(self, group: Node, path: str) -> bool:
        """Whether the key of an instance is among what is put back: then the instance may be made anew."""
        key = self._plan.target_keys.get(group)
        return key is not None and key.group is group and f"{path}{key.tail}" in self._announced

    def _is_another(self, group: Node, where: Where, path: str) -> bool:
        """Whether the annex shows an instance whole, its key too, with the name of the one in the document itself."""
        only = self._alone.get(group)
        if only is None or f"{path}{only.key.tail}" not in self._announced:
            return False
        return self._written.has(only.key, where) and (group, where) not in self.created

    def _resolve(self, path: str, *, create: bool) -> Place | None:
        """The place of a labelled path. Nothing is made anew for a path that the schema does not have."""
        head, bracket, tail = path.rpartition("]")
        group = self._group(head)
        if group is None or tail not in group.leaves_in or (bracket and not head):
            return self._looked_for(path, create=create)
        where = self._where(head, create=create)
        return None if where is None else (group.leaves_in[tail], where)

    def _group(self, head: str) -> Node | None:
        """The group whose label ends a labelled path, without its bracket; None if the schema has no such group."""
        if head not in self._group_of:
            outer, ended, rest = head.rpartition("]")
            around = None if ended and not outer else self._group(outer)
            name, bracket, label = rest.partition("[")
            is_label = bracket and "[" not in label and "/" not in label
            self._group_of[head] = around.groups_in.get(name) if around and is_label else None
        return self._group_of[head]

    def _where(self, head: str, *, create: bool) -> Where | None:
        """The indices of the instance whose label ends a labelled path of the schema; None if it is not there."""
        known, group = self._where_of.get(head), self._group_of[head]
        if known is not None or group is None:
            return known
        outer, _, rest = head.rpartition("]")
        around = self._where(outer, create=create)
        if around is None:
            return None
        label = rest.partition("[")[2]
        index = self._instances.index(group, around, label)
        if index is None or (create and self._is_another(group, (*around, index), f"{head}]")):
            index = self._new(group, label, around, f"{head}]") if create else None
        if index is None:
            return None
        self._where_of[head] = (*around, index)
        return self._where_of[head]

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
                index = self._new(group, label, where, labelled(group, labels[:depth])) if create else None
            if index is None:
                return None
            where = (*where, index)
        return node, where

    def _new(self, group: Node, label: str, around: Where, path: str) -> int | None:
        if group not in self._plan.target_mapped and group not in self._plan.target_keys:
            if not _NUMBER(label):
                return None
            index = int(label) - 1
        elif group in self._plan.target_mapped and not label.startswith("+") and not self._brings_its_key(group, path):
            return None
        else:
            index = max(self._instances.labels(group, around), default=-1) + 1
        self._instances.add(group, (*around, index), label)
        self.created.add((group, (*around, index)))
        return index

    def reorder(self, orders: dict[str, list[str]]) -> Moves:
        """What has to be renumbered so that what was not sent stands where it stood."""
        moves: Moves = {}
        for path, order in orders.items():
            group = self._repeated(path)
            if group is None:
                continue
            labels = self._instances.labels(*group)
            native = {index for index in labels if (group[0], (*group[1], index)) not in self.created}
            if group[0] in self._alone:
                labels = _by_former_name(labels, order, native)
            sequence = self._chosen_first(group, _merged(labels, order, native), native)
            if sequence != sorted(sequence):
                moves[group] = {old: new for new, old in enumerate(sequence)}
        return moves

    def _chosen_first(self, place: Place, sequence: list[int], native: set[int]) -> list[int]:
        """The same order, but none that the other side could have been taken for stands before the one that it has."""
        group, around = place
        only = self._alone.get(group)
        if only is None or not native:
            return sequence
        fits = {where[-1] for where in only.matching(self._written) if where[:-1] == around} | native
        first = next(index for index in sequence if index in fits)
        if first in native:
            return sequence
        chosen = min(native)
        others = [index for index in sequence if index != chosen]
        at = others.index(first)
        return [*others[:at], chosen, *others[at:]]

    def _repeated(self, path: str) -> Place | None:
        head, _, _ = path.rpartition("/")
        above = self._resolve(head, create=False) if head else (self._plan.target, ())
        name = path.rpartition("/")[2]
        group = above[0].by_name.get(name) if above else None
        return (group, above[1]) if group is not None and group.repeats and above else None


def _by_former_name(labels: dict[int, str], order: list[str], native: set[int]) -> dict[int, str]:
    """The same, but the one native instance has the name that it had, if it is plain which that was."""
    others = {label for index, label in labels.items() if index not in native}
    gone = [label for label in order if label not in others]
    return {**labels, **dict.fromkeys(native, gone[0])} if len(gone) == len(native) == 1 else labels


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


_NUMBER: Final = re.compile("[1-9][0-9]{0,6}").fullmatch
