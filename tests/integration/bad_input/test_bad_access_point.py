"""What the network does wrong around the running node: foreign processes, answers out of order, answers to nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.support.bad_input import Matrix, eu_json, same_bytes, sent
from tests.support.pusher import PASSWORD, SOAP_XML, USER, operations, push, push_at_once
from tests.support.pushes import RELATED, envelope, related, told, whole
from tests.support.running_node import Running


def verdict_on(wire_id: str, *, validated: bool = True) -> bytes:
    """The platform's ValidationResult about one of our messages."""
    document = json.loads(eu_json("ValidationResult", messageId=f"v-{secrets.token_hex(6)}"))
    document["content"] |= {"originalMessageId": wire_id, "validated": validated}
    document["content"] |= {} if validated else {"error": [{"code": "x", "message": "y"}]}
    return json.dumps(document).encode()


FOREIGN = {
    "unknown Service": {"service": "urn:example:other", "action": "TC1Leg1"},
    "unknown Action": {"service": "bdx:noprocess", "action": "Leg2"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_message_of_another_process_is_parked_and_not_answered(node: Running, matrix: Matrix, name: str) -> None:
    wire_id = node.from_eu(eu_json(), **FOREIGN[name])
    [row] = node.until(lambda: node.find(f"{wire_id}|RECEIVING", state="PARKED"))
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["path"]) == ("unknown-service", "header/service")
    assert problem["hint"]
    kept = same_bytes(node, row["id"], eu_json())
    node.arrives(node.file())
    assert wire_id not in {content["originalMessageId"] for content in node.told("ValidationResult")}
    matrix.add("EU", name, "parked", code=problem["code"], where=problem["path"], kept=kept)


@pytest.mark.parametrize("name", ["wrong-sender", "unknown-service"])
def test_the_platforms_messages_under_a_wrong_header_are_parked(node: Running, matrix: Matrix, name: str) -> None:
    before = {row["id"] for row in node.find("", state="PARKED")}
    fault = node.arm(name, nth=1)
    node.file()
    [found] = node.until(lambda: [row for row in node.find("", state="PARKED") if row["id"] not in before])
    assert node.fired(fault) == 1
    assert [problem["code"] for problem in node.message(found["id"])["problems"]] == [name]
    node.arrives(node.file())
    matrix.add("EU", f"fault {name}", "parked", code=name, kept="yes" if node.kept(found["id"]) else "")


def test_an_answer_to_nothing_we_sent_is_parked(node: Running, matrix: Matrix) -> None:
    data = verdict_on("nothing@example")
    wire_id = node.from_eu(data)
    [row] = node.until(lambda: node.find(f"{wire_id}|RECEIVING", state="PARKED"))
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["value"]) == ("answer-to-nothing", "nothing@example")
    matrix.add("EU", "answer to nothing", "parked", code="answer-to-nothing", kept=same_bytes(node, row["id"], data))


def test_an_answer_before_the_receipt_counts_and_the_receipt_is_noted_later(node: Running, matrix: Matrix) -> None:
    fault = node.arm("late-receipt", nth=1, type="ApplicationAck", seconds=2)
    exchange = sent(node)

    def both() -> dict[str, Any] | None:
        [now] = node.message(exchange["message"])["exchanges"]
        return now if now["state"] == "ENDED" and now["receipt_at"] else None

    now = dict(node.until(both))
    assert node.fired(fault) == 1
    assert now["validation_at"] < now["receipt_at"]
    matrix.add("EU", "answer before receipt", "both facts", code="-", kept="yes")


def test_a_second_answer_that_says_the_opposite_waits_for_a_person(node: Running, matrix: Matrix) -> None:
    exchange = sent(node)
    node.until(lambda: node.message(exchange["message"])["exchanges"][0]["state"] == "ENDED")
    data = verdict_on(node.message(exchange["message"])["message_id"], validated=False)
    wire_id = node.from_eu(data)
    [row] = node.until(lambda: node.find(f"{wire_id}|RECEIVING", state="PARKED"))
    [after] = node.message(exchange["message"])["exchanges"]
    assert (after["state"], after["outcome"]) == ("ENDED", "accepted")
    matrix.add("EU", "two answers", "second parked", code="-", kept=same_bytes(node, row["id"], data))


@pytest.mark.parametrize("name", ["reset-before-commit", "reset-after-commit"])
def test_a_cut_around_the_commit_sends_it_once(node: Running, matrix: Matrix, name: str) -> None:
    fault = node.arm(name, type="submitMessage", nth=1)
    exchange = sent(node)
    node.until(lambda: node.message(exchange["message"])["exchanges"][0]["state"] == "ENDED")
    assert node.fired(fault) == 1
    wire_id = node.message(exchange["message"])["message_id"]
    with node.platform() as store:
        held = store._messages("nation = 'fr' AND message_id = ?", (wire_id,))
    assert len(held) == 1
    matrix.add("EU", name, "sent once", code="-", kept="yes")


def test_twenty_notifications_at_once_of_what_polling_brought_too_have_one_effect_each(
    node: Running, matrix: Matrix
) -> None:
    wire_ids = [node.from_eu(eu_json(messageType="Gossip")) for _ in range(10)]
    answers = push_at_once(node, [told("receiveSuccess", wire_id) for wire_id in wire_ids for _ in range(2)])
    assert {answer.status for answer in answers} == {200}
    for wire_id in wire_ids:
        node.verdict(wire_id)
        assert len(node.find(f"{wire_id}|RECEIVING")) == 1
    matrix.add("push", "20 at once", "200", code="-", kept="yes")


AUTHORISED = {
    "Authorization": f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}",
    "Content-Type": SOAP_XML,
}
GOOD_PUSH = told("receiveSuccess", "x")
WHOLE = whole(f"whole-{secrets.token_hex(6)}", b"{}")
#: One rule broken at a time: bytes, Content-Type, the problem's own code, and where it says that it is.
PUSHED: dict[str, tuple[bytes, str, str, str]] = {
    "nothing": (b"", "", "soap-empty", "line 1"),
    "HTML": (b"<html><body>503</body></html>", "text/html", "soap-html", "line 1"),
    "JSON": (b'{"id": "x"}', "application/json", "soap-not-xml", "line 1"),
    "cut SOAP": (GOOD_PUSH[:-9], SOAP_XML, "soap-truncated", "line 1"),
    "UTF-16": (GOOD_PUSH.decode().encode("utf-16"), SOAP_XML, "soap-encoding", "line 1"),
    "ISO 8859-1": (GOOD_PUSH.replace(b">x<", b">\xe9<"), SOAP_XML, "soap-encoding", "line 1"),
    "XML with a wrong end tag": (
        GOOD_PUSH.replace(b"</messageID>", b"</messageId>"),
        SOAP_XML,
        "soap-malformed",
        "line 1",
    ),
    "DTD": (b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + GOOD_PUSH, SOAP_XML, "soap-dtd", "line 1"),
    "entity": (GOOD_PUSH.replace(b">x<", b">&x;<"), SOAP_XML, "soap-entity", "line 1"),
    "nested too deep": (envelope("<a>" * 300 + "</a>" * 300), SOAP_XML, "soap-too-deep", "line 1"),
    "11 MB of envelope": (envelope(f"<!--{'x' * 11_000_000}-->"), SOAP_XML, "soap-too-large", "Envelope"),
    "SOAP 1.1": (
        GOOD_PUSH.replace(b"2003/05/soap-envelope", b"soap/envelope/"),
        "text/xml",
        "soap-version",
        "Envelope",
    ),
    "XML of something else": (b"<feed/>", SOAP_XML, "soap-other-root", "line 1"),
    "no operation": (envelope(""), SOAP_XML, "soap-no-operation", "Envelope/Body"),
    "two operations": (envelope("<a/><b/>"), SOAP_XML, "soap-two-operations", "Envelope/Body"),
    "unknown operation": (
        GOOD_PUSH.replace(b"receiveSuccess", b"receiveGossip"),
        SOAP_XML,
        "soap-other-operation",
        "Envelope/Body",
    ),
    "no id": (told("receiveSuccess"), SOAP_XML, "soap-message-id", "Envelope/Body//messageID"),
    "unknown status": (
        told("messageStatusChange", "x", status="LOST"),
        SOAP_XML,
        "soap-status",
        "Envelope/Body//messageStatus",
    ),
    "message without its header": (
        envelope('<n:submitRequest xmlns:n="eu.domibus"/>'),
        SOAP_XML,
        "soap-header-missing",
        "Envelope/Header/Messaging",
    ),
    "payload that is no base64": (WHOLE.replace(b"e30=", b"e=30"), SOAP_XML, "bad-base64", "value"),
    "payload without a value": (
        WHOLE.replace(b"<value>e30=</value>", b""),
        SOAP_XML,
        "soap-value-missing",
        "Envelope/Body/payload",
    ),
    "announced payload that does not come": (
        WHOLE.replace(b"</PayloadInfo>", b'<PartInfo href="cid:annex"/></PayloadInfo>'),
        SOAP_XML,
        "payload-missing",
        "Envelope/Header//PartInfo[2]",
    ),
    "MTOM without a boundary": (related(b"{}"), "multipart/related", "mime-boundary-missing", "Content-Type"),
    "MTOM with another boundary": (
        related(b"{}").replace(b"--B", b"--C"),
        RELATED,
        "mime-boundary-unknown",
        "Content-Type",
    ),
    "MTOM without end": (related(b"{}").removesuffix(b"--B--\r\n"), RELATED, "mime-truncated", "MIME part 2"),
    "MTOM without parts": (b"--B--\r\n", RELATED, "mime-empty", "MIME part 1"),
    "MTOM part without an end of its headers": (b"--B\r\n" + b"x" * 20_000, RELATED, "mime-header", "MIME part 1"),
    "MTOM without its part": (related(), RELATED, "mime-part-missing", "Envelope/Body//xop:Include"),
    "MTOM with its part twice": (related(b"{}", b"{}"), RELATED, "mime-part-doubled", "MIME part 3"),
    "MTOM part in quoted-printable": (
        related(b"{}").replace(b"<part@x>", b"<part@x>\r\nContent-Transfer-Encoding: quoted-printable"),
        RELATED,
        "mime-transfer-encoding",
        "MIME part 2",
    ),
    "MTOM of 70 parts": (
        b"".join(b"\r\n--B\r\nContent-ID: <%d>\r\n\r\nx" % number for number in range(70)) + b"\r\n--B--\r\n",
        RELATED,
        "mime-too-many-parts",
        "MIME part 65",
    ),
}


@pytest.mark.parametrize("name", PUSHED)
def test_a_push_that_cannot_be_read_is_answered_and_parked_under_its_own_code(
    node: Running, matrix: Matrix, name: str
) -> None:
    data, content_type, code, path = PUSHED[name]
    before = {row["id"] for row in node.find("", state="PARKED")}
    assert push(node, data, content_type).status == 200
    [row] = [row for row in node.find("", state="PARKED") if row["id"] not in before]
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["rule"]) == (code, "BackendService")
    assert problem["path"].startswith(path)
    assert problem["hint"].endswith("may still be pending at the access point.")
    kept = same_bytes(node, row["id"], data)
    wire_id = f"behind-{secrets.token_hex(6)}"
    assert push(node, whole(wire_id, eu_json(messageType="Gossip"))).status == 200
    node.verdict(wire_id)
    matrix.add("push", name, "200", code=code, where=problem["path"], kept=kept)


@pytest.mark.parametrize(
    ("name", "headers", "body"),
    [
        ("200 MB of zeros, packed", {"Content-Encoding": "gzip"}, gzip.compress(bytes(200 * 2**20), 1)),
        ("2 GB claimed", {"Content-Length": str(2**31)}, b"<s:Envelope"),
    ],
)
def test_a_push_of_too_many_bytes_is_refused_before_they_are_read(
    node: Running, matrix: Matrix, name: str, headers: dict[str, str], body: bytes
) -> None:
    rows = {row["id"] for row in node.find("", state="PARKED")}
    connection = HTTPConnection(node.api.removeprefix("http://"), timeout=30)
    with closing(connection):
        connection.putrequest("POST", "/access-point/push")
        for header, value in ({"Content-Length": str(len(body))} | AUTHORISED | headers).items():
            connection.putheader(header, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.loads(answer.read())["type"] == "urn:hdeu:problem:notification-too-large"
    assert {row["id"] for row in node.find("", state="PARKED")} == rows
    node.arrives(node.file())
    matrix.add("push", name, "413", code="notification-too-large", kept="no")


FETCHED = {
    "truncated-soap": "soap-truncated",
    "wrong-encoding": "soap-encoding",
    "corrupt-base64": "bad-base64",
    "mtom-part-missing": "mime-part-missing",
    "mtom-part-doubled": "mime-part-doubled",
    "wrong-id": "other-message",
    "http-204": "soap-empty",
    "gzip-bomb": "answer-bomb",
    "huge-claim": "answer-too-large",
}
HOPELESS = {"gzip-bomb", "huge-claim"}  #: asked for again after a day


@pytest.mark.parametrize("name", FETCHED)
def test_what_the_access_point_hands_out_unreadably_is_parked_under_its_own_code_and_holds_up_nothing(
    node: Running, matrix: Matrix, name: str
) -> None:
    node.all_fetched()  # the fault is for one message alone
    fault = node.arm(name, type="retrieveMessage")
    bad = node.from_eu(eu_json(messageType="Gossip"))
    [row] = node.until(lambda: node.find(f"{bad}|UNREADABLE"), 60)
    [problem] = node.message(row["id"])["problems"]
    assert (problem["code"], problem["rule"]) == (FETCHED[name], "retrieveMessageResponse")
    assert "still pending at the access point" in problem["hint"]
    assert node.fired(fault) >= 3
    node.disarm(fault)
    kept = node.kept(row["id"])
    assert hashlib.sha256(kept).hexdigest() == node.message(row["id"])["sha256"]
    node.arrives(node.file())
    if name not in HOPELESS:
        node.verdict(bad)  # as soon as it can be read
        assert operations(node, "markMessageAsDownloaded", message_id=bad)
    matrix.add("EU", f"fault {name}", "parked", code=FETCHED[name], where=problem.get("path", ""), kept="yes")
