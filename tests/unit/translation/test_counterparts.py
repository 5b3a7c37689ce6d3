"""Fields of a national form that have a counterpart in the EU form go to that one, and to no other.

`tests/data/counterparts.csv` was written from the forms themselves, not from the mappings. A row without an EU field is
one that the forms say has none.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest

from broker.translation.mapping_file import EU, NATIONAL, Line, Profile, load_profile
from tests.support.sides import SCHEMAS
from tests.unit.eu.conftest import DATA

with (DATA / "counterparts.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
NAMES = sorted({row["profile"] for row in ROWS})


def lines_of(profile: Profile) -> dict[str, list[Line]]:
    """Every line that speaks of a national leaf, by the leaf."""
    found: dict[str, list[Line]] = {}
    for family in profile.families.values():
        for line in family.lines:
            for path in line.named(NATIONAL):
                found.setdefault(path, []).append(line)
    return found


LINES = {name: lines_of(load_profile(SCHEMAS / "mappings" / name)) for name in NAMES}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['profile']}-{row['national']}-{row['eu'][-30:]}")
def test_a_field_with_a_counterpart_goes_there(row: dict[str, str]) -> None:
    lines = LINES[row["profile"]].get(row["national"], [])
    assert {path for line in lines for path in line.named(EU)} == {row["eu"]} - {""}
    assert {line.kind for line in lines} <= ({"copy", "recode", "split", "join"} if row["eu"] else {"carried"})
    assert lines
    assert row["source"]


def test_two_targets_that_were_swapped_and_published_are_found_all_the_same(tmp_path: Path) -> None:
    copy = tmp_path / "fr-hdh-1"
    shutil.copytree(SCHEMAS / "mappings/fr-hdh-1", copy)
    file, one, other = copy / "application.toml", '"Demande/rmo/nom"', '"Demande/responsableRecherche/nom"'
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(one, "\0").replace(other, one).replace("\0", other), encoding="utf-8")
    swapped = lines_of(load_profile(copy))
    wrong = [
        row["national"]
        for row in ROWS
        if row["profile"] == "fr-hdh-1"
        and row["eu"]
        and any(row["eu"] not in line.named(EU) for line in swapped[row["national"]])
    ]
    assert sorted(wrong) == ["Demande/responsableRecherche/nom", "Demande/rmo/nom"]


def test_the_list_is_long_enough_to_find_a_swap() -> None:
    assert min(Counter(row["profile"] for row in ROWS).values()) >= 30
