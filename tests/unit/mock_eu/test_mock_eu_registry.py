"""What the platform keeps beside applications, and whom it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.mock_node import about, golden, members

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode, Nation


async def told(nation: Nation, message_id: str, document: dict[str, Any]) -> list[str]:
    """Codes of the platform's answer, none where it validated."""
    await nation.say(message_id, document)
    content = (await nation.next("ValidationResult"))["content"]
    assert content["originalMessageId"] == message_id
    return [error["code"] for error in content.get("error", [])]


def dataset(operation: str, **content: Any) -> dict[str, Any]:
    document = golden("from-nation-dataset-create")
    return {**document, "content": {**document["content"], "operation": operation, **content}}


async def entries(node: MockNode, kind: str) -> list[dict[str, Any]]:
    return (await node.get(f"/registry/{kind}"))["entries"]


async def test_a_dataset_is_created_changed_and_deleted_by_its_owner_alone(node: MockNode) -> None:
    france, finland = node.nation("fr"), node.nation("fi")
    assert await told(france, "d-1", dataset("updateDataset")) == ["unknown-dataset"]
    assert await told(france, "d-2", dataset("createDataset")) == []
    assert await told(france, "d-3", dataset("createDataset")) == ["dataset-exists"]
    assert await told(finland, "d-4", dataset("updateDataset")) == ["not-owner"]
    assert await told(france, "d-5", dataset("updateDataset")) == []
    assert await told(france, "d-6", dataset("deleteDataset", payload="")) == []
    assert await told(france, "d-7", dataset("deleteDataset", payload="")) == ["unknown-dataset"]
    (entry,) = await entries(node, "datasets")
    assert (entry["nation"], entry["status"]) == ("fr", "DELETED")
    assert [version["message_id"] for version in entry["versions"]] == ["d-2", "d-5", "d-6"]


async def test_a_record_that_is_no_xml_or_has_no_identifier_is_refused(node: MockNode) -> None:
    france = node.nation("fr")
    assert await told(france, "d-1", dataset("createDataset", payload="<rdf")) == ["record-not-xml"]
    assert await told(france, "d-2", dataset("createDataset", payload="<rdf/>", dataset_id="")) == ["missing-field"]
    assert await told(france, "d-3", dataset("replaceDataset")) == ["bad-value"]
    assert await entries(node, "datasets") == []


async def test_a_permit_is_kept_with_its_versions_and_the_one_that_it_replaces_ends(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    change = about(application_id, golden("from-nation-permit-status-change"))
    assert await told(france, "p-1", change) == ["unknown-permit"]
    assert await told(france, "p-2", about(application_id, golden("from-nation-permit-issued"))) == []
    assert await told(node.nation("fi"), "p-3", change) == ["not-owner"]
    assert await told(france, "p-4", change) == []
    found = {entry["key"]: entry for entry in await entries(node, "permits")}
    assert found["urn:example:permit:1"]["status"] == "SUPERSEDED"
    assert found["urn:example:permit:1"]["superseded_by"] == "urn:example:permit:2"
    assert found["urn:example:permit:2"]["status"] == "AMENDED"


async def test_a_permit_for_an_application_that_stayed_in_its_state_is_registered(node: MockNode) -> None:
    document = golden("from-nation-permit-issued")
    bare = {part: {k: v for k, v in document[part].items() if k != "applicationId"} for part in ("envelope", "content")}
    assert await told(node.nation("fr"), "p-1", bare) == []
    assert [entry["key"] for entry in await entries(node, "permits")] == ["urn:example:permit:1"]


async def test_a_measure_is_kept_and_every_other_nation_is_warned(node: MockNode) -> None:
    application_id = await node.file()
    document = about(application_id, golden("from-nation-enforcement-record"))
    assert await told(node.nation("fi"), "e-1", document) == []
    warning = await node.nation("fr").next("PeerEnforcement")
    assert members(warning) == members(golden("from-platform-peer-enforcement"))
    assert warning["envelope"]["sender"]["nationId"] == "FI"
    assert warning["content"]["nationId"] == "FI"
    assert [entry["status"] for entry in await entries(node, "enforcement")] == ["ACTIVE"]
    document["content"]["status"] = "OVERTURNED"
    assert await told(node.nation("fi"), "e-2", document) == []
    (entry,) = await entries(node, "enforcement")
    assert (entry["status"], len(entry["versions"])) == ("OVERTURNED", 2)


async def test_results_and_reports_are_kept(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    assert await told(france, "r-1", about(application_id, golden("from-nation-result-record"))) == []
    assert await told(france, "r-2", golden("from-nation-biennial-report")) == []
    assert [entry["key"] for entry in await entries(node, "results")] == ["urn:example:permit:1"]
    assert [entry["key"] for entry in await entries(node, "reports")] == ["urn:example:report:golden-1"]


async def test_an_unknown_register_is_said_to_be_unknown(node: MockNode) -> None:
    assert (await node.get("/registry/secrets"))["code"] == "unknown-register"


async def test_a_permit_is_sent_to_a_nation_that_asks_for_it(node: MockNode) -> None:
    application_id = await node.file()
    assert await told(node.nation("fi"), "p-1", about(application_id, golden("from-nation-permit-issued"))) == []
    share = "/registry/permits/urn:example:permit:1/share"
    assert (await node.post(f"{share}?nation=fr"))[0] == 202
    message = await node.nation("fr").next("PeerPermit")
    assert members(message) == members(golden("from-platform-peer-permit"))
    assert (message["content"]["nationId"], message["envelope"]["sender"]["nationId"]) == ("FI", "FI")
    assert (await node.post(f"{share}?nation=fi"))[1]["code"] == "unknown-nation"
    assert (await node.post("/registry/permits/nobody/share?nation=fr"))[1]["code"] == "unknown-permit"
