"""libxml2 is the gate and xmlschema explains: both must judge alike."""

from __future__ import annotations

import random
from typing import Any

import pytest
import xmlschema
from lxml import etree

from broker.data_files import schemas_dir
from tests.unit.eu.conftest import DATA

EXAMPLES = sorted((DATA / "eu-1").glob("*.xml"))
NEAR = sorted((DATA / "eu-1/near-misses").glob("*.xml"))
SMALL = [path for path in EXAMPLES if path.stat().st_size < 20_000]
VALUES = [
    *("", " ", " a ", "true", "TRUE", "1", "+1", "-1", "01", "1.0", "1.", ".5", "1e3", "999999999999", "9999999999999"),
    *("2026-02-28", "2026-02-29", "2024-02-29", "0000-01-01", "2026-1-1", "2026-01-01Z", "2026-13-01"),
    *("2026-01-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00.123456789Z"),
    *("2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00+15:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z"),
    *("FR", "fr", "ÉÉ", "FRA", "a", "f", "g", "SUBMITTED", " SUBMITTED ", "\u00a0", "\u0661", "a" * 64, "A" * 64),
]
MUTANTS = 300


@pytest.fixture(scope="module")
def authority() -> Any:
    return xmlschema.XMLSchema(schemas_dir() / "eu/1/eu.xsd")


def mutated(source: Any, dice: random.Random) -> Any:
    root = etree.fromstring(source)
    elements = [element for element in root.iter() if element is not root]
    chosen = dice.choice(elements)
    parent = chosen.getparent()
    match dice.randrange(6):
        case 0 | 1:
            leaves = [element for element in elements if len(element) == 0]
            dice.choice(leaves).text = dice.choice(VALUES)
        case 2:
            parent.remove(chosen)
        case 3:
            parent.append(etree.fromstring(etree.tostring(chosen)))
        case 4:
            parent.insert(dice.randrange(len(parent)), chosen)
        case _:
            chosen.set(dice.choice(["lang", "path", "scheme", "other"]), dice.choice(VALUES))
    return etree.tostring(root)


@pytest.mark.parametrize("path", [*EXAMPLES, *NEAR], ids=lambda path: path.stem)
def test_both_judge_a_document_alike(gate: etree.XMLSchema, authority: xmlschema.XMLSchema, path: Any) -> None:
    root = etree.parse(str(path)).getroot()
    assert gate.validate(root) == authority.is_valid(root)


def test_both_judge_mutants_alike(gate: etree.XMLSchema, authority: xmlschema.XMLSchema) -> None:
    dice = random.Random(20261124)
    verdicts = {True: 0, False: 0}
    for _ in range(MUTANTS):
        path = dice.choice(SMALL)
        mutant = mutated(path.read_bytes(), dice)
        root = etree.fromstring(mutant)
        said = gate.validate(root)
        assert said == authority.is_valid(root), mutant.decode()
        verdicts[said] += 1
    assert min(verdicts.values()) > MUTANTS // 10
