"""Tell of the wire fields that eu-1 has no place for: kept with the message, and flagged so that somebody sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.errors import Problem

if TYPE_CHECKING:
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
