"""How many leaves have which fate: the figures of law 1, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from broker.translation.mapping_file import EU

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.translator import Translator

_WORDS = {"copy": "copied", "recode": "recoded", "join": "joined", "left_out": "left-out"}


def counts(translator: Translator, profile: str) -> dict[str, dict[str, Counter[str]]]:
    """Fates of the leaves of each side, by family: {family: {"eu": {fate: n}, "national": {fate: n}}}."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for name, family in translator.compiled(profile).profile.families.items():
        sides = found[name] = {"eu": Counter(), "national": Counter()}
        for line in family.lines:
            fate = _WORDS.get(line.kind, line.kind)
            other = {"split": "joined", "joined": "split"}.get(fate, fate)
            here, there = ("eu", "national") if line.side == EU else ("national", "eu")
            sides[here][fate] += 1
            sides[there][other] += len(line.others) + bool(line.otherwise)
    return found


def lines(translator: Translator) -> Iterator[str]:
    """The counts as a table, one line per profile, family and side."""
    for profile in translator.profiles:
        for family, sides in sorted(counts(translator, profile).items()):
            for side, fates in sides.items():
                shown = "  ".join(f"{fate} {number}" for fate, number in sorted(fates.items()) if number)
                yield f"{profile}  {family:<26} {side:<9} {shown or '-'}"
