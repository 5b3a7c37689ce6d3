"""What Domibus pushes, read from every spelling that occurs."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from adapters.access_point.domibus_ws import Limits
from adapters.access_point.domibus_ws.push import ACCEPTED, Strange, notification
from broker.ports import Notification, Told
from tests.support.pushes import WSPLUGIN, envelope, told, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

XML = "application/soap+xml; charset=utf-8"
KINDS = {
    "receiveSuccess": Told.RECEIVED,
    "receiveFailure": Told.RECEIVE_FAILED,
    "sendSuccess": Told.SENT,
    "sendFailure": Told.SEND_FAILED,
    "delete": Told.DELETED,
    "deleteBatch": Told.DELETED,
}


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def taken(body: bytes, content_type: str = XML, size: int = 50, limits: Limits | None = None) -> Notification | Strange:
    found: list[Notification | Strange] = []

    async def take() -> None:  # not the task's result: asyncio writes that out, bytes and all
        found.append(await notification(content_type, pieces(body, size), limits or Limits()))

    asyncio.run(take())
    return found[0]


def read(body: bytes, content_type: str = XML) -> Notification:
    found = taken(body, content_type)
    assert isinstance(found, Notification), found
    return found


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


INCLUDE = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:p%201@x"/>'
ROOT = "Content-Type: application/xop+xml\r\nContent-ID: <root>"
PART = "Content-Type: application/octet-stream\r\nContent-ID: <p 1@x>"
RELATED = 'multipart/related; type="application/xop+xml"; start="{}"; boundary=B'


def related(*parts: tuple[str, bytes]) -> bytes:
    """The message by MTOM: its root, and these parts."""
    root = whole("m-1", b"x").decode().replace("<value>eA==</value>", f"<value>{INCLUDE}</value>")
    sections = (f"{ROOT}\r\n\r\n{root}".encode(), *(f"{head}\r\n\r\n".encode() + data for head, data in parts))
    return b"--B\r\n" + b"\r\n--B\r\n".join(sections) + b"\r\n--B--\r\n"


@pytest.mark.parametrize("start", ["root", "<root>"])
def test_a_whole_message_by_mtom_brings_its_part(start: str) -> None:
    found = read(related((PART, b"by\r\n--tes")), RELATED.format(start))
    assert found.message is not None
    assert found.message.parts[0].data == b"by\r\n--tes"


DAMAGED = {
    "its part is missing": related(),
    "its part is there twice": related((PART, b"one"), (PART, b"two")),
    "its part has another name": related((PART.replace("p 1", "p 2"), b"one")),
    "its part is quoted-printable": related((f"{PART}\r\nContent-Transfer-Encoding: quoted-printable", b"one")),
    "its end is missing": related((PART, b"one")).removesuffix(b"--\r\n"),
    "its boundary is another": related((PART, b"one")).replace(b"--B", b"--C"),
    "one part of far too many": related(*((f"Content-ID: <{number}>", b"") for number in range(80))),
    "headers without an end": b"--B\r\n" + b"x" * 20_000,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_mtom_message_is_handed_on_with_its_bytes(name: str) -> None:
    found = taken(DAMAGED[name], RELATED.format("root"))
    assert isinstance(found, Strange)
    assert found.body == DAMAGED[name]


def test_multipart_without_a_boundary_is_handed_on_with_its_bytes() -> None:
    found = taken(related(), "multipart/related")
    assert found == Strange("multipart/related without a boundary", related())


def test_a_body_that_lay_in_a_file_is_handed_on_whole() -> None:
    body = whole("m-1", bytes(range(256)) * 4096)[:-10]
    found = taken(body, size=65_536)
    assert isinstance(found, Strange)
    assert found.body == body


@pytest.mark.parametrize("form", ["inline", "mtom"])
def test_of_a_large_message_only_its_payload_is_in_memory(form: str) -> None:
    data = bytes(range(256)) * 32_768
    body = whole("m-1", data) if form == "inline" else related((PART, data))
    tracemalloc.start()
    found = taken(body, XML if form == "inline" else RELATED.format("root"), size=65_536)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, Notification)
    assert found.message is not None
    assert found.message.parts[0].data == data
    assert len(data) <= peak < 1.5 * len(data)


def test_a_payload_beyond_the_limit_is_given_up_early_and_still_kept_whole() -> None:
    body = whole("m-1", bytes(500_000))
    found = taken(body, size=10_000, limits=Limits(payload=100_000))
    assert found == Strange("payloads of more than 100000 bytes", body)


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
    found = taken(UNREADABLE[name])
    assert isinstance(found, Strange)
    assert found.why
    assert "LOST_AND_FOUND" not in found.why
    assert found.body == UNREADABLE[name]


def test_the_answer_is_an_empty_envelope() -> None:
    assert ACCEPTED == b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'
