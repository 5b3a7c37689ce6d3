"""The wire form of the pilot: three layers of base64 and JSON, held against payloads that the codec did not make."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import Refused, TranslationError
from broker.translation.codecs.codec import Transport, WireLimits
from broker.translation.codecs.eu_pilot import MEDIA_TYPE, EuPilotCodec
from broker.translation.codecs.json_text import write_text
from broker.translation.codecs.wire_forms import Standing
from broker.translation.schema_model import SchemaModel
from tests.support.wire_values import ANYTHING, NAMES, objects, says_something
from tests.unit.eu.conftest import DATA

GOLDEN = DATA / "eu-pilot-golden"
CODEC = EuPilotCodec.load(schemas_dir())
TRANSPORT = Transport("m-1@example.org", "2026-11-25T12:00:00.000Z")
GOLDEN_NAMES = ("apply-permit", "update-dataset")


def packed(value: Any) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def payload(content: Any, *, topic: str = "dataPermit", **changes: Any) -> bytes:
    """Made without the codec. `changes` are members of the layers: `list__x`, `message__x`."""
    more: dict[str, dict[str, Any]] = {"list": {}, "message": {}}
    for name, value in changes.items():
        layer, _, member = name.partition("__")
        more[layer][member] = value
    message = {"type": topic, "content": packed(content), "from": "", **more["message"]}
    return packed({"type": topic, "messages": [packed(message)], "from": "", **more["list"]}).encode()


def layers(data: bytes) -> tuple[Any, Any, Any]:
    whole = json.loads(base64.b64decode(data, validate=True))
    message = json.loads(base64.b64decode(whole["messages"][0], validate=True))
    return whole, message, json.loads(base64.b64decode(message["content"], validate=True))


def application(**members: Any) -> dict[str, Any]:
    return {"operation": "applyPermit", "application": {"application_id": "a1", **members}}


def unknown(root: Any) -> Any:
    return {one.get("path"): json.loads(one.text) for one in root.iterfind("{*}content/{*}unknown/{*}field")}


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_a_payload_of_the_pilot_comes_back_byte_for_byte(name: str) -> None:
    data = (GOLDEN / f"{name}.payload").read_bytes()
    assert layers(data)[2] == json.loads((GOLDEN / f"{name}.json").read_text())
    encoded = CODEC.encode(CODEC.decode(data, MEDIA_TYPE, TRANSPORT).root)
    assert (encoded.media_type, encoded.data) == ("text/xml", data)


def test_an_application_of_the_pilot_is_valid_eu_1_and_says_what_it_said(gate: etree.XMLSchema) -> None:
    root = CODEC.decode((GOLDEN / "apply-permit.payload").read_bytes(), MEDIA_TYPE, TRANSPORT).root
    gate.assertValid(root)
    assert etree.QName(root).localname == "ApplicationSubmitted"
    texts = {
        "{*}envelope/{*}messageId": "m-1@example.org",
        "{*}envelope/{*}createdAt": "2026-11-25T12:00:00.000Z",
        "{*}content/{*}application_id": "6a70b4d104db074a00fd905d",
        "{*}content/{*}catalog_ids": "catalogue-fr",
        "{*}content/{*}form/{*}section2/{*}countryOfProjectLeader/{*}value": "Γαλλία",
        "{*}content/{*}form/{*}section6/{*}timePeriodOfDataExtraction": "01-01-2019 t/m 31-12-2024",
    }
    assert {path: root.findtext(path) for path in texts} == texts
    assert unknown(root) == {"/content/form/section2/pilotQuestion": "kept"}


def test_nothing_is_made_up_that_neither_payload_nor_transport_says() -> None:
    root = CODEC.decode(payload(application()), MEDIA_TYPE).root
    assert [etree.QName(one).localname for one in root.iter()] == [
        "ApplicationSubmitted",
        "envelope",
        "content",
        "application_id",
    ]


def test_members_that_nobody_knows_are_kept_at_their_place_in_every_layer() -> None:
    content = {**application(hint={"x": [1, None]}, catalog_ids=["odd"]), "priority": 3}
    data = payload(content, list__batch="b", message__from="someone", message__trace=None)
    decoded = CODEC.decode(data, MEDIA_TYPE)
    assert unknown(decoded.root) == {
        "/envelope/list/batch": "b",
        "/envelope/message/from": "someone",
        "/envelope/message/trace": None,
        "/envelope/permit/priority": 3,
        "/content/catalog_ids": ["odd"],
        "/content/hint": {"x": [1, None]},
    }
    whole, message, said = layers(CODEC.encode(decoded.root).data)
    assert said == layers(data)[2]
    assert {name: whole[name] for name in whole if name != "messages"} == {
        "type": "dataPermit",
        "from": "",
        "batch": "b",
    }
    assert {name: message[name] for name in message if name != "content"} == {
        "type": "dataPermit",
        "from": "someone",
        "trace": None,
    }


def test_line_breaks_within_base64_are_read() -> None:
    data = base64.encodebytes(base64.b64decode(payload(application(catalog_id="c"))))
    assert CODEC.decode(data, MEDIA_TYPE).root.findtext("{*}content/{*}catalog_ids") == "c"


BAD = {
    "no base64": (b"good morning!", "bad-base64", "/list"),
    "base64 cut off": (payload(application())[:-3], "bad-base64", "/list"),
    "the list is no JSON": (base64.b64encode(b"words"), "not-json", "/list"),
    "the list is not UTF-8": (base64.b64encode(b'{"type": "\xff"}'), "bad-encoding", "/list"),
    "the list is an array": (packed([]).encode(), "bad-shape", "/list"),
    "no message": (payload(application(), list__messages=[]), "missing-part", "/list/messages"),
    "messages of another shape": (payload(application(), list__messages="m"), "missing-part", "/list/messages"),
    "two messages": (payload(application(), list__messages=["a", "b"]), "several-messages", "/list/messages"),
    "a message that is no text": (payload(application(), list__messages=[7]), "missing-part", "/message"),
    "a message that is no base64": (payload(application(), list__messages=["-"]), "bad-base64", "/message"),
    "a content that is no base64": (payload(application(), message__content="é"), "bad-base64", "/content"),
    "no content": (payload(application(), message__content=None), "missing-part", "/content"),
    "a name twice": (payload(b'{"operation": "a", "operation": "b"}'), "duplicate-key", "/content"),
    "too deep": (payload(b'{"operation": ' + b"[" * 70 + b"]" * 70 + b"}"), "too-deep", "/content"),
    "a topic of nobody": (payload(application(), topic="gossip"), "unknown-message-type", "/list/type"),
    "a topic that is no text": (payload(application(), topic={}), "unknown-message-type", "/list/type"),
    "two topics": (payload(application(), message__type="gossip"), "unknown-message-type", "/list/type"),
    "an operation of nobody": (payload({"operation": "revoke"}), "unknown-message-type", "/content/operation"),
    "no application": (payload({"operation": "applyPermit"}), "missing-part", "/content/application"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_payload_is_refused_with_a_code_and_a_place_of_its_own(case: str) -> None:
    data, code, path = BAD[case]
    with pytest.raises(Refused) as caught:
        CODEC.decode(data, MEDIA_TYPE)
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == (code, path)


def test_a_payload_beyond_the_limits_is_refused() -> None:
    for limits, code in (
        (WireLimits(payload_bytes=9), "payload-too-large"),
        (WireLimits(json_bytes=9), "document-too-large"),
    ):
        with pytest.raises(Refused) as caught:
            EuPilotCodec.load(schemas_dir(), limits=limits).decode(payload(application()), MEDIA_TYPE)
        assert caught.value.problems[0].code == code


def example(kind: str) -> Any:
    return etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()


def test_every_type_that_the_pilot_did_not_know_is_impossible(model: SchemaModel) -> None:
    possible = {"ApplicationSubmitted", "DatasetCUD"}
    for kind in set(model.roots) - possible:
        with pytest.raises(TranslationError) as caught:
            CODEC.encode(example(kind))
        assert caught.value.problems[0].code == "no-wire-form"
    assert set(CODEC._forms) == set(model.roots)
    assert {kind for kind, form in CODEC._forms.items() if form.standing is Standing.OBSERVED} == possible


@pytest.mark.parametrize("kind", ["ApplicationSubmitted", "DatasetCUD"])
def test_exactly_the_leaves_that_the_pilot_lost_are_named_as_lost(kind: str, model: SchemaModel) -> None:
    root = example(kind)
    for second in root.findall("{*}content/{*}catalog_ids")[1:]:
        second.getparent().remove(second)
    back = CODEC.decode(CODEC.encode(root).data, MEDIA_TYPE).root
    present, kept = leaves(root, model), leaves(back, model)
    assert set(CODEC.lossy_leaves(kind)) & present == present - kept - {"content/unknown/field"}


def leaves(root: Any, model: SchemaModel) -> set[str]:
    found = set()
    for element in root.iterdescendants(tag=etree.Element):
        names = [etree.QName(one).localname for one in [element, *element.iterancestors()]]
        path = "/".join(reversed(names[:-1]))
        found |= {path, *(f"{path}/@{name}" for name in element.attrib)}
    return found & {one.path for one in model.leaves(etree.QName(root).localname)}


def test_an_application_for_two_catalogues_does_not_fit() -> None:
    root = CODEC.decode(payload(application(catalog_id="one")), MEDIA_TYPE).root
    first = root.find("{*}content/{*}catalog_ids")
    etree.SubElement(first.getparent(), first.tag).text = "two"
    with pytest.raises(TranslationError) as caught:
        CODEC.encode(root)
    assert caught.value.problems[0].code == "two-values"


@pytest.mark.parametrize(("name", "text"), [("mediaType", "text/turtle"), ("payload", None)])
def test_a_record_that_is_not_rdf_xml_as_text_does_not_fit(name: str, text: str | None) -> None:
    root = example("DatasetCUD")
    found = root.find(f"{{*}}content/{{*}}{name}")
    found.text = text
    if text is None:
        found.getparent().remove(found)
    with pytest.raises(TranslationError) as caught:
        CODEC.encode(root)
    assert caught.value.problems[0].code == "no-wire-form"


def test_a_field_of_release_7_that_has_no_place_in_the_pilot_is_named() -> None:
    root = example("ApplicationSubmitted")
    content = root.find("{*}content")
    for old in (*content.findall("{*}unknown"), *content.findall("{*}catalog_ids")[1:]):
        content.remove(old)
    box = etree.SubElement(content, "{urn:hdeu:eu:1}unknown")
    for path in ("/envelope/newFact", "/content/datasets/0/newFact"):
        etree.SubElement(box, "{urn:hdeu:eu:1}field", path=path).text = write_text("x")
    assert CODEC.unplaced(root) == ("/content/datasets/0/newFact", "/envelope/newFact")
    assert "datasets" not in layers(CODEC.encode(root).data)[2]["application"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_whatever_an_application_of_the_pilot_says_comes_back(data: Any) -> None:
    model = CODEC._parts["dataPermit"].child("form")
    assert model is not None
    form = {section.name: data.draw(objects(section)) for section in model.children[1:3]}
    more = data.draw(st.dictionaries(NAMES.filter(lambda name: name != "messages"), ANYTHING, max_size=2))
    content = {**more, "operation": "applyPermit", "application": {**more, "catalog_id": "c", "form": form}}
    sent = payload(content, **{f"list__{name}": value for name, value in more.items()})
    whole, message, said = layers(CODEC.encode(CODEC.decode(sent, MEDIA_TYPE).root).data)
    before = layers(sent)
    assert (message["type"], said) == ("dataPermit", says_something(before[2]))
    assert {name: whole[name] for name in more if name not in {"type", "messages"}} == {
        name: value for name, value in before[0].items() if name in more and name not in {"type", "messages"}
    }


@pytest.mark.parametrize("name", ["from-platform-data-permit", "from-nation-delete-dataset"])
def test_what_others_nested_by_hand_is_read_and_comes_back_layer_by_layer(name: str) -> None:
    data = (GOLDEN / f"{name}.txt").read_bytes()
    root = CODEC.decode(data, MEDIA_TYPE, TRANSPORT).root
    whole, message, said = layers(data)
    for again, before in zip(layers(CODEC.encode(root).data), (whole, message, said), strict=True):
        assert {k: v for k, v in again.items() if k not in {"messages", "content"}} == {
            k: v for k, v in before.items() if k not in {"messages", "content"}
        }


def test_a_batch_is_not_taken_for_one_message() -> None:
    with pytest.raises(Refused) as caught:
        CODEC.decode((GOLDEN / "from-nation-create-datasets.txt").read_bytes(), MEDIA_TYPE)
    assert caught.value.problems[0].code == "several-messages"
