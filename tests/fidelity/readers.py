"""The language of the readers: national documents whose fields speak it, and the law that they do."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from tests.fidelity.paths import each, plain
from tests.fidelity.values import WHITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from broker.translation.mapping_file import Family, Group, Line, Profile
    from broker.translation.own_language import Versions
    from tests.fidelity.laws import Example

_ORIGINAL: Final = "Wat er oorspronkelijk stond"
_SELDOM: Final = 0.3
_MOST: Final = 20  #: so many instances of a part are looked at


def spoken(document: etree._Element, profile: Profile, random: Random) -> None:
    """Now and then, put the original of some fields into the annex, and say which form in another language they are of.

    Now and then that form is of yet another language, has the field already, or is the second of its kind.
    """
    annex, versions = profile.annex, profile.versions
    if annex is None or versions is None:
        return
    shown, container = dict(_fields(document, profile)), _found(document, annex.entry.rpartition("/")[0])
    if container is None or not shown or random.random() < _SELDOM:
        return
    number, language = random.choice((1, 1, 1, 2)), random.choice((versions.language,) * 4 + ("nl",))
    fields = random.sample(sorted(shown), random.randint(1, len(shown)))
    entries = [(path, _ORIGINAL) for path in fields]
    entries += [(f"{versions.others}[{one}]/@{versions.spoken}", language) for one in range(1, number + 1)]
    form = f"{versions.others}[{number}]"
    entries += [(key.replace(versions.form, form), said) for key, said in sorted(set(filter(all, shown.values())))]
    if random.random() < _SELDOM:
        there = random.choice(sorted(shown))
        there = re.sub(r"\[.*?\]", "[1]", there).replace(versions.form, form, 1)
        entries.append((there, "Ce qui y est déjà"))
    for path, text in entries:
        entry = etree.SubElement(container, f"{{{etree.QName(document).namespace}}}{annex.entry.rpartition('/')[2]}")
        entry.set(annex.path, path)
        entry.text = text


def mirrored(document: etree._Element, profile: Profile, random: Random) -> None:
    """Now and then, let a form in another language have the parts that the original has for each country, in any order.

    Drawn by chance they would hardly ever be of the same country.
    """
    versions = profile.versions
    form = _found(document, versions.form) if versions is not None else None
    others = _found(document, versions.others.rpartition("/")[0]) if versions is not None else None
    if form is None or others is None or not len(others) or random.random() < _SELDOM:
        return
    other = random.choice(list(others))
    at = sum(1 for one in other if etree.QName(one).localname in _BEFORE)
    parts = [deepcopy(one) for one in form.findall("{*}section6")]
    fields = {line.leaf.rpartition("/")[2] for _, line in _lines(profile)}
    for part in random.sample(parts, len(parts)):
        for leaf in [one for one in part.iter("{*}*") if etree.QName(one).localname in fields and not len(one)]:
            leaf.text = f"{leaf.text or ''} ({other.get('lang')})"
        other.insert(at, part)


_BEFORE: Final = frozenset(f"section{number}" for number in range(1, 6))


def _fields(document: etree._Element, profile: Profile) -> Iterator[tuple[str, tuple[str, str]]]:
    """The labelled eu-1 paths of the fields that are there and may speak the language of their readers.

    Beside each the key of the part that it is of, in the form that has it first, if it is of one.
    """
    for family, line in _lines(profile):
        around = _around(family, line.leaf)
        if len(around) > 1 or _found(document, line.others[0]) is None:
            continue
        if not around:
            yield line.leaf, ("", "")
            continue
        group = around[0]
        key = next(one for one in family.lines if one.leaf == group.key)
        said = _found(document, key.others[0])
        if group.only and said is not None:
            tail = group.key.removeprefix(group.path)
            yield (
                line.leaf.replace(group.path, f"{group.path}[{said.text}]"),
                (
                    f"{group.path}[1]{tail}",
                    said.text or "",
                ),
            )


def _lines(profile: Profile) -> Iterator[tuple[Family, Line]]:
    for family in profile.families.values():
        yield from ((family, line) for line in family.lines if line.readers)


def _around(family: Family, leaf: str) -> list[Group]:
    return sorted((one for one in family.groups if leaf.startswith(f"{one.path}/")), key=lambda one: len(one.path))


def _found(document: etree._Element, path: str) -> etree._Element | None:
    return document.find("/".join(f"{{{etree.QName(document).namespace}}}{step}" for step in path.split("/")))


def readers_read_their_own_language(example: Example) -> None:
    """Law 6: a field has the version in its readers' language where there is one; the original stands in the annex."""
    profile = example.way.compiled.profile
    if not example.way.forth or profile.versions is None:
        return
    chosen = _chosen(profile.versions, example.sources)
    rows = {each(row["source"]): row for row in example.there.report.fields()}
    taken: set[str] = set()
    for family, line in _lines(profile):
        for original in (path for path in example.sources if plain(path) == line.leaf):
            if not _is_sent(original, family, line, example.sources):
                assert rows[original]["fate"] == "annex", original
                assert "in the language of its readers" not in rows[original].get("reason", ""), original
                continue
            version = _version(original, chosen, profile.versions, family, example.sources) if chosen else ""
            if version and version not in taken:
                taken.add(version)
                _is_taken(example, profile.versions, line, rows[original], rows[version])
            else:
                (target,) = rows[original]["target"]
                assert plain(target) == line.others[0], line
                assert example.targets[each(target)] == example.sources[original], line
                assert "language" not in rows[original], rows[original]


def _is_sent(original: str, family: Family, line: Line, sources: dict[str, str]) -> bool:
    """Whether it is of the part that the national document has: the first of its country."""
    for group in _around(family, line.leaf):
        if group.only:
            parts = [f"{each(group.path)[:-3]}[{number}]" for number in range(1, _MOST)]
            tail = each(group.key.removeprefix(f"{group.path}/"))
            fits = [part for part in parts if sources.get(f"{part}/{tail}", "").strip(WHITE) in group.only]
            return bool(fits) and original.startswith(f"{fits[0]}/")
    return True


def _version(path: str, chosen: str, versions: Versions, family: Family, sources: dict[str, str]) -> str:
    """Where the same field is in the chosen form; empty, if it is not. A part that repeats is known by its key."""
    groups = {group.path: group for group in family.groups}
    here, there = each(versions.form), each(chosen)
    for step in path.removeprefix(f"{here}/").split("/"):
        here = f"{here}/{step}"
        group = groups.get(plain(here))
        if group is None:
            there = f"{there}/{step}"
            continue
        tail = each(group.key.removeprefix(f"{group.path}/"))
        said = sources.get(f"{here}/{tail}")
        parts = [f"{there}/{plain(step)}[{number}]" for number in range(1, _MOST)]
        same = [
            part
            for part in parts
            if said is not None and sources.get(f"{part}/{tail}", "\0").strip(WHITE) == said.strip(WHITE)
        ]
        if not same:
            return ""
        there = same[0]
    return there if there in sources else ""


def _chosen(versions: Versions, sources: dict[str, str]) -> str:
    """The first form in the language of the readers; empty, if there is none or the original is in it."""
    if sources.get(each(versions.original), "").strip(WHITE).lower() == versions.language:
        return ""
    for number in count(1):
        one = f"{versions.others}[{number}]"
        said = sources.get(f"{each(one)}/@{versions.spoken}")
        if said is None or said.strip(WHITE).lower() == versions.language:
            return one if said is not None else ""
    raise AssertionError


def _is_taken(
    example: Example, versions: Versions, line: Line, original: dict[str, Any], version: dict[str, Any]
) -> None:
    (target,) = version["target"]
    assert plain(target) == line.others[0], version
    assert example.targets[each(target)] == example.sources[each(version["source"])], line
    form = re.match(rf"{versions.others}\[\d+\]", version["source"])
    assert form is not None, version
    mark = example.sources.get(each(f"{form[0]}/@{versions.said}"), versions.mark).strip(WHITE).lower()
    assert (version["language"], version["mark"]) == (versions.language, mark), version
    assert original["fate"] == "annex", original
    assert "in the language of its readers" in original["reason"], original
    assert example.sources[each(original["source"])] in [example.targets[each(path)] for path in original["target"]]
