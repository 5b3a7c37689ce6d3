"""zeep, which nobody here wrote, calls every operation of the mock from the WSDL that the mock serves."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import requests
import zeep
from zeep.exceptions import Fault
from zeep.transports import Transport

from tests.support.mock_node import about, golden, mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.mock_node import MockNode

EB = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"
ROLES = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
TYPE = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"


class LocalOnly(Transport):
    """Everything that the WSDL needs must come from the mock itself."""

    def load(self, url: str) -> Any:
        assert "127.0.0.1" in url, f"the WSDL sends its clients to {url}"
        return super().load(url)


@pytest_asyncio.fixture(params=["5.1", "5.2.1"])
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, answers=request.param) as running:
        yield running


PASSWORD = "Mock-fr-Only-2026!"


def client_of(node: MockNode, password: str = PASSWORD) -> zeep.Client:
    session = requests.Session()
    session.auth = ("fr", password)
    transport = LocalOnly(session=session, operation_timeout=10)
    return zeep.Client(f"{node.base}/fr/domibus/services/wsplugin?wsdl", transport=transport)


def messaging(client: zeep.Client, message_id: str) -> Any:
    party = {"_value_1": "hdeu:mock:ap:fr", "type": TYPE}
    central = {"_value_1": "hdeu:mock:ap:central", "type": TYPE}
    names = {"originalSender": f"{TYPE}:C1", "finalRecipient": f"{TYPE}:C4"}
    return client.get_element(f"{EB}Messaging")(
        UserMessage={
            "MessageInfo": {"MessageId": message_id},
            "PartyInfo": {
                "From": {"PartyId": party, "Role": f"{ROLES}/initiator"},
                "To": {"PartyId": central, "Role": f"{ROLES}/responder"},
            },
            "CollaborationInfo": {"Service": {"_value_1": "bdx:noprocess", "type": "tc1"}, "Action": "TC1Leg1"},
            "MessageProperties": {"Property": [{"_value_1": text, "name": name} for name, text in names.items()]},
            "PayloadInfo": {
                "PartInfo": [
                    {
                        "href": "cid:message",
                        "PartProperties": {"Property": [{"_value_1": "application/json", "name": "MimeType"}]},
                    }
                ]
            },
        }
    )


def submit(node: MockNode, message_id: str, data: bytes) -> Any:
    client = client_of(node)
    payload = {"value": data, "payloadId": "cid:message", "contentType": "application/json"}
    return client.service.submitMessage(payload=[payload], _soapheaders=[messaging(client, message_id)])


async def test_zeep_submits_lists_retrieves_and_marks(node: MockNode) -> None:
    application_id = await node.file()
    document = json.dumps(about(application_id, golden("from-nation-status-update"))).encode()
    answer = await asyncio.to_thread(submit, node, "zeep-1", document)
    assert (answer if isinstance(answer, list) else answer.messageID) == ["zeep-1"]
    client = await asyncio.to_thread(client_of, node)
    for _ in range(200):
        ids = await asyncio.to_thread(client.service.listPendingMessages)
        if len(ids) > 1:
            break
        await asyncio.sleep(0.02)
    retrieved = await asyncio.to_thread(client.service.retrieveMessage, messageID=ids[1], markAsDownloaded="false")
    header = retrieved.header.ebMSHeaderInfo.UserMessage
    assert header.MessageInfo.RefToMessageId == "zeep-1"
    assert header.PartyInfo.From.PartyId._value_1 == "hdeu:mock:ap:central"
    content = json.loads(retrieved.body.payload[0].value)["content"]
    assert content == {"originalMessageId": "zeep-1", "validated": True, "applicationId": application_id}
    marked = await asyncio.to_thread(client.service.markMessageAsDownloaded, messageID=ids[1])
    assert (marked.body if isinstance(marked.body, str) else marked.body.messageID) == ids[1]
    assert await asyncio.to_thread(client.service.listPendingMessages) == [ids[0]]


async def test_zeep_reads_statuses_errors_and_push_lists(node: MockNode) -> None:
    client = await asyncio.to_thread(client_of, node)
    await asyncio.to_thread(submit, node, "zeep-1", b"{}")
    service = client.service
    for call, arguments in (
        (service.getStatus, {"messageID": "zeep-1"}),
        (service.getStatusWithAccessPointRole, {"messageID": "zeep-1", "accessPointRole": "SENDING"}),
    ):
        assert await asyncio.to_thread(call, **arguments) in {"SEND_ENQUEUED", "ACKNOWLEDGED"}
    wrong_role = {"messageID": "zeep-1", "accessPointRole": "RECEIVING"}
    assert await asyncio.to_thread(service.getStatusWithAccessPointRole, **wrong_role) == "NOT_FOUND"
    assert not await asyncio.to_thread(service.getMessageErrors, messageID="zeep-1")
    sending = {"messageID": "zeep-1", "accessPointRole": "SENDING"}
    assert not await asyncio.to_thread(service.getMessageErrorsWithAccessPointRole, **sending)
    assert not await asyncio.to_thread(service.listPushFailedMessages)
    with pytest.raises(Fault):
        await asyncio.to_thread(service.rePushFailedMessages, messageID=["zeep-1"])


async def test_zeep_gets_domibus_faults_with_code_and_message(node: MockNode) -> None:
    await asyncio.to_thread(submit, node, "zeep-1", b"{}")
    with pytest.raises(Fault) as caught:
        await asyncio.to_thread(submit, node, "zeep-1", b"{}")
    detail = caught.value.detail.find("{http://eu.domibus.wsplugin/}FaultDetail")
    assert detail.findtext("code") == "EBMS:0004"
    assert "already exists" in detail.findtext("message")
    client = await asyncio.to_thread(client_of, node)
    with pytest.raises(Fault) as caught:
        await asyncio.to_thread(client.service.retrieveMessage, messageID="nobody")
    assert caught.value.detail.find("{*}FaultDetail").findtext("code") == "WS_PLUGIN:0009"


async def test_zeep_with_a_wrong_password_gets_a_fault_without_detail(node: MockNode) -> None:
    client = await asyncio.to_thread(client_of, node, "Wrong-Password-2026!")
    with pytest.raises(Fault) as caught:
        await asyncio.to_thread(client.service.listPendingMessages)
    assert caught.value.detail is None
