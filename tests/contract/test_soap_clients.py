"""One contract of an access point, kept by the mock towards three clients: ours, zeep and pyAS4; inline and MTOM.

pyAS4 submits by MTOM with its own deviations (no brackets round `start`, text/xml for SOAP 1.2), zeep inline.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.settings import Push, Rule
from adapters.mock_eu.soap import OPERATIONS
from tests.support.mock_node import about, golden, mock_node
from tests.support.soap_clients import WSPLUGIN, Foreign, PeerProcess, SoapFailure, SoapFault, foreign, ours

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.mock_node import MockNode
    from tests.support.soap_clients import Client

PASSWORD = "Mock-fr-Only-2026!"
STYLES: dict[str, dict[str, Any]] = {"5.1-inline": {}, "5.2.1-mtom": {"answers": "5.2.1", "mtom": True}}
#: It would tell somebody of what was sent, and nobody is there.
NOTIFYING = {"push": Push(rules=(Rule("nobody", "http://127.0.0.1:9", ("SEND_SUCCESS",)),))}
JSON_PART = ("cid:message", "application/json", b'{"a": "\xc3\xa9"}')
BINARY = bytes(range(256)) * 200


@pytest_asyncio.fixture(params=list(STYLES))
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MockNode]:
    styles = {**STYLES, "5.1-notifying": {"france": NOTIFYING}}
    async with mock_node(tmp_path, **styles[request.param]) as running:
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

#: Classes of exceptions, as what happened.
WORDS = {
    "requests.exceptions.ConnectionError": "cut",
    "requests.exceptions.ReadTimeout": "silence",
    "requests.exceptions.ChunkedEncodingError": "cut",
    "another id": "another id",
}
#: fault: operation that meets it, what the stack sees, whether a submit has taken effect all the same
MET: dict[str, tuple[str, str, bool]] = {
    "submit-timeout-after-accept": ("submit", "silence", True),
    "reset-before-commit": ("submit", "cut", False),
    "reset-after-commit": ("submit", "cut", True),
    "http-500-no-detail": ("submit", "fault", False),
    "http-503-html": ("submit", "not readable", False),
    "http-204": ("submit", "not readable", False),
    "http-403": ("submit", "not readable", False),
    "unauthorized": ("submit", "not readable", False),
    "slow": ("submit", "silence", True),
    "duplicate-fault": ("submit", "fault EBMS:0004", False),
    "duplicate-code": ("submit", "fault WS_PLUGIN:00010", True),
    "other-id-confirmed": ("submit", "another id", True),
    "date-skew": ("submit", "sound", True),
    "pmode-fault": ("submit", "fault EBMS:0004", False),
    "payload-fault": ("submit", "fault WS_PLUGIN_0005", False),
    "retrieve-conflict": ("retrieve", "fault WS_PLUGIN:0001", False),
    "download-error": ("retrieve", "fault WS_PLUGIN:0001", False),
    "listed-too-early": ("retrieve", "fault WS_PLUGIN:0009", False),
    "deleted-before-retrieve": ("retrieve", "fault WS_PLUGIN:0009", False),
    "list-duplicate": ("list", "4 of 2", False),
    "list-capped": ("list", "1 of 1", False),
    "extra-element": ("submit", "sound", True),
    "prefix-shuffle": ("submit", "sound", True),
    "mtom-answer": ("retrieve", "sound", False),
    "mtom-start-bare": ("retrieve", "sound", False),
    "mtom-part-missing": ("retrieve", "not readable", False),
    "mtom-part-doubled": ("retrieve", "sound", False),
    "truncated-soap": ("retrieve", "not readable", False),
    "wrong-encoding": ("retrieve", "not readable", False),
    "corrupt-base64": ("retrieve", "not readable", False),
    "wrong-id": ("retrieve", "another message", False),
    "no-zone": ("retrieve", "sound", False),
    "gzip-bomb": ("retrieve", "not readable", False),
    "huge-claim": ("retrieve", "cut", False),
    "push-before-answer": ("submit", "silence", True),
}
#: pyAS4 repairs damaged XML, and both pass over what is no base64: the damage may go unseen.
LENIENT = {"truncated-soap", "wrong-encoding", "corrupt-base64"}
SMALL = {"gzip-bomb": 4, "huge-claim": 4}  #: MB; the client under test here is not ours


def on_the_wire(operations: frozenset[str]) -> bool:
    return not operations or bool(operations & set(OPERATIONS.values()))


def test_every_fault_of_the_soap_operations_is_met_by_the_strangers() -> None:
    assert set(MET) == {name for name, dish in MENU.items() if on_the_wire(dish.operations)}


@pytest.mark.parametrize("node", ["5.1-notifying"], indirect=True)
@pytest.mark.parametrize("name", MET)
async def test_a_stranger_meets_each_fault(name: str, node: MockNode, stranger: Foreign) -> None:
    call, seen, kept = MET[name]
    await node.file()
    await node.file()
    waiting, _ = await stranger.pending()
    fault = await node.arm(name, seconds=0.6, times=1, amount=SMALL.get(name, 1))
    met = await meet(stranger.but(seconds=0.3), call, waiting)
    assert met in ({seen, "sound"} if name in LENIENT else {seen})
    assert await node.fired(fault) == 1
    assert (await stranger.status("spoilt-1") != "NOT_FOUND") == kept


async def meet(client: Foreign, call: str, waiting: str) -> str:
    """What the client sees of one call."""
    try:
        if call == "submit":
            await client.submit("spoilt-1", JSON_PART)
        elif call == "retrieve":
            return "sound" if (await client.retrieve(waiting)).id == waiting else "another message"
        else:
            ids: list[Any] = await client.call("listPendingMessages", conversationId="")
            return f"{len(ids)} of {len(set(ids))}"
    except SoapFault as fault:
        return f"fault {fault.code}".strip()
    except SoapFailure as failure:
        return WORDS.get(str(failure).partition(":")[0], "not readable")
    return "sound"
