"""What a mapping says of forms in several languages: where they stand, and which of them its readers read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from broker.translation.white_space import trimmed

MARKS: Final = ("machine", "verified")
_KEYS: Final = ("form", "others", "spoken", "said", "original", "mark", "source")


@dataclass(frozen=True, slots=True)
class Versions:
    """Where eu-1 has a form in other languages, and how far those can be trusted."""

    language: str  #: of the readers
    form: str  #: the form in its original language
    others: str  #: the repeated element that holds a form in another language
    spoken: str  #: the attribute of it that says which
    said: str  #: the attribute of it that says how far it can be trusted: a mark in capitals
    original: str  #: the leaf that says the original language
    mark: str  #: machine | verified: of a form that does not say it
    source: str

    def twin(self, path: str) -> str:
        """The path of a field of the form in another language; empty, if it is no field of the form."""
        return path.replace(self.form, self.others, 1) if path.startswith(f"{self.form}/") else ""

    def mark_of(self, said: str | None) -> str:
        """The mark of a form, by what it says of itself."""
        mark = trimmed(said or "").lower()
        return mark if mark in MARKS else self.mark


def versions_of(data: dict[str, Any]) -> Versions | None:
    """What messages.toml says; None, if it says nothing. Raises: ValueError."""
    row = data.get("versions")
    if row is None:
        return None
    if not isinstance(row, dict) or set(row) != set(_KEYS) or row["mark"] not in MARKS or not data.get("language"):
        marks = ", ".join(MARKS)
        raise ValueError(f"'versions' needs {', '.join(_KEYS)}, a mark among {marks}, and 'language'")
    return Versions(str(data["language"]), *(str(row[key]) for key in _KEYS))
