"""Our client against a Domibus that gSOAP made in C++ from our WSDL: neither side's parser is known to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import ClientSession, encode_basic_auth

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Patience
from broker.errors import AlreadySubmitted, NotFound, Unavailable
from broker.ports import Part, UserMessage
from tests.support.peers import domibus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

USER, PASSWORD = "fr", "Peer-fr-Only-2026!"
BINARY = bytes(range(256)) * 1000


CALL = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>
<w:retrieveMessageRequest xmlns:w="http://eu.domibus.wsplugin/" markAsDownloaded="false"><messageID>{}</messageID>
</w:retrieveMessageRequest></s:Body></s:Envelope>"""


@pytest.fixture(scope="module", params=["inline", "mtom"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with domibus(request.param, USER, PASSWORD) as running:
        yield running


def client_of(url: str, password: str = PASSWORD) -> DomibusWs:
    header = Header(from_party="hdeu:mock:ap:fr", to_party="hdeu:mock:ap:central")
    patience = Patience(tries=1)
    return DomibusWs(DomibusSettings("national", url, USER, password, header, patience))


@pytest_asyncio.fixture
async def access_point(url: str) -> AsyncIterator[DomibusWs]:
    made = client_of(url)
    yield made
    await made.close()


def a_message(name: str, request: pytest.FixtureRequest) -> UserMessage:
    """A message whose id no other test of the running peer has."""
    parts = (
        Part.of("cid:message", "application/zip", BINARY),
        Part.of("cid:structured", "application/xml", b"<a>\xc3\xa9</a>"),
    )
    message_id = f"{name}-{abs(hash(request.node.nodeid))}@broker.example"
    return UserMessage(message_id, parts, conversation_id="c-1", ref_to_message_id="r-1", properties={"x": "<&>"})


async def test_a_message_comes_back_as_it_was_submitted(
    access_point: DomibusWs, request: pytest.FixtureRequest
) -> None:
    sent = a_message("there-and-back", request)
    await access_point.submit(sent)
    assert sent.message_id in await access_point.pending()
    got = await access_point.retrieve(sent.message_id)
    assert (got.message_id, got.conversation_id, got.ref_to_message_id) == (sent.message_id, "c-1", "r-1")
    assert (got.from_party, got.to_party) == ("hdeu:mock:ap:fr", "hdeu:mock:ap:central")
    assert (got.service, got.action) == ("bdx:noprocess", "TC1Leg1")
    assert got.parts == sent.parts
    assert got.properties["x"] == "<&>"
    assert {"originalSender", "finalRecipient"} <= set(got.properties)


async def test_fetching_leaves_a_message_pending_until_it_is_marked(
    access_point: DomibusWs, request: pytest.FixtureRequest
) -> None:
    sent = a_message("mark", request)
    await access_point.submit(sent)
    assert await access_point.retrieve(sent.message_id) == await access_point.retrieve(sent.message_id)
    await access_point.mark_downloaded(sent.message_id)
    assert sent.message_id not in await access_point.pending()
    await access_point.mark_downloaded(sent.message_id)


async def test_faults_of_a_generated_server_mean_what_they_say(
    access_point: DomibusWs, request: pytest.FixtureRequest
) -> None:
    sent = a_message("twice", request)
    await access_point.submit(sent)
    with pytest.raises(AlreadySubmitted):
        await access_point.submit(sent)
    with pytest.raises(NotFound):
        await access_point.retrieve("nobody")


async def test_statuses_of_a_generated_server_are_read(access_point: DomibusWs, request: pytest.FixtureRequest) -> None:
    good, failing = a_message("good", request), a_message("fail", request)
    assert await access_point.status(good.message_id) == "NOT_FOUND"
    await access_point.submit(good)
    await access_point.submit(failing)
    assert [await access_point.status(good.message_id) for _ in range(2)] == ["SEND_ENQUEUED", "ACKNOWLEDGED"]
    assert await access_point.status(failing.message_id) == "SEND_FAILURE"
    await access_point.ping()


async def test_a_wrong_password_is_refused_and_stays_retryable(url: str) -> None:
    stranger = client_of(url, "Wrong-Password-2026!")
    with pytest.raises(Unavailable) as caught:
        await stranger.pending()
    assert "credentials" in caught.value.detail
    await stranger.close()


async def test_the_peer_really_answers_in_two_forms(
    url: str, access_point: DomibusWs, request: pytest.FixtureRequest
) -> None:
    sent = a_message("form", request)
    await access_point.submit(sent)
    headers = {"Authorization": encode_basic_auth(USER, PASSWORD), "Content-Type": "application/soap+xml"}
    async with ClientSession() as session, session.post(url, data=CALL.format(sent.message_id), headers=headers) as got:
        data = await got.read()
    mtom = request.node.callspec.params["url"] == "mtom"
    assert got.content_type == ("multipart/related" if mtom else "application/soap+xml")
    assert (BINARY in data) == mtom
