"""Which leaves say something of a person: a table of data for eu-1, and what follows from it for other profiles."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from broker.translation.schema_parts import SimpleType

_NUMBER: Final = re.compile(r"\[\d+\]")
_TRANSLATION: Final = "content/form_translations/translation/"
_WORDS: Final = frozenset({"string", "token", "normalizedString", "anyURI"})


@dataclass(frozen=True, slots=True)
class PersonalFields:
    """Leaves of eu-1, and branches of which every leaf is meant."""

    paths: frozenset[str]

    def holds(self, path: str) -> bool:
        """Whether a leaf of eu-1, numbered or not, is personal."""
        plain = _NUMBER.sub("", path).replace(_TRANSLATION, "content/form/")
        steps = plain.split("/")
        return any("/".join(steps[:end]) in self.paths for end in range(1, len(steps) + 1))


def load_personal_fields(path: Path) -> PersonalFields:
    """Read the table. Raises: ConfigurationError."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["field"]
        return PersonalFields(frozenset(one for row in rows for one in row["paths"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The table of personal fields {path.name} cannot be read: {error}") from error


def is_words(type_: SimpleType | None) -> bool:
    """Whether a leaf may hold any words: not a number, a date, a yes or no, or one of a list."""
    return type_ is None or (type_.base in _WORDS and not type_.enumeration)


def sources_of(fields: PersonalFields, hop: dict[str, Any]) -> frozenset[str]:
    """The sources of a hop into eu-1 that become something personal."""
    return frozenset(row["source"] for row in hop["fields"] if any(fields.holds(path) for path in row["target"]))


def targets_of(fields: PersonalFields, hop: dict[str, Any]) -> frozenset[str]:
    """The targets of a hop out of eu-1 that something personal becomes."""
    return frozenset(path for row in hop["fields"] if fields.holds(row["source"]) for path in row["target"])


def unlinked(hop: dict[str, Any], ends: Iterable[str]) -> frozenset[str]:
    """The ends of a hop that have no other end in eu-1, so that nothing is known of them."""
    linked = {row["source"] for row in hop["fields"] if row["target"]}
    linked |= {path for row in hop["fields"] for path in row["target"]}
    return frozenset(ends) - linked
