"""How many leaves have which fate: the figures of law 1, for people."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.translation.mapping_file import EU
from broker.translation.translator import Translator

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS: Final = {"copy": "copied", "recode": "recoded", "join": "joined", "left_out": "left-out"}


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


def totals(translator: Translator) -> Iterator[str]:
    """The sums, one line per profile and side."""
    for profile in translator.profiles:
        found = counts(translator, profile).values()
        for side in ("eu", "national"):
            fates = sum((sides[side] for sides in found), Counter[str]())
            shown = "  ".join(f"{fate} {number}" for fate, number in sorted(fates.items()) if number)
            yield f"{profile}  {'in all':<26} {side:<9} {shown}"


def main(arguments: list[str]) -> int:
    """`python -m broker.translation.counts [SCHEMAS]`: build every mapping, print its counts.

    1 and each fault, if one fails. `SCHEMAS`: a copy of the folder `schemas`, which somebody works at.
    """
    try:
        translator = Translator.load(Path(arguments[0]).resolve() if arguments else schemas_dir())
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in (*lines(translator), *totals(translator))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
