"""Each row of a recode table says the same on both sides, by a source; a row that was changed and published is found.

`tests/data/table-rows.csv` names for each row the source that it was held against; whole lists, written from the
sources alone, stand in `test_lists_of_the_sources.py`.
"""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from broker.translation.mapping_file import Profile, load_profile
from broker.translation.tables import Table
from tests.fidelity.ways import profile_names
from tests.support.sides import SCHEMAS
from tests.unit.eu.conftest import DATA

with (DATA / "table-rows.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
SAID: dict[tuple[str, str], set[tuple[str, str]]] = {}
for row in ROWS:
    SAID.setdefault((row["profile"], row["table"]), set()).add((row["eu"], row["national"]))
each_profile = pytest.mark.parametrize("name", profile_names())


def tables_of(profile: Profile) -> dict[str, Table]:
    return {name: table for family in profile.families.values() for name, table in family.tables.items()}


def pairs(table: Table) -> set[tuple[str, str]]:
    """Every pair of an EU value and a national one that may stand for it."""
    several = {(eu, one) for eu, words in table.several.items() for one in words}
    ambiguous = {(eu, one) for one, codes in table.ambiguous.items() for eu in codes}
    return {*table.rows.items(), *several, *ambiguous}


def misread(profile: Profile) -> set[str]:
    """Tables that say something else than their sources, or of which no source says anything."""
    found = {name: pairs(table) for name, table in tables_of(profile).items()}
    return {name for name, said in found.items() if said != SAID.get((profile.name, name))}


@each_profile
def test_each_row_of_a_table_is_what_its_source_says(name: str) -> None:
    assert misread(load_profile(SCHEMAS / "mappings" / name)) == set()
    assert all(row["source"].partition("; ")[2] for row in ROWS), "what it means; where that stands"


@each_profile
def test_two_rows_that_are_swapped_are_found_in_every_table_whatever_is_published(name: str) -> None:
    profile = load_profile(SCHEMAS / "mappings" / name)
    for table in tables_of(profile).values():
        (one, first), (other, second), *_ = table.rows.items()
        swapped = replace(table, rows={**table.rows, one: second, other: first})
        families = {
            key: replace(family, tables={**family.tables, table.name: swapped})
            for key, family in profile.families.items()
        }
        assert misread(replace(profile, families=families)) == {table.name}
