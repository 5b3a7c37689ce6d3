"""What a run of drawn documents came to, per way; tallies of several processes are put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.fidelity.laws import LAWS, Example, plain
from tests.support.documents import canonical

if TYPE_CHECKING:
    from tests.fidelity.ways import Way

#: Under this share of optional leaves the documents say too little about the schema.
ENOUGH: Final = 0.95
_SHOWN: Final = 5  #: broken examples kept of each law and way
_LONGEST: Final = 2_000


@dataclass
class Tally:
    """Figures of one way."""

    way: str
    leaves: list[int] = field(default_factory=list)
    digests: set[bytes] = field(default_factory=set)
    hit: set[tuple[str, str]] = field(default_factory=set)  #: (message element, leaf)
    fates: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    shown: list[dict[str, Any]] = field(default_factory=list)

    def take(self, example: Example, number: int) -> None:
        """Count an example and hold every law over it."""
        root = example.document
        name = str(root.tag).rpartition("}")[2]
        self.leaves.append(len(example.sources))
        self.digests.add(blake2b(canonical(root), digest_size=8).digest())
        self.hit.update((name, plain(path)) for path in example.sources)
        for law in LAWS:
            try:
                law(example)
            except Exception as error:  # noqa: BLE001 - whatever a law stumbles over breaks it
                self._note(law.__name__, number, f"{type(error).__name__}: {error}")
        if not self.broken:
            self.fates.update(example.there.report.counts())

    def _note(self, law: str, number: int, detail: str) -> None:
        self.broken[law] += 1
        if self.broken[law] <= _SHOWN:
            self.shown.append({"way": self.way, "law": law, "number": number, "detail": detail[:_LONGEST]})

    def add(self, other: Tally) -> None:
        """Put in what another process counted."""
        self.leaves += other.leaves
        self.digests |= other.digests
        self.hit |= other.hit
        self.fates += other.fates
        self.broken += other.broken
        self.shown += other.shown

    def figures(self, way: Way) -> dict[str, Any]:
        """As `fidelity.json` has it. `share` is that of optional leaves, each counted for each message it is in.

        `drawn` is the same for the same documents.
        """
        optional = optional_leaves(way)
        return {
            "examples": len(self.leaves),
            "distinct": len(self.digests),
            "drawn": blake2b(b"".join(sorted(self.digests)), digest_size=8).hexdigest(),
            "leaves": {"median": median(self.leaves or [0]), "largest": max(self.leaves, default=0)},
            "optional": len(optional),
            "hit": len(optional & self.hit),
            "share": round(len(optional & self.hit) / len(optional), 4),
            "fates": dict(sorted(self.fates.items())),
            "broken": dict(self.broken),
        }


def optional_leaves(way: Way) -> set[tuple[str, str]]:
    """Every optional leaf of every message of the source, from the compiled schema."""
    names = {rule.type if way.forth else rule.element for rule in way.rules}
    return {(name, leaf.path) for name in names for leaf in way.source.model.leaves(name) if leaf.optional}
