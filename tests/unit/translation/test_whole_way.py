"""The report over the whole way from a back end to the wire, and what known documents never hold."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import TranslationError
from broker.translation.between import Tools, translate_between
from broker.translation.codecs.eu_r7 import JSON, EuR7Codec
from broker.translation.conventions import CONVENTIONS
from broker.translation.translator import EnvelopeContext
from tests.fidelity.laws import each, present
from tests.fidelity.values import collapsed
from tests.fidelity.ways import TOLD, profile_names, ways
from tests.support.documents import leaves
from tests.support.examples import seeds, way_of
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from broker.translation.between import Between
    from tests.support.sides import Side

CODEC = EuR7Codec.load(schemas_dir())
TRANSLATOR = ways()[0].translator
#: D6.4's card says Positive or Negative: which kind of decision it was cannot be read back from it.
CARD = "DecisionIssued"
TYPE_OF = each("envelope/messageType")
#: Messages that travel as JSON.
EXAMPLES = {path.stem: path for path in (DATA / "eu-1").glob("*.xml") if (DATA / f"eu-r7/{path.stem}.json").exists()}
KINDS = {
    row["code"]: row.get("wire")
    for row in tomllib.loads((schemas_dir() / "codelists/decision-kinds.toml").read_text("utf-8"))["kind"]
}
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
    told = {each(path) for row in rows for path in row["target"]} | set(map(each, done.report["constants"]))
    assert told == written(done, way.target)


def written(done: Between, target: Side) -> set[str]:
    """Leaves of a payload: of a decision those of its table, of all others those of the eu-1 that they say."""
    read = {*present(CODEC.decode(done.document, done.media_type).root, target), TYPE_OF}
    if etree.QName(done.pivot).localname != CARD:
        return read
    table = scalars(json.loads(done.document)["content"], "content")
    return {path for path in read if path.startswith("envelope")} | set(map(each, table))


def scalars(value: Any, path: str = "") -> dict[str, Any]:
    """Path and value of every leaf of a JSON text."""
    if isinstance(value, dict):
        return {
            at: one for name, item in value.items() for at, one in scalars(item, f"{path}/{name}".strip("/")).items()
        }
    if isinstance(value, list):
        return {at: one for n, item in enumerate(value, 1) for at, one in scalars(item, f"{path}[{n}]").items()}
    return {path: value}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_what_is_called_copied_has_its_value_in_the_json_and_what_is_recoded_that_of_its_table(kind: str) -> None:
    root = etree.parse(str(EXAMPLES[kind])).getroot()
    tools = Tools(TRANSLATOR, CODEC, etree.fromstring)
    done = translate_between(tools, etree.tostring(root), source="eu-1", target="eu-r7")
    texts = {path.replace("[1]", ""): collapsed(text) for path, text in leaves(root).items()}
    wire = {path.replace("[1]", ""): spelled(value) for path, value in scalars(json.loads(done.document)).items()}
    looked_at = 0
    for row in done.report["fields"]:
        source = texts[row["source"].replace("[1]", "")]
        for path in row["target"]:
            if (text := wire.get(path.replace("[1]", ""))) is not None:
                looked_at += 1
                assert text in EXPECTED[row["fate"]](row, source), row
    assert looked_at >= len(wire) * 0.6, "languages, choices and kept fields alone have another shape"


def spelled(value: Any) -> str:
    """A JSON scalar as eu-1 writes it."""
    return json.dumps(value) if isinstance(value, bool | int | float) else collapsed(str(value))


def as_written(_: dict[str, Any], source: str) -> tuple[str, ...]:
    return (source, source.removesuffix("0"))  # an amount of 1250.50 is the number 1250.5


def looked_up(row: dict[str, Any], source: str) -> tuple[str | None, ...]:
    return (KINDS[source] if row["table"] == "decision-kinds" else CONVENTIONS[row["table"]].forth(source[:10]),)


EXPECTED: Final = {"copied": as_written, "recoded": looked_up, "joined": looked_up}


@pytest.mark.parametrize(("kind", "wire"), [("PERMIT_GRANTED", "Positive"), ("PERMIT_REFUSED", "Negative")])
def test_a_decision_is_reported_by_the_names_of_the_table_that_travels(kind: str, wire: str) -> None:
    decision = etree.parse(str(EXAMPLES[CARD])).getroot()
    found = decision.find("{*}content/{*}kind")
    assert found is not None
    found.text = kind
    tools = Tools(TRANSLATOR, CODEC, etree.fromstring)
    done = translate_between(tools, etree.tostring(decision), source="eu-1", target="eu-r7")
    rows = {row["source"]: (row["fate"], row["table"], row["target"]) for row in done.report["fields"]}
    assert rows["content/kind"] == ("recoded", "decision-kinds", ["content/decision"])
    assert rows["content/legalIssueDate"][1:] == ("day-colon-month", ["content/timestamp"])
    assert rows["content/signer/lastName"] == ("copied", "", ["content/user/lastName"])
    assert rows["content/decisionId"] == ("left-out", "", [])
    assert json.loads(done.document)["content"]["decision"] == wire


def test_the_bodys_own_id_of_a_decision_is_told_as_dropped_and_is_no_fact_that_a_person_agrees_to() -> None:
    decision = etree.parse(str(EXAMPLES[CARD])).getroot()
    content = decision.find("{*}content")
    assert content is not None
    for child in list(content):
        if etree.QName(child).localname not in {"applicationId", "decisionId", "kind", "issuedAt", "signer"}:
            content.remove(child)
    content.find("{*}kind").text = "PERMIT_GRANTED"  # type: ignore[union-attr] # it was left
    done = translate_between(
        Tools(TRANSLATOR, CODEC, etree.fromstring), etree.tostring(decision), source="eu-1", target="eu-r7"
    )
    reason = "the wire form has no place for it"
    assert done.report["lost"][0] == {"source": "content/decisionId", "what": "dropped", "reason": reason}
    assert done.sign_off == ()
    home = translate_between(
        Tools(TRANSLATOR, CODEC, etree.fromstring), done.document, source="eu-r7", target="eu-1", media_type=JSON
    )
    assert home.pivot.find("{*}content/{*}decisionId") is None


def test_over_two_hops_the_tables_of_both_are_named() -> None:
    dossier = (DATA / "fr-hdh-1/DecisionIssued.xml").read_bytes()
    done = translate_between(
        Tools(TRANSLATOR, CODEC, etree.fromstring), dossier, source="fr-hdh-1", target="eu-r7", envelope=TOLD
    )
    row = next(row for row in done.report["fields"] if row["target"] == ["content/decision"])
    assert (row["fate"], row["table"]) == ("recoded", "natures-decision + decision-kinds")


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
