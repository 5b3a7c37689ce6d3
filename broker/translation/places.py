"""Places by name: paths whose repeated steps show the key of the instance, so that what is put back follows its key.

A step of a keyed group reads `section6[FINLAND]`, the second instance of the same key `section6[FINLAND;2]`.
Instances without key, and those of groups that correspond to something by position, are counted among those that were
sent: `[;2]`; those of which nothing was sent have a number of their own: `[+1]`. Groups without counterpart and key are
simply numbered: `[2]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from broker.translation.white_space import collapsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from broker.translation.leaves import Leaves, Place
    from broker.translation.shapes import Node, Where

_SAFE = ":.,@_-~ "
_PLAIN = re.compile(r"[A-Za-z0-9:.,@_~ -]*").fullmatch
_NUMBER = re.compile(r"[1-9][0-9]{0,8}").fullmatch
_NAMELESS = frozenset(";+")


class Instances:
    """The instances of repeated elements in one document, each with its label.

    `sent` gives the innermost instances of which something went to the other side as itself; None: all. `found` has the
    indices of each group in each place, where those are known already.
    """

    def __init__(
        self,
        places: Leaves,
        keys: Mapping[Node, Node],
        mapped: Iterable[Node],
        sent: set[Place] | None = None,
        found: Mapping[Place, Collection[int]] | None = None,
    ) -> None:
        self._values, self._keys, self._mapped = places, keys, frozenset(mapped)
        self.found: dict[Place, Collection[int]] = {**(places.indices() if found is None else found)}
        self._innermost = sent
        self._sent: set[Place] | None = None
        self._labels: dict[Place, dict[int, str]] = {}
        self._by_label: dict[Place, dict[str, int]] = {}
        self._heads: dict[Place, str] = {}

    def is_numbered(self, group: Node) -> bool:
        """Whether the instances of a group have numbers for labels, however many were sent."""
        return group not in self._keys and group not in self._mapped

    def is_sent(self, group: Node, where: Where) -> bool:
        """Whether anything of this instance went to the other side as itself."""
        if self._innermost is None:
            return True
        if self._sent is None:
            self._sent = {(outer, at[: outer.depth]) for node, at in self._innermost for outer in node.groups}
        return (group, where) in self._sent

    def labels(self, group: Node, around: Where) -> dict[int, str]:
        """Label by index, for the instances of a group in one parent; in order."""
        if self.is_numbered(group):
            return {index: str(index + 1) for index in sorted(self.found.get((group, around), ()))}
        known = self._labels.get((group, around))
        if known is None:
            known = self._labels[(group, around)] = self._label(group, around)
        return known

    def mixed(self) -> Iterable[Place]:
        """Every labelled group in one place of which one instance was sent as itself, but not every; or none was."""
        for (group, around), indices in self.found.items():
            if len(indices) < 2 or self.is_numbered(group):  # noqa: PLR2004 # one is always in order
                continue
            if not all(self.is_sent(group, (*around, index)) for index in indices):
                yield group, around

    def index(self, group: Node, around: Where, label: str) -> int | None:
        """The index of a label, or None."""
        if self.is_numbered(group):
            index = int(label) - 1 if _NUMBER(label) else -1
            return index if index in self.found.get((group, around), ()) else None
        known = self._by_label.get((group, around))
        if known is None:
            labels = self.labels(group, around)
            known = self._by_label[(group, around)] = {name: index for index, name in labels.items()}
        return known.get(label)

    def _label(self, group: Node, around: Where) -> dict[int, str]:
        indices = self.found.get((group, around), ())
        names = {index: self._name(group, (*around, index)) for index in sorted(indices)}
        if len(names) == 1:
            return {index: f"{name}1" if name in _NAMELESS else name for index, name in names.items()}
        counts: dict[str, int] = {}
        for index, name in names.items():
            counts[name] = count = counts.get(name, 0) + 1
            names[index] = f"{name}{count}" if name in _NAMELESS else name if count == 1 else f"{name};{count}"
        return names

    def _name(self, group: Node, where: Where) -> str:
        """The key of an instance; without one, whether it was sent."""
        key = self._keys.get(group)
        found = self._values.get(where) if key is not None else None
        value = found.get(key) if found and key is not None else None
        if value and (name := collapsed(value)):
            return name if _PLAIN(name) else quote(name, safe=_SAFE)
        return ";" if self.is_sent(group, where) else "+"

    def add(self, node: Node, where: Where, label: str) -> None:
        """Say that there is a new instance of a group, under a label."""
        place, index = (node, where[:-1]), where[-1]
        if not self.is_numbered(node):
            self.labels(*place)[index] = label
        there = self.found.get(place)
        if isinstance(there, set):
            there.add(index)
        else:
            self.found[place] = {*(there or ()), index}
        if (by_label := self._by_label.get(place)) is not None:
            by_label[label] = index

    def path(self, node: Node, where: Where) -> str:
        """The path of a place, with labels."""
        return self._head(node.group or node, where) + node.tail if where else node.path

    def _head(self, group: Node, where: Where) -> str:
        """The path of an instance."""
        head = self._heads.get((group, where))
        if head is None:
            above = self._head(group.outer, where[:-1]) if group.outer else ""
            if self.is_numbered(group):
                head = above + group.numbers[where[-1]]
            else:
                head = f"{above}{group.rest}[{self.labels(group, where[:-1])[where[-1]]}]"
            self._heads[group, where] = head
        return head


def parse(root: Node, path: str) -> tuple[Node, tuple[str, ...]] | None:
    """The node of a labelled path, and the labels of the groups on its way; None if the schema has no such place."""
    node: Node | None = root
    labels = []
    for step in path.split("/"):
        name, bracket, label = step.partition("[")
        node = node.by_name.get(name) if node else None
        if node is None or node.repeats != bool(bracket):
            return None
        if bracket:
            if not label.endswith("]") or "]" in label[:-1] or "[" in label:
                return None
            labels.append(label[:-1])
    return (node, tuple(labels)) if node is not None else None


def labelled(node: Node, labels: tuple[str, ...]) -> str:
    """The path of a place that `parse` takes apart."""
    return "".join([f"{piece}[{label}]" for piece, label in zip(node.pieces, labels, strict=False)]) + node.pieces[-1]


def key_of(label: str) -> str:
    """The key that a label shows."""
    return unquote(label.partition(";")[0])
