"""Facts of a message, the messages that the broker writes, and the code lists behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from broker.translation.schema_model import SchemaModel

import tomllib
from datetime import UTC, datetime

import pytest
from lxml import etree

from broker.data_files import config_dir, schemas_dir
from broker.errors import ConfigurationError, Problem
from broker.translation import build
from broker.translation.codecs.decision_card import load_wire_values
from broker.translation.codelists import load_countries
from broker.translation.facts import facts_of
from broker.translation.schema_model import load_schema
from tests.unit.eu.conftest import DATA

NOW = datetime(2026, 11, 24, 8, 0, 0, 461_529, tzinfo=UTC)
ENVELOPE = build.Envelope(
    "m-1",
    NOW,
    application_id="a-1",
    version=2,
    participant="urn:example:participant:hdab-fr",
    nation="FR",
    in_reply_to="m-0",
    national_ids=(("hdh", "EXEMPLE-1"),),
    language="fr",
)
LISTS = schemas_dir() / "codelists"


def example(kind: Any) -> Any:
    return etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()


def test_the_facts_of_an_application_say_whom_it_concerns() -> None:
    facts = facts_of(example("ApplicationSubmitted"))
    assert (facts.type, facts.application_id, facts.version) == ("ApplicationSubmitted", "6a70b4d104db074a00fd905d", 1)
    assert facts.countries == ("FR", "FI")
    assert facts.unknown_countries == ()
    assert facts.catalogs == (("FR", "urn:example:catalog:fr"), ("FI", "urn:example:catalog:fi"))
    assert len(facts.dataset_ids) == 5
    assert [one.size > 0 and len(one.sha256) for one in facts.attachments] == [64] * 4
    assert facts.title.startswith("Devenir")


def test_a_lodged_application_has_no_id_of_the_platform_yet() -> None:
    facts = facts_of(example("ApplicationOriginated"))
    assert facts.application_id == ""
    assert facts.national_ids == (("hdh", "EXEMPLE-2026-0001"),)


def test_a_country_nobody_knows_is_told_as_it_was_written() -> None:
    root = example("ApplicationSubmitted")
    root.find("{*}content/{*}form/{*}section6/{*}country_id").text = "ATLANTIS"
    assert facts_of(root).unknown_countries == ("ATLANTIS",)


@pytest.mark.parametrize(
    ("kind", "fact", "value"),
    [
        ("StatusUpdate", "status", "PROCESSING"),
        ("DecisionIssued", "decision_kind", "PERMIT_PARTIALLY_GRANTED"),
        ("DecisionNoticeToPeers", "decision_kind", "PERMIT_PARTIALLY_GRANTED"),
        ("PeerStatus", "nation", "FI"),
        ("PeerStatus", "permit_ref", "urn:example:permit:fi-2026-7"),
        ("NationalStep", "step", "CESREES"),
        ("NationalStep", "step_outcome", "FAVORABLE"),
        ("ApplicantResponse", "response", "ACCEPT"),
        ("FeeResponse", "response", "REDUCE"),
        ("ValidationResult", "validated", False),
        ("ValidationResult", "original_message_id", "urn:example:message:0011"),
        ("StatusUpdate", "validated", None),
        ("AdditionalInformation", "in_reply_to", "urn:example:message:0010"),
    ],
)
def test_a_fact_is_read_where_the_message_has_it(kind: Any, fact: Any, value: Any) -> None:
    assert getattr(facts_of(example(kind)), fact) == value


def test_errors_of_the_other_side_are_read() -> None:
    (error,) = facts_of(example("ValidationResult")).errors
    assert (error.code, error.path) == ("bad-value", "/content/status")


WRITTEN = {
    "ValidationResult": lambda: build.validation_result(
        ENVELOPE, original_message_id="o", validated=False, errors=[Problem("bad-value", "No such status.", "/content")]
    ),
    "StatusUpdate": lambda: build.status_update(ENVELOPE, status="PROCESSING", date=NOW),
    "AdditionalInfoAck": lambda: build.additional_info_ack(ENVELOPE, date_received=NOW),
    "WithdrawalConfirmed": lambda: build.withdrawal_confirmed(ENVELOPE, date=NOW),
    "DecisionNoticeToPeers": lambda: build.decision_notice_to_peers(ENVELOPE, example("DecisionIssued"), nation="FR"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_the_broker_writes_is_valid(gate: etree.XMLSchema, kind: Any) -> None:
    root = WRITTEN[kind]()
    gate.assertValid(root)
    facts = facts_of(root)
    assert (facts.type, facts.message_id, facts.application_id, facts.version) == (kind, "m-1", "a-1", 2)
    assert facts.created_at == "2026-11-24T08:00:00.461Z"


@pytest.mark.parametrize("kind", [*WRITTEN, "ApplicationOriginated", "ApplicationWithdrawn"])
def test_an_envelope_is_set_in_its_order_and_the_original_stays(gate: etree.XMLSchema, kind: Any) -> None:
    source = example(kind)
    before = etree.tostring(source)
    sent = build.with_envelope(
        source, message_id="w", application_id="cp", conversation_id="c", sender_participant="p", sender_nation="FI"
    )
    gate.assertValid(sent)
    facts = facts_of(sent)
    assert (facts.message_id, facts.application_id, facts.conversation_id) == ("w", "cp", "c")
    assert sent.findtext("{*}envelope/{*}sender/{*}nationId") == "FI"
    assert etree.tostring(source) == before


def test_an_empty_envelope_takes_what_it_is_given(gate: etree.XMLSchema) -> None:
    bare = build.status_update(build.Envelope("m", NOW), status="PROCESSING")
    gate.assertValid(bare)
    gate.assertValid(build.with_envelope(bare, message_id="w", application_id="cp", sender_participant="p"))


def test_the_notice_to_peers_says_what_the_decision_says() -> None:
    notice = build.decision_notice_to_peers(ENVELOPE, example("DecisionIssued"))
    assert notice.findtext("{*}content/{*}refusedDatasets/{*}dataset_id") == "urn:example:dataset:fr-entrepot"
    assert facts_of(notice).permit_ref == "urn:example:permit:fr-2026-1"


def test_no_notice_is_made_of_a_decision_without_kind() -> None:
    decision = example("DecisionIssued")
    content = decision.find("{*}content")
    content.remove(content.find("{*}kind"))
    with pytest.raises(ValueError, match="cannot be told"):
        build.decision_notice_to_peers(ENVELOPE, decision)


def rows(name: Any, key: Any) -> Any:
    return tomllib.loads((LISTS / name).read_text())[key]


def test_every_form_of_a_country_leads_to_its_code() -> None:
    countries = load_countries(LISTS / "countries.toml")
    forms = ("NL", "NLD", "NETHERLANDS", "FRANCE", "EL")
    assert [countries[form] for form in forms] == ["NL", "NL", "NL", "FR", "GR"]


def test_a_code_list_that_is_broken_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_countries(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "key", "field", "type_name"),
    [
        ("decision-kinds.toml", "kind", "code", "content/kind"),
        ("purposes.toml", "purpose", "key", "content/purposes/key"),
    ],
)
def test_a_code_list_and_the_schema_have_the_same_codes(
    model: SchemaModel, name: Any, key: Any, field: Any, type_name: Any
) -> None:
    assert [row[field] for row in rows(name, key)] == list(model.at("DecisionIssued", type_name).text.enumeration)


def test_the_statuses_of_the_code_list_are_those_of_the_schema(model: SchemaModel) -> None:
    listed = [row["code"] for row in rows("application-statuses.toml", "status")]
    assert listed == list(model.at("StatusUpdate", "content/status").text.enumeration)
    permits = {row["code"] for row in rows("permit-statuses.toml", "status")}
    assert permits == set(model.at("PermitIssued", "content/status").text.enumeration)


def test_the_wire_knows_positive_and_negative_alone() -> None:
    assert set(load_wire_values(LISTS / "decision-kinds.toml").values()) == {"Positive", "Negative"}


def test_every_path_of_a_legal_fact_is_in_the_schema(model: SchemaModel) -> None:
    for fact in rows("legal-facts.toml", "fact"):
        for path in fact["paths"]:
            assert any(model.at(kind, path) is not None for kind in model.roots), path


def test_every_national_path_of_a_legal_fact_is_a_leaf_of_its_profile() -> None:
    named = [item for fact in rows("legal-facts.toml", "fact") for item in fact.get("national", {}).items()]
    assert named
    for profile, paths in named:
        schema = tomllib.loads((schemas_dir() / "mappings" / profile / "messages.toml").read_text("utf-8"))["schema"]
        national = load_schema(schemas_dir() / schema)
        leaves = {leaf.path for kind in national.roots for leaf in national.leaves(kind)}
        assert not set(paths) - leaves


def test_there_are_seventeen_categories() -> None:
    assert [row["letter"] for row in rows("health-categories.toml", "category")] == list("abcdefghijklmnopq")


def test_the_form_of_the_demonstration_names_files_that_are_there() -> None:
    names = {path.name for path in (config_dir() / "demo/attachments").iterdir()}
    text = (config_dir() / "demo/application_metadata.json").read_text()
    assert len(names) == 4
    assert all(name.partition("_")[0] in text for name in names)
    assert "application_id" not in text
