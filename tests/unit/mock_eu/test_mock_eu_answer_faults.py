"""Every fault of the menu that spoils an access point's answer does what the menu says, and is counted."""

from __future__ import annotations

import asyncio
import base64
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from lxml import etree

from adapters.mock_eu.retention import Retention
from tests.support.mock_node import EB, S, W, mock_node

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.mock_node import Answer, MockNode, Nation

PART = ("cid:message", "application/json", b"{}")
LIST = "<w:listPendingMessagesRequest/>"


async def waiting(node: MockNode) -> tuple[Nation, str]:
    """France with one message to fetch."""
    await node.file()
    france = node.nation("fr")
    (message_id,) = await france.pending()
    return france, message_id


@pytest.mark.parametrize(
    ("name", "status"),
    [("http-204", 204), ("http-403", 403), ("unauthorized", 401), ("http-503-html", 503), ("http-500-no-detail", 500)],
)
async def test_an_http_answer_instead_of_the_operation_keeps_nothing(node: MockNode, name: str, status: int) -> None:
    france = node.nation("fr")
    fault = await node.arm(name, nth=1)
    answer = await france.submit("spoilt-1", PART)
    assert answer.status == status
    assert b"submitResponse" not in answer.body
    assert await node.fired(fault) == 1
    assert await france.status("spoilt-1") == "NOT_FOUND"
    assert (await france.submit("spoilt-1", PART)).ids == ["spoilt-1"], "the next call works"


@pytest.mark.parametrize(
    ("name", "code"),
    [("duplicate-fault", "EBMS:0004"), ("pmode-fault", "EBMS:0004"), ("payload-fault", "WS_PLUGIN_0005")],
)
async def test_a_fault_that_is_not_true_keeps_nothing(node: MockNode, name: str, code: str) -> None:
    france = node.nation("fr")
    await node.arm(name, nth=1)
    answer = await france.submit("spoilt-1", PART)
    assert answer.fault is not None
    assert answer.fault[0] == code
    assert await france.status("spoilt-1") == "NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("reset-before-commit", False), ("reset-after-commit", True), ("submit-timeout-after-accept", True)],
)
async def test_a_cut_before_or_after_the_commit(node: MockNode, name: str, kept: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    france = node.nation("fr")
    fault = await node.arm(name, nth=1, seconds=0.05)
    with pytest.raises(aiohttp.ClientError):
        await france.submit("cut-1", PART)
    assert await node.fired(fault) == 1
    assert (await france.status("cut-1") != "NOT_FOUND") is kept


async def test_a_slow_answer_is_still_an_answer(node: MockNode) -> None:
    await node.arm("slow", seconds=0.3)
    started = asyncio.get_running_loop().time()
    assert (await node.nation("fr").submit("slow-1", PART)).ids == ["slow-1"]
    assert asyncio.get_running_loop().time() - started >= 0.3


async def test_the_list_doubles_its_ids_or_stops_early(node: MockNode) -> None:
    for _ in range(3):
        await node.file()
    france = node.nation("fr")
    ids = await france.pending()
    await node.arm("list-duplicate", nth=1)
    await node.arm("list-capped", nth=2, amount=2)
    assert await france.pending() == [id_ for id_ in ids for _ in range(2)]
    assert await france.pending() == ids[:2]
    assert await france.pending() == ids


async def test_a_list_at_which_nothing_would_change_does_not_count(node: MockNode) -> None:
    """An empty list cannot be doubled, and one of a single id is not capped at one."""
    france = node.nation("fr")
    doubled, capped = await node.arm("list-duplicate", nth=1), await node.arm("list-capped", nth=1, amount=1)
    assert await france.pending() == []
    assert (await node.fired(doubled), await node.fired(capped)) == (0, 0)
    await node.file()
    assert len(await france.pending()) == 2
    assert (await node.fired(doubled), await node.fired(capped)) == (1, 0)
    await node.file()
    assert len(await france.pending()) == 1
    assert await node.fired(capped) == 1


async def test_an_answer_does_not_wait_for_a_notification_that_nobody_gets(node: MockNode) -> None:
    fault = await node.arm("push-before-answer", seconds=30)
    assert (await node.nation("fr").submit("quick-1", PART)).ids == ["quick-1"]
    assert await node.fired(fault) == 0


async def test_a_message_deleted_between_list_and_retrieve(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("deleted-before-retrieve", nth=1)
    assert (await france.retrieve(message_id)).fault[0] == "WS_PLUGIN:0009"
    assert await france.pending() == []
    assert await france.status(message_id, role="RECEIVING") == "DELETED"


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        (
            "retrieve-conflict",
            "WS_PLUGIN:0001",
            "An attempt was made to download message [{}] multiple times",
        ),
        ("download-error", "WS_PLUGIN:0001", "Error downloading message [{}]"),
        ("listed-too-early", "WS_PLUGIN:0009", "Message not found, id [{}]"),
    ],
)
async def test_a_download_that_is_refused_once_leaves_the_message_where_it_is(
    node: MockNode, name: str, code: str, reason: str
) -> None:
    france, message_id = await waiting(node)
    fault = await node.arm(name, nth=1)
    refused = await france.retrieve(message_id)
    assert (refused.fault[0], refused.reason) == (code, reason.format(message_id))
    assert await node.fired(fault) == 1
    assert await france.pending() == [message_id]
    assert (await france.retrieve(message_id)).fault is None


async def test_domibus_words_the_detail_of_a_download_that_failed_in_another_way_than_its_reason(
    node: MockNode,
) -> None:
    france, message_id = await waiting(node)
    await node.arm("download-error", nth=1)
    assert (await france.retrieve(message_id)).fault[1] == "Error retrieving message"
    assert (await france.retrieve("nobody")).fault[1] == "No message with id [nobody] found"


async def test_the_duplicates_own_code_is_true_and_the_message_is_there_once(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("duplicate-code", nth=1)
    answer = await france.submit("twin-1", PART)
    assert answer.fault is not None
    assert answer.fault[0] == "WS_PLUGIN:00010"
    assert "already exists" not in answer.reason, "by its code alone"
    assert await node.fired(fault) == 1
    assert await france.status("twin-1") != "NOT_FOUND"
    assert (await france.submit("twin-1", PART)).fault[0] == "EBMS:0004", "the real one, by code and text"


async def test_a_submit_is_kept_and_another_id_is_confirmed(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("other-id-confirmed", nth=1)
    assert (await france.submit("mine-1", PART)).ids == ["hdeu-mock-other@central.example"]
    assert await node.fired(fault) == 1
    assert await france.status("mine-1") != "NOT_FOUND"


async def test_the_date_of_an_answer_is_ahead_and_that_of_the_wsdl_too(node: MockNode) -> None:
    france = node.nation("fr")
    fault = await node.arm("date-skew", seconds=7200)

    def ahead(headers: Any) -> float:
        return (parsedate_to_datetime(headers["Date"]) - datetime.now(UTC)).total_seconds()

    submitted = await france.submit("early-1", PART)
    async with node.session.get(f"{node.base}/fr/domibus/services/wsplugin?wsdl") as wsdl:
        found = [ahead(submitted.headers), ahead(wsdl.headers)]
    assert [7100 < seconds < 7300 for seconds in found] == [True, True]
    assert await node.fired(fault) == 2
    async with node.session.delete(f"{node.base}/faults/{fault}"):
        pass
    assert abs(ahead((await france.submit("early-2", PART)).headers)) < 60


async def test_a_5_1_answer_with_the_marks_of_5_2_1(node: MockNode) -> None:
    france = node.nation("fr")
    await node.arm("extra-element", nth=1)
    await node.arm("prefix-shuffle", nth=2)
    answers = [await france.submit(f"style-{number}", PART) for number in range(3)]
    assert [answer.root.find(".//messageEntityID") is not None for answer in answers] == [True, False, False]
    prefixes = [answer.root.find(f"{S}Body")[0].prefix for answer in answers]
    assert prefixes[0] == prefixes[2] != prefixes[1]


def _sections(answer: Answer) -> list[bytes]:
    boundary = re.search(r'boundary="([^"]+)"', answer.headers["Content-Type"])
    assert boundary is not None
    return answer.body.split(b"--" + boundary.group(1).encode())[1:-1]


@pytest.mark.parametrize(
    ("name", "parts", "start"),
    [
        ("mtom-answer", 2, '"<root@hdeu-mock>"'),
        ("mtom-start-bare", 2, '"root@hdeu-mock"'),
        ("mtom-part-missing", 1, ""),
        ("mtom-part-doubled", 3, ""),
    ],
)
async def test_answers_in_parts(node: MockNode, name: str, parts: int, start: str) -> None:
    france, message_id = await waiting(node)
    await node.arm(name, nth=1)
    answer = await france.retrieve(message_id)
    assert answer.headers["Content-Type"].startswith("multipart/related")
    assert start in answer.headers["Content-Type"]
    assert len(_sections(answer)) == parts
    assert (await france.retrieve(message_id)).headers["Content-Type"].startswith("application/soap+xml")


async def test_a_truncated_answer_and_one_in_the_wrong_encoding_are_not_xml(node: MockNode) -> None:
    france, message_id = await waiting(node)
    for name in ("truncated-soap", "wrong-encoding"):
        await node.arm(name, times=1)
        answer = await france.retrieve(message_id)
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(answer.body)
    assert (await france.retrieve(message_id)).fault is None


async def test_a_payload_that_is_not_base64(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("corrupt-base64")
    value = (await france.retrieve(message_id)).root.findtext(f"{S}Body/{W}retrieveMessageResponse/payload/value")
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(value, validate=True)


async def test_another_message_than_the_one_asked_for(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("wrong-id")
    assert (await france.retrieve(message_id)).root.findtext(f".//{EB}MessageId") != message_id


async def test_a_small_answer_that_unpacks_to_a_large_one(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("gzip-bomb", amount=8)
    url = f"{node.base}/fr/domibus/services/wsplugin"
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        packed = await type(france)("fr", node.base, session).retrieve(message_id)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < 16_384
    assert len((await france.retrieve(message_id)).body) == 8 * 1024 * 1024, url


async def test_a_claim_of_two_gigabytes(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("huge-claim")
    with pytest.raises(aiohttp.ClientPayloadError):
        await france.retrieve(message_id)


async def anonymous(node: MockNode) -> Any:
    headers = {"Content-Type": "application/soap+xml"}
    body = f'<s:Envelope xmlns:s="{S[1:-1]}" xmlns:w="{W[1:-1]}"><s:Body>{LIST}</s:Body></s:Envelope>'
    async with node.session.post(f"{node.base}/fr/domibus/services/wsplugin", data=body, headers=headers) as response:
        return response.status


async def mtom(node: MockNode) -> Any:
    root = f'<s:Envelope xmlns:s="{S[1:-1]}" xmlns:w="{W[1:-1]}"><s:Body>{LIST}</s:Body></s:Envelope>'
    body = f"--b\r\nContent-ID: <r>\r\n\r\n{root}\r\n--b--\r\n".encode()
    return (await node.nation("fr").call(body, 'multipart/related; boundary="b"; start="<r>"')).status


async def beyond_the_schema(node: MockNode) -> Any:
    return (
        await node.nation("fr").operation("<w:listPendingMessagesRequest><surprise/></w:listPendingMessagesRequest>")
    ).status


@pytest.mark.parametrize(
    ("ask", "switch", "usual", "switched"),
    [
        (anonymous, {"auth": False}, 500, 200),
        (mtom, {"mtom_in": False}, 200, 500),
        (beyond_the_schema, {"schema_validation": True}, 200, 500),
    ],
)
async def test_what_operators_switch(
    tmp_path: Path,
    ask: Callable[[MockNode], Awaitable[Any]],
    switch: dict[str, Any],
    usual: int,
    switched: int,
) -> None:
    async with mock_node(tmp_path / "usual") as node:
        assert await ask(node) == usual
    async with mock_node(tmp_path / "switched", **switch) as node:
        assert await ask(node) == switched
        assert (await node.nation("fr").submit("fine-1", PART)).ids == ["fine-1"]


async def test_a_user_without_the_role_of_administrator_sees_only_its_own(tmp_path: Path) -> None:
    async with mock_node(tmp_path, france={"original_user": "somebody else"}) as node:
        await node.file()
        france = node.nation("fr")
        (entry,) = await node.nation("fi").pending()
        inner = "<finalRecipient>urn:oasis:names:tc:ebcore:partyid-type:unregistered:C4</finalRecipient>"
        name = "w:listPendingMessagesRequest"
        assert (await france.operation(f"<{name}>{inner}</{name}>")).ids == [], "the filter is overridden"
        assert entry


async def test_what_nobody_fetches_within_the_retention_is_deleted(tmp_path: Path) -> None:
    async with mock_node(tmp_path, retention=Retention(undownloaded=0.2 / 60), retention_seconds=0.05) as node:
        france, message_id = await waiting(node)
        for _ in range(100):
            if not await france.pending():
                break
            await asyncio.sleep(0.02)
        assert await france.status(message_id, role="RECEIVING") == "DELETED"
        assert (await france.retrieve(message_id)).fault[0] == "WS_PLUGIN:0009"


async def test_a_timestamp_without_its_zone(node: MockNode) -> None:
    france, message_id = await waiting(node)
    await node.arm("no-zone", nth=1)
    stamps = [(await france.retrieve(message_id)).root.findtext(f".//{EB}Timestamp") for _ in range(2)]
    assert stamps[1] == f"{stamps[0]}Z"
