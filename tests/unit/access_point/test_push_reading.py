"""What Domibus pushes, read from every spelling that occurs."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.access_point.domibus_ws import Limits
from adapters.access_point.domibus_ws.push import ACCEPTED, Strange, notification
from broker.payloads import PIECE, Payload
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


QUOTED = f"{PART}\r\nContent-Transfer-Encoding: quoted-printable"
#: What is wrong with a message by MTOM: its bytes, the code, and where.
DAMAGED: dict[str, tuple[bytes, str, str]] = {
    "its part is missing": (related(), "mime-part-missing", "Envelope/Body//xop:Include"),
    "its part is there twice": (related((PART, b"one"), (PART, b"two")), "mime-part-doubled", "MIME part 3"),
    "its part has another name": (
        related((PART.replace("p 1", "p 2"), b"one")),
        "mime-part-missing",
        "Envelope/Body//xop:Include",
    ),
    "its part is quoted-printable": (related((QUOTED, b"one")), "mime-transfer-encoding", "MIME part 2"),
    "its end is missing": (related((PART, b"one")).removesuffix(b"--\r\n"), "mime-truncated", "MIME part 2"),
    "its boundary is another": (
        related((PART, b"one")).replace(b"--B", b"--C"),
        "mime-boundary-unknown",
        "Content-Type",
    ),
    "one part of far too many": (
        related(*((f"Content-ID: <{number}>", b"") for number in range(80))),
        "mime-too-many-parts",
        "MIME part 65",
    ),
    "headers without an end": (b"--B\r\n" + b"x" * 20_000, "mime-header", "MIME part 1"),
    "no part at all": (b"--B--\r\n", "mime-empty", "MIME part 1"),
    "a root that is cut": (related((PART, b"one")).replace(b"</e:Envelope>", b""), "soap-truncated", "line 1"),
}


def told_of(found: Notification | Strange) -> tuple[str, str]:
    """Code and place of what is wrong, once it says what to do next."""
    assert isinstance(found, Strange), found
    assert found.problem.hint
    return found.problem.code, found.problem.path


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_mtom_message_says_what_is_damaged_and_is_handed_on_with_its_bytes(name: str) -> None:
    body, code, path = DAMAGED[name]
    found = taken(body, RELATED.format("root"))
    assert (told_of(found)[0], told_of(found)[1].startswith(path)) == (code, True)
    assert found == Strange(found.problem, Payload(body))  # type: ignore[union-attr]


def test_multipart_without_a_boundary_is_handed_on_with_its_bytes() -> None:
    found = taken(related(), "multipart/related")
    assert told_of(found) == ("mime-boundary-missing", "Content-Type")


def test_what_stands_around_the_mime_parts_is_passed_over() -> None:
    body = b"preamble\r\n" + related((PART, b"one")) + b"epilogue" * 1000
    found = read(body, RELATED.format("root"))
    assert found.message is not None
    assert found.message.parts[0].data == b"one"


def test_a_body_that_lay_in_a_file_is_handed_on_whole() -> None:
    body = whole("m-1", bytes(range(256)) * 4096)[:-10]
    found = taken(body, size=65_536)
    assert isinstance(found, Strange)
    assert found.body.whole() == body


@pytest.mark.parametrize("form", ["inline", "mtom"])
def test_of_a_large_message_no_more_than_a_few_pieces_are_in_memory(form: str) -> None:
    data = bytes(range(256)) * 32_768
    body = whole("m-1", data) if form == "inline" else related((PART, data))
    tracemalloc.start()
    found = taken(body, XML if form == "inline" else RELATED.format("root"), size=65_536)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, Notification)
    assert found.message is not None
    assert found.message.parts[0].data == data
    assert peak < 6 * PIECE < len(data) / 4


def test_a_payload_beyond_the_limit_is_given_up_early_and_still_kept_whole() -> None:
    body = whole("m-1", bytes(500_000))
    found = taken(body, size=10_000, limits=Limits(payload=100_000))
    assert told_of(found) == ("payload-too-large", "Envelope/Body")
    assert found == Strange(found.problem, Payload(body))  # type: ignore[union-attr]


def test_an_envelope_beyond_the_limit_is_given_up_early_and_still_kept_whole() -> None:
    body = envelope("<a/>" * 50_000)
    found = taken(body, size=10_000, limits=Limits(document=100_000))
    assert told_of(found) == ("soap-too-large", "Envelope")
    assert found == Strange(found.problem, Payload(body))  # type: ignore[union-attr]


GOOD = told("receiveSuccess", "a")
IN_BODY, AN_ID, A_STATUS = "Envelope/Body", "Envelope/Body//messageID", "Envelope/Body//messageStatus"
AT_LINE_1 = "line 1"
#: One rule of a push broken at a time: the bytes, the code, and where.
UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "soap-empty", AT_LINE_1),
    "blanks": (b" \n ", "soap-empty", "line 2"),
    "HTML": (b"<html><body>hello</body></html>", "soap-html", AT_LINE_1),
    "HTML of five": (b"<!doctype html><p>hello", "soap-html", AT_LINE_1),
    "JSON": (b'{"receiveSuccess": "a"}', "soap-not-xml", AT_LINE_1),
    "cut": (GOOD[:-20], "soap-truncated", AT_LINE_1),
    "cut in its last tag": (GOOD[:-1].removesuffix(b"Envelope"), "soap-truncated", AT_LINE_1),
    "UTF-16": (GOOD.decode().encode("utf-16"), "soap-encoding", AT_LINE_1),
    "UTF-16 without a mark": (GOOD.decode().encode("utf-16-be"), "soap-encoding", AT_LINE_1),
    "ISO 8859-1": (GOOD.replace(b">a<", b">\xe9<"), "soap-encoding", AT_LINE_1),
    "mismatched tags": (GOOD.replace(b"</messageID>", b"</messageId>"), "soap-malformed", AT_LINE_1),
    "control character": (GOOD.replace(b">a<", b">\x01<"), "soap-malformed", AT_LINE_1),
    "entity": (GOOD.replace(b">a<", b">&a;<"), "soap-entity", AT_LINE_1),
    "document type": (GOOD.replace(b"<e:Envelope", b"\n<!DOCTYPE x><e:Envelope", 1), "soap-dtd", "line 2"),
    "nested too deep": (envelope("<a>" * 300 + "</a>" * 300), "soap-too-deep", AT_LINE_1),
    "SOAP 1.1": (GOOD.replace(b"2003/05/soap-envelope", b"soap/envelope/"), "soap-version", "Envelope"),
    "XML of something else": (b"<feed/>", "soap-other-root", AT_LINE_1),
    "no operation": (envelope(""), "soap-no-operation", IN_BODY),
    "two operations": (envelope("<a/><b/>"), "soap-two-operations", IN_BODY),
    "unknown operation": (told("receivePartly", "a"), "soap-other-operation", IN_BODY),
    "no id": (told("receiveSuccess"), "soap-message-id", AN_ID),
    "empty id": (told("receiveSuccess", ""), "soap-message-id", AN_ID),
    "id of another alphabet": (told("receiveSuccess", "идентификатор"), "soap-message-id", AN_ID),
    "id too long": (told("receiveSuccess", "x" * 256), "soap-message-id", AN_ID),
    "status nobody knows": (told("messageStatusChange", "a", status="LOST_AND_FOUND"), "soap-status", A_STATUS),
    "no status": (told("messageStatusChange", "a"), "soap-status", A_STATUS),
    "no header": (
        envelope('<n:submitRequest xmlns:n="eu.domibus"/>'),
        "soap-header-missing",
        "Envelope/Header/Messaging",
    ),
    "no base64": (whole("m-1", b"x").replace(b"eA==", b"e==A"), "bad-base64", "value"),
    "no value": (
        whole("m-1", b"x").replace(b"<value>eA==</value>", b""),
        "soap-value-missing",
        "Envelope/Body/payload",
    ),
    "announced payload": (
        whole("m-1", b"x").replace(b"</PayloadInfo>", b'<PartInfo href="cid:annex"/></PayloadInfo>'),
        "payload-missing",
        "Envelope/Header//PartInfo[2]",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notification_says_what_is_wrong_and_where_without_quoting(name: str) -> None:
    body, code, path = UNREADABLE[name]
    found = taken(body)
    assert (told_of(found)[0], told_of(found)[1].startswith(path)) == (code, True)
    assert "LOST_AND_FOUND" not in repr(found.problem)  # type: ignore[union-attr]
    assert found == Strange(found.problem, Payload(body))  # type: ignore[union-attr]


@given(st.integers(1, len(whole("m-1", b"x")) - 1))
def test_wherever_a_push_is_cut_it_is_called_truncated(length: int) -> None:
    assert told_of(taken(whole("m-1", b"x")[:length]))[0] == "soap-truncated"


BODYLOAD = b'<payload payloadId="cid:message" mimeType="application/json" payloadName="x">'


@pytest.mark.parametrize("href", [b"cid:message", b"CID:Message", b""])
def test_a_bodyload_has_no_name_and_is_no_missing_payload(href: bytes) -> None:
    body = whole("m-1", b"x").replace(BODYLOAD, b"<bodyload>").replace(b"</payload>", b"</bodyload>")
    found = read(body.replace(b'href="cid:message"', b'href="%b"' % href))
    assert found.message is not None
    assert [part.data for part in found.message.parts] == [b"x"]


def test_the_answer_is_an_empty_envelope() -> None:
    assert ACCEPTED == b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'
