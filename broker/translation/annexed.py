"""The leaves that are shown in the annex, in the order of the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from broker.translation.instances import Instance
    from broker.translation.steps import Step


@dataclass(slots=True)
class Annexed:
    """Steps and texts side by side, and from which entry on they are of which instance.

    A leaf that is worked out later has its place reserved (text None), for the case that it comes here after all.
    """

    steps: list[Step] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    turns: list[tuple[int, Instance]] = field(default_factory=list)
    reserved: dict[int, int] = field(default_factory=dict)  #: places, by the row of the leaf
    taken: int = 0  #: how many of them

    instance: Instance | None = None  #: of the last entry

    def enter(self, instance: Instance) -> None:
        """What is added from now on is of this instance."""
        self.instance = instance
        self.turns.append((len(self.steps), instance))

    def add(self, step: Step, instance: Instance, text: str | None) -> None:
        """Show a leaf."""
        if self.instance is not instance:
            self.enter(instance)
        self.steps.append(step)
        self.texts.append(text)

    def reserve(self, row: int, step: Step, instance: Instance) -> None:
        """Keep a place for a leaf."""
        self.reserved[row] = len(self.steps)
        self.add(step, instance, None)

    def take(self, row: int, text: str) -> None:
        """Show a leaf in the place that was kept for it."""
        self.texts[self.reserved[row]] = text
        self.taken += 1

    def __len__(self) -> int:
        return len(self.steps) - len(self.reserved) + self.taken

    def runs(self) -> Iterator[tuple[Instance, Sequence[Step], Sequence[str]]]:
        """Those of one instance after another."""
        ends = [*(start for start, _ in self.turns[1:]), len(self.steps)]
        for (start, instance), end in zip(self.turns, ends, strict=True):
            steps, texts = self.steps[start:end], [text for text in self.texts[start:end] if text is not None]
            if len(texts) < len(steps):
                steps = [step for step, text in zip(steps, self.texts[start:end], strict=True) if text is not None]
            yield instance, steps, texts

    def entries(self) -> Iterator[tuple[str, str]]:
        """Path and text of each; what instances are called must be known."""
        for instance, steps, texts in self.runs():
            yield from ((f"{instance.head}{step.tail}", text) for step, text in zip(steps, texts, strict=True))
