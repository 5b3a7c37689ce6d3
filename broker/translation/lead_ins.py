"""One text of several parts, each behind its lead-in; a part that is missing takes its lead-in with it.

The first part has none, and what begins the text leaves out the blanks before its lead-in. A text that nobody can tell
apart is the first part as a whole. Where the first part would be read as something else without the second, it has a
lead-in of its own, `alone`, there and only there: "2019" is a year, "à partir de 2019" the beginning of a period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Whether a text may be a part; None: every text may.
    Fits = Callable[[str], bool] | None

Parts = tuple[str | None, ...]


def together(parts: Parts, before: Sequence[str], fits: Sequence[Fits], alone: str = "") -> str | None:
    """The text of some parts; None where they could not be told apart again."""
    if alone and _is_alone(parts):
        before = (alone, *before[1:])
    (lead, first), *others = [(lead, part) for lead, part in zip(before, parts, strict=True) if part is not None]
    text = lead.lstrip() + first + "".join(lead + part for lead, part in others)
    return text if apart(text, before, fits, alone) == parts else None


def apart(text: str, before: Sequence[str], fits: Sequence[Fits], alone: str = "") -> Parts | None:
    """The parts of a text; None where not even the whole may stand as the first part."""
    leads = bool(alone) and text.startswith(alone)
    whole = (text, *[None] * (len(before) - 1))
    found = _parts(text, (alone, *before[1:]) if leads else before)
    for parts in (found,) if leads else (found, whole):
        if alone and _is_alone(parts) is not leads:
            continue
        if all(part is None or fit is None or fit(part) for part, fit in zip(parts, fits, strict=True)):
            return parts
    return None


def _is_alone(parts: Parts) -> bool:
    return parts[0] is not None and parts[1] is None


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
