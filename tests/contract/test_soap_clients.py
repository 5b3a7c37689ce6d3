"""One contract of an access point, kept by the mock towards three clients: ours, zeep and pyAS4; inline and MTOM.

pyAS4 submits by MTOM with its own deviations (no brackets round `start`, text/xml for SOAP 1.2), zeep inline.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from adapters.mock_eu.menu import MENU
from adapters.mock_eu.soap import OPERATIONS
from tests.support.mock_node import about, golden, mock_node
from tests.support.soap_clients import WSPLUGIN, Foreign, PeerProcess, SoapFailure, SoapFault, foreign, ours

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.mock_node import MockNode
    from tests.support.soap_clients import Client

PASSWORD = "Mock-fr-Only-2026!"
STYLES = {"5.1-inline": {}, "5.2.1-mtom": {"answers": "5.2.1", "mtom": True}}
JSON_PART = ("cid:message", "application/json", b'{"a": "\xc3\xa9"}')
BINARY = bytes(range(256)) * 200


@pytest_asyncio.fixture(params=list(STYLES))
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, **STYLES[request.param]) as running:
        yield running


@pytest.fixture(scope="session")
def peers() -> Iterator[PeerProcess]:
    process = PeerProcess()
    yield process
    process.stop()


@pytest_asyncio.fixture(params=["ours", "zeep", "pyas4"])
async def client(request: pytest.FixtureRequest, node: MockNode) -> AsyncIterator[Client]:
    url = f"{node.base}/fr{WSPLUGIN}"
    if request.param != "ours":
        yield foreign(request.getfixturevalue("peers"), request.param, url, "fr", PASSWORD)
        return
    async with ours(url, "fr", PASSWORD) as running:
        yield running


@pytest.fixture(params=["zeep", "pyas4"])
def stranger(request: pytest.FixtureRequest, node: MockNode, peers: PeerProcess) -> Foreign:
    return foreign(peers, request.param, f"{node.base}/fr{WSPLUGIN}", "fr", PASSWORD)


async def many_pending(client: Client, count: int) -> list[str]:
    async with asyncio.timeout(10):
        while len(ids := await client.pending()) < count:  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)
    return ids


# what all three do


async def test_a_submitted_message_is_answered_under_its_id_and_can_be_fetched_and_marked(
    node: MockNode, client: Client
) -> None:
    application = await node.file()
    document = about(application, golden("from-nation-status-update"))
    await client.submit("status-1", ("cid:message", "application/json", json.dumps(document).encode()))
    first, answer = await many_pending(client, 2)
    fetched = await client.retrieve(answer)
    assert (fetched.id, fetched.ref, fetched.sender) == (answer, "status-1", "hdeu:mock:ap:central")
    ((href, kind, data),) = fetched.parts
    assert (href, kind) == ("cid:message", "application/json")
    content = {"originalMessageId": "status-1", "validated": True, "applicationId": application}
    assert json.loads(data)["content"] == content
    assert await client.pending() == [first, answer]
    await client.mark(answer)
    assert await client.pending() == [first]


async def test_payloads_lie_at_the_access_point_byte_for_byte(node: MockNode, client: Client) -> None:
    parts = (JSON_PART, ("cid:structured", "application/octet-stream", BINARY))
    await client.submit("parts-1", *parts, ref="earlier-1")
    (entry,) = (await node.get("/log?operation=submitMessage"))["entries"]
    assert entry["message_id"] == "parts-1"
    assert [(part["href"], part["media_type"], part["size"]) for part in entry["payloads"]] == [
        (href, kind, len(data)) for href, kind, data in parts
    ]


async def test_an_application_is_fetched_with_its_zip_intact(node: MockNode, client: Client) -> None:
    await node.file()
    (message_id,) = await client.pending()
    first, second = await client.retrieve(message_id), await client.retrieve(message_id)
    assert first == second
    assert first.parts[0][1:2] == ("application/zip",)
    assert first.parts[0][2].startswith(b"PK")


async def test_a_second_submit_of_one_id_is_the_duplicate_fault(client: Client) -> None:
    await client.submit("twice-1", JSON_PART)
    with pytest.raises(SoapFault) as caught:
        await client.submit("twice-1", JSON_PART)
    assert caught.value.code == "EBMS:0004"


async def test_an_unknown_id_is_a_fault_to_fetch_and_not_found_as_status(client: Client) -> None:
    assert await client.status("nobody") == "NOT_FOUND"
    with pytest.raises(SoapFault) as caught:
        await client.retrieve("nobody")
    assert caught.value.code == "WS_PLUGIN:0009"


async def test_a_status_goes_to_acknowledged(client: Client) -> None:
    await client.submit("status-1", JSON_PART)
    async with asyncio.timeout(10):
        while (found := await client.status("status-1")) != "ACKNOWLEDGED":
            assert found == "SEND_ENQUEUED"
            await asyncio.sleep(0.02)


# what only the strangers can show


async def test_every_operation_of_the_plugin_answers_to_a_stranger(node: MockNode, stranger: Foreign) -> None:
    await node.file()
    await stranger.submit("all-1", JSON_PART)
    (waiting, *_) = await stranger.pending()
    assert (await stranger.retrieve(waiting)).id == waiting
    await stranger.mark(waiting)
    sending = {"messageID": "all-1", "accessPointRole": "SENDING"}
    receiving = {"messageID": "all-1", "accessPointRole": "RECEIVING"}
    assert await stranger.call("getStatus", messageID="all-1") in {"SEND_ENQUEUED", "ACKNOWLEDGED"}
    assert await stranger.call("getStatusWithAccessPointRole", **receiving) == "NOT_FOUND"
    assert not await stranger.call("getMessageErrors", messageID="all-1")
    assert not await stranger.call("getMessageErrorsWithAccessPointRole", **sending)
    assert not await stranger.call("listPushFailedMessages")
    with pytest.raises(SoapFault):
        await stranger.call("rePushFailedMessages", messageID=["all-1"])
    called = {entry["operation"] for entry in (await node.get("/log"))["entries"]}
    assert called == set(OPERATIONS.values())


async def test_the_filters_of_the_list_reach_the_mock(node: MockNode, stranger: Foreign) -> None:
    first, second = await node.file(), await node.file()
    ids = await stranger.pending()
    assert len(ids) == 2
    narrowed = [await stranger.call("listPendingMessages", conversationId=id_) for id_ in (first, second)]
    assert narrowed == [ids[:1], ids[1:]]
    assert await stranger.call("listPendingMessages", messageId=ids[1]) == ids[1:]
    assert await stranger.call("listPendingMessages", fromPartyId="nobody") == []


async def test_a_wrong_password_is_a_fault_without_detail(stranger: Foreign) -> None:
    with pytest.raises(SoapFault) as caught:
        await stranger.but(password="Wrong-Password-2026!").pending()
    assert (caught.value.code, "Authentication failed" in caught.value.text) == ("", True)


async def test_pyas4_takes_its_messages_in_its_own_destructive_way(node: MockNode, peers: PeerProcess) -> None:
    document = about(await node.file(), golden("from-nation-status-update"))
    client = foreign(peers, "pyas4", f"{node.base}/fr{WSPLUGIN}", "fr", PASSWORD)
    await client.submit("status-1", ("cid:message", "application/json", json.dumps(document).encode()))
    application, answer = await many_pending(client, 2)
    await client.mark(application)  # a ZIP: pyAS4 reads payloads as text
    (taken,) = await client.call("receive")
    assert await client.pending() == []
    assert (taken["id"], taken["from"]) == (answer, "hdeu:mock:ap:central")
    assert json.loads(taken["payload"][0]["content"])["content"]["originalMessageId"] == "status-1"


# the fault menu

RESET, SILENCE, NO_SOAP = "connection lost", "no answer in time", "no SOAP"
#: What the two stacks raise. pyAS4 reads HTML leniently, and then finds no fault in it that it knows.
WORDS = {
    "requests.exceptions.ConnectionError": RESET,
    "requests.exceptions.ReadTimeout": SILENCE,
    "zeep.exceptions.TransportError": NO_SOAP,
    "zeep.exceptions.Fault": NO_SOAP,
    "builtins.AttributeError": NO_SOAP,
}
#: fault: operation that meets it, what the stack sees (a fault's code, or an exception), status of the submit after it
MET: dict[str, tuple[str, tuple[str, str], str]] = {
    "submit-timeout-after-accept": ("submit", ("error", SILENCE), "kept"),
    "reset-before-commit": ("submit", ("error", RESET), "not kept"),
    "reset-after-commit": ("submit", ("error", RESET), "kept"),
    "http-500-no-detail": ("submit", ("fault", ""), "not kept"),
    "http-503-html": ("submit", ("error", NO_SOAP), "not kept"),
    "unauthorized": ("submit", ("error", NO_SOAP), "not kept"),
    "duplicate-fault": ("submit", ("fault", "EBMS:0004"), "not kept"),
    "pmode-fault": ("submit", ("fault", "EBMS:0004"), "not kept"),
    "payload-fault": ("submit", ("fault", "WS_PLUGIN_0005"), "not kept"),
    "retrieve-conflict": ("retrieve", ("fault", "WS_PLUGIN:0001"), "kept"),
    "list-duplicate": ("list", ("twice", ""), "kept"),
    "slow": ("list", ("error", SILENCE), "kept"),
}
#: Faults of the platform behind the access point: what is on the wire is sound.
BEHIND = {"reject-validation", "not-schema-valid"}


def test_every_fault_of_the_menu_is_met_by_the_strangers() -> None:
    assert set(MET) | BEHIND == set(MENU)


@pytest.mark.parametrize("node", ["5.2.1-mtom"], indirect=True)
@pytest.mark.parametrize("name", MET)
async def test_a_stranger_meets_each_fault(name: str, node: MockNode, stranger: Foreign) -> None:
    call, seen, kept = MET[name]
    await node.file()
    await stranger.submit("before-1", JSON_PART)
    fault = await node.arm(name, seconds=0.6, times=1)
    assert await meet(stranger.but(seconds=0.3), call) == seen
    assert await node.fired(fault) == 1
    status = await stranger.status("spoilt-1" if call == "submit" else "before-1")
    assert (status != "NOT_FOUND") == (kept == "kept")


async def meet(client: Foreign, call: str) -> tuple[str, str]:
    """What the client sees of one call."""
    try:
        if call == "submit":
            await client.submit("spoilt-1", JSON_PART)
        elif call == "retrieve":
            await client.call("retrieveMessage", messageID=(await client.pending())[0], markAsDownloaded="false")
        else:
            ids: list[Any] = await client.call("listPendingMessages", conversationId="")
            return ("twice" if len(ids) == 2 * len(set(ids)) else "once"), ""
    except SoapFault as fault:
        return "fault", fault.code
    except SoapFailure as failure:
        return "error", WORDS[str(failure).partition(":")[0]]
    return "nothing", ""
