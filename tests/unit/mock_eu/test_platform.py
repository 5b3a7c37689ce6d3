"""The Central Platform of the mock, seen through its access points and its applicant's side."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from tests.support.mock_node import GOLDEN, about, golden, golden_application

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode

ANSWERED = sorted(
    path.stem for path in GOLDEN.glob("from-nation-*.json") if path.stem != "from-nation-validation-result"
)
SPOILT = {
    "status that D6.4 does not have": (
        "from-nation-status-update",
        {"status": "ALMOST"},
        "bad-value",
        "/content/status",
    ),
    "a decision that is neither": (
        "from-nation-decision-issued",
        {"decision": "Partly"},
        "bad-value",
        "/content/decision",
    ),
    "a day that does not exist": (
        "from-nation-decision-issued",
        {"timestamp": "30:02:2026"},
        "bad-value",
        "/content/timestamp",
    ),
    "an ISO day where D6.4 has its own form": (
        "from-nation-decision-issued",
        {"timestamp": "2026-02-03"},
        "bad-value",
        "/content/timestamp",
    ),
    "an acknowledgement at no time": (
        "from-nation-application-ack",
        {"dateAcknowledged": "soon"},
        "bad-value",
        "/content/dateAcknowledged",
    ),
    "a question about nothing": ("from-nation-additional-info-request", {"form": {}}, "bad-value", "/content/form"),
}


def zipped(envelope: dict[str, Any], metadata: dict[str, Any], files: dict[str, bytes]) -> bytes:
    nested, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(nested, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("envelope.json", json.dumps(envelope))
        archive.writestr("application_metadata.json", json.dumps(metadata))
        archive.writestr("application_file.zip", nested.getvalue())
    return outer.getvalue()


def originated(**changes: Any) -> bytes:
    metadata = {**golden_application(), **changes}
    name = "7b1f00000000000000000001_plan.pdf"
    files = {name: (GOLDEN / "application" / name).read_bytes()}
    return zipped(golden("application/envelope"), metadata, files)


def members(document: dict[str, Any]) -> dict[str, Any]:
    """The names of a message, without values."""
    return {
        part: {name: sorted(value) if isinstance(value, dict) else "" for name, value in document[part].items()}
        for part in ("envelope", "content")
    }


async def test_a_filed_application_reaches_every_nation_with_a_dataset_in_it(node: MockNode) -> None:
    application_id = await node.file()
    for code in ("fr", "fi"):
        nation = node.nation(code)
        (message_id,) = await nation.pending()
        with zipfile.ZipFile(io.BytesIO(await nation.fetch(message_id))) as archive:
            envelope = json.loads(archive.read("envelope.json"))
            metadata = json.loads(archive.read("application_metadata.json"))
        assert envelope["messageType"] == "ApplicationSubmitted"
        assert envelope["messageId"] == message_id
        assert metadata["application_id"] == application_id == envelope["applicationId"]
        assert metadata["version"] == 1
        assert metadata["form"] == golden_application()["form"]


async def test_an_application_for_one_nation_reaches_no_other(node: MockNode) -> None:
    french = [entry for entry in golden_application()["datasets"] if entry["country"].get("country_id")]
    await node.file(datasets=french)
    assert await node.nation("fi").pending() == []
    assert len(await node.nation("fr").pending()) == 1


async def test_attachments_travel_in_the_nested_zip_under_their_ids(node: MockNode) -> None:
    form = FormData()
    form.add_field("metadata", json.dumps(golden_application()), content_type="application/json")
    form.add_field("a1_plan.pdf", b"%PDF one", filename="plan.pdf", content_type="application/pdf")
    form.add_field("a2_plan.pdf", b"%PDF two", filename="plan.pdf", content_type="application/pdf")
    async with node.session.post(f"{node.base}/applicant/applications", data=form) as response:
        assert response.status == 201
    nation = node.nation("fr")
    (message_id,) = await nation.pending()
    with zipfile.ZipFile(io.BytesIO(await nation.fetch(message_id))) as outer:
        nested = zipfile.ZipFile(io.BytesIO(outer.read("application_file.zip")))
    assert {name: nested.read(name) for name in nested.namelist()} == {
        "a1_plan.pdf": b"%PDF one",
        "a2_plan.pdf": b"%PDF two",
    }


@pytest.mark.parametrize("name", ANSWERED)
async def test_every_golden_message_of_a_nation_is_validated(node: MockNode, name: str) -> None:
    application_id = await node.file()
    nation = node.nation("fr")
    await nation.say("golden-1", about(application_id, golden(name)))
    answer = await nation.next("ValidationResult")
    assert answer["content"] == {
        "originalMessageId": "golden-1",
        "validated": True,
        "applicationId": application_id,
    }


@pytest.mark.parametrize("case", SPOILT)
async def test_one_broken_rule_is_named_with_its_path(node: MockNode, case: str) -> None:
    name, change, code, path = SPOILT[case]
    application_id = await node.file()
    nation = node.nation("fr")
    await nation.say("spoilt-1", about(application_id, golden(name), **change))
    content = (await nation.next("ValidationResult"))["content"]
    assert content["validated"] is False
    assert [(error["code"], error["path"]) for error in content["error"]] == [(code, path)]


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (b"{", "application/json", "not-json"),
        (b"\xff\xfe", "application/json", "not-json"),
        (b"[]", "application/json", "wrong-shape"),
        (b'{"envelope": {}}', "application/json", "wrong-shape"),
        (b"PK no zip", "application/zip", "not-zip"),
        (b'{"envelope": {"messageType": "Gossip"}, "content": {}}', "application/json", "unknown-message-type"),
    ],
)
async def test_an_unreadable_message_is_answered_with_its_own_code(
    node: MockNode, data: bytes, media_type: str, code: str
) -> None:
    nation = node.nation("fr")
    await nation.submit("bad-1", ("cid:message", media_type, data))
    answer = await nation.next("ValidationResult")
    assert answer["envelope"]["inReplyTo"] == "bad-1"
    assert [error["code"] for error in answer["content"]["error"]] == [code]


async def test_a_zip_entry_that_points_outside_is_refused(node: MockNode) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../envelope.json", "{}")
    nation = node.nation("fr")
    await nation.submit("zip-1", ("cid:message", "application/zip", buffer.getvalue()))
    assert (await nation.next("ValidationResult"))["content"]["error"][0]["code"] == "zip-unsafe-name"


async def test_an_unknown_application_and_a_foreign_one_are_told_apart(node: MockNode) -> None:
    french = [entry for entry in golden_application()["datasets"] if entry["country"].get("country_id")]
    application_id = await node.file(datasets=french)
    finland = node.nation("fi")
    await finland.say("foreign", about(application_id, golden("from-nation-status-update")))
    assert (await finland.next("ValidationResult"))["content"]["error"][0]["code"] == "not-addressed"
    await finland.say("unknown", about("0" * 24, golden("from-nation-status-update")))
    assert (await finland.next("ValidationResult"))["content"]["error"][0]["code"] == "unknown-application"


async def test_the_answer_refers_to_the_original_in_header_and_envelope(node: MockNode) -> None:
    application_id = await node.file()
    nation = node.nation("fr")
    await nation.say("original-1", about(application_id, golden("from-nation-status-update")))
    envelope = (await nation.next("ValidationResult"))["envelope"]
    assert (envelope["inReplyTo"], envelope["originalMessageId"]) == ("original-1", "original-1")
    retrieved = await nation.retrieve(envelope["messageId"])
    assert retrieved.root.findtext(".//{*}RefToMessageId") == "original-1"


async def test_a_status_is_kept_per_nation_and_told_to_the_others_with_its_proven_sender(node: MockNode) -> None:
    application_id = await node.file()
    message = about(application_id, golden("from-nation-status-update"), status="PROCESSING")
    message["envelope"]["sender"] = {"nationId": "FR", "accessPointId": "urn:example:forged"}
    await node.nation("fi").say("status-1", message)
    news = await node.nation("fr").next("PeerStatus")
    assert news["envelope"]["sender"]["nationId"] == "FI"
    assert news["envelope"]["sender"]["accessPointId"] == "hdeu:mock:ap:fi"
    assert news["envelope"]["originalMessageId"] == "status-1"
    assert news["content"]["status"] == "PROCESSING"
    assert news["content"]["nationId"] == "FI"
    assert (await node.leg(application_id, "fi"))["status"] == "PROCESSING"
    assert (await node.leg(application_id, "fr"))["status"] == "SUBMITTED"


async def test_a_decision_is_acknowledged_relayed_and_kept_with_its_structured_part(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    decision = about(application_id, golden("from-nation-decision-issued"))
    await france.say("decision-1", decision, structured=b"<DecisionIssued xmlns='urn:hdeu:eu:1'/>")
    ack = await france.next("DecisionAck")
    assert ack["envelope"]["inReplyTo"] == "decision-1"
    news = await node.nation("fi").next("PeerStatus")
    assert news["content"]["status"] == "POSITIVE_DECISION_ISSUED"
    leg = await node.leg(application_id, "fr")
    assert leg["structured"] is True
    assert leg["decision"]["decision"] == "Positive"
    assert leg["status"] == "POSITIVE_DECISION_ISSUED"


async def test_a_structured_part_that_is_not_xml_is_refused(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    await france.say("decision-1", about(application_id, golden("from-nation-decision-issued")), structured=b"<x>")
    assert (await france.next("ValidationResult"))["content"]["error"][0]["code"] == "structured-not-xml"
    assert (await node.leg(application_id, "fr"))["decision"] is None


async def test_a_notice_to_peers_is_relayed_with_decision_kind_and_permit(node: MockNode) -> None:
    application_id = await node.file()
    await node.nation("fr").say("notice-1", about(application_id, golden("from-nation-decision-notice-to-peers")))
    content = (await node.nation("fi").next("PeerStatus"))["content"]
    assert (content["decisionKind"], content["permitRef"]) == ("PERMIT_PARTIALLY_GRANTED", "urn:example:permit:1")


async def test_a_validation_answer_is_noted_and_never_answered(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    (message_id,) = await france.pending()
    answer = golden("from-nation-validation-result")
    answer["content"]["originalMessageId"] = message_id
    await france.say("validation-1", answer)
    await france.say("status-1", about(application_id, golden("from-nation-status-update")))
    assert (await france.next("ValidationResult"))["content"]["originalMessageId"] == "status-1"
    assert await france.pending() == [message_id]
    verdict = (await node.leg(application_id, "fr"))["validation"]
    assert (verdict["validated"], verdict["original_type"]) == (True, "ApplicationSubmitted")


async def test_a_question_is_shown_and_its_answer_goes_to_who_asked_as_the_next_version(node: MockNode) -> None:
    application_id = await node.file()
    france, finland = node.nation("fr"), node.nation("fi")
    await france.say("question-1", about(application_id, golden("from-nation-additional-info-request")))
    await france.next("ValidationResult")
    leg = await node.leg(application_id, "fr")
    assert leg["status"] == "AWAITING_ADDITIONAL_INFORMATION"
    assert leg["questions"][0]["id"] == "question-1"
    assert leg["questions"][0]["sections"][1]["country"] == "FRANCE"
    path = f"/applicant/applications/{application_id}/versions?in_reply_to=question-1"
    status, created = await node.post(path, {"title": "Version two (example)"})
    assert (status, created["version"]) == (201, 2)
    types = {}
    for nation in (france, finland):
        latest = (await nation.pending())[-1]
        with zipfile.ZipFile(io.BytesIO(await nation.fetch(latest))) as archive:
            envelope = json.loads(archive.read("envelope.json"))
            assert json.loads(archive.read("application_metadata.json"))["version"] == 2
        types[nation.code] = (envelope["messageType"], envelope.get("inReplyTo"))
    assert types == {"fr": ("AdditionalInformation", "question-1"), "fi": ("ApplicationAmended", None)}
    assert (await node.leg(application_id, "fr"))["questions"][0]["answered"] is True


async def test_a_version_nobody_asked_for_is_an_amendment_to_all(node: MockNode) -> None:
    application_id = await node.file()
    await node.post(f"/applicant/applications/{application_id}/versions", {"title": "Two (example)"})
    for code in ("fr", "fi"):
        log_type = (await node.nation(code).retrieve((await node.nation(code).pending())[-1])).status
        assert log_type == 200
    entries = (await node.get("/log?operation=retrieveMessage"))["entries"]
    assert {entry["type"] for entry in entries} == {"ApplicationAmended"}


async def test_an_application_lodged_in_a_state_gets_its_id_and_informs_the_others_only(node: MockNode) -> None:
    france, finland = node.nation("fr"), node.nation("fi")
    await france.submit("lodged-1", ("cid:message", "application/zip", originated()))
    answer = await france.next("ValidationResult")
    application_id = answer["content"]["applicationId"]
    assert answer["content"]["validated"] is True
    assert len(application_id) == 24
    assert int(application_id, 16)
    assert answer["envelope"]["applicationId"] == application_id
    assert await france.pending() == []
    (message_id,) = await finland.pending()
    with zipfile.ZipFile(io.BytesIO(await finland.fetch(message_id))) as archive:
        envelope = json.loads(archive.read("envelope.json"))
        assert json.loads(archive.read("application_metadata.json"))["application_id"] == application_id
        nested = zipfile.ZipFile(io.BytesIO(archive.read("application_file.zip")))
        assert nested.read("7b1f00000000000000000001_plan.pdf") == b"%PDF-1.4\n"
    assert envelope["messageType"] == "ApplicationSubmitted"
    assert envelope["sender"]["nationId"] == "FR"
    assert envelope["originalMessageId"] == "lodged-1"
    await finland.say("status-1", about(application_id, golden("from-nation-status-update")))
    assert (await france.next("PeerStatus"))["content"]["nationId"] == "FI"


async def test_the_same_national_dossier_forwarded_again_keeps_its_id(node: MockNode) -> None:
    france = node.nation("fr")
    ids = []
    for message_id in ("lodged-1", "lodged-2"):
        await france.submit(message_id, ("cid:message", "application/zip", originated()))
        ids.append((await france.next("ValidationResult"))["content"]["applicationId"])
    assert ids[0] == ids[1]
    assert len(await node.nation("fi").pending()) == 1


async def test_a_lodged_application_with_an_unknown_country_is_not_validated(node: MockNode) -> None:
    france = node.nation("fr")
    datasets = [{"dataset_id": "x", "country": {"country_id": "ATLANTIS"}}]
    await france.submit("lodged-1", ("cid:message", "application/zip", originated(datasets=datasets)))
    content = (await france.next("ValidationResult"))["content"]
    assert content["error"][0]["path"] == "/content/datasets/0/country"
    assert "applicationId" not in content


async def test_the_applicant_can_answer_only_what_was_sent(node: MockNode) -> None:
    application_id = await node.file()
    base = f"/applicant/applications/{application_id}"
    status, problem = await node.post(f"{base}/responses", {"nation": "fr", "response": "ACCEPT"})
    assert (status, problem["code"]) == (409, "nothing-to-answer")
    status, problem = await node.post(f"{base}/fee-responses", {"nation": "se", "response": "ACCEPT"})
    assert (status, problem["code"]) == (422, "unknown-nation")
    status, problem = await node.post(f"{base}/responses", {"nation": "fr", "response": "PERHAPS"})
    assert (status, problem["code"]) == (422, "bad-response")


async def test_fees_decision_and_withdrawal_reach_the_nation_in_the_golden_shape(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    base = f"/applicant/applications/{application_id}"
    await france.say("fees-1", about(application_id, golden("from-nation-fee-estimate")))
    await france.say("decision-1", about(application_id, golden("from-nation-decision-issued")))
    ack = await france.next("DecisionAck")
    assert members(ack) == members(golden("from-platform-decision-ack"))
    await node.post(f"{base}/fee-responses", {"nation": "fr", "response": "REDUCE"})
    fees = await france.next("FeeResponse")
    assert members(fees) == members(golden("from-platform-fee-response"))
    assert (fees["content"]["response"], fees["envelope"]["inReplyTo"]) == ("REDUCE", "fees-1")
    await node.post(f"{base}/responses", {"nation": "fr", "response": "ACCEPT"})
    response = await france.next("ApplicantResponse")
    assert members(response) == members(golden("from-platform-applicant-response"))
    assert response["envelope"]["inReplyTo"] == "decision-1"
    status, _ = await node.post(f"{base}/withdrawal")
    assert status == 202
    withdrawn = await france.next("ApplicationWithdrawn")
    assert members(withdrawn) == members(golden("from-platform-application-withdrawn"))
    assert (await node.leg(application_id, "fr"))["status"] == "WITHDRAWN"
    status, problem = await node.post(f"{base}/withdrawal")
    assert (status, problem["code"]) == (409, "nothing-to-withdraw")


async def test_validation_answers_and_news_have_the_golden_shape(node: MockNode) -> None:
    application_id = await node.file()
    france, finland = node.nation("fr"), node.nation("fi")
    await finland.say("status-1", about(application_id, golden("from-nation-status-update")))
    good = await finland.next("ValidationResult")
    assert members(good) == members(golden("from-platform-validation-result"))
    news = await france.next("PeerStatus")
    assert members(news) == members(golden("from-platform-peer-status"))
    await finland.say("status-2", about(application_id, golden("from-nation-status-update"), status="ALMOST"))
    bad = await finland.next("ValidationResult")
    assert members(bad) == members(golden("from-platform-validation-result-rejected"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": ""}, "title-missing"),
        ({"datasets": []}, "datasets-missing"),
        ({"form": None}, "form-missing"),
        ({"datasets": [{"dataset_id": "x"}]}, "unknown-country"),
        ({"datasets": [{"dataset_id": "x", "country": {"country_id": "SWEDEN"}}]}, "no-nation"),
    ],
)
async def test_an_unfit_application_is_refused_with_its_own_code(
    node: MockNode, change: dict[str, Any], code: str
) -> None:
    status, problem = await node.post("/applicant/applications", {**golden_application(), **change})
    assert (status, problem["code"]) == (422, code)


async def test_everything_says_that_it_is_a_mock(node: MockNode) -> None:
    await node.file(title="<b>Bold</b> (example)")
    for path in ("/healthz", "/applicant/", "/log", "/nowhere", "/fr/domibus/services/wsplugin?wsdl"):
        async with node.session.get(node.base + path) as response:
            assert response.headers["X-HealthData-EU-Mock"] == "true", path
    async with node.session.get(f"{node.base}/applicant/") as response:
        page = await response.text()
    assert "MOCK EU NODE" in page
    assert "&lt;b&gt;Bold" in page
    assert (await node.nation("fr").pending())[0].startswith("hdeu-mock-")
