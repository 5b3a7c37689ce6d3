"""Law 1 for every profile: whatever single thing is changed in a mapping or a schema, the build names file and line."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from broker.errors import ConfigurationError
from broker.translation.counts import counts, totals
from broker.translation.mapping_check import check_message
from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import lock_of, write_lock
from broker.translation.mapping_source import Fault
from broker.translation.schema_model import load_schema
from broker.translation.shapes import Node, shape
from broker.translation.translator import Translator
from tests.fidelity.ways import profile_names, ways
from tests.support.sides import SCHEMAS, copied_schemas

if TYPE_CHECKING:
    from broker.translation.mapping_file import Line, Profile

FAULT = re.compile(r"(?P<file>[a-z0-9-]+/[a-z0-9/-]+\.toml):(?P<line>\d+): (?P<detail>.+)")
COPY = re.compile(r'^"(content/[^"]+)"\s*= \{ copy = "([^"]+)" \}$', re.MULTILINE)
BATCHES = 16  #: every line is taken away once, this many lines apart from the next
ALONE = 20  #: lines that are taken away one at a time, others on every day
each_profile = pytest.mark.parametrize("name", profile_names())


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return copied_schemas(tmp_path)


def faults(schemas: Path, name: str) -> list[re.Match[str]]:
    """What the build finds fault with, each with file and line."""
    with pytest.raises(ConfigurationError) as caught:
        Translator.load(schemas, profiles=[name])
    found = [FAULT.fullmatch(line) for line in str(caught.value).splitlines()]
    assert all(found), str(caught.value)
    return [match for match in found if match]


def published(schemas: Path, name: str) -> Path:
    """The directory of a mapping of which this version is published."""
    directory = schemas / "mappings" / name
    for lock in directory.glob("*.lock.json"):
        lock.unlink()
    write_lock(load_profile(directory), directory)
    return directory


def line_at(text: str, at: int) -> int:
    return text[:at].count("\n") + 1


@dataclass(frozen=True)
class Whole:
    """A profile with the shapes of both its sides."""

    profile: Profile
    eu: dict[str, Node]
    national: dict[str, Node]

    @classmethod
    def load(cls, name: str) -> Whole:
        profile = load_profile(SCHEMAS / "mappings" / name)
        models = load_schema(SCHEMAS / "eu/1/eu.xsd"), load_schema(SCHEMAS / profile.schema)
        return cls(profile, *({root: shape(model, root) for root in model.roots} for model in models))

    def lines(self) -> list[tuple[str, Line]]:
        return [(family.name, line) for family in self.profile.families.values() for line in family.lines]

    def missed(self, taken: list[tuple[str, Line]]) -> list[Fault]:
        """Every fault of the profile without these lines, in the messages that they are a part of."""
        gone, families = {id(line) for _, line in taken}, {family for family, _ in taken}
        less = {
            name: replace(family, lines=tuple(line for line in family.lines if id(line) not in gone))
            for name, family in self.profile.families.items()
        }
        mutant = replace(self.profile, families=less)
        rules = [rule for rule in mutant.messages if families & set(rule.parts)]
        found = [check_message(mutant, rule, self.eu[rule.type], self.national[rule.element]) for rule in rules]
        return [fault for faults in found for fault in faults]

    def at_its_place(self, name: str, line: Line, found: list[Fault]) -> bool:
        """Whether a fault names the leaf, and stands in its family: at the head, or at a line that is there."""
        family = self.profile.families[name]
        places = {family.eu_at, family.national_at, *(other.at for other in family.lines if other is not line)}
        return any(repr(line.leaf) in fault.detail and fault.at in places for fault in found)


@each_profile
def test_every_line_that_is_taken_away_is_missed_at_its_place(name: str) -> None:
    whole = Whole.load(name)
    for first in range(BATCHES):
        taken = whole.lines()[first::BATCHES]
        found = whole.missed(taken)
        assert [line.leaf for family, line in taken if not whole.at_its_place(family, line, found)] == []


@each_profile
def test_a_line_that_is_taken_away_alone_is_missed_at_its_place(name: str) -> None:
    whole, today = Whole.load(name), datetime.now(UTC).date().toordinal()
    for family, line in Random(today).sample(whole.lines(), ALONE):
        assert whole.at_its_place(family, line, whole.missed([(family, line)])), (f"drawn with {today}", line)


@each_profile
def test_two_swapped_targets_are_found_at_both_lines(schemas: Path, name: str) -> None:
    directory = published(schemas, name)
    file = directory / "decision.toml"
    text = file.read_text(encoding="utf-8")
    first, second = Random(3).sample(list(COPY.finditer(text)), 2)
    one, other = sorted((first, second), key=lambda found: found.start())
    swapped = text[: one.start(2)] + other[2] + text[one.end(2) : other.start(2)] + one[2] + text[other.end(2) :]
    file.write_text(swapped, encoding="utf-8")
    found = {(match["file"], int(match["line"])) for match in faults(schemas, name)}
    expected = f"{name}/decision.toml"
    assert found >= {(expected, line_at(text, one.start())), (expected, line_at(text, other.start()))}


@each_profile
def test_two_messages_of_one_shape_that_were_swapped_are_found_at_both(schemas: Path, name: str) -> None:
    """Their lines still fit: a withdrawal that is read as an acknowledgement breaks no rule of the language."""
    file = published(schemas, name) / "messages.toml"
    text = file.read_text(encoding="utf-8")
    both = [text.index(f'type = "{kind}"') for kind in ("ApplicationSubmitted", "ApplicationAmended")]
    file.write_text(swapped(text, 'type = "ApplicationSubmitted"', 'type = "ApplicationAmended"'), encoding="utf-8")
    found = {(match["file"], int(match["line"])) for match in faults(schemas, name)}
    assert found >= {(f"{name}/messages.toml", line_at(text, at) - 1) for at in both}


def swapped(text: str, one: str, other: str) -> str:
    return text.replace(one, "\0").replace(other, one).replace("\0", other)


@each_profile
def test_another_language_of_the_readers_is_found_at_its_line(schemas: Path, name: str) -> None:
    file = published(schemas, name) / "messages.toml"
    text = file.read_text(encoding="utf-8")
    before = f'language = "{load_profile(file.parent).language}"'
    file.write_text(text.replace(before, 'language = "el"'), encoding="utf-8")
    found = {(match["file"], int(match["line"])) for match in faults(schemas, name)}
    assert (f"{name}/messages.toml", line_at(text, text.index(before))) in found


@each_profile
def test_a_changed_recode_is_found_in_its_table(schemas: Path, name: str) -> None:
    directory = published(schemas, name)
    file = next(file for file in sorted((directory / "tables").glob("*.toml")) if len(values_of(file)) > 1)
    text, (one, other, *_) = file.read_text(encoding="utf-8"), values_of(file)
    changed = text.replace(f'= "{one}"', "= \0").replace(f'= "{other}"', f'= "{one}"').replace("= \0", f'= "{other}"')
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    found = faults(schemas, name)
    rows_at = next(number for number, line in enumerate(text.splitlines(), 1) if re.match(r"rows = |\[rows\]", line))
    assert {(match["file"], int(match["line"])) for match in found} == {(f"{name}/tables/{file.name}", rows_at)}
    assert "not as published" in found[0]["detail"]


def values_of(file: Path) -> list[str]:
    return list(tomllib.loads(file.read_text(encoding="utf-8")).get("rows", {}).values())


@each_profile
@pytest.mark.parametrize("side", ["eu", "national"])
def test_a_leaf_added_to_a_schema_is_missed(schemas: Path, name: str, side: str) -> None:
    entry = "eu/1/eu.xsd" if side == "eu" else load_profile(schemas / "mappings" / name).schema
    file = Random(entry).choice([xsd for xsd in sorted((schemas / entry).parent.glob("*.xsd")) if grown(xsd)])
    file.write_text(grown(file), encoding="utf-8")
    found = faults(schemas, name)
    assert any("addedLeaf" in match["detail"] for match in found)
    assert all(match["file"].startswith(f"{name}/") for match in found)


def grown(xsd: Path) -> str:
    """A schema with one more optional leaf; empty, if it declares no sequence of elements."""
    text = xsd.read_text(encoding="utf-8")
    at = re.search(r'<xs:sequence>\s*<xs:element name="[^"]+" type="[^"]+"[^>]*/>', text)
    if at is None:
        return ""
    return f'{text[: at.end()]}<xs:element name="addedLeaf" type="xs:string" minOccurs="0"/>{text[at.end() :]}'


@each_profile
def test_the_counts_add_up_to_the_leaves_that_lines_name(name: str) -> None:
    translator = ways()[0].translator
    profile = translator.compiled(name).profile
    for family, sides in counts(translator, name).items():
        lines = profile.families[family].lines
        assert sum(sides["eu"].values()) == len({path for line in lines for path in line.named("eu")})
        assert sum(sides["national"].values()) == len({path for line in lines for path in line.named("national")})
    assert sum(line.startswith(f"{name}  in all") for line in totals(translator)) == 2


@each_profile
def test_each_mapping_is_published(name: str) -> None:
    directory = SCHEMAS / "mappings" / name
    profile = load_profile(directory)
    kept = json.loads((directory / f"{profile.version}.lock.json").read_text(encoding="utf-8"))
    assert kept == lock_of(profile)
