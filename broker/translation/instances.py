"""What a document is made of to the first pass: instances of repeated elements, and the leaves in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.translation.leaves import Leaves
    from broker.translation.plan import Shift
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step


class Instance:
    """One instance of a repeated element; the document itself is one."""

    __slots__ = ("_shifted", "group", "head", "is_sent", "mark", "outer", "target", "where")

    def __init__(self, group: Node | None, where: Where, outer: Instance | None = None) -> None:
        self.group, self.where, self.outer = group, where, outer
        self.mark = (-1 - len(where), *where)  #: how it is announced in rows
        self.is_sent = False  #: whether something of it was written as itself
        self.head = ""  #: its labelled path, once somebody asked
        self.target: dict[Node, str | None] | None = None  #: what is written at its indices, once something is
        self._shifted: dict[Shift, dict[Node, str | None]] | None = None

    def at(self, shift: Shift | None, written: Leaves) -> dict[Node, str | None]:
        """What is written at its indices, or at the shifted ones."""
        if shift is None:
            if self.target is None:
                self.target = written.setdefault(self.where, {})
            return self.target
        if self._shifted is None:
            self._shifted = {}
        if shift not in self._shifted:
            where = tuple([0 if at is None else self.where[at] for at in shift])
            self._shifted[shift] = written.setdefault(where, {})
        return self._shifted[shift]


#: Its row, its step, its instance, its text.
Leaf = tuple[int, "Step", Instance, str]
