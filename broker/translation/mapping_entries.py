"""What may stand in a mapping file: which entries there are, what each must be, and the nearest name to a wrong one.

An entry that nobody reads would be a promise that nobody keeps, so each is known here or is a fault.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Says that every family of the profile that is no part of a message is its context.
ALL_OTHERS: Final = "all"
#: How near a path, and how near a short name, must be to be the one that was meant; 1 is the same.
_NEAR: Final = 0.85
_NEAR_NAME: Final = 0.6
_LANGUAGE: Final = re.compile("[a-z]{2,3}").fullmatch  #: ISO 639
_VERSION: Final = re.compile("[0-9A-Za-z][0-9A-Za-z.-]*").fullmatch


class Kind(NamedTuple):
    """What an entry must be: in words, and whether a value is that."""

    said: str
    fits: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _are_conditions(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, bool) or _is_text(one) for one in value.values())


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_annex(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"entry", "path"} and all(map(_is_text, value.values()))


_TEXT: Final = Kind('a text, "…"', _is_text)
_ANY_TEXT: Final = Kind('a text, "…"', lambda value: isinstance(value, str))
_TEXTS: Final = Kind('a list of texts, ["…", "…"]', _are_texts)
_SWITCH: Final = Kind("true or false", lambda value: isinstance(value, bool))
_TABLE: Final = Kind("a table, [name]", lambda value: isinstance(value, dict))
_CONDITIONS: Final = Kind('a table of leaves, { "leaf" = "value" }: each says a text, true or false', _are_conditions)
_PARTS: Final = Kind(
    f'a list of families, ["…", "…"], or "{ALL_OTHERS}"', lambda v: v in (ALL_OTHERS, []) or _are_texts(v)
)

LINE: Final[Mapping[str, Kind]] = {
    "copy": _ANY_TEXT,
    "recode": _ANY_TEXT,
    "split": _TEXTS,
    "join": _TEXTS,
    "annex": _ANY_TEXT,
    "carried": _ANY_TEXT,
    "left_out": _ANY_TEXT,
    "table": _TEXT,
    "otherwise": _TEXT,
    "review": _TEXT,
    "by": _ANY_TEXT,
    "before": _TEXTS,
    "alone": _ANY_TEXT,
    "text": _TEXT,
    "source": _ANY_TEXT,
    "anchor": _TEXT,
    "readers": _SWITCH,
}
GROUP: Final[Mapping[str, Kind]] = {"with": _TEXT, "key": _TEXT, "national_key": _TEXT, "only": _TEXTS}
TABLE: Final[Mapping[str, Kind]] = {
    "source": _ANY_TEXT,
    "rows": _TABLE,
    "several": _TABLE,
    "ambiguous": _TABLE,
}
#: What each row of a table must be, by the entry that it stands in.
ROWS: Final[Mapping[str, Kind]] = {"rows": _TEXT, "several": _TEXTS, "ambiguous": _TEXTS}
FAMILY: Final[Mapping[str, Kind]] = {
    "family": _ANY_TEXT,
    "eu": Kind("a list of texts", lambda value: isinstance(value, list)),
    "national_scope": Kind("a list of texts", lambda value: isinstance(value, list)),
    "fields": _TABLE,
    "national": _TABLE,
    "groups": _TABLE,
    "tables": Kind("a table of tables, [tables.name]", lambda v: isinstance(v, dict) and _are_tables([*v.values()])),
}
MESSAGE: Final[Mapping[str, Kind]] = {
    "type": _TEXT,
    "element": _TEXT,
    "when": _CONDITIONS,
    "when_eu": _CONDITIONS,
    "parts": _TEXTS,
    "context": _PARTS,
}
HEAD: Final[Mapping[str, Kind]] = {
    "profile": _ANY_TEXT,
    "version": Kind('a text of letters, digits, "." and "-": "2026-11"', lambda v: _is_text(v) and bool(_VERSION(v))),
    "schema": _ANY_TEXT,
    "language": Kind('the code of a language in small letters, "fr"', lambda v: _is_text(v) and bool(_LANGUAGE(v))),
    "annex": Kind('a table, { entry = "…", path = "…" }', _is_annex),
    "versions": Kind("a table, [versions]", lambda value: isinstance(value, dict)),
    "message": Kind("a list of tables: write [[message]]", _are_tables),
}
#: What a line may have beside what it does, by what it does; `source` may stand with each.
_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "copy": ("text", "otherwise", "review", "readers"),
    "recode": ("table", "otherwise", "review"),
    "split": ("before", "alone"),
    "join": ("by",),
    "annex": ("anchor",),
    "carried": ("source", "anchor"),
    "left_out": ("source", "anchor"),
}
#: What `mapping_check` judges, for it depends on the leaves too.
_JUDGED_LATER: Final = frozenset({"otherwise", "alone", "readers"})


def wrong_entry(row: Any, known: Mapping[str, Kind]) -> tuple[str, str] | None:
    """The first entry of a row that is unknown, or not what it must be, and what is wrong; None: all is well."""
    if not isinstance(row, dict):
        return "", "this must be a table, { … }"
    for key, value in row.items():
        if key not in known:
            near = meant(key, known, near=_NEAR_NAME) or f"; there are {', '.join(known)}"
            return key, f"unknown entry {key!r}{near}"
        if not known[key].fits(value):
            return key, f"{key!r} must be {known[key].said}"
    return None


def beside(row: Mapping[str, Any], kind: str) -> Iterator[str]:
    """What stands on a line and would do nothing there."""
    for key in sorted(row.keys() - {kind, "source", *_BESIDE[kind]} - _JUDGED_LATER):
        yield f"a {kind!r} has no {key!r}; it may have {', '.join(map(repr, _BESIDE[kind]))}"
    if "review" in row and "otherwise" not in row:
        yield "'review' says why a person looks at what goes 'otherwise'; the line has no 'otherwise'"


def meant(name: str, known: Iterable[str], *, near: float = _NEAR) -> str:
    """`; did you mean …?`, where a known name is near enough; else nothing."""
    found = get_close_matches(name, [*known], n=1, cutoff=near)
    return f"; did you mean {found[0]!r}?" if found else ""
