"""What Domibus pushes, read from every spelling that occurs."""

from __future__ import annotations

import pytest

from adapters.access_point.domibus_ws import Limits
from adapters.access_point.domibus_ws.hardened import Unreadable
from adapters.access_point.domibus_ws.push import ACCEPTED, notification
from broker.ports import Notification, Told
from tests.support.pushes import WSPLUGIN, envelope, told, whole

XML = "application/soap+xml; charset=utf-8"
KINDS = {
    "receiveSuccess": Told.RECEIVED,
    "receiveFailure": Told.RECEIVE_FAILED,
    "sendSuccess": Told.SENT,
    "sendFailure": Told.SEND_FAILED,
    "delete": Told.DELETED,
    "deleteBatch": Told.DELETED,
}


def read(body: bytes, content_type: str = XML) -> Notification:
    return notification(content_type, body, Limits())


@pytest.mark.parametrize("namespace", ["eu.domibus", WSPLUGIN, "urn:example:other"])
@pytest.mark.parametrize("operation", KINDS)
def test_a_notification_is_known_by_its_local_name(operation: str, namespace: str) -> None:
    found = read(told(operation, "m-1@example.org", namespace=namespace))
    assert found == Notification(KINDS[operation], ("m-1@example.org",))


def test_a_batch_names_every_id_once() -> None:
    assert read(told("deleteBatch", "a", "b", "a")).message_ids == ("a", "b")


def test_a_change_of_status_brings_the_status() -> None:
    found = read(told("messageStatusChange", "a", status="WAITING_FOR_RETRY"))
    assert (found.told, found.status) == (Told.STATUS, "WAITING_FOR_RETRY")


def test_a_whole_message_brings_header_and_payload() -> None:
    found = read(whole("m-1", b"\x00\xff payload", "application/zip", from_party="urn:x", action="A"))
    assert (found.told, found.message_ids) == (Told.MESSAGE, ("m-1",))
    assert found.message is not None
    assert (found.message.from_party, found.message.action, found.message.conversation_id) == ("urn:x", "A", "c-1")
    [part] = found.message.parts
    assert (part.href, part.media_type, part.data) == ("cid:message", "application/zip", b"\x00\xff payload")


def test_unknown_children_and_comments_are_passed_over() -> None:
    body = '<n:sendSuccess xmlns:n="eu.domibus"><!-- x --><messageID>a</messageID><messageEntityID>7</messageEntityID>'
    assert read(envelope(body + "</n:sendSuccess>")).message_ids == ("a",)


def test_a_whole_message_by_mtom_brings_its_part() -> None:
    inline = whole("m-1", b"x").decode()
    include = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:p%201@x"/>'
    root = inline.replace("<value>eA==</value>", f"<value>{include}</value>")
    body = (
        f"--B\r\nContent-Type: application/xop+xml\r\nContent-ID: <root>\r\n\r\n{root}\r\n"
        "--B\r\nContent-Type: application/octet-stream\r\nContent-ID: <p 1@x>\r\n\r\nbytes\r\n--B--\r\n"
    )
    found = read(body.encode(), 'multipart/related; type="application/xop+xml"; start="root"; boundary=B')
    assert found.message is not None
    assert found.message.parts[0].data == b"bytes"


UNREADABLE = {
    "nothing": b"",
    "HTML": b"<html><body>hello</body></html>",
    "cut": told("receiveSuccess", "a")[:-20],
    "UTF-16": told("receiveSuccess", "a").decode().encode("utf-16"),
    "SOAP 1.1": told("receiveSuccess", "a").replace(b"2003/05/soap-envelope", b"soap/envelope/"),
    "no operation": envelope(""),
    "two operations": envelope("<a/><b/>"),
    "unknown operation": told("receivePartly", "a"),
    "no id": told("receiveSuccess"),
    "empty id": told("receiveSuccess", ""),
    "id of another alphabet": told("receiveSuccess", "идентификатор"),
    "id too long": told("receiveSuccess", "x" * 256),
    "status nobody knows": told("messageStatusChange", "a", status="LOST_AND_FOUND"),
    "no status": told("messageStatusChange", "a"),
    "no header": envelope('<n:submitRequest xmlns:n="eu.domibus"/>'),
    "no base64": whole("m-1", b"x").replace(b"eA==", b"e==A"),
    "document type": told("receiveSuccess", "a").replace(b"<e:Envelope", b"<!DOCTYPE x><e:Envelope", 1),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notification_is_unreadable_and_says_why_without_quoting(name: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(UNREADABLE[name])
    assert "LOST_AND_FOUND" not in str(caught.value)


def test_the_answer_is_an_empty_envelope() -> None:
    assert ACCEPTED == b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'
