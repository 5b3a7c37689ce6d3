"""The mock's access point refuses and answers as a Domibus does. SOAP typed by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu.retention import Retention
from tests.support.mock_node import CALL, EB, PROPERTIES, S, W, mock_node

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mock_node import MockNode

PART = ("cid:message", "application/json", b"{}")
INFO = '<eb:PartInfo href="{}">{}</eb:PartInfo>'
PAYLOAD = '<payload payloadId="{}"><value>e30=</value></payload>'
REFUSALS = {
    "an id that is too long": ({"message_id": f"<eb:MessageId>{'x' * 256}</eb:MessageId>"}, "EBMS:0003"),
    "an id outside printable ASCII": ({"message_id": "<eb:MessageId>été</eb:MessageId>"}, "EBMS:0009"),
    "no initiator": ({"from_party": ""}, "EBMS:0009"),
    "no service": ({"service": ""}, "EBMS:0009"),
    "no action": ({"action": ""}, "EBMS:0009"),
    "another nation as initiator": ({"from_party": "hdeu:mock:ap:fi"}, "EBMS:0010"),
    "equal roles": ({"from_role": "responder"}, "EBMS:0010"),
    "an unknown service": ({"service": "urn:example:service"}, "EBMS:0010"),
    "an unknown action": ({"action": "Other"}, "EBMS:0010"),
    "no final recipient": ({"properties": PROPERTIES.partition('<eb:Property name="final')[0]}, "EBMS:0010"),
    "a payload without a part": ({"infos": INFO.format("cid:other", "")}, "WS_PLUGIN_0005"),
    "a part without a payload": (
        {"infos": INFO.format("cid:message", "") + INFO.format("cid:more", "")},
        "WS_PLUGIN_0005",
    ),
    "empty part properties": ({"infos": INFO.format("cid:message", "<eb:PartProperties/>")}, "WS_PLUGIN_0005"),
    "a compression that is not the producer's": (
        {
            "infos": INFO.format(
                "cid:message",
                '<eb:PartProperties><eb:Property name="CompressionType">gzip</eb:Property></eb:PartProperties>',
            )
        },
        "WS_PLUGIN_0005",
    ),
    "a blank payload id": ({"payloads": PAYLOAD.format(" ")}, "WS_PLUGIN_0005"),
    "a payload id on the bodyload": (
        {"payloads": PAYLOAD.format("cid:message").replace("payload ", "bodyload ").replace("/payload", "/bodyload")},
        "WS_PLUGIN_0005",
    ),
    "a value that is not base64": ({"payloads": PAYLOAD.format("cid:message").replace("e30=", "%")}, "WS_PLUGIN_0005"),
    "more than 28 payloads": ({"payloads": PAYLOAD.format("cid:message") * 29}, "WS_PLUGIN_0005"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_submit_is_refused_with_domibus_own_code(node: MockNode, case: str) -> None:
    changes, code = REFUSALS[case]
    answer = await node.nation("fr").submit("refused-1", PART, **changes)
    assert answer.status == 500
    assert answer.fault is not None
    assert answer.fault[0] == code
    assert await node.nation("fr").status("refused-1") == "NOT_FOUND"


def _more(value: str) -> str:
    return f'{PROPERTIES}<eb:Property name="trackingIdentifier">{value}</eb:Property>'


def _described(value: str) -> str:
    property_ = f'<eb:Property name="Description">{value}</eb:Property>'
    return INFO.format("cid:message", f"<eb:PartProperties>{property_}</eb:PartProperties>")


TOO_LONG = "{} property has a value which exceeds 1024 characters size."
LONG_VALUES = {
    "of a message": ({"properties": _more("x" * 1025)}, TOO_LONG.format("trackingIdentifier")),
    "of a message, in pairs of UTF-16": (
        {"properties": _more("\U0001f9ec" * 513)},
        TOO_LONG.format("trackingIdentifier"),
    ),
    "of the addressee": (
        {"properties": PROPERTIES.replace('name="finalRecipient">', f'name="finalRecipient">{"x" * 1025}')},
        TOO_LONG.format("finalRecipient"),
    ),
    "of a part": ({"infos": _described("x" * 1025)}, "PartProperty is too long (over 1024 characters)."),
}


@pytest.mark.parametrize("answers", ["5.1", "5.2.1"])
@pytest.mark.parametrize("case", LONG_VALUES)
async def test_a_property_value_of_more_than_1024_characters_is_refused_at_submit(
    tmp_path: Path, answers: str, case: str
) -> None:
    changes, text = LONG_VALUES[case]
    async with mock_node(tmp_path, answers=answers) as node:
        france = node.nation("fr")
        refused = await france.submit("long-1", PART, **changes)
        assert (refused.status, refused.fault) == (500, ("EBMS:0003", text))
        assert await france.status("long-1") == "NOT_FOUND"
        good = {"properties": _more("x" * 1022 + "\U0001f9ec"), "infos": _described("x" * 1024)}
        assert (await france.submit("long-1", PART, **good)).ids == ["long-1"]


async def test_an_id_is_trimmed_kept_and_taken_once(node: MockNode) -> None:
    france = node.nation("fr")
    answer = await france.submit("  taken-1  ", PART)
    assert answer.ids == ["taken-1"]
    code, text = (await france.submit("taken-1", PART)).fault or ("", "")
    assert code == "EBMS:0004"
    assert text == ("Message with id [taken-1] and role SENDING already exists. Message identifiers must be unique")
    assert (await node.nation("fi").submit("taken-1", PART)).fault is None, "another access point, another list"


async def test_a_missing_id_is_made_by_the_access_point(node: MockNode) -> None:
    (made,) = (await node.nation("fr").submit("", PART)).ids
    assert made.endswith("@edelivery.digital")


async def test_parts_are_matched_without_regard_to_case(node: MockNode) -> None:
    infos = INFO.format("CID:MESSAGE", "")
    assert (await node.nation("fr").submit("case-1", PART, infos=infos)).fault is None


async def test_a_message_without_a_header_is_refused(node: MockNode) -> None:
    answer = await node.nation("fr").operation("<w:submitRequest/>")
    assert answer.fault is not None
    assert answer.fault[0] == "WS_PLUGIN:0007"


@pytest.mark.parametrize("password", ["Wrong-Password-2026!", "Mock-fi-Only-2026!"])
async def test_wrong_credentials_get_a_fault_without_detail(node: MockNode, password: str) -> None:
    answer = await node.nation("fr").call(CALL.format(body="<w:listPendingMessagesRequest/>"), password=password)
    assert answer.status == 500
    assert answer.fault is not None
    assert answer.fault[0] == ""
    assert "DOM_002" in answer.fault[1]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<x/>",
        "<s:Envelope",
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        CALL.format(body=""),
        CALL.format(body="<w:surpriseRequest/>"),
        CALL.format(body="<listPendingMessagesRequest/>"),
    ],
)
async def test_what_is_not_soap_of_this_plugin_is_a_fault_and_the_next_call_works(node: MockNode, body: str) -> None:
    france = node.nation("fr")
    answer = await france.call(body)
    assert answer.status == 500
    assert answer.fault is not None
    assert answer.fault[0] == ""
    assert await france.pending() == []


@pytest.mark.parametrize("start", ['; start="root@pymtom-xop"', '; start="<root@pymtom-xop>"', ""])
async def test_mtom_is_understood_with_the_deviations_of_peers(node: MockNode, start: str) -> None:
    include = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:p%401"/>'
    france = node.nation("fr")
    root = france.envelope("mtom-1", PART).replace("<value>e30=</value>", f"<value>{include}</value>")
    data = b"\0\r\n--uuid\xff" * 10
    body = (
        b'--uuid:1\r\nContent-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\n'
        b"Content-ID: <root@pymtom-xop>\r\n\r\n" + root.encode() + b"\r\n--uuid:1\r\nContent-Type: application/json"
        b"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <p@1>\r\n\r\n" + data + b"\r\n--uuid:1--\r\n"
    )
    kind = f'multipart/related; type="application/xop+xml"; start-info="text/xml"; boundary="uuid:1"{start}'
    assert (await france.call(body, kind)).ids == ["mtom-1"]
    (entry,) = (await node.get("/log?operation=submitMessage"))["entries"]
    assert entry["payloads"][0]["size"] == len(data)


async def test_retrieving_with_the_default_takes_the_message_off_the_list_for_ever(node: MockNode) -> None:
    await node.file()
    france = node.nation("fr")
    (message_id,) = await france.pending()
    default = f"<w:retrieveMessageRequest><messageID>{message_id}</messageID></w:retrieveMessageRequest>"
    assert (await france.operation(default)).fault is None
    assert await france.pending() == []
    assert (await france.operation(default)).fault[0] == "WS_PLUGIN:0009"
    assert (await france.retrieve(message_id, mark="false")).fault is None, "retained payloads can be read again"
    assert (await france.mark(message_id)).fault[0] == "WS_PLUGIN:0009"
    assert await france.status(message_id, role="RECEIVING") == "DOWNLOADED"
    assert await france.status(message_id) == "NOT_FOUND"


async def test_without_retention_a_marked_message_is_gone(tmp_path: Path) -> None:
    async with mock_node(tmp_path, retention=Retention(downloaded=0)) as node:
        await node.file()
        france = node.nation("fr")
        (message_id,) = await france.pending()
        await france.mark(message_id)
        assert (await france.retrieve(message_id)).fault[0] == "WS_PLUGIN:0009"
        assert await france.status(message_id, role="RECEIVING") == "DELETED"


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("<fromPartyId>hdeu:mock:ap:central</fromPartyId>", 1),
        ("<fromPartyId>urn:example:other</fromPartyId>", 0),
        ("<messageId>nobody</messageId>", 0),
        ("<conversationId>nothing</conversationId>", 0),
        ("<finalRecipient>nobody</finalRecipient>", 0),
        ("<receivedFrom>2020-01-01T00:00:00</receivedFrom><receivedTo>2099-01-01T00:00:00.000Z</receivedTo>", 1),
        ("<receivedFrom>2099-01-01T00:00:00Z</receivedFrom>", 0),
        ("<receivedTo>2020-01-01T00:00:00Z</receivedTo>", 0),
    ],
)
async def test_the_list_is_filtered(node: MockNode, inner: str, found: int) -> None:
    await node.file()
    name = "w:listPendingMessagesRequest"
    assert len((await node.nation("fr").operation(f"<{name}>{inner}</{name}>")).ids) == found


async def test_answers_of_5_2_1_change_prefixes_and_add_an_element(tmp_path: Path) -> None:
    async with mock_node(tmp_path, answers="5.2.1") as node:
        france = node.nation("fr")
        answers = [await france.submit(f"style-{number}", PART) for number in range(6)]
        assert len({answer.root.prefix for answer in answers}) > 1
        assert len({answer.root.find(f"{S}Body")[0].prefix for answer in answers}) > 1
        assert all(answer.root.findtext(f".//{W}submitResponse/messageEntityID") for answer in answers)


async def test_a_5_1_answer_has_no_foreign_element(node: MockNode) -> None:
    answer = await node.nation("fr").submit("style-1", PART)
    assert answer.root.find(".//messageEntityID") is None


async def test_a_retrieved_header_names_the_platform_as_its_sender(node: MockNode) -> None:
    await node.file()
    france = node.nation("fr")
    root = (await france.retrieve((await france.pending())[0])).root
    assert root.findtext(f".//{EB}From/{EB}PartyId") == "hdeu:mock:ap:central"
    assert root.findtext(f".//{EB}To/{EB}PartyId") == "hdeu:mock:ap:fr"


async def test_an_unknown_nation_has_no_access_point(node: MockNode) -> None:
    async with node.session.post(f"{node.base}/se/domibus/services/wsplugin", data=b"") as response:
        assert response.status == 404


async def test_the_served_wsdl_names_its_own_address_and_its_imports_exist(node: MockNode) -> None:
    async with node.session.get(f"{node.base}/fi/domibus/services/wsplugin?wsdl") as response:
        assert f'"{node.base}/fi/domibus/services/wsplugin"' in await response.text()
    for name in ("wsplugin-body.xsd", "ebms-header.xsd"):
        async with node.session.get(f"{node.base}/fi/domibus/services/{name}") as response:
            assert response.status == 200
    async with node.session.get(f"{node.base}/fi/domibus/services/other.xsd") as response:
        assert response.status == 404


async def test_the_log_has_every_operation_with_time_nation_id_and_hash(node: MockNode) -> None:
    france = node.nation("fr")
    await france.submit("logged-1", PART)
    await france.pending()
    await france.submit("logged-1", PART)
    entries = (await node.get("/log"))["entries"]
    assert [(entry["operation"], entry["message_id"], entry["outcome"]) for entry in entries] == [
        ("submitMessage", "logged-1", "ok"),
        ("listPendingMessages", "", "ok"),
        ("submitMessage", "logged-1", "fault EBMS:0004"),
    ]
    assert entries[0]["payloads"][0]["sha256"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert [entry["seq"] for entry in (await node.get(f"/log?after={entries[1]['seq']}"))["entries"]] == [
        entries[2]["seq"]
    ]


async def test_a_fault_fires_at_its_nth_occurrence_and_counts(node: MockNode) -> None:
    fault = await node.arm("http-503-html", nth=2, type="listPendingMessages", nation="fr")
    france = node.nation("fr")
    operation = "<w:listPendingMessagesRequest/>"
    assert [(await france.operation(operation)).status for _ in range(3)] == [200, 503, 200]
    assert (await node.nation("fi").operation(operation)).status == 200
    assert await node.fired(fault) == 1


async def test_the_same_seed_spoils_the_same_calls(node: MockNode) -> None:
    france = node.nation("fr")
    runs = []
    for _ in range(2):
        fault = await node.arm("http-503-html", probability=0.5, seed=7)
        runs.append([(await france.operation("<w:listPendingMessagesRequest/>")).status for _ in range(20)])
        assert await node.fired(fault) == runs[-1].count(503)
        async with node.session.delete(f"{node.base}/faults") as response:
            assert response.status == 204
    assert runs[0] == runs[1]
    assert 0 < runs[0].count(503) < 20


@pytest.mark.parametrize(
    "order",
    [
        {"name": "no-such-fault"},
        {"name": "slow", "nth": -1},
        {"name": "slow", "wrong": 1},
        {"name": "slow", "seed": "x"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(node: MockNode, order: dict[str, object]) -> None:
    status, problem = await node.post("/faults", order)
    assert (status, problem["code"]) == (422, "unknown-fault")


async def test_twenty_submits_at_once_are_kept_once_each(node: MockNode) -> None:
    france = node.nation("fr")
    answers = await asyncio.gather(*(france.submit(f"many-{number % 10}", PART) for number in range(20)))
    assert sum(answer.fault is None for answer in answers) == 10
    assert {answer.fault[0] for answer in answers if answer.fault} == {"EBMS:0004"}


async def test_a_body_that_is_packed_in_words_alone_is_refused_and_noted(node: MockNode) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/soap+xml"}
    async with node.session.post(
        f"{node.base}/fr/domibus/services/wsplugin", data=b"no gzip", headers=packed
    ) as answer:
        assert (answer.status, "not packed as its Content-Encoding says" in await answer.text()) == (500, True)
    async with node.session.post(f"{node.base}/faults", data=b"no gzip", headers=packed) as answer:
        assert (answer.status, (await answer.json(content_type=None))["type"]) == (
            400,
            "urn:hdeu:mock:problem:body-unreadable",
        )
