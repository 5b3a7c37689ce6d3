"""Tagged lines in the comment of a REMS event: the facts for which REMS has no field, as its staff can write and read.

    The description of the cohort is not complete.
    [section6.FINLAND.inclusionCriteria] Which years?
    [date] 2026-11-23T10:00:00Z

A line `[name] value` states a fact; a value goes on in lines that begin with two spaces. Every other line is the
comment itself. A line of the comment that only looks like a tag is written with a backslash before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from broker.translation.codecs.rems.facts import parted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from broker.translation.codecs.rems.facts import Facts

#: A name, and a value; None where the line says the name alone.
Tag = tuple[str, str | None]
_LINE: Final = re.compile(r"(\\*)\[([A-Za-z0-9_.]+)\](?: (.*))?", re.DOTALL)
_QUESTION: Final = re.compile(r"section([0-9]{1,12})(?:\.([A-Z][A-Z_]*))?(?:\.([a-z][A-Za-z0-9]*))?")
_COUNTRY: Final = re.compile(r"[A-Z][A-Z_]*")
_NAME: Final = re.compile(r"[a-z][A-Za-z0-9]*")


def read(text: str, known: Callable[[Tag], bool]) -> tuple[str | None, list[Tag]]:
    """The comment itself, None if there is none, and its tags in order. `known` says what is a tag."""
    comment: list[str] = []
    tags: list[Tag] = []
    within = False
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if found and known((found[2], found[3])):
            within = not found[1]
            if within:
                tags.append((found[2], found[3]))
            else:
                comment.append(line[1:])
        elif within and line.startswith("  ") and tags[-1][1] is not None:
            tags[-1] = (tags[-1][0], f"{tags[-1][1]}\n{line[2:]}")
        else:
            within = False
            comment.append(line)
    return "\n".join(comment) if comment else None, tags


def write(comment: str | None, tags: list[Tag], known: Callable[[Tag], bool]) -> str | None:
    """The way back of `read`; None, if there is nothing to say."""
    lines = [] if comment is None else [_escaped(line, known) for line in comment.split("\n")]
    lines += [f"[{name}]" if value is None else f"[{name}] {value}".replace("\n", "\n  ") for name, value in tags]
    return "\n".join(lines) if lines else None


def _escaped(line: str, known: Callable[[Tag], bool]) -> str:
    found = _LINE.fullmatch(line)
    return f"\\{line}" if found and known((found[2], found[3])) else line


def is_question(name: str) -> bool:
    """Whether a tag asks about a section or field of the form."""
    return bool(_QUESTION.fullmatch(name))


def path_of(name: str) -> str:
    """The path of a fact that a tag names: `fees.1.amount` is `fees[1].amount`."""
    return re.sub(r"\.([1-9][0-9]*)(?=\.|$)", r"[\1]", name)


def name_of(path: str) -> str:
    """The tag that names a fact: the way back of `path_of`."""
    return path.replace("[", ".").replace("]", "")


def questions_of(tags: list[Tag]) -> Facts:
    """The sections and fields that are asked about, numbered in their order; other tags move the number on."""
    facts: Facts = {}
    section, asked, at = 0, 0, None
    for name, value in tags:
        found = _QUESTION.fullmatch(name)
        if not found:
            section, at = _section_named(name, section), None
            continue
        key = found[1], found[2]
        if key != at or not found[3]:
            section, asked, at = section + 1, 0, key
            facts.update(_section(section, *key))
        if found[3]:
            asked += 1
            facts[f"section[{section}].field[{asked}].name"] = found[3]
            facts[f"section[{section}].field[{asked}].comment"] = value or ""
    return {f"form.{path}": text for path, text in facts.items()}


def _section_named(name: str, before: int) -> int:
    steps, _ = parted(path_of(name))
    numbers = [number for step, number in steps if step == "section"]
    return max(before, *numbers) if numbers else before


def _section(section: int, number: str, country: str | None) -> Facts:
    said = {f"section[{section}].number": number}
    return said if country is None else {**said, f"section[{section}].country": country}


def questions(facts: Facts) -> Iterator[Tag]:
    """The tags of all questions, in order; what they say is taken out of `facts` (paths as in `questions_of`)."""
    before = None
    for section in sorted({number for path in facts if (number := _number(path, "section"))}):
        prefix = f"form.section[{section}]."
        own = {path.removeprefix(prefix): facts.pop(path) for path in [p for p in facts if p.startswith(prefix)]}
        if not _is_plain(own):
            yield from ((name_of(f"{prefix}{path}"), text) for path, text in own.items())
            before = None
            continue
        yield from _section_tags(own, again=before == (own["number"], own.get("country")))
        before = own["number"], own.get("country")


def _section_tags(own: Facts, *, again: bool) -> Iterator[Tag]:
    stem = ".".join((f"section{own['number']}", *([own["country"]] if "country" in own else [])))
    if again:
        yield stem, None
    for number in sorted({number for path in own if (number := _number(path, "field"))}):
        yield f"{stem}.{own[f'field[{number}].name']}", own[f"field[{number}].comment"]


def _is_plain(own: Facts) -> bool:
    fields = sorted({number for path in own if (number := _number(path, "field"))})
    names = [own.get(f"field[{number}].name", "") for number in fields]
    said = all(f"field[{number}].comment" in own for number in fields)
    country = _COUNTRY.fullmatch(own["country"]) if "country" in own else True
    is_number = re.fullmatch(r"[0-9]{1,12}", own.get("number", ""))
    numbered = fields == list(range(1, len(fields) + 1)) and bool(fields)
    return bool(is_number and country and said and numbered and all(map(_NAME.fullmatch, names)))


def _number(path: str, name: str) -> int:
    return next((number for step, number in parted(path)[0] if step == name), 0)
