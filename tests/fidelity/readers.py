"""The language of the readers: national documents whose fields speak it, and the law that they do."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from lxml import etree

from tests.fidelity.paths import each

if TYPE_CHECKING:
    from random import Random

    from broker.translation.mapping_file import Line, Profile
    from broker.translation.own_language import Versions
    from tests.fidelity.laws import Example

_ORIGINAL = "Wat er oorspronkelijk stond"


def spoken(document: etree._Element, profile: Profile, random: Random) -> None:
    """Now and then, put the original of some fields into the annex, and say which form in another language they are of.

    Now and then that form is of yet another language, has the field already, or is the second of its kind.
    """
    annex, versions = profile.annex, profile.versions
    if annex is None or versions is None:
        return
    shown, container = _fields(document, profile), _found(document, annex.entry.rpartition("/")[0])
    if container is None or not shown or random.random() < _SELDOM:
        return
    number, language = random.choice((1, 1, 1, 2)), random.choice((versions.language,) * 4 + ("nl",))
    fields = random.sample(shown, random.randint(1, len(shown)))
    entries = [(path, _ORIGINAL) for path in fields]
    entries += [(f"{versions.others}[{one}]/@{versions.spoken}", language) for one in range(1, number + 1)]
    if random.random() < _SELDOM:
        there = versions.twin(random.choice(shown)).replace(versions.others, f"{versions.others}[{number}]")
        entries.append((there, "Ce qui y est déjà"))
    for path, text in entries:
        entry = etree.SubElement(container, f"{{{etree.QName(document).namespace}}}{annex.entry.rpartition('/')[2]}")
        entry.set(annex.path, path)
        entry.text = text


_SELDOM = 0.3


def _fields(document: etree._Element, profile: Profile) -> list[str]:
    """The eu-1 paths of the fields that are there and may speak the language of their readers."""
    lines = [line for family in profile.families.values() for line in family.lines if line.readers]
    return [line.leaf for line in lines if _found(document, line.others[0]) is not None]


def _found(document: etree._Element, path: str) -> etree._Element | None:
    return document.find("/".join(f"{{{etree.QName(document).namespace}}}{step}" for step in path.split("/")))


def readers_read_their_own_language(example: Example) -> None:
    """Law 6: a field has the version in its readers' language where there is one; the original stands in the annex."""
    profile = example.way.compiled.profile
    if not example.way.forth or profile.versions is None:
        return
    chosen = _chosen(profile.versions, example.sources)
    rows = {each(row["source"]): row for row in example.there.report.fields()}
    for line in (line for family in profile.families.values() for line in family.lines if line.readers):
        original = each(line.leaf)
        version = each(profile.versions.twin(line.leaf).replace(profile.versions.others, chosen, 1)) if chosen else ""
        if version in example.sources and original in example.sources:
            _is_taken(example, profile.versions, line, rows[original], rows[version])
        elif original in example.sources:
            assert example.targets[each(line.others[0])] == example.sources[original], line
            assert "language" not in rows[original], rows[original]


def _chosen(versions: Versions, sources: dict[str, str]) -> str:
    """The first form in the language of the readers; empty, if there is none or the original is in it."""
    if sources.get(each(versions.original), "").strip().lower() == versions.language:
        return ""
    for number in count(1):
        one = f"{versions.others}[{number}]"
        said = sources.get(f"{each(one)}/@{versions.spoken}")
        if said is None or said.strip().lower() == versions.language:
            return one if said is not None else ""
    raise AssertionError


def _is_taken(
    example: Example, versions: Versions, line: Line, original: dict[str, Any], version: dict[str, Any]
) -> None:
    assert example.targets[each(line.others[0])] == example.sources[each(version["source"])], line
    form = re.match(rf"{versions.others}\[\d+\]", version["source"])
    assert form is not None, version
    marked = f"{form[0]}/@{versions.said}"
    mark = example.sources.get(each(marked), versions.mark).strip().lower()
    assert (version["language"], version["mark"]) == (versions.language, mark), version
    assert version["target"] == [line.others[0]], version
    assert original["fate"] == "annex", original
    assert example.sources[each(original["source"])] in [example.targets[each(path)] for path in original["target"]]
