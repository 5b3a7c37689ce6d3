"""libxml2 is the gate and xmlschema explains: both must judge alike, for every profile that has an XSD."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from random import Random

import pytest
import xmlschema
from lxml import etree

from adapters.xml.documents import ENTRY_SCHEMAS
from broker.data_files import schemas_dir
from broker.errors import Refused
from broker.translation.codecs.national import NATIONAL
from tests.support.documents import Documents
from tests.support.mutants import broken_facets, mutated
from tests.support.sides import Side, side
from tests.unit.eu.conftest import DATA

MUTANTS = 2_000
_EACH = 5  #: mutants of one drawn document
PROFILES = sorted(ENTRY_SCHEMAS)
Judged = Counter[str]


@cache
def judges(profile: str) -> tuple[Side, xmlschema.XMLSchema]:
    entry = ENTRY_SCHEMAS[profile]
    return side(entry), xmlschema.XMLSchema(str(schemas_dir() / entry))


def examples(profile: str) -> Iterator[tuple[Path, etree._Element]]:
    """Examples and near-misses as trees; a document of REMS that is refused before it is a tree is left out."""
    for path in sorted((DATA / profile).rglob("*.xml")):
        yield path, etree.parse(str(path)).getroot()
    if profile in NATIONAL:
        codec = NATIONAL[profile](schemas_dir(), None)
        folder = DATA / profile
        for path in sorted((*folder.glob("*.json"), *folder.glob("near-misses/*.json"))):
            with contextlib.suppress(Refused):
                yield path, codec.decode(path.read_bytes()).root


@pytest.mark.parametrize("profile", PROFILES)
def test_both_judge_each_example_and_near_miss_alike(profile: str) -> None:
    gate, authority = judges(profile)[0].gate, judges(profile)[1]
    verdicts: Counter[bool] = Counter()
    for path, root in examples(profile):
        said = gate.validate(root)
        assert said == authority.is_valid(root), path.name
        verdicts[said] += 1
    assert verdicts[True] >= 20
    assert verdicts[False] >= 60


def test_both_judge_mutants_alike() -> None:
    share = MUTANTS // len(PROFILES) // _EACH
    tasks = [(profile, number) for profile in PROFILES for number in range(share + 1)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = sum(pool.imap_unordered(partial(judged, 20261124), tasks, chunksize=20), Judged())
    shares = {name: f"{number} ({number / found['mutants']:.0%})" for name, number in sorted(found.items())}
    print(shares)  # noqa: T201 - the figures are what the test is for
    assert found["mutants"] >= MUTANTS
    assert found["valid"] >= 0.3 * found["mutants"], shares
    assert found["one facet broken"] >= 0.3 * found["mutants"], shares
    assert found["differently judged"] == 0, shares


def judged(seed: int, task: tuple[str, int]) -> Judged:
    """Draw one small document, change it some times, and ask both for each."""
    profile, number = task
    random = Random(f"{seed}:{profile}:{number}")
    schema, authority = judges(profile)
    names = sorted(schema.model.roots)
    drawn = Documents(schema.model, random, density=random.choice((0.0, 0.05, 0.1))).draw(names[number % len(names)])
    found: Judged = Judged()
    for _ in range(_EACH):
        mutant = mutated(drawn, schema, random)
        said = schema.gate.validate(mutant.root)
        found.update(("mutants", "valid" if said else "refused"))
        found["one facet broken"] += len(mutant.facets) == len(facets_told(schema.gate)) == 1
        if said != authority.is_valid(mutant.root) or (said and mutant.facets):
            found["differently judged"] += 1
            print(etree.tostring(mutant.root).decode(), schema.gate.error_log)  # noqa: T201 - to be seen in the log
    return found


def facets_told(gate: etree.XMLSchema) -> list[str]:
    """The facets that the gate names in its last verdict; more than one, if it names anything else as well."""
    errors = [
        error.message for error in gate.error_log if "is not a valid value of the atomic type" not in error.message
    ]
    return [message.partition("[facet ")[2].partition("]")[0] or "no facet" for message in errors]


def test_a_broken_facet_is_told_apart_from_two_and_from_another_kind_of_value() -> None:
    leaf = {found.path: found.type for found in side("eu/1/eu.xsd").model.leaves("StatusUpdate")}
    assert broken_facets(leaf["content/status"], "PROCESSED") == ("enumeration",)
    assert broken_facets(leaf["content/status"], "PROCESSING") == ()
    assert broken_facets(leaf["content/date"], "no date") == ()
    assert len(broken_facets(leaf["content/date"], "2026-08-03T16:06:16")) == 1
