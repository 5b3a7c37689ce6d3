"""Law 1: the build fails, naming file and line, as soon as one leaf is not accounted for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.errors import ConfigurationError
from broker.translation.counts import counts, lines
from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import lock_of
from broker.translation.translator import Translator
from tests.support.sides import SCHEMAS, copied_schemas, translator

PROFILE = "fr-hdh-1"
COMPETENCE = '"content/competence" = { copy = "Instruction/decision/competence" }'
DECISION = "mappings/fr-hdh-1/decision.toml"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return copied_schemas(tmp_path, locked=False)


def failing(schemas: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Translator.load(schemas, profiles=[PROFILE])
    faults = str(caught.value).splitlines()
    assert all(re.match(r"fr-hdh-1/[a-z-]+(/[a-z-]+)?\.toml:\d+: ", fault) for fault in faults), faults
    return faults


def changed(file: Path, old: str, new: str) -> int:
    """Replace a text that stands there once; the number of its line."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def line_of(file: Path, beginning: str) -> str:
    return next(
        line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith(beginning)
    )


@pytest.mark.parametrize(
    "leaf", ["content/kind", "content/partial/reasons", "content/fees/amount", "content/unknown/field/@path"]
)
def test_a_deleted_line_is_missed_where_it_stood(schemas: Path, leaf: str) -> None:
    file = schemas / DECISION
    at = changed(file, line_of(file, f'"{leaf}" ='), "")
    missed = [fault for fault in failing(schemas) if repr(leaf) in fault]
    assert missed
    assert abs(int(missed[0].split(":")[1]) - at) <= 1


def test_a_line_twice_is_named(schemas: Path) -> None:
    file = schemas / DECISION
    row = line_of(file, '"content/reasons" =')
    at = changed(file, row, row + row)
    assert failing(schemas)[0].startswith(f"fr-hdh-1/decision.toml:{at + 1}: ")


def test_a_leaf_added_to_the_national_schema_is_missed(schemas: Path) -> None:
    changed(
        schemas / "fr/1/entete.xsd",
        '<xs:element name="langue"',
        '<xs:element name="priorite" type="xs:string" minOccurs="0"/>\n      <xs:element name="langue"',
    )
    assert any(
        fault.startswith("fr-hdh-1/envelope.toml:") and "'Entete/priorite'" in fault for fault in failing(schemas)
    )


def test_a_leaf_added_to_the_pivot_is_missed(schemas: Path) -> None:
    changed(
        schemas / "eu/1/decision.xsd",
        '<xs:element name="responseDueDate"',
        '<xs:element name="newLeaf" type="xs:string" minOccurs="0"/>\n      <xs:element name="responseDueDate"',
    )
    assert any(
        fault.startswith("fr-hdh-1/decision.toml:") and "'content/newLeaf'" in fault for fault in failing(schemas)
    )


def swap_targets(file: Path) -> int:
    at = changed(file, '"Instruction/decision/competence"', '"\0"')
    changed(file, '"Instruction/decision/motifs"', '"Instruction/decision/competence"')
    changed(file, '"\0"', '"Instruction/decision/motifs"')
    return at


def change_recode(file: Path) -> int:
    table = file.parent / "tables/natures-decision.toml"
    changed(table, '"PERMIT_REFUSED" = "REFUS"', '"PERMIT_REFUSED" = "X"')
    changed(table, '"REQUEST_REFUSED" = "REQUETE_REFUSEE"', '"REQUEST_REFUSED" = "REFUS"')
    changed(table, '"PERMIT_REFUSED" = "X"', '"PERMIT_REFUSED" = "REQUETE_REFUSEE"')
    return 0


@pytest.mark.parametrize(
    ("mutate", "file"), [(swap_targets, "decision.toml"), (change_recode, "tables/natures-decision.toml")]
)
def test_a_published_version_does_not_change_its_meaning(
    schemas: Path, mutate: Callable[[Path], int], file: str
) -> None:
    for lock in SCHEMAS.glob("mappings/fr-hdh-1/*.lock.json"):
        shutil.copy(lock, schemas / "mappings/fr-hdh-1")
    at = mutate(schemas / DECISION)
    faults = failing(schemas)
    assert any(fault.startswith(f"fr-hdh-1/{file}:{at or ''}") for fault in faults), faults


def test_a_table_that_misses_a_value_of_the_schema_is_named(schemas: Path) -> None:
    changed(schemas / "mappings/fr-hdh-1/tables/natures-decision.toml", '"PERMIT_REFUSED" = "REFUS"\n', "")
    faults = failing(schemas)
    assert any("no row for 'PERMIT_REFUSED'" in fault for fault in faults)
    assert any("no row for 'REFUS'" in fault for fault in faults)


@pytest.mark.parametrize(
    "before", ['["", ""]', '["x", "y"]', '["", " "]', '[""]', '["", " — acronyme : "], by = ","'], ids=range(5)
)
def test_lead_ins_that_could_not_be_told_apart_are_refused(schemas: Path, before: str) -> None:
    file = schemas / "mappings/fr-hdh-1/application.toml"
    at = changed(file, 'before = ["", " — acronyme : "]', f"before = {before}")
    found = [fault for fault in failing(schemas) if fault.startswith(f"fr-hdh-1/application.toml:{at}: ")]
    assert any("'before'" in fault for fault in found)


def test_a_table_that_is_not_one_to_one_is_refused(schemas: Path) -> None:
    changed(schemas / "mappings/fr-hdh-1/tables/oui-non.toml", '"b" = "NON"', '"b" = "OUI"')
    assert "not one-to-one" in failing(schemas)[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('c = "tilastointi"', 'e = "tilastointi"', "'e' has a row, and is one of several too"),
        ('b = ["viranomaisen', 'b = ["opetus", "viranomaisen', "'opetus' has several rows"),
        ('"ohjaus-ja-valvonta"]', "]", "no row for 'ohjaus-ja-valvonta'"),
        ('["b", "f"]', '["b", "x"]', "not as published"),
    ],
)
def test_a_table_of_several_values_is_held_to_both_schemas(schemas: Path, old: str, new: str, said: str) -> None:
    for lock in SCHEMAS.glob("mappings/fi-findata-1/*.lock.json"):
        shutil.copy(lock, schemas / "mappings/fi-findata-1")
    changed(schemas / "mappings/fi-findata-1/tables/purposes.toml", old, new)
    with pytest.raises(ConfigurationError) as caught:
        Translator.load(schemas, profiles=["fi-findata-1"])
    told = str(caught.value).splitlines()
    assert any(fault.startswith("fi-findata-1/tables/purposes.toml:") and said in fault for fault in told), told


@pytest.mark.parametrize(
    ("otherwise", "said"),
    [("", "says one value in several ways"), ("hakemus/otsake", "does not stand beside")],
)
def test_several_values_need_a_leaf_beside_them(schemas: Path, otherwise: str, said: str) -> None:
    changed(
        schemas / "mappings/fi-findata-1/application.toml",
        ', otherwise = "hakemus/kayttotarkoitus/ehdsKohta"',
        f', otherwise = "{otherwise}"' if otherwise else "",
    )
    with pytest.raises(ConfigurationError, match=r"fi-findata-1/application\.toml:\d+: ") as caught:
        Translator.load(schemas, profiles=["fi-findata-1"])
    assert said in str(caught.value)


SIRET = '{ copy = "Demande/rt/siret", otherwise = "Demande/rt/autreIdentifiant" }'
PERIOD = 'alone = "à partir de "'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SIRET, '{ copy = "Demande/rt/autreIdentifiant", otherwise = "Demande/rt/siret" }', "a leaf that admits less"),
        (SIRET, '{ annex = "no place", otherwise = "Demande/rt/siret" }', "a leaf that admits less"),
        (SIRET, SIRET.replace("rt/autreIdentifiant", "jeuxDeDonnees/jeu/catalogue"), "does not stand beside"),
        (PERIOD, 'alone = " à partir de "', "without blanks before it"),
        (PERIOD, 'alone = "au"', "that no other part has"),
        (SIRET, SIRET.replace(" }", ', alone = "SIRET " }'), "'alone' is for a split"),
    ],
)
def test_a_leaf_beside_a_copy_and_a_lead_in_alone_are_held_to_what_they_are_for(
    schemas: Path, old: str, new: str, said: str
) -> None:
    changed(schemas / "mappings/fr-hdh-1/application.toml", old, new)
    with pytest.raises(ConfigurationError, match=r"fr-hdh-1/application\.toml:\d+: ") as caught:
        Translator.load(schemas, profiles=["fr-hdh-1"])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (COMPETENCE, '"content/competence" = { copy = "Instruction/decision/nulle" }', "no leaf"),
        (COMPETENCE, '"content/competence" = { carried = "because" }', "needs 'source'"),
        (COMPETENCE, '"content/competence" = { guess = "x" }', "unknown entry 'guess'; there are copy, recode,"),
        ('family = "decision"', "", "'family' is missing"),
        ('eu = ["content"]', 'eu = ["contents"]', "is not in"),
    ],
)
def test_a_broken_line_is_named(schemas: Path, old: str, new: str, said: str) -> None:
    changed(schemas / DECISION, old, new)
    assert any(said in fault for fault in failing(schemas))


def test_a_repeated_element_needs_its_group(schemas: Path) -> None:
    file = schemas / DECISION
    changed(file, line_of(file, '"content/conditions" = { with'), "")
    assert any("repeats and has no group" in fault for fault in failing(schemas))


def test_the_lock_is_the_published_mapping() -> None:
    profile = load_profile(SCHEMAS / "mappings" / PROFILE)
    assert (SCHEMAS / "mappings" / PROFILE / f"{profile.version}.lock.json").exists()
    assert set(lock_of(profile)) == {"messages", *profile.families}


def test_the_counts_cover_every_leaf() -> None:
    found = counts(translator(), PROFILE)
    assert found["application"]["eu"]["copied"] > 150
    assert found["application"]["eu"]["recoded"] > 20
    assert found["application"]["eu"]["left_out"] == 0
    assert any(line.startswith("fr-hdh-1  decision ") for line in lines(translator()))
