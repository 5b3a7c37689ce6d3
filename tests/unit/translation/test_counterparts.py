"""Fields of a national form that have a counterpart in the EU form go to that one, and to no other.

`tests/data/counterparts.csv` was written from the forms themselves, not from the mappings. A row without an EU field is
one that the forms say has none. REMS says most facts in its own words for the message that an event is: its rows name
the message, and leave out no field that goes over.
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


def lines_of(profile: Profile, message: str = "") -> dict[str, list[Line]]:
    """Every line that speaks of a national leaf, by the leaf: of all families, or of those that make up a message."""
    parts = {name for rule in profile.messages if rule.type == message for name in rule.parts}
    found: dict[str, list[Line]] = {}
    for name, family in profile.families.items():
        for line in family.lines if not message or name in parts else ():
            for path in line.named(NATIONAL):
                found.setdefault(path, []).append(line)
    return found


def lines_by_message(profile: Profile) -> dict[str, dict[str, list[Line]]]:
    """The same for each message that the list names, and for all together under no name."""
    messages = {row["message"] for row in ROWS if row["profile"] == profile.name}
    return {message: lines_of(profile, message) for message in messages}


def misled(profile: Profile) -> list[str]:
    """National leaves that do not go where the forms say."""
    lines = lines_by_message(profile)
    return [
        row["national"]
        for row in ROWS
        if row["profile"] == profile.name
        and row["eu"]
        and any(row["eu"] not in line.named(EU) for line in lines[row["message"]][row["national"]])
    ]


PROFILES = {name: load_profile(SCHEMAS / "mappings" / name) for name in NAMES}
LINES = {name: lines_by_message(profile) for name, profile in PROFILES.items()}


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['profile']}-{row['message']}-{row['national']}-{row['eu'][-30:]}"
)
def test_a_field_with_a_counterpart_goes_there(row: dict[str, str]) -> None:
    lines = LINES[row["profile"]][row["message"]].get(row["national"], [])
    assert {path for line in lines for path in line.named(EU)} == {row["eu"]} - {""}
    assert {line.kind for line in lines} <= ({"copy", "recode", "split", "join"} if row["eu"] else {"carried"})
    assert lines
    assert row["source"]


@pytest.mark.parametrize(
    ("profile", "file", "one", "other"),
    [
        ("fr-hdh-1", "application", "Demande/rmo/nom", "Demande/responsableRecherche/nom"),
        ("fi-findata-1", "application", "hakemus/yhteyshenkilo/nimi", "hakemus/laskutus/nimi"),
        (
            "rems-1",
            "application",
            "application/form/section3/legalPersonName",
            "application/form/section3/legalPersonCity",
        ),
        ("rems-1", "permit", "said/duration/start", "said/duration/end"),
        ("rems-1", "decision", "said/comment", "said/competence"),
        ("rems-1", "peer-status", "said/hdab", "said/permitRef"),
    ],
)
def test_two_targets_that_were_swapped_and_published_are_found_all_the_same(
    tmp_path: Path, profile: str, file: str, one: str, other: str
) -> None:
    copy = tmp_path / profile
    shutil.copytree(SCHEMAS / "mappings" / profile, copy)
    changed = copy / f"{file}.toml"
    text, first, second = changed.read_text(encoding="utf-8"), f'"{one}"', f'"{other}"'
    changed.write_text(text.replace(first, "\0").replace(second, first).replace("\0", second), encoding="utf-8")
    assert sorted(misled(load_profile(copy))) == sorted([one, other])


def test_no_field_of_rems_goes_over_without_a_row() -> None:
    profile = PROFILES["rems-1"]
    envelope = {path for line in profile.families["envelope"].lines for path in line.named(NATIONAL)}
    listed = {(row["message"], row["national"]) for row in ROWS if row["profile"] == "rems-1"}
    carriers = {"ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"}
    going = {
        (rule.type, path)
        for rule in profile.messages
        if rule.type not in carriers  # what goes over is what goes over with a new application
        for path, lines in lines_of(profile, rule.type).items()
        if any(path_of for line in lines for path_of in line.named(EU))
        and (rule.type == "ApplicationSubmitted" or path not in envelope)
    }
    assert going - listed == set()


def test_the_list_is_long_enough_to_find_a_swap() -> None:
    assert min(Counter(row["profile"] for row in ROWS).values()) >= 60
