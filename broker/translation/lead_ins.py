"""One text of several parts, each behind its lead-in; a part that is missing takes its lead-in with it.

The first part has none, and what begins the text leaves out the blanks before its lead-in. A text that nobody can tell
apart is the first part as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Whether a text may be a part; None: every text may.
    Fits = Callable[[str], bool] | None

Parts = tuple[str | None, ...]


def together(parts: Parts, before: Sequence[str], fits: Sequence[Fits]) -> str | None:
    """The text of some parts; None where they could not be told apart again."""
    (lead, first), *others = [(lead, part) for lead, part in zip(before, parts, strict=True) if part is not None]
    text = lead.lstrip() + first + "".join(lead + part for lead, part in others)
    return text if apart(text, before, fits) == parts else None


def apart(text: str, before: Sequence[str], fits: Sequence[Fits]) -> Parts | None:
    """The parts of a text; None where not even the whole may stand as the first part."""
    whole = (text, *[None] * (len(before) - 1))
    for parts in (_parts(text, before), whole):
        if all(part is None or fit is None or fit(part) for part, fit in zip(parts, fits, strict=True)):
            return parts
    return None


def divided(text: str, by: str, fits: Sequence[Fits]) -> Parts | None:
    """The parts of a text that must all be there; None where it does not divide into exactly these."""
    parts = tuple(text.split(by))
    if len(parts) != len(fits) or not all(fit is None or fit(part) for part, fit in zip(parts, fits, strict=True)):
        return None
    return parts


def _parts(text: str, before: Sequence[str]) -> Parts:
    found: list[str | None] = [None] * len(before)
    here = next((n for n, lead in enumerate(before) if lead and text.startswith(lead.lstrip())), 0)
    at = len(before[here].lstrip())
    for following in range(here + 1, len(before)):
        end = text.find(before[following], at)
        if end >= 0:
            found[here] = text[at:end]
            here, at = following, end + len(before[following])
    found[here] = text[at:]
    return tuple(found)
