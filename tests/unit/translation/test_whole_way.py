"""The report over the whole way from a back end to the wire, and what known documents never hold."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import TranslationError
from broker.translation.between import Tools, translate_between
from broker.translation.codecs.eu_r7 import JSON, EuR7Codec
from broker.translation.translator import EnvelopeContext
from tests.fidelity.laws import each, present
from tests.fidelity.ways import TOLD, profile_names
from tests.support.examples import seeds, way_of
from tests.unit.eu.conftest import DATA

CODEC = EuR7Codec.load(schemas_dir())
#: D6.4's card says Positive or Negative: which kind of decision it was cannot be read back from it.
CARD = "DecisionIssued"
some = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.mark.parametrize("profile", profile_names())
@given(seed=seeds)
@some
def test_the_report_to_the_wire_names_each_leaf_and_all_that_was_written(profile: str, seed: int) -> None:
    random, way = Random(seed), way_of(f"{profile} to eu-1")
    document = way.drawn(random.randrange(1_000_000), random)
    tools = Tools(way.translator, CODEC, etree.fromstring)
    try:
        done = translate_between(tools, etree.tostring(document), source=profile, target="eu-r7", envelope=TOLD)
    except TranslationError:
        assume(False)  # noqa: FBT003 - no form on the wire, or a file that nobody sent
        return
    rows = done.report["fields"]
    assert Counter(each(row["source"]) for row in rows) == Counter(present(document, way.source).keys())
    if etree.QName(done.pivot).localname == CARD:
        return
    wire = present(CODEC.decode(done.document, done.media_type).root, way.target)
    told = {each(path) for row in rows for path in row["target"]} | set(map(each, done.report["constants"]))
    assert told == set(wire)


@pytest.mark.parametrize("profile", profile_names())
def test_a_known_document_of_a_back_end_holds_nothing_unknown(profile: str) -> None:
    way = way_of(f"{profile} to eu-1")
    for path in sorted((DATA / profile).glob("*.xml")):
        read = way.translator.read(profile, etree.parse(str(path)).getroot(), envelope=EnvelopeContext())
        assert read.root.find("{*}content/{*}unknown") is None, path.name


def test_a_known_document_of_the_wire_holds_nothing_unknown() -> None:
    found = [path for path in sorted((DATA / "eu-r7").glob("*.json")) if "." not in path.stem]
    assert len(found) >= 20
    for path in (path for path in found if path.stem != CARD):
        root = CODEC.decode(path.read_bytes(), JSON).root
        assert root.find("{*}content/{*}unknown") is None, path.name
