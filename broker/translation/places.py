"""Places by name: paths whose repeated steps show the key of the instance, so that what is put back follows its key.

A step of a keyed group reads `section6[FINLAND]`, the second instance of the same key `section6[FINLAND;2]`. Instances without key,
and those of groups that correspond to something by position, are counted among those that were sent: `[;2]`; those of which
nothing was sent have a number of their own: `[+1]`. Groups without counterpart and key are simply numbered: `[2]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from broker.translation.shapes import Node, Where

_STEP = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_SAFE = ":.,@_-~ "


class Instances:
    """The instances of repeated elements in one document, each with its label."""

    def __init__(
        self,
        places: Mapping[tuple[Node, Where], str | None],
        keys: Mapping[Node, Node],
        mapped: Iterable[Node],
        sent: Iterable[tuple[Node, Where]] | None = None,
    ) -> None:
        self._values, self._keys, self._mapped = places, keys, frozenset(mapped)
        self._found: dict[tuple[Node, Where], set[int]] = {}
        for node, where in places:
            self._note(node, where)
        self._sent: set[tuple[Node, Where]] | None = None if sent is None else set()
        if self._sent is not None:
            for node, where in sent or ():
                self._sent.update((group, where[: group.depth]) for group in node.groups)
        self._labels: dict[tuple[Node, Where], dict[int, str]] = {}

    def _note(self, node: Node, where: Where) -> None:
        if where:
            for group in node.groups:
                depth = group.depth
                self._found.setdefault((group, where[: depth - 1]), set()).add(where[depth - 1])

    def groups(self) -> Iterable[tuple[Node, Where]]:
        """Every (group, place of its parent) with instances, outer ones first."""
        return sorted(self._found, key=lambda item: (item[0].depth, item[0].path, item[1]))

    def is_sent(self, group: Node, where: Where) -> bool:
        """Whether anything of this instance went to the other side as itself."""
        return self._sent is None or (group, where) in self._sent

    def labels(self, group: Node, around: Where) -> dict[int, str]:
        """Label by index, for the instances of a group in one parent; in order."""
        known = self._labels.get((group, around))
        if known is None:
            known = self._labels[(group, around)] = self._label(group, around)
        return known

    def _label(self, group: Node, around: Where) -> dict[int, str]:
        indices = sorted(self._found.get((group, around), ()))
        key = self._keys.get(group)
        if key is None and group not in self._mapped:
            return {index: str(index + 1) for index in indices}
        labels, counts = {}, dict[str, int]()
        for index in indices:
            where = (*around, index)
            value = " ".join((self._values.get((key, where)) or "").split()) if key else ""
            name = quote(value, safe=_SAFE) if value else ";" if self.is_sent(group, where) else "+"
            counts[name] = count = counts.get(name, 0) + 1
            labels[index] = f"{name}{count}" if name in ";+" else name if count == 1 else f"{name};{count}"
        return labels

    def add(self, node: Node, where: Where, label: str) -> None:
        """Say that there is a new instance of a group, under a label."""
        known = self.labels(node, where[:-1])
        self._found.setdefault((node, where[:-1]), set()).add(where[-1])
        known[where[-1]] = label

    def path(self, node: Node, where: Where) -> str:
        """The path of a place, with labels."""
        if not where:
            return node.path
        steps, at = [], 0
        for step in node.chain:
            if step.repeats:
                steps.append(f"{step.name}[{self.labels(step, where[:at])[where[at]]}]")
                at += 1
            else:
                steps.append(step.name)
        return "/".join(steps)


def parse(root: Node, path: str) -> tuple[Node, tuple[str, ...]] | None:
    """The node of a labelled path, and the labels of the groups on its way; None if the schema has no such place."""
    node: Node | None = root
    labels = []
    for step in path.split("/"):
        found = _STEP.fullmatch(step)
        node = node.by_name.get(found[1]) if node and found else None
        if node is None or found is None or node.repeats != (found[2] is not None):
            return None
        if node.repeats:
            labels.append(found[2])
    return node, tuple(labels)


def key_of(label: str) -> str:
    """The key that a label shows."""
    return unquote(label.partition(";")[0])
