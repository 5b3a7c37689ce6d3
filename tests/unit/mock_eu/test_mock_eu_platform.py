"""The Central Platform of the mock, seen through its access points and its applicant's side."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.mock_node import GOLDEN, about, golden, golden_application, members

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode

#: Never answered, or about something that must be there first.
APART = {"from-nation-validation-result", "from-nation-permit-status-change"}
ANSWERED = sorted(path.stem for path in GOLDEN.glob("from-nation-*.json") if path.stem not in APART)
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
        (b'{"envelope": {}, "content": {"x": "\\ud800"}}', "application/json", "not-json"),
        (b'{"envelope": {}, "content": {"x": NaN}}', "application/json", "not-json"),
        (b"[" * 100_000, "application/json", "not-json"),
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


async def test_a_decision_on_a_permit_leaves_the_status_of_the_application_and_is_no_news_of_it(node: MockNode) -> None:
    """It says Negative of a change that was asked for: the application stays as it was decided."""
    application_id = await node.file()
    france, finland = node.nation("fr"), node.nation("fi")
    await france.say("decision-1", about(application_id, golden("from-nation-decision-issued")))
    await france.next("DecisionAck")
    assert (await finland.next("PeerStatus"))["content"]["status"] == "POSITIVE_DECISION_ISSUED"
    await france.submit("permit-1", *with_files(permit(application_id), **{f"_{PAPER_SHA}": PAPER}))
    await france.next("ValidationResult")
    refused = about(application_id, golden("from-nation-decision-issued"))
    refused["content"]["decision"] = "Negative"
    await france.say("decision-2", refused)
    assert (await france.next("DecisionAck"))["envelope"]["inReplyTo"] == "decision-2"
    leg = await node.leg(application_id, "fr")
    assert (leg["decision"]["decision"], leg["permit_decision"]["decision"]) == ("Positive", "Negative")
    assert leg["status"] == "POSITIVE_DECISION_ISSUED"
    notice = about(application_id, golden("from-nation-decision-notice-to-peers"))
    await france.say("notice-1", notice)
    assert "decisionKind" in (await finland.next("PeerStatus"))["content"], (
        "the decision itself is no status of the leg"
    )


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


PAPER = b"%PDF-1.4 a signed paper\n"
PAPER_SHA = hashlib.sha256(PAPER).hexdigest()


def permit(application_id: str) -> dict[str, Any]:
    reference = {"id": "p-1", "name": "permit.pdf", "size": len(PAPER), "sha256": PAPER_SHA}
    issued = about(application_id, golden("from-nation-permit-issued"))
    return {**issued, "content": {**issued["content"], "document": reference}}


def with_files(document: dict[str, Any], **files: bytes) -> list[tuple[str, str, bytes]]:
    beside = [(f"cid:file-{name.removeprefix('_')}", "application/pdf", data) for name, data in files.items()]
    return [("cid:message", "application/json", json.dumps(document).encode()), *beside]


async def test_a_signed_permit_is_logged_kept_for_the_applicant_and_shared_with_another_nation(node: MockNode) -> None:
    application_id = await node.file()
    france, finland = node.nation("fr"), node.nation("fi")
    await france.submit("permit-1", *with_files(permit(application_id), **{f"_{PAPER_SHA}": PAPER}))
    assert (await france.next("ValidationResult"))["content"]["validated"] is True
    (entry,) = (await node.get("/log?operation=submitMessage&type=PermitIssued"))["entries"]
    assert PAPER_SHA in [payload["sha256"] for payload in entry["payloads"]]
    (file,) = (await node.leg(application_id, "fr"))["permit"]["files"]
    address = f"{node.base}/applicant/applications/{application_id}/files"
    async with node.session.get(f"{address}/{file['sha256']}") as response:
        assert (response.content_type, await response.read()) == ("application/pdf", PAPER)
    async with node.session.get(f"{address}/{'0' * 64}") as response:
        assert (response.status, (await response.json())["code"]) == (404, "unknown-file")
    async with node.session.get(f"{node.base}/applicant/pages/{application_id}") as response:
        assert f"/applicant/applications/{application_id}/files/{PAPER_SHA}" in await response.text()
    await node.post("/registry/permits/urn:example:permit:1/share?nation=fi")
    news = await finland.next("PeerPermit")
    assert news["content"]["document"]["sha256"] == PAPER_SHA
    retrieved = await finland.retrieve(news["envelope"]["messageId"])
    parts = {one.get("payloadId"): one.findtext("value") for one in retrieved.root.iter("payload")}
    assert base64.b64decode(parts[f"cid:file-{PAPER_SHA}"]) == PAPER


@pytest.mark.parametrize(
    ("files", "code"),
    [({}, "file-missing"), ({f"_{'0' * 64}": PAPER}, "file-changed"), ({f"_{PAPER_SHA}": b"%PDF"}, "file-changed")],
)
async def test_a_permit_without_its_file_or_with_another_is_not_validated(
    node: MockNode, files: dict[str, bytes], code: str
) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    await france.submit("permit-1", *with_files(permit(application_id), **files))
    content = (await france.next("ValidationResult"))["content"]
    assert content["validated"] is False
    assert content["error"][0]["code"] == code
    assert (await node.leg(application_id, "fr"))["permit"] is None


async def test_a_decision_whose_structured_part_names_a_file_must_bring_it(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    decision = about(application_id, golden("from-nation-decision-issued"))
    told = f"<d xmlns='urn:hdeu:eu:1'><content><document><sha256>{PAPER_SHA}</sha256></document></content></d>".encode()
    parts = [*with_files(decision), ("cid:structured", "application/xml", told)]
    await france.submit("decision-1", *parts)
    assert (await france.next("ValidationResult"))["content"]["error"][0]["code"] == "file-missing"
    await france.submit("decision-2", *parts, (f"cid:file-{PAPER_SHA}", "application/pdf", PAPER))
    assert (await france.next("ValidationResult"))["content"]["validated"] is True
    assert (await node.leg(application_id, "fr"))["decision"]["files"][0]["sha256"] == PAPER_SHA
