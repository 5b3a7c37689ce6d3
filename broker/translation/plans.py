"""The plans of a profile in one direction, in the order of its messages, each compiled once: when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from broker.translation.mapping_file import MessageRule
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a plan before it is compiled: its rule, and the elements of both sides."""

    rule: MessageRule
    source: Node
    target: Node


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """The plans, by number. Each of them is one object for as long as the profile lives, whichever thread asks."""

    heads: tuple[Head, ...]
    make: Callable[[Head], Plan]
    _made: dict[int, Plan] = field(default_factory=dict)

    def __getitem__(self, number: int) -> Plan:
        made = self._made.get(number)
        return self._made.setdefault(number, self.make(self.heads[number])) if made is None else made

    def __iter__(self) -> Iterator[Plan]:
        return map(self.__getitem__, range(len(self.heads)))
