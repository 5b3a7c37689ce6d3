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
_PLAIN = re.compile(r"[A-Za-z0-9:.,@_~ -]*")


class Instances:
    """The instances of repeated elements in one document, each with its label.

    `sent` gives the innermost instances of which something went to the other side as itself; None: all. `repeats`
    is the number of instances of each group in each place, where that has been counted already.
    """

    def __init__(
        self,
        places: Leaves,
        keys: Mapping[Node, Node],
        mapped: Iterable[Node],
        sent: set[Place] | None = None,
        repeats: Mapping[Place, int] | None = None,
    ) -> None:
        self._values, self._keys, self._mapped = places, keys, frozenset(mapped)
        self._found: Mapping[Place, Collection[int]]
        if repeats is None:
            self._found = places.indices()
        else:
            self._found = {place: range(count) for place, count in repeats.items()}
        self._innermost = sent
        self._sent: set[Place] | None = None
        self._labels: dict[Place, dict[int, str]] = {}
        self._by_label: dict[Place, dict[str, int]] = {}
        self._paths: dict[Place, str] = {}

    def groups(self) -> Iterable[tuple[Node, Where]]:
        """Every (group, place of its parent) with instances."""
        return self._found.keys()

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
        known = self._labels.get((group, around))
        if known is None:
            known = self._labels[(group, around)] = self._label(group, around)
        return known

    def mixed(self) -> Iterable[Place]:
        """Every labelled group in one place of which one instance was sent as itself, but not every; or none was."""
        for (group, around), indices in self._found.items():
            if len(indices) < 2 or self.is_numbered(group):  # noqa: PLR2004 # one is always in order
                continue
            if not all(self.is_sent(group, (*around, index)) for index in indices):
                yield group, around

    def index(self, group: Node, around: Where, label: str) -> int | None:
        """The index of a label, or None."""
        known = self._by_label.get((group, around))
        if known is None:
            labels = self.labels(group, around)
            known = self._by_label[(group, around)] = {name: index for index, name in labels.items()}
        return known.get(label)

    def _label(self, group: Node, around: Where) -> dict[int, str]:
        indices = sorted(self._found.get((group, around), ()))
        if self.is_numbered(group):
            return {index: str(index + 1) for index in indices}
        key = self._keys.get(group)
        labels, counts = dict[int, str](), dict[str, int]()
        for index in indices:
            where = (*around, index)
            value = collapsed(self._values.value(key, where) or "") if key else ""
            name = _escaped(value) if value else ";" if self.is_sent(group, where) else "+"
            counts[name] = count = counts.get(name, 0) + 1
            labels[index] = f"{name}{count}" if name in ";+" else name if count == 1 else f"{name};{count}"
        return labels

    def add(self, node: Node, where: Where, label: str) -> None:
        """Say that there is a new instance of a group, under a label."""
        known = self.labels(node, where[:-1])
        known[where[-1]] = label
        if (by_label := self._by_label.get((node, where[:-1]))) is not None:
            by_label[label] = where[-1]

    def path(self, node: Node, where: Where) -> str:
        """The path of a place, with labels."""
        if not where:
            return node.path
        group = node.group or node
        head = self._paths.get((group, where))
        if head is None:
            above = self.path(group.parent, where[:-1]) if group.parent else ""
            label = self.labels(group, where[:-1])[where[-1]]
            head = self._paths[(group, where)] = f"{above}/{group.name}[{label}]".lstrip("/")
        return head + node.tail


def _escaped(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else quote(key, safe=_SAFE)


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
