"""What a mapping says beside the fate of a field, held against a record: what was changed and published is found.

`tests/data/mapping-switches.csv`: which message a document is (`when`, `when_eu`, `context`), in whose language a
field is read (`readers`, `versions`), what tells instances apart (`key`, `only`), what a person looks at (`review`),
what stands for one value (`several`). `tests/data/legal-facts.csv`: which leaves say a fact with legal meaning, and by
which article.
"""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import pytest

from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import write_lock
from tests.fidelity.ways import profile_names
from tests.support.sides import SCHEMAS
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from broker.translation.mapping_file import Family, MessageRule, Profile

    Row = tuple[str, str, str]

LISTED: Final = "codelists/legal-facts.toml"


def recorded(name: str, *columns: str, **only: str) -> set[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if only.items() <= row.items()]
    assert rows
    return {(row[columns[0]], row[columns[1]], row[columns[2]]) for row in rows}


def switches(profile: Profile) -> dict[Row, str]:
    """Every switch of a mapping, and where it stands."""
    found = dict(_of_head(profile))
    for name, rule in messages(profile).items():
        found.update(_of_message(rule, name))
    for family in profile.families.values():
        found.update(_of_family(family))
    return found


def messages(profile: Profile) -> dict[str, MessageRule]:
    """Each rule by its type and which of several it is."""
    types = [rule.type for rule in profile.messages]
    return {f"{rule.type} {types[:at].count(rule.type) + 1}": rule for at, rule in enumerate(profile.messages)}


def _of_head(profile: Profile) -> Iterator[tuple[Row, str]]:
    said = asdict(profile.versions) if profile.versions else {}
    for name, value in {"language": profile.language, **said}.items():
        yield ("versions", f"{profile.name} {name}", value), str(profile.at["versions" if said else "language"])


def _of_message(rule: MessageRule, name: str) -> Iterator[tuple[Row, str]]:
    for switch, said in (("when", rule.when), ("when_eu", rule.when_eu)):
        for path, wanted in said.items():
            yield (switch, f"{name} {path}", json.dumps(wanted, ensure_ascii=False)), str(rule.at)
    if rule.context:
        yield ("context", name, " ".join(rule.context)), str(rule.at)


def _of_family(family: Family) -> Iterator[tuple[Row, str]]:
    for line in family.lines:
        leaf = f"{family.name} {line.leaf}"
        if line.readers:
            yield ("readers", leaf, "true"), str(line.at)
        if line.review:
            yield ("review", leaf, line.review), str(line.at)
    for group in family.groups:
        for switch, said in (("key", group.key), ("national_key", group.national_key), ("only", " ".join(group.only))):
            if said:
                yield (switch, f"{family.name} {group.path}", said), str(group.at)
    for table in family.tables.values():
        for value, words in table.several.items():
            yield ("several", f"{table.name} {value}", " ".join(words)), str(table.at)


def changed(directory: Path) -> set[str]:
    """Where a mapping says something else than the record, and what it no longer says."""
    found = switches(load_profile(directory))
    kept = recorded("mapping-switches.csv", "switch", "place", "value", profile=directory.name)
    added = {f"{at}: {' '.join(row)}" for row, at in found.items() if row not in kept}
    places = where(load_profile(directory))
    gone = {f"{places.get(row[1], directory.name)}: no {' '.join(row)}" for row in kept - found.keys()}
    return added | gone


def where(profile: Profile) -> dict[str, str]:
    """Where everything stands that may have a switch."""
    families = profile.families.values()
    found = {f"{family.name} {line.leaf}": str(line.at) for family in families for line in family.lines}
    found |= {f"{family.name} {group.path}": str(group.at) for family in families for group in family.groups}
    return found | {name: str(rule.at) for name, rule in messages(profile).items()}


@pytest.mark.parametrize("name", profile_names())
def test_every_switch_of_a_mapping_is_in_the_record_and_none_else(name: str) -> None:
    assert changed(SCHEMAS / "mappings" / name) == set()


ENTRY: Final = 10  #: lines of one entry in messages.toml, at most
#: File, what stands there, what is written instead: at its first place.
MUTANTS: Final = {
    "readers": ("fi-findata-1/application.toml", ", readers = true", ""),
    "own language": ("fr-hdh-1/messages.toml", 'mark = "machine"', 'mark = "verified"'),
    "when": ("fr-hdh-1/messages.toml", '"PRE_EXAMEN"', '"PRE_EXAMENS"'),
    "context": ("fr-hdh-1/messages.toml", 'context = "all"', "context = []"),
    "key": (
        "fr-hdh-1/permit.toml",
        'key = "content/authorisedPersons/email"',
        'key = "content/authorisedPersons/fullName"',
    ),
    "only": ("fr-hdh-1/application.toml", 'only = ["FRANCE", ', "only = ["),
    "review": ("fr-hdh-1/application.toml", "no French purpose goes", "a French purpose goes"),
    "several": ("fi-findata-1/tables/purposes.toml", '["viranomaisen', '["tuntematon", "viranomaisen'),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_switch_that_was_changed_and_published_is_found_at_its_line(tmp_path: Path, mutant: str) -> None:
    name, before, after = MUTANTS[mutant]
    shutil.copytree(SCHEMAS / "mappings", tmp_path / "mappings")
    file = tmp_path / "mappings" / name
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    directory = tmp_path / "mappings" / name.partition("/")[0]
    write_lock(load_profile(directory), directory)
    found = changed(directory)
    at = text[: text.index(before)].count("\n") + 1
    assert 1 <= len(found) <= 2, "the switch as it is, and as it was"
    assert any(is_near(one, name, at) for one in found), (found, at)


def is_near(told: str, name: str, at: int) -> bool:
    """Whether a fault names the file, and the line or the head of the entry that the line is in."""
    file, _, rest = told.partition(":")
    line = rest.partition(":")[0]
    return file == name and (at - ENTRY <= int(line) <= at if line.isdecimal() else True)


def facts_of(text: str) -> dict[Row, int]:
    """Every path of a fact with legal meaning, national ones by profile, with the source; and its line."""
    lines = text.splitlines()
    found: dict[Row, int] = {}
    for fact in tomllib.loads(text)["fact"]:
        start = lines.index(f'id = "{fact["id"]}"')
        national = [f"{profile} {path}" for profile, paths in fact.get("national", {}).items() for path in paths]
        for path in (*fact["paths"], *national):
            at = next(n for n, line in enumerate(lines[start:], start + 1) if f'"{path.rpartition(" ")[2]}"' in line)
            found[fact["id"], path, fact["source"]] = at
    return found


def misstated(text: str) -> set[str]:
    """Where the list of legal facts says something else than the record, and what it no longer says."""
    found, kept = facts_of(text), recorded("legal-facts.csv", "fact", "path", "source")
    added = {f"{LISTED}:{at}: {' '.join(row)}" for row, at in found.items() if row not in kept}
    return added | {f"{LISTED}: {' '.join(row)}" for row in kept - found.keys()}


def test_every_leaf_that_says_a_legal_fact_is_in_the_record_and_none_else() -> None:
    assert misstated((SCHEMAS / LISTED).read_text(encoding="utf-8")) == set()


REDRESS: Final = """[[fact]]
id = "redress"
what = "how to appeal"
source = "Art. 81, and national law"
paths = ["content/redress"]
"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (REDRESS, "", "legal-facts.toml: redress content/redress"),
        ('"content/redress"', '"content/publication"', "redress content/publication"),
        ("Art. 81,", "Art. 82,", "redress content/redress Art. 82,"),
        ('paths = ["content/redress"]', 'paths = ["content/redress", "content/fees"]', "redress content/fees"),
        ('  "content/newDueDate",\n', "", "legal-facts.toml: dates content/newDueDate"),
        ('"hakemus/kayttotarkoitus/luokka", ', "", "purpose fi-findata-1 hakemus/kayttotarkoitus/luokka"),
    ],
    ids=["a fact", "another path", "another article", "a fact twice", "a path", "a national path"],
)
def test_a_changed_list_of_legal_facts_is_found(before: str, after: str, told: str) -> None:
    text = (SCHEMAS / LISTED).read_text(encoding="utf-8")
    assert text.count(before) == 1
    assert any(told in one for one in misstated(text.replace(before, after)))
