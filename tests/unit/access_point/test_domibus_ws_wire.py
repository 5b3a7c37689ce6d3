"""Reading and writing the WS plugin's SOAP, byte for byte, without a server."""

from __future__ import annotations

import asyncio
import base64
import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from lxml import etree

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Limits, Patience, answers, requests
from adapters.access_point.domibus_ws.hardened import Unreadable, parse
from adapters.access_point.domibus_ws.verdicts import of_fault
from broker.errors import AlreadySubmitted, Garbled, NotFound, OutcomeUnknown, Unavailable
from broker.ports import Part, UserMessage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMITS = Limits()
SMALL = Limits(answer=100_000)
HEADER = Header(from_party="urn:example:ap:ours", to_party="urn:example:ap:theirs")
NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "w": "http://eu.domibus.wsplugin/",
    "eb": "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
}
RETRIEVED = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:q="http://eu.domibus.wsplugin/"'
    ' xmlns:ns3="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"><S:Header><ns3:Messaging>'
    "<ns3:UserMessage><ns3:MessageInfo><ns3:Timestamp>2026-08-11T09:22:22.000</ns3:Timestamp>"
    "<ns3:MessageId>inbound-1</ns3:MessageId></ns3:MessageInfo><ns3:Surprise/>"
    '<ns3:PayloadInfo><ns3:PartInfo href="CID:Message"><ns3:PartProperties>'
    '<ns3:Property name="MimeType">application/json</ns3:Property></ns3:PartProperties></ns3:PartInfo>'
    "</ns3:PayloadInfo></ns3:UserMessage></ns3:Messaging></S:Header><S:Body><q:retrieveMessageResponse>"
    '<payload payloadId="cid:message"><value>{value}</value><later/></payload>'
    "</q:retrieveMessageResponse></S:Body></S:Envelope>"
)
INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:part%40example"/>'


def fault(code: str, text: str) -> bytes:
    detail = f"<w:FaultDetail><code>{code}</code><message>{text}</message></w:FaultDetail>" if code else ""
    return (
        f'<s:Envelope xmlns:s="{NAMES["s"]}" xmlns:w="{NAMES["w"]}"><s:Body><s:Fault><s:Code><s:Value>s:Receiver'
        f'</s:Value></s:Code><s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason><s:Detail>{detail}</s:Detail>'
        "</s:Fault></s:Body></s:Envelope>"
    ).encode()


def related(root: str, part: bytes, *, start: str, first: str = "root") -> tuple[str, bytes]:
    sections = {
        "root": f"Content-Type: application/xop+xml\r\nContent-ID: <root@example>\r\n\r\n{root}".encode(),
        "part": b"Content-ID: <part@example>\r\nContent-Transfer-Encoding: binary\r\n\r\n" + part,
    }
    order = ["root", "part"] if first == "root" else ["part", "root"]
    body = b"".join(b"--b\r\n" + sections[name] + b"\r\n" for name in order) + b"--b--\r\n"
    return f'Multipart/Related; boundary="b"; start-info="text/xml"{start}', body


@pytest.mark.parametrize("start", ['; start="<root@example>"', '; start="root@example"', ""])
def test_mtom_is_read_with_and_without_brackets(start: str) -> None:
    content_type, body = related(RETRIEVED.format(value=INCLUDE), b"\r\n--not-b\0\xff", start=start)
    message = answers.read(content_type, body, LIMITS).user_message()
    assert message.parts == (Part.of("cid:message", "application/json", b"\r\n--not-b\0\xff"),)


def test_the_root_part_is_found_by_its_name_where_it_is_not_the_first() -> None:
    content_type, body = related(
        RETRIEVED.format(value=INCLUDE), b"data", start='; start="<root@example>"', first="part"
    )
    assert answers.read(content_type, body, LIMITS).user_message().parts[0].data == b"data"


@pytest.mark.parametrize("damage", ["no end", "no part", "twice"])
def test_damaged_mtom_is_unreadable(damage: str) -> None:
    content_type, body = related(RETRIEVED.format(value=INCLUDE), b"data", start="")
    body = {
        "no end": body.removesuffix(b"--b--\r\n"),
        "no part": body.replace(b"part@example", b"other@example"),
        "twice": body.replace(b"--b--", b"--b\r\nContent-ID: <part@example>\r\n\r\nagain\r\n--b--"),
    }[damage]
    with pytest.raises(Unreadable):
        answers.read(content_type, body, LIMITS).user_message()


def test_prefixes_unknown_children_and_a_timestamp_without_zone_do_not_matter() -> None:
    text = RETRIEVED.format(value=base64.encodebytes(b"payload" * 100).decode())
    message = answers.read("application/soap+xml", text.encode(), LIMITS).user_message()
    assert message.message_id == "inbound-1"
    assert message.timestamp == "2026-08-11T09:22:22.000"
    assert message.parts == (Part.of("cid:message", "application/json", b"payload" * 100),)


@pytest.mark.parametrize("value", ["%%%%", "QUJD$", "QUJ", "=QUJ"])
def test_invalid_base64_is_unreadable(value: str) -> None:
    with pytest.raises(Unreadable, match="base64"):
        answers.read("", RETRIEVED.format(value=value).encode(), LIMITS).user_message()


def test_a_payload_beyond_libxml2s_text_limit_is_read_without_lifting_it() -> None:
    data = b"\x00\xff\x10" * (5 * 1024 * 1024)
    text = RETRIEVED.format(value=base64.b64encode(data).decode())
    assert answers.read("", text.encode(), LIMITS).user_message().parts[0].data == data


@pytest.mark.parametrize(
    "hostile",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b"<x>",
        b"",
        b"<x " + b"y" * 100,
        '<?xml version="1.0" encoding="UTF-16"?><x/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<x/>',
        b"<x>" * 5000,
    ],
)
def test_hostile_xml_is_unreadable(hostile: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(hostile, limit=1_000_000)


def test_a_document_over_the_limit_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="larger"):
        parse(b"<x>" + b"<y/>" * 100 + b"</x>", limit=100)


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        ("EBMS:0004", "Message with id [x] and role SENDING already exists.", AlreadySubmitted),
        ("EBMS_0004", "Message with id [x] and role SENDING already exists.", AlreadySubmitted),
        ("EBMS:0004", "PMode could not be found", Unavailable),
        ("WS_PLUGIN:00010", "Duplicate", AlreadySubmitted),
        ("WS_PLUGIN_00010", "Duplicate", AlreadySubmitted),
        ("EBMS:0010", "Something already exists elsewhere", Unavailable),
        ("WS_PLUGIN:0009", "No message with id [x] found", Unavailable),
        ("WS_PLUGIN_0005", "Payload", Unavailable),
        ("", "[DOM_002]: not authenticated", Unavailable),
        ("", "Internal error", OutcomeUnknown),
    ],
)
def test_a_fault_means_what_its_code_and_text_say(code: str, text: str, error: type[Exception]) -> None:
    found = answers.read("", fault(code, text), LIMITS).fault
    assert found is not None
    assert type(of_fault(found, submitting=True)) is error


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        ("WS_PLUGIN:0009", "No message with id [x] found", NotFound),
        ("WS_PLUGIN_0009", "No message with id [x] found", NotFound),
        ("", "Message not found, id [x]", NotFound),
        ("", "Internal error", Unavailable),
        ("EBMS:0004", "Message with id [x] and role SENDING already exists.", Unavailable),
    ],
)
def test_a_fault_of_a_read_knows_no_duplicate_and_no_unknown_outcome(
    code: str, text: str, error: type[Exception]
) -> None:
    found = answers.read("", fault(code, text), LIMITS).fault
    assert found is not None
    assert type(of_fault(found, submitting=False)) is error


async def test_a_stalled_access_point_costs_one_timeout_and_is_not_tried_again() -> None:
    calls = 0

    async def stall(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.6)
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    patience = Patience(total=0.3, tries=3, retry_within=0.2)
    adapter = DomibusWs(DomibusSettings("n", url, "u", "p", HEADER, patience=patience))
    with pytest.raises(Unavailable):
        await adapter.pending()
    assert calls == 1
    await adapter.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.4)


def test_only_the_operation_is_qualified_and_its_children_are_not() -> None:
    message = UserMessage(
        "m", (Part.of("cid:message", "text/xml", b"<a/>"),), ref_to_message_id="r", conversation_id="c"
    )
    submitted = requests.submit(message, HEADER).whole()
    for body in (submitted, requests.retrieve("m"), requests.mark("m"), requests.status("m")):
        operation = etree.fromstring(body).find("s:Body", NAMES)[0]
        assert etree.QName(operation).namespace == NAMES["w"]
        assert {etree.QName(child).namespace for child in operation.iterdescendants()} == {None}


def test_a_submit_is_valid_against_header_and_body_schemas() -> None:
    message = UserMessage(
        "m",
        (Part.of("cid:message", "text/xml", b"<a/>"),),
        ref_to_message_id="r",
        properties={"trackingIdentifier": "t"},
    )
    envelope = etree.fromstring(requests.submit(message, HEADER).whole())
    for path, schema in {"s:Header/eb:Messaging": "ebms-header", "s:Body/w:submitRequest": "wsplugin-body"}.items():
        etree.XMLSchema(etree.parse(f"schemas/domibus/{schema}.xsd")).assertValid(envelope.find(path, NAMES))


def test_a_message_overrules_the_configured_header() -> None:
    message = UserMessage(
        "m", (), service="s", action="a", to_party="urn:example:other", properties={"finalRecipient": "z"}
    )
    text = requests.submit(message, HEADER).whole().decode()
    envelope = etree.fromstring(text.encode())
    assert envelope.findtext(".//eb:To/eb:PartyId", namespaces=NAMES) == "urn:example:other"
    assert envelope.find(".//eb:Service", NAMES).attrib == {}
    values = {item.get("name"): item.text for item in envelope.iterfind(".//eb:MessageProperties/eb:Property", NAMES)}
    assert values == {"originalSender": HEADER.original_sender, "finalRecipient": "z"}


def test_retrieve_never_marks() -> None:
    assert b'markAsDownloaded="false"' in requests.retrieve("m")


@asynccontextmanager
async def answering(
    status: int, body: bytes, content_type: str = "application/soap+xml", *, limits: Limits = SMALL, **headers: str
) -> AsyncIterator[DomibusWs]:
    """An adapter in front of a server that says one thing to everything."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Content-Type": content_type, **headers})

    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    patience = Patience(tries=1)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    adapter = DomibusWs(DomibusSettings("n", url, "u", "p", HEADER, limits=limits, patience=patience))
    try:
        yield adapter
    finally:
        await adapter.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html/>"),
        (200, b""),
        (500, b"boom"),
        (502, b"<html>bad gateway</html>"),
        (200, b"x" * 200_000),
    ],
)
async def test_an_unreadable_answer_to_a_submit_leaves_its_outcome_unknown(status: int, body: bytes) -> None:
    async with answering(status, body) as adapter:
        with pytest.raises(OutcomeUnknown):
            await adapter.submit(UserMessage("m", ()))
        with pytest.raises(Unavailable) as caught:
            await adapter.pending()
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("limits", [SMALL, Limits(document=50_000)], ids=["answer", "envelope"])
@pytest.mark.parametrize(
    ("encoding", "codes"), [("gzip", {"answer-bomb"}), ("", {"answer-too-large", "soap-too-large"})]
)
async def test_what_grows_too_large_out_of_a_packed_answer_is_a_bomb_whichever_limit_it_meets(
    limits: Limits, encoding: str, codes: set[str]
) -> None:
    dull = b"".join(b"<x y='%d'>" % number for number in range(30_000))
    body, headers = (gzip.compress(dull), {"Content-Encoding": encoding}) if encoding else (dull, {})
    assert len(dull) < 100 * len(body)
    async with answering(200, body, limits=limits, **headers) as adapter:
        with pytest.raises(Garbled) as caught:
            await adapter.retrieve("inbound-1")
    assert {problem.code for problem in caught.value.problems} <= codes


async def test_a_confirmation_of_another_id_is_not_ours() -> None:
    body = f'<e:Envelope xmlns:e="{NAMES["s"]}"><e:Body><submitResponse xmlns="{NAMES["w"]}"><messageID xmlns="">other'
    async with answering(200, f"{body}</messageID></submitResponse></e:Body></e:Envelope>".encode()) as adapter:
        with pytest.raises(OutcomeUnknown):
            await adapter.submit(UserMessage("m", ()))


async def test_another_message_than_asked_for_is_not_taken() -> None:
    async with answering(200, RETRIEVED.format(value="").encode()) as adapter:
        assert (await adapter.retrieve("inbound-1")).message_id == "inbound-1"
        with pytest.raises(Unavailable):
            await adapter.retrieve("inbound-2")


async def test_a_status_that_domibus_does_not_have_is_not_believed() -> None:
    body = f'<e:Envelope xmlns:e="{NAMES["s"]}"><e:Body><getStatusResponse xmlns="{NAMES["w"]}">FINE'
    async with answering(200, f"{body}</getStatusResponse></e:Body></e:Envelope>".encode()) as adapter:
        with pytest.raises(Unavailable):
            await adapter.status("m")


async def test_concurrent_calls_share_one_adapter() -> None:
    body = f'<e:Envelope xmlns:e="{NAMES["s"]}"><e:Body><getStatusResponse xmlns="{NAMES["w"]}">RECEIVED'
    async with answering(200, f"{body}</getStatusResponse></e:Body></e:Envelope>".encode()) as adapter:
        assert set(await asyncio.gather(*(adapter.status(str(number)) for number in range(20)))) == {"RECEIVED"}
