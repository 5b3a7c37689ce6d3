"""Answers that no list has: kept as they are, and told. A form with a new answer is still a form.

Categories of data in permits and reports are held against Art. 51(1) in the same way: states may add some (Art. 51(2)).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Problem
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lxml import etree

_LONGEST: Final = 40  #: of a key that is quoted; what is longer is no key
_LISTS: Final = {
    "purposes": ("purpose", "key"),
    "languages": ("language", "code"),
    "health-categories": ("category", "code"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a form, and the keys that it may be answered with, in lower case."""

    path: str
    keys: frozenset[str]
    source: str
    is_code: bool = False  #: the answer is no key and label, but a code, or an IRI that ends in it


def load_questions(folder: Path) -> tuple[Question, ...]:
    """The questions whose keys are known, from `form-answers.toml`. Raises: ConfigurationError."""
    try:
        rows = [row for row in _table(folder, "form-answers")["question"] if "open" not in row]
        return tuple(
            Question(path, _keys(folder, row), row["source"], is_code=row.get("code", False))
            for row in rows
            for path in row["fields"]
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The code list of form answers cannot be read: {error}") from error


@lru_cache(maxsize=1)
def shipped_questions() -> tuple[Question, ...]:
    """The questions that come with the program. Raises: ConfigurationError."""
    return load_questions(schemas_dir() / "codelists")


def _table(folder: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))


def _keys(folder: Path, row: dict[str, Any]) -> frozenset[str]:
    if "list" not in row:
        return frozenset(row["keys"])
    table, column = _LISTS[row["list"]]
    return frozenset(str(entry[column]).lower() for entry in _table(folder, row["list"])[table])


def unknown_answers(root: etree._Element, questions: tuple[Question, ...]) -> tuple[Problem, ...]:
    """One problem for each key of an eu-1 form that its list does not have, with the numbered path of the answer."""
    return tuple(_problem(question, path, key) for question in questions for path, key in _unknown(root, question))


def _unknown(root: etree._Element, question: Question) -> Iterator[tuple[str, str]]:
    places = [("", root)]
    for name in (*question.path.split("/"), *(() if question.is_code else ("key",))):
        places = [below for path, element in places for below in _below(path, element, name)]
    for path, element in places:
        key = trimmed(element.text or "")
        known = key.rpartition("/")[2] if question.is_code else key  # hosts of IRIs change between releases
        if key and known.lower() not in question.keys:
            yield path.lstrip("/"), key


def _below(path: str, element: etree._Element, name: str) -> list[tuple[str, etree._Element]]:
    found = element.findall(f"{{*}}{name}")
    numbers = [""] if len(found) == 1 else [f"[{number}]" for number in range(1, len(found) + 1)]
    return [(f"{path}/{name}{number}", one) for number, one in zip(numbers, found, strict=True)]


def _problem(question: Question, path: str, key: str) -> Problem:
    return Problem(
        code="unknown-answer",
        detail="No list of answers has this; it is kept and sent on as it is.",
        path=path,
        rule=question.source,
        value=key[:_LONGEST],
        hint="Ask what is meant, if it matters; the list is schemas/codelists/form-answers.toml.",
    )
