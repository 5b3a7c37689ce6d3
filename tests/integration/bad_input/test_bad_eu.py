"""Bad messages that lie in the access point of the running node."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import pytest

from broker.translation.codecs.zip_parts import write_zip
from tests.support.bad_input import (
    FROM_RIGHT_TO_LEFT,
    GENERIC,
    Matrix,
    eu_content,
    eu_entries,
    eu_files,
    eu_form,
    eu_json,
    same_bytes,
)
from tests.support.files import a_docx, a_pdf
from tests.support.flow_node import eu_application
from tests.support.pusher import operations
from tests.support.running_node import Running

JSON, ZIP = "application/json", "application/zip"
FROM_EU: dict[str, tuple[bytes, str, str, str]] = {
    "not JSON": (b"good morning", JSON, "not-json", ""),
    "XML for JSON": (b"<a/>", JSON, "not-json", ""),
    "empty": (b" ", JSON, "empty-document", ""),
    "JSON too deep": (b"[" * 100_000, JSON, "too-deep", ""),
    "no envelope": (b"{}", JSON, "missing-part", "/envelope"),
    "unknown media type": (b"a;b", "text/csv", "unsupported-media-type", ""),
    "unknown type": (eu_json(messageType="Gossip"), JSON, "unknown-message-type", "/envelope/messageType"),
    "no type": (eu_json(messageType=None), JSON, "unknown-message-type", "/envelope/messageType"),
    "type of the other direction": (eu_json("StatusUpdate"), JSON, "unexpected-message-type", "envelope/messageType"),
    "value of no type": (
        eu_json(createdAt="yesterday"),
        JSON,
        "bad-value",
        "/ApplicationWithdrawn/envelope/createdAt",
    ),
    "missing field": (
        eu_json(createdAt=None),
        JSON,
        "missing-element",
        "/ApplicationWithdrawn/envelope/createdAt",
    ),
    "no ZIP": (b"PK\x03\x04 not a zip", ZIP, "bad-zip", ""),
    "ZIP cut in the middle": (eu_application()[:500], ZIP, "bad-zip", ""),
    "name that leads out of the archive": (
        eu_entries(("../a1_plan.pdf", a_pdf())),
        ZIP,
        "zip-path",
        "application_file.zip/../a1_plan.pdf",
    ),
    "archive within the archive": (
        eu_entries(("a1_more.zip", write_zip([("x.pdf", a_pdf())]))),
        ZIP,
        "zip-nested",
        "a1_more.zip",
    ),
    "two entries of one name": (
        eu_entries(("a1_plan.pdf", a_pdf()), ("a1_plan.pdf", a_pdf(pages=2))),
        ZIP,
        "zip-duplicate",
        "application_file.zip",
    ),
    "file over 1 MB": (
        eu_entries(("a1_plan.pdf", a_pdf() + Random(1).randbytes(1_050_000))),
        ZIP,
        "attachment-too-large",
        "a1_plan.pdf",
    ),
    "NUL byte": (eu_json().replace(b'"envelope"', b'"enve\x00lope"'), JSON, "not-json", ""),
    "control character in a value": (
        eu_json(messageId="a\x01b"),
        JSON,
        "bad-value",
        "/ApplicationWithdrawn/envelope/messageId",
    ),
    "control character in a name": (eu_json(**{"sender\x01": "x"}), JSON, "bad-character", ""),
    "30 February": (
        eu_content("AppealNotified", dateReceived="30:02:2026"),
        JSON,
        "bad-value",
        "/AppealNotified/content/dateReceived",
    ),
    "text named as PDF": (eu_files(a1_plan__pdf=b"words"), ZIP, "attachment-mismatch", "attachments/a1"),
    "seventh file type": (eu_files(a1_notes__txt=b"words"), ZIP, "attachment-type", "attachments/a1"),
    "bomb within the archive": (
        eu_files(a1_plan__pdf=bytes(5_000_000)),
        ZIP,
        "zip-bomb",
        "application_file.zip/a1_plan.pdf",
    ),
    "two files of one id": (
        eu_files(a1_x__pdf=a_pdf(), a1_y__pdf=a_pdf()),
        ZIP,
        "duplicate-attachment",
        "application_file.zip",
    ),
    "application for JSON": (eu_application(), JSON, "bad-encoding", ""),
    "11 MB": (b'{"envelope": "' + b"x" * 11_000_000 + b'"}', JSON, "document-too-large", ""),
}


@pytest.mark.parametrize("name", FROM_EU)
def test_the_platform_hears_not_validated_with_the_reason(node: Running, matrix: Matrix, name: str) -> None:
    data, media_type, code, path = FROM_EU[name]
    wire_id = node.from_eu(data, media_type)
    told = node.verdict(wire_id)
    errors = told["error"]
    assert told["validated"] is False
    assert not GENERIC & {error["code"] for error in errors}
    assert any(error["code"] == code and error.get("path", "") == path for error in errors), errors
    [row] = node.find(f"{wire_id}|RECEIVING")
    assert row["state"] == "REFUSED"
    kept = same_bytes(node, row["id"], data)
    node.arrives(node.file())
    matrix.add("EU", name, "not validated", code=errors[0]["code"], where=path, kept=kept)


#: What is odd and no mistake: changes of the form, and what a person is told of it.
ODD: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "period in free words": (eu_form("section6", timePeriodOfDataExtraction="01-01-2019 t/m 31-12-2024, dan open"), ()),
    "two files of one name": (eu_entries(("a1_plan.pdf", a_pdf()), ("a2_plan.pdf", a_pdf(pages=2))), ()),
    "value that no list has": (eu_form("section2", purposeForWhichDataWillBeUsed=[{"key": "z"}]), ("unknown-answer",)),
    "field that nobody knows": (eu_form("section2", fieldOfALaterRelease={"a": [1, None]}), ("unknown-field",)),
    "title from right to left": (eu_form("", title=FROM_RIGHT_TO_LEFT), ()),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_and_no_mistake_is_validated_kept_and_told(node: Running, matrix: Matrix, name: str) -> None:
    data, codes = ODD[name]
    wire_id = node.from_eu(data, ZIP)
    assert node.verdict(wire_id)["validated"] is True
    [row] = node.find(f"{wire_id}|RECEIVING")
    assert set(codes) <= {problem["code"] for problem in node.message(row["id"])["problems"]}
    kept = same_bytes(node, row["id"], data)
    node.arrives(node.file())
    matrix.add("EU", name, "validated", code=", ".join(codes) or "-", kept=kept)


def test_the_platforms_own_mistake_is_answered_not_validated(node: Running, matrix: Matrix) -> None:
    fault = node.arm("not-schema-valid", times=1)
    before = {content["originalMessageId"] for content in node.told("ValidationResult")}

    def refused() -> list[dict[str, Any]]:
        told = node.told("ValidationResult")
        return [one for one in told if one["originalMessageId"] not in before and not one["validated"]]

    node.file()
    [told] = node.until(refused)
    assert told["error"]
    assert node.fired(fault) == 1
    node.arrives(node.file())
    matrix.add("EU", "fault not-schema-valid", "not validated", code=told["error"][0]["code"], kept="yes")


FOR_A_PERSON = {
    "encrypted PDF": (eu_files(a1_plan__pdf=a_pdf(trailer="/Encrypt 9 0 R ")), "attachment-encrypted"),
    "empty PDF": (eu_files(a1_plan__pdf=a_pdf(pages=0)), "attachment-empty"),
    "document with macros": (eu_files(a1_x__docx=a_docx(**{"word/vbaProject.bin": b"x"})), "attachment-macros"),
}


@pytest.mark.parametrize("name", FOR_A_PERSON)
def test_a_file_that_only_a_person_can_judge_waits_for_one(node: Running, matrix: Matrix, name: str) -> None:
    data, code = FOR_A_PERSON[name]
    wire_id = node.from_eu(data, ZIP)
    [row] = node.until(lambda: node.find(f"{wire_id}|RECEIVING", state="PARKED"))
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["path"]) == (code, "attachments/a1")
    assert problem["hint"]
    kept = same_bytes(node, row["id"], data)
    node.arrives(node.file())
    assert wire_id not in {content["originalMessageId"] for content in node.told("ValidationResult")}
    matrix.add("EU", name, "parked", code=code, where="attachments/a1", kept=kept)


def test_a_part_that_nobody_reads_is_kept_with_the_document_and_waits_for_a_person(
    node: Running, matrix: Matrix
) -> None:
    node.arm("second-part", times=1)
    before = {row["id"] for row in node.find("", state="PARKED")}
    node.file()
    [row] = node.until(lambda: [row for row in node.find("", state="PARKED") if row["id"] not in before])
    message = node.message(row["id"])
    assert [(problem["code"], problem["path"]) for problem in message["problems"]] == [("unread-part", "parts/2")]
    [told] = node.until(lambda: operations(node, "markMessageAsDownloaded", message_id=message["message_id"]))
    assert told["outcome"] == "ok"
    [fetched] = operations(node, "retrieveMessage", message_id=message["message_id"])
    assert [part["href"] for part in fetched["payloads"]] == ["cid:message", "cid:structured"]
    for number, part in enumerate(fetched["payloads"], start=1):
        answer = node.get(f"/api/v1/messages/{row['id']}/parts/{number}")
        assert (answer.status, hashlib.sha256(answer.body).hexdigest()) == (200, part["sha256"])
    assert message["header"]["property.originalSender"].endswith(":C1")
    node.arrives(node.file())
    matrix.add("EU", "fault second-part", "parked", code="unread-part", where="parts/2", kept="yes")


PARKED: dict[str, tuple[bytes, dict[str, str]]] = {
    "somebody else's access point": (eu_json(), {"from_party": "hdeu:mock:ap:fi"}),
    "nobody's access point": (eu_json(), {"from_party": "urn:example:stranger"}),
}


@pytest.mark.parametrize("name", PARKED)
def test_a_message_from_another_party_is_parked_and_not_answered(node: Running, matrix: Matrix, name: str) -> None:
    data, header = PARKED[name]
    wire_id = node.from_eu(data, **header)
    [row] = node.until(lambda: node.find(f"{wire_id}|RECEIVING", state="PARKED"))
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["value"]) == ("wrong-sender", header["from_party"])
    kept = same_bytes(node, row["id"], data)
    node.arrives(node.file())
    assert wire_id not in {content["originalMessageId"] for content in node.told("ValidationResult")}
    matrix.add("EU", name, "parked", code="wrong-sender", kept=kept)
