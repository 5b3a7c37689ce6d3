"""The leaves that are shown in the annex, in the order of the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.instances import Instance
    from broker.translation.steps import Step

#: Stands for the labelled path of an instance until that is known; no XML has it.
HEAD: Final = "\0"


@dataclass(slots=True)
class Annexed:
    """The tags before a text and the text, in turn, and from which piece on they are of which instance.

    A leaf that is worked out later has its place reserved (nothing, twice), for the case that it comes here after all.
    """

    pieces: list[str] = field(default_factory=list)
    turns: list[tuple[int, Instance]] = field(default_factory=list)
    reserved: dict[int, int] = field(default_factory=dict)  #: places, by the row of the leaf
    taken: int = 0  #: how many of them

    instance: Instance | None = None  #: of the last entry

    def enter(self, instance: Instance) -> None:
        """What is added from now on is of this instance."""
        self.instance = instance
        self.turns.append((len(self.pieces), instance))

    def add(self, opens: str, instance: Instance, text: str) -> None:
        """Show a leaf."""
        if self.instance is not instance:
            self.enter(instance)
        self.pieces += (opens, text)

    def reserve(self, row: int, instance: Instance) -> None:
        """Keep a place for a leaf."""
        self.add("", instance, "")
        self.reserved[row] = len(self.pieces) - 2

    def take(self, row: int, step: Step, text: str) -> None:
        """Show a leaf in the place that was kept for it."""
        at = self.reserved[row]
        self.pieces[at : at + 2] = step.opens, text
        self.taken += 1

    def __len__(self) -> int:
        return len(self.pieces) // 2 - len(self.reserved) + self.taken

    def runs(self) -> Iterator[tuple[Instance, list[str]]]:
        """The pieces of one instance after another."""
        ends = [*(start for start, _ in self.turns[1:]), len(self.pieces)]
        for (start, instance), end in zip(self.turns, ends, strict=True):
            yield instance, self.pieces[start:end]

    def entries(self) -> Iterator[tuple[str, str]]:
        """Path and text of each; what instances are called must be known."""
        for instance, pieces in self.runs():
            for opens, text in zip(pieces[::2], pieces[1::2], strict=True):
                if opens:
                    yield instance.head + opens.rpartition(HEAD)[2][: -len(ENDS)], text


ENDS: Final = '">'  #: behind the path of an entry
