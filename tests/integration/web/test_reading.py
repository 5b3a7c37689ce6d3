"""What people and back ends read: equal to the contract, without form data, and only what concerns them."""

import hashlib
import io
import json
import zipfile
from typing import Any

import jsonschema
import pytest
import yaml

from adapters.store.sql import SqlStore
from broker.data_files import schemas_dir
from broker.model.exchanges import Direction, State
from broker.model.identity import Role
from broker.model.messages import Door
from broker.payloads import PIECE
from tests.support.web_node import (
    API_KEY,
    CP_ID,
    DOCUMENT,
    PDF,
    PLANTED,
    RECEIPT,
    REPORT,
    STRUCTURED,
    Flow,
    as_backend,
    as_role,
    exchange,
    message,
    wire_zip,
)

DAAMS = {"X-API-key": API_KEY}
CASEWORKER = as_role(Role.CASEWORKER)
HDH = as_backend("hdh")


def hold(value: Any, schema: str) -> None:
    """Hold a value against a schema of the contract."""
    contract = yaml.safe_load((schemas_dir() / "openapi.yaml").read_text())
    root = {"$ref": f"#/components/schemas/{schema}", "components": contract["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


async def read(client: Any, path: str, headers: dict[str, str] = CASEWORKER, status: int = 200) -> Any:
    response = await client.get(path, headers=headers)
    assert response.status == status, await response.text()
    return await response.json(content_type=None)


async def test_the_list_shows_each_message_once_by_its_most_urgent_exchange(client: Any) -> None:
    found = await read(client, "/api/v1/messages")
    assert [(row["id"], row["state"]) for row in found["messages"]] == [("m-1", "SIGN_OFF"), ("m-0", "READY")]
    assert found["next"] is None
    for row in found["messages"]:
        hold(row, "MessageSummary")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("state=SIGN_OFF", ["m-1"]),
        ("state=SIGN_OFF,DELIVERED", ["m-1", "m-0"]),
        ("state=READY&state=SIGN_OFF", ["m-1", "m-0"]),
        ("direction=inbound", ["m-0"]),
        ("type=DecisionIssued", ["m-1"]),
        ("case=case-1", ["m-1", "m-0"]),
        ("case=case-2", []),
        (f"text={CP_ID}", ["m-1", "m-0"]),
        ("text=key-m-1", ["m-1"]),
        ("state=PARKED", []),
    ],
)
async def test_filters_narrow_the_list(client: Any, query: str, ids: list[str]) -> None:
    assert [row["id"] for row in (await read(client, f"/api/v1/messages?{query}"))["messages"]] == ids


@pytest.mark.parametrize("query", ["state=LOST", "direction=up", "limit=0", "limit=201", "limit=x", "limit=²"])
async def test_a_senseless_filter_is_refused(client: Any, query: str) -> None:
    body = await read(client, f"/api/v1/messages?{query}", status=400)
    assert body["problems"][0]["path"] == query.partition("=")[0]


async def test_pages_show_every_message_once(client: Any, store: SqlStore) -> None:
    async with store.transaction() as tx:
        for number in range(10, 17):
            await tx.add_message(message(f"m-{number}", sha256=await tx.put_content(b"<a/>")))
            for way in "ab":
                await tx.add_exchange(exchange(f"y-{number}{way}", f"m-{number}"))
    seen, before, pages = [], "", 0
    while before is not None:
        page = await read(client, f"/api/v1/messages?limit=3&before={before}")
        seen += [row["id"] for row in page["messages"]]
        before, pages = page["next"], pages + 1
    assert seen == [*(f"m-{number}" for number in range(16, 9, -1)), "m-1", "m-0"]
    assert pages > 3


async def test_one_message_tells_its_whole_way_in_order(client: Any) -> None:
    found = await read(client, "/api/v1/messages/m-0")
    hold(found, "Message")
    assert (found["message_id"], found["sha256"]) == ("wire-0@example", hashlib.sha256(wire_zip()).hexdigest())
    whats = [event["what"] for event in found["timeline"]]
    assert whats == ["kept", "read", "translated", "validated", "attempt", "delivered", "next-attempt"]
    assert [event["at"] for event in found["timeline"]] == sorted(event["at"] for event in found["timeline"])
    assert found["timeline"][-1]["detail"] == "deliver 3 after unavailable: x"
    assert found["waiting"]["next_attempt_at"] == "2026-11-23T12:05:00.000Z"
    assert [attempt["error_code"] for attempt in found["attempts"]] == ["unavailable"]
    assert found["header"] == {"message_id": "wire-0@example", "property.originalSender": "urn:example:C1"}
    assert [(part["number"], part["cid"], part["size"]) for part in found["parts"]] == [
        (1, "cid:message", len(wire_zip())),
        (2, "cid:structured", len(STRUCTURED)),
    ]


async def test_who_may_read_no_documents_sees_no_header(client: Any) -> None:
    found = await read(client, "/api/v1/messages/m-0", as_role(Role.READER))
    assert found["header"] == {}
    assert len(found["parts"]) == 2


@pytest.mark.parametrize("role", [Role.READER, Role.CASEWORKER, Role.OPERATOR, Role.AUDITOR])
async def test_no_list_and_no_view_holds_form_data(client: Any, role: Role) -> None:
    for path in ("messages", "messages/m-0", "messages/m-1", "cases", "cases/case-1"):
        assert PLANTED not in str(await read(client, f"/api/v1/{path}", as_role(role)))


async def test_a_back_end_finds_its_own_messages_only(client: Any) -> None:
    mine = await read(client, "/api/v1/messages/m-0", as_backend("findata"))
    assert [found["addressee"] for found in mine["exchanges"]] == ["findata"]
    assert {event["exchange"] for event in mine["timeline"]} == {"", "x-1"}
    for path in ("", "/bytes", "/document", "/report", "/attachments/a-1", "/parts/2"):
        body = await read(client, f"/api/v1/messages/m-1{path}", as_backend("findata"), status=404)
        assert body["type"] == "urn:hdeu:problem:not-found"
    assert (await read(client, "/api/v1/messages/m-1", as_backend("hdh")))["id"] == "m-1"


async def test_a_back_end_called_like_the_access_point_does_not_own_its_messages(client: Any) -> None:
    await read(client, "/api/v1/messages/m-0", as_backend("access-point"), status=404)


@pytest.mark.parametrize(
    ("path", "data", "media_type"),
    [
        ("m-0/bytes", wire_zip(), "application/zip"),
        ("m-0/document", DOCUMENT, "application/xml"),
        ("m-0/document?exchange=x-1", b"<Hakemus/>", "application/octet-stream"),
        ("m-0/attachments/a-1", PDF, "application/pdf"),
        ("m-0/parts/1", wire_zip(), "application/zip"),
        ("m-0/parts/2", STRUCTURED, "application/xml"),
        ("m-1/report", REPORT, "application/json"),
        ("m-1/receipt", RECEIPT, "application/soap+xml"),
        ("m-1/receipt?exchange=x-2", RECEIPT, "application/soap+xml"),
    ],
)
async def test_bytes_come_back_as_they_were_kept(client: Any, path: str, data: bytes, media_type: str) -> None:
    response = await client.get(f"/api/v1/messages/{path}", headers=CASEWORKER)
    assert (response.status, await response.read(), response.content_type) == (200, data, media_type)
    assert response.headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path",
    [
        "messages/none",
        "messages/none/bytes",
        "messages/m-1/document",
        "messages/m-0/report",
        "messages/m-0/receipt",
        "messages/m-1/receipt?exchange=x-1",
        "messages/m-0/document?exchange=x-2",
        "messages/m-0/attachments/a-2",
        "messages/m-0/parts/0",
        "messages/m-0/parts/3",
        "messages/m-0/parts/%2B1",
        "messages/m-1/parts/1",
        "cases/none",
    ],
)
async def test_what_is_not_there_is_not_found(client: Any, path: str) -> None:
    body = await read(client, f"/api/v1/{path}", status=404)
    assert body["type"] == "urn:hdeu:problem:not-found"


async def test_a_case_shows_legs_clocks_and_messages(client: Any) -> None:
    found = await read(client, "/api/v1/cases/case-1")
    hold(found, "Case")
    leg = found["legs"][0]
    assert (leg["owner"], leg["state"], leg["national_state"]) == ("hdh", "PROCESSING", "CESREES")
    assert (leg["clocks"][0]["due_on"], leg["clocks"][0]["reason"]) == ("2027-02-23", "three months, Art. 68(4)")
    assert [row["id"] for row in found["messages"]] == ["m-1", "m-0"]
    listed = await read(client, f"/api/v1/cases?text={CP_ID}")
    hold(listed["cases"][0], "CaseSummary")
    assert (await read(client, "/api/v1/due"))["clocks"] == []
    (due,) = (await read(client, "/api/v1/due?within=92"))["clocks"]
    hold(due, "DueClock")
    assert (due["case"], due["leg"], due["state"], due["days_left"]) == ("case-1", "hdh", "running", 92)
    assert (await client.get("/api/v1/due?within=soon", headers=as_role(Role.READER))).status == 400
    assert listed["cases"][0]["aliases"] == [{"scheme": "cp", "value": CP_ID}]


async def test_a_sign_off_names_who_and_why(client: Any, flow: Flow) -> None:
    address = "/api/v1/messages/m-1/sign-off"
    response = await client.post(address, json={"reason": " agreed "}, headers=CASEWORKER)
    assert (response.status, await response.json()) == (202, {"id": "m-1", "state": "QUEUED"})
    assert flow.done == [("sign-off", "m-1", "urn:example:staff", "agreed")]
    assert (await client.post(address.replace("m-1", "m-0"), json={"reason": "x"}, headers=CASEWORKER)).status == 409


@pytest.mark.parametrize("body", [b"", b"{}", b'{"reason": " "}', b'{"reason": 1}', b"[]", b"{", b"[" * 9000])
async def test_a_sign_off_without_a_reason_is_refused(client: Any, flow: Flow, body: bytes) -> None:
    response = await client.post("/api/v1/messages/m-1/sign-off", data=body, headers=CASEWORKER)
    assert response.status == 400
    assert not flow.done


async def test_an_operator_lets_a_message_go_on(client: Any, flow: Flow) -> None:
    response = await client.post("/api/v1/messages/m-0/retry", headers=as_role(Role.OPERATOR))
    assert response.status == 202
    assert flow.done == [("retry", "m-0", "urn:example:staff")]


async def test_staff_closes_a_message_with_a_reason(client: Any, flow: Flow) -> None:
    for role in (Role.OPERATOR, Role.CASEWORKER):
        response = await client.post("/api/v1/messages/m-0/close", json={"reason": "x"}, headers=as_role(role))
        assert (response.status, await response.json()) == (200, {"id": "m-0", "state": "CANCELLED"})
    assert flow.done == [("close", "m-0", "urn:example:staff", "x")] * 2
    without = await client.post("/api/v1/messages/m-0/close", json={}, headers=as_role(Role.OPERATOR))
    assert without.status == 400


async def test_a_back_end_says_that_it_has_a_message(client: Any, flow: Flow) -> None:
    response = await client.post("/api/v1/messages/m-0/acknowledge", headers=HDH)
    assert (response.status, await response.json()) == (200, {"id": "m-0", "state": "ACKNOWLEDGED"})
    assert flow.done == [("acknowledge", "m-0", "hdh")]
    assert (await client.post("/api/v1/messages/m-1/acknowledge", headers=HDH)).status == 409


async def test_the_journal_is_exported_line_by_line(client: Any) -> None:
    response = await client.get("/api/v1/audit/export", headers=as_role(Role.AUDITOR))
    assert response.content_type == "application/jsonl"
    assert [json.loads(line)["number"] for line in (await response.text()).splitlines()] == [1, 2]


async def test_the_dispatcher_lists_one_row_per_version_and_hands_out_the_zip(client: Any, store: SqlStore) -> None:
    later = wire_zip(title="Stroke outcomes, amended", submitted="2026-09-01T08:00:00Z")
    async with store.transaction() as tx:
        second = {"version": 2, "type": "AdditionalInformation", "content_type": "application/zip"}
        sha256 = await tx.put_content(later)
        await tx.add_message(message("m-2", door=Door.ACCESS_POINT, party="access-point", sha256=sha256, **second))
        way = {"direction": Direction.INBOUND, "state": State.READY, "addressee": "hdh"}
        await tx.add_exchange(exchange("x-3", "m-2", **way))
    rows = await read(client, "/national-dispatcher/applications", DAAMS)
    for row in rows:
        hold(row, "ApplicationRow")
    assert [(row["version"], row["title"]) for row in rows] == [
        (1, "Stroke outcomes, example"),
        (2, "Stroke outcomes, amended"),
    ]
    assert rows[0] == {
        "application_id": CP_ID,
        "applicationType": "application",
        "status": "PROCESSING",
        "title": "Stroke outcomes, example",
        "dateSubmitted": "2026-08-03T16:06:16.461529238Z",
        "version": 1,
    }
    for query, expected in (("", later), ("?version=1", wire_zip()), ("?version=2", later)):
        response = await client.get(f"/national-dispatcher/applications/{CP_ID}{query}", headers=DAAMS)
        assert (response.content_type, await response.read()) == ("application/zip", expected)
    assert "application_file.zip" in zipfile.ZipFile(io.BytesIO(expected)).namelist()


@pytest.mark.parametrize(("path", "status"), [("x", 404), (f"{CP_ID}?version=9", 404), (f"{CP_ID}?version=x", 400)])
async def test_the_dispatcher_has_no_other_applications(client: Any, path: str, status: int) -> None:
    await read(client, f"/national-dispatcher/applications/{path}", DAAMS, status)


@pytest.mark.parametrize(
    "rubbish", [b"", b"not a zip", wire_zip()[:-40], wire_zip().replace(b"Stroke", b"\xff\xffroke")]
)
async def test_an_unreadable_archive_leaves_the_list_whole(client: Any, store: SqlStore, rubbish: bytes) -> None:
    async with store.transaction() as tx:
        broken = {"version": 3, "type": "ApplicationAmended", "sha256": await tx.put_content(rubbish)}
        await tx.add_message(message("m-3", door=Door.ACCESS_POINT, party="access-point", **broken))
    rows = await read(client, "/national-dispatcher/applications", DAAMS)
    assert [(row["version"], row["title"]) for row in rows] == [(1, "Stroke outcomes, example"), (3, "")]


async def test_a_client_that_is_confined_to_a_back_end_sees_its_applications_alone(client: Any) -> None:
    """Legs tell whose an application is: this one is the hdh's."""
    own, other = ({"X-API-key": f"{API_KEY}-{name}"} for name in ("hdh", "findata"))
    assert len(await read(client, "/national-dispatcher/applications", own)) == 1
    assert await read(client, "/national-dispatcher/applications", other) == []
    await read(client, f"/national-dispatcher/applications/{CP_ID}", other, 404)
    response = await client.get(f"/national-dispatcher/applications/{CP_ID}", headers=own)
    assert await response.read() == wire_zip()


async def test_what_is_large_goes_out_in_pieces_with_its_length(client: Any, store: SqlStore) -> None:
    large = bytes(range(256)) * (3 * PIECE // 256) + b"end"
    async with store.transaction() as tx:
        kept = message("m-large", sha256=await tx.put_content(large), size=len(large))
        await tx.add_message(kept)
        await tx.add_exchange(exchange("x-large", "m-large"))
    response = await client.get("/api/v1/messages/m-large/bytes", headers=CASEWORKER)
    assert (response.status, response.headers["Content-Length"]) == (200, str(len(large)))
    assert response.headers["ETag"] == f'"{hashlib.sha256(large).hexdigest()}"'
    assert await response.read() == large
