"""Fields of a national form that have a counterpart in the EU form go to that one, and to no other.

`tests/data/counterparts.csv` was written from the forms themselves, not from the mappings.
"""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from broker.translation.mapping_file import EU, NATIONAL, load_profile
from tests.support.sides import SCHEMAS
from tests.unit.eu.conftest import DATA

with (DATA / "counterparts.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
PROFILES = {row["profile"]: load_profile(SCHEMAS / "mappings" / row["profile"]) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['profile']}-{row['national']}-{row['eu'][-30:]}")
def test_a_field_with_a_counterpart_goes_there(row: dict[str, str]) -> None:
    lines = [
        line
        for family in PROFILES[row["profile"]].families.values()
        for line in family.lines
        if row["national"] in line.named(NATIONAL)
    ]
    assert {path for line in lines for path in line.named(EU)} == {row["eu"]}
    assert {line.kind for line in lines} <= {"copy", "recode", "split", "join"}
    assert row["source"]


def test_the_list_is_long_enough_to_find_a_swap() -> None:
    assert min(Counter(row["profile"] for row in ROWS).values()) >= 30
