"""Which mandatory fields a form lacks: a rule set per release of the Central Platform, applied to an eu-1 application.

Form fields are optional on the wire and in the schema; D6.3 Annexes 7 and 8 say which of them a complete form has.
Nothing is judged here but presence: an answer counts as given when any text stands below it, a tick when it is set.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Problem
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWEST: Final = "release-7"
_FORMS: Final = {"DATA_ACCESS_APPLICATION": "access", "DATA_REQUEST_APPLICATION": "request"}
_CARRIERS: Final = frozenset(
    {"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"}
)
_HOW: Final = frozenset({"each", "one", "true"})
_TRUE: Final = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class Condition:
    """What makes fields due: one of these was answered with one of the keys, or given at all, or ticked."""

    fields: tuple[str, ...]
    keys: frozenset[str] = frozenset()  #: empty: any answer will do
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields that are due. Paths run below `content`; a step that ends in `[]` is looked at entry by entry."""

    fields: tuple[str, ...]
    source: str
    form: str = ""  #: access, request; "" for both
    how: str = "each"  #: each, one (at least one of them), true (each of them, confirmed)
    when: Condition | None = None
    ticks: frozenset[str] = frozenset()  #: those of the fields that are given only when they are ticked


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one release."""

    release: str
    source: str
    rules: tuple[Rule, ...]


@lru_cache(maxsize=1)
def shipped_rules() -> RuleSet:
    """The rules of the newest release that comes with the program. Raises: ConfigurationError."""
    return load_rules(schemas_dir() / "completeness", NEWEST)


def load_rules(folder: Path, name: str) -> RuleSet:
    """The rule set `<name>.toml`, with the rules of the one that it extends. Raises: ConfigurationError."""
    try:
        table = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        before = load_rules(folder, table["extends"]).rules if "extends" in table else ()
        return RuleSet(table["release"], table["source"], (*before, *map(_rule, table["rule"])))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The rules of completeness {name} cannot be read: {error}") from error


def _rule(row: dict[str, Any]) -> Rule:
    how, form, fields = row.get("how", "each"), row.get("form", ""), tuple(row["fields"])
    ticks = frozenset(fields if how == "true" else row.get("ticks", ()))
    if how not in _HOW or form not in {"", *_FORMS.values()} or not ticks <= set(fields):
        raise ValueError(f"no rule is of the kind {how!r}, {form!r}")
    condition = _condition(row["when"]) if "when" in row else None
    return Rule(fields, row["source"], form, how, condition, ticks)


def _condition(row: dict[str, Any]) -> Condition:
    ((kind, named),) = ((kind, row[kind]) for kind in ("field", "given", "ticked") if kind in row)
    fields = (named,) if isinstance(named, str) else tuple(named)
    keys = frozenset(row["key"]) if kind == "field" else frozenset()
    return Condition(fields, keys, ticked=kind == "ticked")


def missing(root: etree._Element, rules: RuleSet) -> tuple[Problem, ...]:
    """One problem for each field that is due and absent, in the order of the rules; empty for a complete form.

    A message that carries no application lacks nothing. An application whose type is missing or unknown lacks its
    type, and is held against the rules for both forms alone.
    """
    content = root.find("{*}content")
    if content is None or etree.QName(root).localname not in _CARRIERS:
        return ()
    form = _FORMS.get(trimmed(content.findtext("{*}application_type") or ""), "")
    lacking = [] if form else [_problem("content/application_type", rules, "section 1: kind of the form")]
    for rule in rules.rules:
        if rule.form in {"", form}:
            lacking += [_problem(path, rules, rule.source) for path in _lacking(content, rule)]
    return tuple(lacking)


def _problem(path: str, rules: RuleSet, source: str) -> Problem:
    return Problem(
        code="incomplete",
        detail=f"A complete form of Release {rules.release} has this field.",
        path=path,
        rule=f"completeness, Release {rules.release}: {source}",
        hint="Fill the field in, and send the form again.",
    )


def _lacking(content: etree._Element, rule: Rule) -> Iterator[str]:
    if rule.how != "one":
        for field in rule.fields:
            yield from _absent(content, field, rule)
        return
    absent = [list(_absent(content, field, rule)) for field in rule.fields]
    if all(absent):
        yield from absent[0] if len({_entry(field) for field in rule.fields}) > 1 else _in_all(absent)


def _in_all(absent: list[list[str]]) -> Iterator[str]:
    """Where none of the alternatives stands, entry by entry: the first of them is named."""
    holders = set.intersection(*({path.rpartition("/")[0] for path in paths} for paths in absent))
    return (path for path in absent[0] if path.rpartition("/")[0] in holders)


def _absent(content: etree._Element, field: str, rule: Rule) -> Iterator[str]:
    """Numbered paths at which a field is due and not given."""
    holder, _, name = field.rpartition("/")
    given = _confirmed if field in rule.ticks else _says_something
    for path, element in _holders(content, holder):
        if rule.when is not None and not _asked(content, element, holder, rule.when):
            continue
        found = [] if element is None else element.findall(f"{{*}}{name}")
        if not any(given(one) for one in found):
            yield f"{path}/{name}"


def _holders(content: etree._Element, path: str) -> Iterator[tuple[str, etree._Element | None]]:
    """Every element that a field stands in; None where one that does not repeat is absent itself."""
    places: list[tuple[str, etree._Element | None]] = [("content", content)]
    for step in path.split("/") if path else ():
        name = step.removesuffix("[]")
        places = [below for place in places for below in _below(place, name, repeats=step != name)]
    yield from places


def _below(
    place: tuple[str, etree._Element | None], name: str, *, repeats: bool
) -> list[tuple[str, etree._Element | None]]:
    path, element = place
    found = [] if element is None else element.findall(f"{{*}}{name}")
    if repeats:
        return [(f"{path}/{name}[{number}]", one) for number, one in enumerate(found, 1)]
    return [(f"{path}/{name}", found[0] if found else None)]


def _asked(content: etree._Element, element: etree._Element | None, holder: str, when: Condition) -> bool:
    return any(_holds(answer, when) for field in when.fields for answer in _answers(content, element, holder, field))


def _answers(
    content: etree._Element, element: etree._Element | None, holder: str, field: str
) -> Iterator[etree._Element]:
    """What a question was answered with: in this entry, if it stands there."""
    around, _, name = field.rpartition("/")
    holders = [element] if around == holder else [one for _, one in _holders(content, around)]
    return (answer for one in holders if one is not None for answer in one.iterfind(f"{{*}}{name}"))


def _holds(answer: etree._Element, when: Condition) -> bool:
    if when.keys:
        return trimmed(answer.findtext("{*}key") or "") in when.keys
    return _confirmed(answer) if when.ticked else _says_something(answer)


def _entry(field: str) -> str:
    return field.rpartition("/")[0]


def _says_something(element: etree._Element) -> bool:
    return any(str(text).strip() for text in element.itertext())


def _confirmed(element: etree._Element) -> bool:
    return trimmed(element.text or "") in _TRUE
