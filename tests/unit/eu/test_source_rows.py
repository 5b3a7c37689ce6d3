"""Every row that the sources list, and where eu-1 holds it; every leaf of eu-1, and which row it comes from.

`tests/data/source-rows.csv` has one line for each row of the forms, tables and lists that eu-1 was written after. A row
is held by leaves or by whole elements (`held`: paths, with the message before a colon where it is not an application),
or it says why nothing holds it (`reason`). What is ours has both: where it stands, and who asks for it.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.translation.schema_model import SchemaModel

APPLICATION = "ApplicationSubmitted"
OURS = "ours: "
#: Documents that speak of whole sections or of messages: their rows are held against eu-1, and stand for no leaf of it.
COARSE = (
    "law of the application",
    "use cases",
    "machine-to-machine messages",
    "tables of D6.4",
    "list and archive",
    "pilot",
    "statuses",
)
#: A form in another language has the fields of the form again; the container of the unknown has no row by its nature.
AGAIN = ("content/form_translations/", "content/unknown/")


class Row(NamedTuple):
    """One row of a source."""

    document: str
    row: str
    card: str
    held: str
    reason: str

    def places(self) -> list[tuple[str, str]]:
        """Message and path of each element that holds it; no path: the message itself."""
        return [(kind or APPLICATION, path) for kind, _, path in (one.rpartition(":") for one in self.held.split())]


with (DATA / "source-rows.csv").open(encoding="utf-8", newline="") as file:
    ROWS = [Row(**row) for row in csv.DictReader(file)]
FINE = [row for row in ROWS if not row.document.startswith(COARSE)]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.document.partition(';')[0]}-{row.row}")


def leaves(model: SchemaModel, kind: str) -> list[str]:
    return [leaf.path for leaf in model.leaves(kind) if not leaf.path.startswith(AGAIN)]


def homeless(model: SchemaModel, rows: Iterable[Row], kind: str) -> list[str]:
    """Leaves of a message that no row speaks of."""
    held = {path for row in rows for there, path in row.places() if there == kind or path.startswith("envelope/")}
    return [
        leaf
        for leaf in leaves(model, kind)
        if not any(leaf == path or leaf.startswith((f"{path}/", f"{path}@")) for path in held)
    ]


@each_row
def test_a_row_says_where_it_is_held_or_why_it_is_not(row: Row) -> None:
    assert row.row.strip()
    assert bool(row.held) != bool(row.reason) or row.document.startswith(OURS)


@each_row
def test_what_holds_a_row_stands_in_the_schema(model: SchemaModel, row: Row) -> None:
    for kind, path in row.places():
        assert model.at(kind, path) is not None if path else kind in model.roots, (kind, path)


def test_no_row_is_listed_twice() -> None:
    assert len({(row.document, row.row) for row in ROWS}) == len(ROWS)


def test_no_row_that_stands_for_leaves_is_held_by_a_whole_section() -> None:
    wide = {"content", "content/form", *(f"content/form/section{number}" for number in range(1, 11))}
    assert [row for row in FINE if wide & {path for _, path in row.places()}] == []


@pytest.mark.parametrize("kind", [APPLICATION, "DecisionIssued", "PermitIssued", "EnforcementRecord"])
def test_every_leaf_comes_from_a_row(model: SchemaModel, kind: str) -> None:
    assert homeless(model, FINE, kind) == []


@pytest.mark.parametrize(
    ("gone", "leaf"),
    [
        ("other contact persons", "content/form/section3/otherContactPersons"),
        ("6.1 cohort from an earlier permit: issuer", "content/form/section6/issuerOfTheDataPermit"),
        ("message identifier", "envelope/messageId"),
    ],
)
def test_a_leaf_whose_row_is_gone_is_found(model: SchemaModel, gone: str, leaf: str) -> None:
    assert homeless(model, [row for row in FINE if row.row != gone], APPLICATION) == [leaf]


def test_a_row_whose_leaf_is_gone_is_found(model: SchemaModel) -> None:
    assert model.at(APPLICATION, "content/form/section3/otherContactPerson") is None


def test_what_the_list_of_wire_fields_calls_ours_is_ours_here_and_nothing_else() -> None:
    with (DATA / "wire-fields.csv").open(encoding="utf-8", newline="") as listed:
        fields = [row for row in csv.DictReader(listed) if "ours, on no published form" in row["source"]]
    wanted = {f"{row['section']}/{row['name']}" for row in fields if "/" not in row["section"]}
    ours = {path for row in ROWS if row.document.startswith(OURS) for _, path in row.places()}
    here = {path.removeprefix("content/form/") for path in ours if path.startswith("content/form/")}
    assert here == wanted
