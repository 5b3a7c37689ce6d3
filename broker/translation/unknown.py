"""Tell of the wire fields that eu-1 has no place for: kept with the message, and flagged so that somebody sees them.

A message that may not lack such a field is refused for its value, and not for lacking it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lxml import etree

_MOST: Final = 50
_LONGEST: Final = 200


def unknown_fields(root: etree._Element) -> tuple[Problem, ...]:
    """One problem for each kept field of an eu-1 message, fifty at most; `path` is its JSON Pointer on the wire."""
    pointers = [one.get("path", "") for one in root.iterfind("{*}content/{*}unknown/{*}field")]
    return tuple(_problem(pointer) for pointer in pointers[:_MOST])


def _problem(pointer: str) -> Problem:
    return Problem(
        code="unknown-field",
        detail="The schema does not know this field, or not this value of it; it is kept as it came.",
        path=pointer[:_LONGEST],
        rule="eu-1, content/unknown",
        hint="Look at it; if a new release has it, the schema must learn it.",
    )


def as_sent(problem: Problem, unknown: Collection[str]) -> Problem:
    """Of the document as it was sent: what is missing in eu-1 because its value fits no type was not missing there.

    `unknown`: pointers of the fields that eu-1 has no place for.
    """
    place = _counted(problem.path.lstrip("/").split("/")[1:])
    if problem.code != "missing-element" or place not in {_counted(_steps(pointer)) for pointer in unknown}:
        return problem
    name = place[-1][0]
    hint = f"Write a value that the type of {name} allows."
    return replace(problem, code="bad-value", detail=f"{name} has a value that it cannot have.", rule="type", hint=hint)


def _steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer as a path has them: an index, which begins at 0, belongs to the name before it."""
    steps: list[str] = []
    for step in pointer.split("/")[1:]:
        if step.isdecimal() and steps:
            steps[-1] += f"[{int(step) + 1}]"
        else:
            steps.append(step)
    return steps


def _counted(steps: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Name and number of each step; what stands alone has no index in a path, and is the first."""
    parts = (step.partition("[") for step in steps)
    return tuple((name, number.rstrip("]") or "1") for name, _, number in parts)
