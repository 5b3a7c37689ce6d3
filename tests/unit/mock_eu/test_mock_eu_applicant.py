"""The applicant's side of the mock's platform, and what the nations get of it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from adapters.mock_eu.legs import aggregate
from tests.support.mock_node import about, golden, golden_application, members

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode


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
    status, problem = await node.post(f"{base}/versions", {"title": "Too late (example)"})
    assert (status, problem["code"]) == (409, "withdrawn")


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


@pytest.mark.parametrize(
    "body",
    [b'{"title": "\\ud800"}', b'{"title": NaN}', b"\xff", b"{", b"[" * 100_000],
    ids=["half a character", "no number", "no UTF-8", "no end", "no bottom"],
)
@pytest.mark.parametrize("path", ["/applicant/applications", "/faults"])
async def test_what_is_no_sound_json_is_told_and_does_not_trip_the_mock(node: MockNode, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with node.session.post(node.base + path, data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "not-json")


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


async def decided(node: MockNode) -> str:
    """An application that France has decided and permitted."""
    application_id = await node.file()
    for number, name in enumerate(("decision-issued", "permit-issued")):
        await node.nation("fr").say(f"news-{number}", about(application_id, golden(f"from-nation-{name}")))
        await node.nation("fr").until_status(f"news-{number}", "ACKNOWLEDGED")
    return application_id


async def test_an_appeal_reaches_the_nation_that_decided(node: MockNode) -> None:
    application_id = await decided(node)
    path = f"/applicant/applications/{application_id}/appeals"
    status, sent = await node.post(path, {"nation": "fr", "text": "I do not agree"})
    assert status == 202
    message = await node.nation("fr").next("AppealNotified")
    assert members(message)["content"] == members(golden("from-platform-appeal-notified"))["content"]
    assert message["envelope"]["inReplyTo"] == "news-0"
    assert (await node.leg(application_id, "fr"))["appeal"]["message_id"] == sent["message_id"]
    assert (await node.post(path, {"nation": "fr", "text": " "}))[1]["code"] == "text-missing"
    assert (await node.post(path, {"nation": "fi", "text": "x"}))[1]["code"] == "nothing-to-answer"
    assert (await node.post(path, {"nation": "se", "text": "x"}))[1]["code"] == "unknown-nation"


@pytest.mark.parametrize(
    ("kind", "type_", "wishes"),
    [
        ("amendment", "AmendmentRequest", {"change": [{"kind": "PERSONNEL", "description": "One more (example)"}]}),
        ("extension", "ExtensionRequest", {"requestedUntil": "2032-12-31"}),
        ("persons", "PersonsUpdate", {"added": [{"fullName": "Camille Exemple", "email": "c@example.org"}]}),
    ],
)
async def test_what_a_user_asks_under_a_permit_names_the_permit(
    node: MockNode, kind: str, type_: str, wishes: dict[str, Any]
) -> None:
    application_id = await decided(node)
    path = f"/applicant/applications/{application_id}/permit-requests"
    body = {"nation": "fr", "kind": kind, "justification": "Needed (example)", **wishes}
    assert (await node.post(path, body))[0] == 202
    content = (await node.nation("fr").next(type_))["content"]
    assert (content["permitId"], content["justification"]) == ("urn:example:permit:1", "Needed (example)")
    assert wishes.items() <= content.items()
    assert (await node.post(path, {**body, "kind": "gift"}))[1]["code"] == "bad-kind"
    assert (await node.post(path, {**body, "justification": ""}))[1]["code"] == "justification-missing"


async def test_the_platform_reminds(node: MockNode) -> None:
    application_id = await node.file()
    path = f"/applicant/applications/{application_id}/reminders"
    assert (await node.post(path, {"nation": "fr", "due_date": "2027-01-15"}))[0] == 202
    message = await node.nation("fr").next("Reminder")
    assert members(message) == members(golden("from-platform-reminder"))
    assert (await node.post(path, {"nation": "fr"}))[1]["code"] == "date-missing"


@pytest.mark.parametrize(
    ("statuses", "together"),
    [
        (["SUBMITTED", None], "ALL_PENDING"),
        (["POSITIVE_DECISION_ISSUED", "PROCESSING"], "PARTIALLY_DECIDED"),
        (["POSITIVE_DECISION_ISSUED", "POSITIVE_DECISION_ACCEPTED"], "ALL_GRANTED"),
        (["NEGATIVE_DECISION_ISSUED", "WITHDRAWN"], "ALL_REFUSED"),
        (["NEGATIVE_DECISION_ISSUED", "POSITIVE_DECISION_ISSUED"], "MIXED"),
        (["WITHDRAWN", "WITHDRAWN"], "WITHDRAWN"),
    ],
)
def test_what_the_legs_come_to_is_computed(statuses: list[str | None], together: str) -> None:
    assert aggregate({"status": status} for status in statuses) == together
