"""The wire form of Release 7: what is read, what is refused, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.translation.schema_model import SchemaModel

import io
import json
import random
import zipfile

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import Refused, TranslationError
from broker.payloads import Payload
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec, WireFile, WireLimits
from broker.translation.codecs.zip_parts import ZipLimits, write_zip
from broker.translation.facts import facts_of
from broker.translation.unknown import unknown_fields
from tests.unit.eu.conftest import DATA

WIRE = DATA / "eu-r7"
CARRIERS = ["ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"]
PLAIN = sorted(path.stem for path in WIRE.glob("*.json") if "." not in path.stem)
FILES = tuple(
    WireFile(*path.name.split("_", 1), "application/pdf", Payload(path.read_bytes()))
    for path in sorted((WIRE / "attachments").iterdir())
)
STATUS = json.loads((WIRE / "StatusUpdate.json").read_text())


def wire_json(kind: Any, part: Any) -> Any:
    return json.loads((WIRE / f"{kind}.{part}.json").read_text())


def archive(kind: Any = "ApplicationSubmitted", *, files: Any = FILES, drop: Any = (), **more: Any) -> Any:
    parts = {
        "envelope.json": (WIRE / f"{kind}.envelope.json").read_bytes(),
        "application_metadata.json": (WIRE / f"{kind}.application_metadata.json").read_bytes(),
        "application_file.zip": write_zip((f"{file.id}_{file.name}", file.payload) for file in files),
        **more,
    }
    return write_zip((name, data) for name, data in parts.items() if name not in drop)


def changed(content: Any = None, envelope: Any = None) -> Any:
    body = {"envelope": {**STATUS["envelope"], **(envelope or {})}, "content": {**STATUS["content"], **(content or {})}}
    return json.dumps(body).encode()


def inside(data: Any) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def code_of(codec: EuR7Codec, data: Any, media_type: Any = JSON) -> Any:
    with pytest.raises(Refused) as caught:
        codec.decode(data, media_type)
    return caught.value.problems[0].code


def unknown(root: Any) -> Any:
    return {one.get("path"): json.loads(one.text) for one in root.iterfind("{*}content/{*}unknown/{*}field")}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_json_message_comes_back_as_it_was(codec: EuR7Codec, kind: Any) -> None:
    data = (WIRE / f"{kind}.json").read_bytes()
    encoded = codec.encode(codec.decode(data, JSON).root)
    assert encoded.media_type == JSON
    assert json.loads(encoded.data) == json.loads(data)


@pytest.mark.parametrize("kind", [kind for kind in PLAIN if kind != "DecisionIssued"])
def test_a_json_message_is_the_eu_1_example(codec: EuR7Codec, kind: Any) -> None:
    decoded = codec.decode((WIRE / f"{kind}.json").read_bytes(), JSON).root
    example = etree.parse(str(DATA / f"eu-1/{kind}.xml"), etree.XMLParser(remove_blank_text=True)).getroot()
    assert etree.tostring(decoded, method="c14n") == etree.tostring(example, method="c14n")


@pytest.mark.parametrize("kind", CARRIERS)
def test_an_application_comes_back_as_it_was(codec: EuR7Codec, gate: etree.XMLSchema, kind: Any) -> None:
    decoded = codec.decode(archive(kind), ZIP)
    gate.assertValid(decoded.root)
    parts = inside(codec.encode(decoded.root, decoded.files).data)
    assert json.loads(parts["envelope.json"]) == wire_json(kind, "envelope")
    assert json.loads(parts["application_metadata.json"]) == wire_json(kind, "application_metadata")
    assert inside(parts["application_file.zip"]) == {f"{file.id}_{file.name}": file.payload.whole() for file in FILES}


def test_equal_input_gives_equal_bytes(codec: EuR7Codec) -> None:
    decoded = codec.decode(archive(), ZIP)
    assert codec.encode(decoded.root, decoded.files) == codec.encode(decoded.root, decoded.files)


def test_files_are_named_in_the_document_with_their_hash(codec: EuR7Codec) -> None:
    decoded = codec.decode(archive(), ZIP)
    named = [(one.id, one.name, one.size, one.sha256) for one in facts_of(decoded.root).attachments]
    assert named == [(file.id, file.name, file.payload.size, file.sha256) for file in FILES]


def test_a_file_in_the_outer_archive_is_found_too(codec: EuR7Codec) -> None:
    (file,) = codec.decode(archive(drop=("application_file.zip",), **{"a1_plan.pdf": b"%PDF"}), ZIP).files
    assert (file.id, file.name, file.payload.whole()) == ("a1", "plan.pdf", b"%PDF")


def test_a_field_nobody_knows_is_kept_at_its_path_and_comes_back(codec: EuR7Codec, gate: etree.XMLSchema) -> None:
    metadata = wire_json("ApplicationSubmitted", "application_metadata")
    metadata["form"]["section3"]["newField"] = {"deep": [1, 2.5, True, None, "é"]}
    metadata["form"]["section6"][1]["a/b~c"] = "x"
    decoded = codec.decode(archive(**{"application_metadata.json": json.dumps(metadata).encode()}), ZIP)
    gate.assertValid(decoded.root)
    assert unknown(decoded.root) == {
        "/content/form/section3/newField": {"deep": [1, 2.5, True, None, "é"]},
        "/content/form/section6/1/a~1b~0c": "x",
    }
    parts = inside(codec.encode(decoded.root, decoded.files).data)
    assert json.loads(parts["application_metadata.json"]) == metadata


@pytest.mark.parametrize("value", [7.5, ["x"], {"a": 1}, True, "vertical\u000btab", "half \ud800 pair"], ids=ascii)
def test_a_value_of_another_shape_is_kept_not_bent(codec: EuR7Codec, value: Any) -> None:
    data = changed({"date": value})
    decoded = codec.decode(data, JSON)
    assert unknown(decoded.root) == {"/content/date": value}
    assert json.loads(codec.encode(decoded.root).data) == json.loads(data)


def test_an_answer_may_be_a_plain_text_or_a_choice(codec: EuR7Codec) -> None:
    metadata = wire_json("ApplicationSubmitted", "application_metadata")
    metadata["form"]["section2"]["projectLeader"] = {"key": "x", "value": "y"}
    metadata["form"]["section2"]["countryOfProjectLeader"] = "France"
    decoded = codec.decode(archive(**{"application_metadata.json": json.dumps(metadata).encode()}), ZIP)
    section = decoded.root.find("{*}content/{*}form/{*}section2")
    assert [(child.tag.rpartition("}")[2], child.text) for child in section.find("{*}countryOfProjectLeader")] == [
        ("value", "France")
    ]
    assert section.find("{*}projectLeader") is None
    assert unknown(decoded.root) == {"/content/form/section2/projectLeader": {"key": "x", "value": "y"}}
    parts = inside(codec.encode(decoded.root, decoded.files).data)
    assert json.loads(parts["application_metadata.json"]) == metadata


def test_null_and_an_empty_list_are_absence(codec: EuR7Codec) -> None:
    decoded = codec.decode(changed({"reason": None, "foo": None}, {"nationalId": []}), JSON)
    assert unknown(decoded.root) == {}
    assert "reason" not in json.loads(codec.encode(decoded.root).data)["content"]


def test_a_number_where_a_text_is_due_is_that_text(codec: EuR7Codec) -> None:
    assert codec.decode(changed({"reason": 500}), JSON).root.findtext("{*}content/{*}reason") == "500"


def test_a_kept_field_whose_place_is_gone_is_named(codec: EuR7Codec) -> None:
    metadata = wire_json("ApplicationSubmitted", "application_metadata")
    metadata["form"]["section6"][1]["new"] = "x"
    decoded = codec.decode(archive(**{"application_metadata.json": json.dumps(metadata).encode()}), ZIP)
    assert codec.unplaced(decoded.root) == ()
    form = decoded.root.find("{*}content/{*}form")
    form.remove(form.findall("{*}section6")[1])
    assert codec.unplaced(decoded.root) == ("/content/form/section6/1/new",)


@pytest.mark.parametrize(
    ("place", "is_there"),
    [("section6/{}", False), ("section6/{}/new", False), ("section6/0/new/{}", True), ("section6/0/{}/new", True)],
)
def test_a_number_beyond_all_arrays_is_no_index(codec: EuR7Codec, place: str, *, is_there: bool) -> None:
    metadata = wire_json("ApplicationSubmitted", "application_metadata")
    metadata["form"]["section6"][1]["new"] = "x"
    decoded = codec.decode(archive(**{"application_metadata.json": json.dumps(metadata).encode()}), ZIP)
    [field] = decoded.root.iter("{*}field")
    pointer = f"/content/form/{place.format('9' * 5_000)}"
    field.set("path", pointer)
    assert codec.unplaced(decoded.root) == (() if is_there else (pointer,))


@pytest.mark.parametrize("leaf", ["version", "attachments/size"])
def test_a_count_with_more_digits_than_counts_have_is_none(leaf: str) -> None:
    root = etree.parse(str(DATA / "eu-1" / "ApplicationSubmitted.xml")).getroot()
    for count in root.iterfind("{*}content/" + "/".join(f"{{*}}{name}" for name in leaf.split("/"))):
        count.text = "9" * 5_000
    found = facts_of(root)
    assert found.version == 0 if leaf == "version" else {one.size for one in found.attachments} == {-1}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-document"),
        (b" \r\n\t", "empty-document"),
        (b"\xef\xbb\xbf\n", "empty-document"),
        (b"<a/>", "not-json"),
        (b'{"envelope": NaN}', "not-json"),
        (b'{"envelope": {}, "content": {"a": 01}}', "not-json"),
        (b'{"a": 1, "a": 2}', "duplicate-key"),
        (b'{"content": {"a": {"b": 1, "b": 2}}}', "duplicate-key"),
        (b'"\xff"', "bad-encoding"),
        ('{"a": 1}'.encode("utf-16"), "bad-encoding"),
        (b"[" * 100_000, "too-deep"),
        (b"[" * 65 + b"]" * 65, "too-deep"),
        (b"[1]", "bad-shape"),
        (b'{"content": {}}', "missing-part"),
        (b'{"envelope": {}}', "missing-part"),
        (b'{"envelope": [], "content": {}}', "bad-shape"),
        (b'{"envelope": {}, "content": {}}', "unknown-message-type"),
        (changed(envelope={"messageType": "StatusUpdat"}), "unknown-message-type"),
        (changed(envelope={"messageType": "ApplicationSubmitted"}), "wrong-wire-form"),
        (json.dumps({**STATUS, "content": "x"}).encode(), "bad-shape"),
        (json.dumps({**STATUS, "more": 1}).encode(), "bad-shape"),
        (changed({"a\u0000b": 1}), "bad-character"),
    ],
)
def test_bad_json_is_refused_with_a_code_of_its_own(codec: EuR7Codec, data: Any, code: Any) -> None:
    assert code_of(codec, data) == code


def test_another_media_type_is_refused(codec: EuR7Codec) -> None:
    assert code_of(codec, b"x", "text/plain") == "unsupported-media-type"


def test_a_payload_beyond_the_limits_is_refused() -> None:
    small = EuR7Codec.load(schemas_dir(), limits=WireLimits(payload_bytes=50))
    assert code_of(small, changed()) == "payload-too-large"
    narrow = EuR7Codec.load(schemas_dir(), limits=WireLimits(json_bytes=50))
    assert code_of(narrow, changed()) == "document-too-large"


def zip_with(name: Any = "a.pdf", data: Any = b"x", *, method: Any = zipfile.ZIP_DEFLATED, mode: Any = 0o100644) -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        info = zipfile.ZipInfo(name)
        info.compress_type, info.external_attr = method, mode << 16
        opened.writestr(info, data)
    return buffer.getvalue()


def encrypted() -> Any:
    data = bytearray(zip_with())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("nested", "code"),
    [
        (b"no zip", "bad-zip"),
        (zip_with("../a.pdf"), "zip-path"),
        (zip_with("/etc/passwd"), "zip-path"),
        (zip_with("x\\..\\..\\a.pdf"), "zip-path"),
        (zip_with("C:/a.pdf"), "zip-path"),
        (zip_with("a.pdf", mode=0o120777), "zip-path"),
        (zip_with("a.pdf", b"\0" * 5_000_000), "zip-bomb"),
        (write_zip((f"{n}_a.pdf", b"x") for n in range(201)), "zip-bomb"),
        (encrypted(), "zip-encrypted"),
        (zip_with(method=zipfile.ZIP_BZIP2), "bad-zip"),
        (zip_with("a_more.zip", zip_with()), "zip-nested"),
        (zip_with("a_large.pdf", random.Random(1).randbytes(1024 * 1024 + 1)), "attachment-too-large"),
        (zip_with()[:-30], "bad-zip"),
    ],
)
def test_a_bad_archive_of_attachments_is_refused_with_a_code_of_its_own(
    codec: EuR7Codec, nested: Any, code: Any
) -> None:
    assert code_of(codec, archive(**{"application_file.zip": nested}), ZIP) == code


@pytest.mark.parametrize("part", ["envelope.json", "application_metadata.json"])
def test_an_archive_without_a_part_is_refused(codec: EuR7Codec, part: Any) -> None:
    assert code_of(codec, archive(drop=(part,)), ZIP) == "missing-part"


def test_an_archive_that_holds_too_much_is_refused() -> None:
    tight = EuR7Codec.load(schemas_dir(), limits=WireLimits(zip=ZipLimits(total_bytes=1000)))
    assert code_of(tight, archive(), ZIP) == "zip-bomb"


def test_a_json_message_does_not_travel_as_an_archive(codec: EuR7Codec) -> None:
    envelope = json.dumps({**STATUS["envelope"]}).encode()
    assert code_of(codec, archive(**{"envelope.json": envelope}), ZIP) == "wrong-wire-form"


def test_a_text_twice_in_one_language_stops_the_message(codec: EuR7Codec) -> None:
    decoded = codec.decode(archive(), ZIP)
    title = decoded.root.find("{*}content/{*}datasets/{*}title")
    title[0].set("lang", title[1].get("lang"))
    with pytest.raises(TranslationError) as caught:
        codec.encode(decoded.root, decoded.files)
    assert caught.value.problems[0].code == "duplicate-language"


def test_a_question_answered_by_text_and_files_stops_the_message(codec: EuR7Codec) -> None:
    decoded = codec.decode(archive(), ZIP)
    answer = decoded.root.find("{*}content/{*}form/{*}section6/{*}variablesForDataExtraction")
    etree.SubElement(answer, "{urn:hdeu:eu:1}attachment")
    with pytest.raises(TranslationError) as caught:
        codec.encode(decoded.root, decoded.files)
    assert caught.value.problems[0].code == "text-and-files"


def decision() -> Any:
    return etree.parse(str(DATA / "eu-1/DecisionIssued.xml")).getroot()


def test_a_decision_on_the_wire_is_the_table_of_d6_4_and_no_more(codec: EuR7Codec) -> None:
    content = json.loads(codec.encode(decision()).data)["content"]
    assert content == {
        "applicationId": "6a70b4d104db074a00fd905d",
        "decision": "Positive",
        "timestamp": "17:11:2026",
        "user": {"firstName": "Claude", "lastName": "Exemple", "jobTitle": "Directeur"},
    }


def test_no_kind_of_decision_is_made_up_from_the_wire(codec: EuR7Codec, gate: etree.XMLSchema) -> None:
    decoded = codec.decode((WIRE / "DecisionIssued.json").read_bytes(), JSON).root
    assert decoded.find("{*}content/{*}kind") is None
    assert unknown(decoded) == {"/content/decision": "Positive"}
    assert not gate.validate(decoded)


def test_a_decision_without_positive_or_negative_has_no_wire_form(codec: EuR7Codec) -> None:
    root = decision()
    root.find("{*}content/{*}kind").text = "NOT_ISSUED_INCOMPLETE"
    with pytest.raises(TranslationError) as caught:
        codec.encode(root)
    assert caught.value.problems[0].code == "no-wire-form"


def test_exactly_the_leaves_that_the_wire_lost_are_named_as_lost(codec: EuR7Codec, model: SchemaModel) -> None:
    back = codec.decode(codec.encode(decision()).data, JSON).root
    present = {name for name in model_paths(decision(), model) if name.startswith("content/")}
    kept = model_paths(back, model) - {"content/unknown/field", "content/unknown/field/@path"}
    assert set(codec.lossy_leaves("DecisionIssued")) & present == present - kept
    assert codec.lossy_leaves("StatusUpdate") == ()


def model_paths(root: Any, model: SchemaModel) -> Any:
    kind = etree.QName(root).localname
    found = set()
    for element in root.iterdescendants(tag=etree.Element):
        names = [etree.QName(one).localname for one in [element, *element.iterancestors()]]
        found.add("/".join(reversed(names[:-1])))
    return found & {one.path for one in model.leaves(kind)}


def test_a_step_of_a_national_chain_has_no_wire_form(codec: EuR7Codec) -> None:
    with pytest.raises(TranslationError) as caught:
        codec.encode(etree.parse(str(DATA / "eu-1/NationalStep.xml")).getroot())
    assert caught.value.problems[0].code == "no-wire-form"


def test_an_attachment_without_bytes_or_with_others_stops_the_message(codec: EuR7Codec) -> None:
    decoded = codec.decode(archive(), ZIP)
    with pytest.raises(TranslationError) as caught:
        codec.encode(decoded.root, decoded.files[1:])
    assert caught.value.problems[0].code == "missing-attachment"
    first = WireFile(FILES[0].id, FILES[0].name, "application/pdf", Payload(b"other"))
    with pytest.raises(TranslationError) as caught:
        codec.encode(decoded.root, (first, *decoded.files[1:]))
    assert caught.value.problems[0].code == "attachment-changed"


def with_one_file(identifier: str, name: str) -> tuple[Any, WireFile]:
    root = etree.parse(str(DATA / "eu-1" / "ApplicationOriginated.xml")).getroot()
    first, *others = root.findall("{*}content/{*}attachments")
    for other in (*others, first.find("{*}sha256"), first.find("{*}size")):
        other.getparent().remove(other)
    first.find("{*}id").text, first.find("{*}name").text = identifier, name
    return root, WireFile(identifier, name, "application/pdf", Payload(b"%PDF"))


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("piece_1", "plan.pdf"), ("p/1", "plan.pdf"), ("p1", "../plan.pdf"), ("p1", "a/plan.pdf"), ("p1", "a\\plan.pdf")],
)
def test_a_file_that_the_other_side_would_file_under_another_id_stops_the_message(
    codec: EuR7Codec, identifier: str, name: str
) -> None:
    root, file = with_one_file(identifier, name)
    with pytest.raises(TranslationError) as caught:
        codec.encode(root, [file])
    [problem] = caught.value.problems
    assert (problem.code, problem.value, bool(problem.hint)) == ("attachment-name", identifier, True)


@pytest.mark.parametrize("name", ["Annexe 1: plan.pdf", "plan_de_recherche.pdf", "C:.pdf", "..pdf", "plan (1) é.pdf"])
def test_whatever_name_a_file_has_on_a_computer_comes_through(codec: EuR7Codec, name: str) -> None:
    root, file = with_one_file("7b1f00000000000000000001", name)
    [again] = codec.decode(codec.encode(root, [file]).data, ZIP).files
    assert (again.id, again.name) == (file.id, name)


def test_a_file_that_is_named_twice_travels_once(codec: EuR7Codec) -> None:
    root, file = with_one_file("1", "plan.pdf")
    first = root.find("{*}content/{*}attachments")
    first.addnext(etree.fromstring(etree.tostring(first)))
    [again] = codec.decode(codec.encode(root, [file]).data, ZIP).files
    assert (again.id, again.name) == ("1", "plan.pdf")
    root.find("{*}content/{*}attachments/{*}name").text = "other.pdf"
    with pytest.raises(TranslationError) as caught:
        codec.encode(root, [file])
    assert [problem.code for problem in caught.value.problems] == ["duplicate-attachment"]


def test_every_message_type_has_a_row_in_the_table_of_wire_forms(codec: EuR7Codec, model: SchemaModel) -> None:
    assert set(codec._forms) == set(model.roots)
    assert all(form.source for form in codec._forms.values())
    for form in codec._forms.values():
        assert set(form.lost) <= {leaf.path for leaf in model.leaves(form.type)}


def test_the_folder_of_a_file_is_flagged_and_comes_back(codec: EuR7Codec) -> None:
    names = {"plans/2026/1_protocol.pdf": b"p", "2_letter.pdf": b"l"}
    data = archive(**{"application_file.zip": write_zip(names.items())})
    decoded = codec.decode(data, ZIP)
    assert [file.id for file in decoded.files] == ["1", "2"]
    told = [problem.path for problem in unknown_fields(decoded.root)]
    assert told == ["/application_file.zip/1"]
    assert inside(inside(codec.encode(decoded.root, decoded.files).data)["application_file.zip"]) == names
    assert codec.unplaced(decoded.root) == ()


def test_the_folder_of_a_file_that_is_gone_has_no_place(codec: EuR7Codec) -> None:
    data = archive(**{"application_file.zip": write_zip([("plans/1_protocol.pdf", b"p"), ("2_letter.pdf", b"l")])})
    decoded = codec.decode(data, ZIP)
    first = decoded.root.find("{*}content/{*}attachments")
    first.getparent().remove(first)
    assert codec.unplaced(decoded.root) == ("/application_file.zip/1",)
    written = inside(inside(codec.encode(decoded.root, decoded.files).data)["application_file.zip"])
    assert list(written) == ["2_letter.pdf"]


@pytest.mark.parametrize("folder", ["../up", "/etc", "a\\b", "C:", ".", "", "a//b", 7, ["a"]])
def test_what_is_no_folder_of_an_archive_is_not_written_into_one(codec: EuR7Codec, folder: Any) -> None:
    decoded = codec.decode(archive(**{"application_file.zip": write_zip([("plans/1_x.pdf", b"p")])}), ZIP)
    decoded.root.find("{*}content/{*}unknown/{*}field").text = json.dumps(folder)
    assert codec.unplaced(decoded.root) == ("/application_file.zip/1",)
    assert list(inside(inside(codec.encode(decoded.root, decoded.files).data)["application_file.zip"])) == ["1_x.pdf"]


def test_a_kept_field_of_a_part_that_the_form_does_not_have_is_named(codec: EuR7Codec) -> None:
    status = codec.decode(changed(content={"newField": 1}), JSON).root
    status.find("{*}content/{*}unknown/{*}field").set("path", "/application_file.zip/1")
    assert codec.unplaced(status) == ("/application_file.zip/1",)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 2}', ""),
        ('{"content": {"datasets": [{"x": 1}, {"y": {"b": 1, "b": 2}}]}}', "/content/datasets/1/y"),
        ('{"a/b": {"~": {"c": 1, "c": 1}}}', "/a~1b/~0"),
        ('{"a": {"b": 1, "b": 2}, "c": NaN}', "/a"),
    ],
)
def test_the_object_in_which_a_name_stands_twice_is_told(codec: EuR7Codec, text: str, place: str) -> None:
    with pytest.raises(Refused) as caught:
        codec.decode(text.encode(), JSON)
    assert [(one.code, one.path) for one in caught.value.problems] == [("duplicate-key", place)]


def test_a_text_in_no_language_that_there_is_is_kept_at_its_place(codec: EuR7Codec) -> None:
    content = {"datasets": [{"dataset_id": "d", "title": {"en": "T", "quite-another-tongue": "?"}}]}
    parts = [
        ("envelope.json", b'{"messageType":"ApplicationSubmitted","messageId":"m"}'),
        ("application_metadata.json", json.dumps(content).encode()),
    ]
    root = codec.decode(write_zip(parts), ZIP).root
    assert [flag.path for flag in unknown_fields(root)] == ["/content/datasets/0/title/quite-another-tongue"]
    with zipfile.ZipFile(io.BytesIO(codec.encode(root).data)) as archive:
        assert json.loads(archive.read("application_metadata.json")) == content
