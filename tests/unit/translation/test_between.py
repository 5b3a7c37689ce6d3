"""Any profile into any other, with one report over the whole way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import TranslationError
from broker.translation.between import Tools, translate_between
from broker.translation.codecs.eu_r7 import JSON, ZIP
from broker.translation.codecs.wires import WIRES
from broker.translation.translator import EnvelopeContext, Translator
from tests.support.flow_node import eu, eu_application

DATA = Path(__file__).parents[2] / "data"
CODECS = {name: load(schemas_dir()) for name, load in WIRES.items()}
FR = "fr-hdh-1"


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(Translator.load(schemas_dir(), profiles=[FR]), CODECS["eu-r7"], etree.fromstring, others=CODECS)


CONTEXT = EnvelopeContext(message_id="m-1", created_at="2026-11-25T12:00:00Z")
PILOT = (DATA / "eu-pilot-golden/apply-permit.payload").read_bytes()
SPACED = json.dumps(json.loads(eu("StatusUpdate")), indent=3).encode()


@pytest.mark.parametrize(
    ("profile", "data", "media_type"),
    [
        ("eu-r7", eu_application(), ZIP),
        ("eu-r7", SPACED, JSON),
        ("eu-pilot", PILOT, "text/xml"),
        ("eu-1", (DATA / "eu-1/StatusUpdate.xml").read_bytes(), "application/xml"),
    ],
    ids=["ZIP", "JSON", "pilot", "eu-1"],
)
def test_what_goes_out_in_the_profile_it_came_in_keeps_every_byte(
    tools: Tools, profile: str, data: bytes, media_type: str
) -> None:
    done = translate_between(tools, data, source=profile, target=profile, media_type=media_type)
    assert (done.document, done.media_type) == (data, media_type)
    assert {row["fate"] for row in done.report["fields"]} == {"copied"}
    assert done.report["lost"] == []


def test_an_application_of_the_pilot_becomes_one_of_release_7(tools: Tools) -> None:
    done = translate_between(tools, PILOT, source="eu-pilot", target="eu-r7", envelope=CONTEXT)
    decoded = CODECS["eu-r7"].decode(done.document, done.media_type).root
    assert decoded.findtext("{*}envelope/{*}messageId") == "m-1"
    assert decoded.findtext("{*}content/{*}form/{*}section2/{*}projectName") == "Stroke outcomes (example)"
    assert decoded.findtext("{*}content/{*}unknown/{*}field") == '"kept"'


def test_what_the_pilot_cannot_say_is_in_the_report_and_legal_facts_need_a_sign_off(tools: Tools) -> None:
    metadata: dict[str, Any] = {"catalog_ids": ["catalogue-fr"], "newField": {"x": 1}}
    data = eu_application(content={**metadata, "datasets": [{"dataset_id": "d", "newFact": 1}]})
    done = translate_between(tools, data, source="eu-r7", target="eu-pilot", media_type=ZIP)
    fates = {row["source"]: row["fate"] for row in done.report["fields"]}
    assert fates["content/datasets[1]/dataset_id"] == "left-out"
    assert fates["content/form/section2/projectName"] == "copied"
    assert fates["content/unknown/field[1]"] == "left-out"  # /content/datasets/0/newFact: its place is gone
    assert fates["content/unknown/field[2]"] == "copied"
    lost = {row["source"] for row in done.report["lost"]}
    assert {"content/datasets[1]/dataset_id", "content/unknown/field[1]"} <= lost
    assert {loss.id for loss in done.sign_off} == {
        tools.translator.legal.of(path.replace("[1]", ""))
        for path in lost
        if tools.translator.legal.of(path.replace("[1]", ""))
    }


def test_a_french_status_has_no_form_in_the_pilot(tools: Tools) -> None:
    data = (DATA / FR / "StatusUpdate.xml").read_bytes()
    with pytest.raises(TranslationError) as caught:
        translate_between(tools, data, source=FR, target="eu-pilot", envelope=CONTEXT)
    assert caught.value.problems[0].code == "no-wire-form"


def test_a_wire_profile_without_a_codec_is_told(tools: Tools) -> None:
    alone = Tools(tools.translator, tools.codec, tools.parse)
    with pytest.raises(TranslationError) as caught:
        translate_between(alone, PILOT, source="eu-pilot", target="eu-1")
    assert caught.value.problems[0].code == "unknown-profile"
