"""What every `AccessPoint` adapter promises, shown by each of them against the mock."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import resource
import zipfile
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import FormData

from adapters.mock_eu.retention import Retention
from broker.errors import AlreadySubmitted, Garbled, NotFound, OutcomeUnknown, Unavailable
from broker.ports import Part, UserMessage
from tests.support.access_points import DOMIBUS, EU_HTTPS, PROTOCOLS, QUICK, published, stranger
from tests.support.mock_node import about, golden, golden_application, mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from broker.ports import AccessPoint
    from tests.support.access_points import France
    from tests.support.mock_node import MockNode

#: How the mock answers, by protocol.
STYLES = {
    "5.1": {},
    "5.2.1": {"answers": "5.2.1"},
    "5.1-mtom": {"mtom": True},
    "5.2.1-mtom": {"answers": "5.2.1", "mtom": True},
    EU_HTTPS: {},
}


def a_message(message_id: str = "outbound-1", data: bytes = b"{}", **more: object) -> UserMessage:
    return UserMessage(message_id, (Part.of("cid:message", "application/json", data),), **more)


@pytest_asyncio.fixture
async def france() -> AsyncIterator[France]:
    async with published() as made:
        yield made


@pytest.fixture(params=list(STYLES))
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def node(style: str, france: France, tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, france={"jwks": france.jwks}, **STYLES[style]) as running:
        yield running


@pytest_asyncio.fixture
async def plain(france: France, tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path, france={"jwks": france.jwks}) as running:
        yield running


@pytest_asyncio.fixture
async def access_point(node: MockNode, style: str, france: France) -> AsyncIterator[AccessPoint]:
    adapter = france.adapter(EU_HTTPS if style == EU_HTTPS else DOMIBUS, node.base)
    yield adapter
    await adapter.close()


@pytest_asyncio.fixture
async def quick(plain: MockNode, protocol: str, france: France) -> AsyncIterator[AccessPoint]:
    known = france.adapter(protocol, plain.base)
    await known.ping()  # the mock has fetched the keys: no haste of these tests meets that
    await known.close()
    adapter = france.adapter(protocol, plain.base, QUICK)
    yield adapter
    await adapter.close()


async def test_what_was_submitted_lies_at_the_access_point_byte_for_byte(
    node: MockNode, access_point: AccessPoint
) -> None:
    data = bytes(range(256)) * 1000
    parts = (Part.of("cid:message", "application/zip", data), Part.of("cid:structured", "application/xml", b"<a/>"))
    message = UserMessage("outbound-1", parts, conversation_id="c-1", ref_to_message_id="r-1", properties={"x": "<&>"})
    await access_point.submit(message)
    (entry,) = (await node.get("/log?operation=submitMessage"))["entries"]
    assert entry["message_id"] == "outbound-1"
    assert [(part["href"], part["media_type"], part["sha256"]) for part in entry["payloads"]] == [
        ("cid:message", "application/zip", hashlib.sha256(data).hexdigest()),
        ("cid:structured", "application/xml", hashlib.sha256(b"<a/>").hexdigest()),
    ]


async def test_a_submitted_message_goes_from_enqueued_to_acknowledged(access_point: AccessPoint) -> None:
    assert await access_point.status("outbound-1") == "NOT_FOUND"
    await access_point.submit(a_message())
    assert await access_point.status("outbound-1") in {"SEND_ENQUEUED", "ACKNOWLEDGED"}
    for _ in range(100):
        if await access_point.status("outbound-1") == "ACKNOWLEDGED":
            break
        await asyncio.sleep(0.02)
    assert await access_point.status("outbound-1") == "ACKNOWLEDGED"


async def test_a_taken_message_id_is_already_submitted(access_point: AccessPoint) -> None:
    await access_point.submit(a_message())
    with pytest.raises(AlreadySubmitted):
        await access_point.submit(a_message())


async def test_retrieving_leaves_a_message_pending_until_it_is_marked(
    node: MockNode, access_point: AccessPoint
) -> None:
    await node.file()
    (message_id,) = await access_point.pending()
    first, second = await access_point.retrieve(message_id), await access_point.retrieve(message_id)
    assert first == second
    assert await access_point.pending() == (message_id,)
    await access_point.mark_downloaded(message_id)
    assert await access_point.pending() == ()
    await access_point.mark_downloaded(message_id)


async def test_a_retrieved_message_has_its_header_and_its_application(
    node: MockNode, access_point: AccessPoint
) -> None:
    application_id = await node.file()
    message = await access_point.retrieve((await access_point.pending())[0])
    assert message.from_party == "hdeu:mock:ap:central"
    assert message.to_party == "hdeu:mock:ap:fr"
    assert (message.service, message.service_type, message.action) == ("bdx:noprocess", "tc1", "TC1Leg1")
    assert message.conversation_id == application_id
    assert set(message.properties) == {"originalSender", "finalRecipient"}
    assert message.timestamp
    assert [role.rpartition("/")[2] for role in (message.from_role, message.to_role)] == ["initiator", "responder"]
    (part,) = message.parts
    assert (part.href, part.media_type) == ("cid:message", "application/zip")
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        assert json.loads(archive.read("application_metadata.json"))["title"] == golden_application()["title"]


async def test_a_message_of_two_parts_is_retrieved_with_both(node: MockNode, access_point: AccessPoint) -> None:
    await node.arm("second-part", nth=1)
    await node.file()
    message = await access_point.retrieve((await access_point.pending())[0])
    assert [part.href for part in message.parts] == ["cid:message", "cid:structured"]
    (entry,) = (await node.get("/log?operation=retrieveMessage"))["entries"]
    assert [part["sha256"] for part in entry["payloads"]] == [
        hashlib.sha256(part.data).hexdigest() for part in message.parts
    ]


async def test_an_answer_names_the_message_that_it_answers(node: MockNode, access_point: AccessPoint) -> None:
    application_id = await node.file()
    document = about(application_id, golden("from-nation-status-update"))
    await access_point.submit(a_message("status-1", json.dumps(document).encode()))
    for _ in range(200):
        found = await access_point.pending()
        if len(found) > 1:
            break
        await asyncio.sleep(0.02)
    message = await access_point.retrieve(found[-1])
    assert message.ref_to_message_id == "status-1"


async def test_a_payload_of_many_megabytes_passes_in_both_directions(node: MockNode, access_point: AccessPoint) -> None:
    attachment = random.Random(1).randbytes(9 * 1024 * 1024)
    form = FormData()
    form.add_field("metadata", json.dumps(golden_application()))
    form.add_field("a1_large.pdf", io.BytesIO(attachment), filename="large.pdf")
    async with node.session.post(f"{node.base}/applicant/applications", data=form) as response:
        assert response.status == 201
    await access_point.submit(a_message(data=b"\0" * (12 * 1024 * 1024)))
    (entry,) = (await node.get("/log?operation=submitMessage"))["entries"]
    assert entry["payloads"][0]["size"] == 12 * 1024 * 1024
    (part,) = (await access_point.retrieve((await access_point.pending())[0])).parts
    with zipfile.ZipFile(io.BytesIO(part.data)) as outer:
        nested = zipfile.ZipFile(io.BytesIO(outer.read("application_file.zip")))
    assert nested.read("a1_large.pdf") == attachment


async def test_an_unknown_message_is_not_found(access_point: AccessPoint) -> None:
    with pytest.raises(NotFound):
        await access_point.retrieve("nobody")


async def test_a_ping_needs_the_right_credentials(plain: MockNode, quick: AccessPoint, protocol: str) -> None:
    await quick.ping()
    other = stranger(protocol, plain.base)
    with pytest.raises(Unavailable) as caught:
        await other.ping()
    assert "credentials" in caught.value.detail
    assert "Wrong-Password" not in repr(other)
    await other.close()


async def test_a_closed_port_is_unavailable_and_not_unknown(plain: MockNode, protocol: str, france: France) -> None:
    adapter = france.adapter(protocol, "http://127.0.0.1:1", QUICK)
    with pytest.raises(Unavailable) as caught:
        await adapter.submit(a_message())
    assert not isinstance(caught.value, OutcomeUnknown)
    await adapter.close()
    assert (await plain.get("/log"))["entries"] == []


# the fault menu: what each does to a submit, and whether the message lies there afterwards
SUBMIT_FAULTS = {
    "submit-timeout-after-accept": (OutcomeUnknown, True),
    "reset-after-commit": (OutcomeUnknown, True),
    "reset-before-commit": (OutcomeUnknown, False),
    "http-500-no-detail": (OutcomeUnknown, False),
    "http-503-html": (Unavailable, False),
    "unauthorized": (Unavailable, False),
    "duplicate-fault": (AlreadySubmitted, False),
    "other-id-confirmed": (OutcomeUnknown, True),
}
#: Faults in the words of the WS plugin alone.
DOMIBUS_FAULTS = {
    "pmode-fault": (Unavailable, False),
    "payload-fault": (Unavailable, False),
    "duplicate-code": (AlreadySubmitted, True),
}


async def meets_a_fault(plain: MockNode, quick: AccessPoint, name: str, told: tuple[type[Exception], bool]) -> None:
    error, arrived = told
    fault = await plain.arm(name, nation="fr", type="submitMessage", seconds=1)
    with pytest.raises(error) as caught:
        await quick.submit(a_message())
    assert type(caught.value) is error
    assert await plain.fired(fault) == 1
    assert (await quick.status("outbound-1") != "NOT_FOUND") is arrived
    assert len((await plain.get("/log?operation=submitMessage"))["entries"]) == 1, "never submitted again blindly"


@pytest.mark.parametrize("name", SUBMIT_FAULTS)
async def test_a_fault_at_submit_has_its_own_error(plain: MockNode, quick: AccessPoint, name: str) -> None:
    await meets_a_fault(plain, quick, name, SUBMIT_FAULTS[name])


@pytest.mark.parametrize("protocol", [DOMIBUS], indirect=True)
@pytest.mark.parametrize("name", DOMIBUS_FAULTS)
async def test_a_fault_of_the_ws_plugin_has_its_own_error(plain: MockNode, quick: AccessPoint, name: str) -> None:
    await meets_a_fault(plain, quick, name, DOMIBUS_FAULTS[name])


@pytest.mark.parametrize("protocol", [DOMIBUS], indirect=True)
async def test_a_refusal_tells_its_code_in_the_detail(plain: MockNode, quick: AccessPoint) -> None:
    await plain.arm("payload-fault", nth=1)
    with pytest.raises(Unavailable, match="WS_PLUGIN:0005"):
        await quick.submit(a_message())
    await plain.arm("unauthorized", nth=1)
    with pytest.raises(Unavailable, match="401"):
        await quick.submit(a_message("outbound-2"))


@pytest.mark.parametrize("name", ["http-500-no-detail", "http-503-html", "reset-before-commit", "unauthorized"])
async def test_a_read_is_unavailable_while_a_fault_lasts_and_fine_afterwards(
    plain: MockNode, quick: AccessPoint, name: str
) -> None:
    await plain.file()
    fault = await plain.arm(name)
    for call in (quick.pending(), quick.status("x"), quick.retrieve("x"), quick.mark_downloaded("x"), quick.ping()):
        with pytest.raises(Unavailable) as caught:
            await call
        assert not isinstance(caught.value, OutcomeUnknown)
    async with plain.session.delete(f"{plain.base}/faults/{fault}"):
        pass
    assert len(await quick.pending()) == 1


async def test_a_single_cut_of_a_read_is_bridged_within_seconds(plain: MockNode, quick: AccessPoint) -> None:
    await plain.file()
    fault = await plain.arm("reset-before-commit", nth=1)
    assert len(await quick.pending()) == 1
    assert await plain.fired(fault) == 1


async def test_a_mark_whose_answer_was_lost_counts_as_done(plain: MockNode, quick: AccessPoint) -> None:
    await plain.file()
    (message_id,) = await quick.pending()
    fault = await plain.arm("reset-after-commit", type="markMessageAsDownloaded", nth=1)
    await quick.mark_downloaded(message_id)
    assert await plain.fired(fault) == 1
    assert await quick.pending() == ()


#: What each bad answer to a fetch is taken for, and the code of what cannot be read: by the WS plugin, by eu-https.
FETCH_FAULTS: dict[str, tuple[type[Exception], dict[str, str]]] = {
    "truncated-soap": (Garbled, {DOMIBUS: "soap-truncated", EU_HTTPS: "not-json"}),
    "corrupt-base64": (Garbled, dict.fromkeys(PROTOCOLS, "bad-base64")),
    "wrong-id": (Garbled, dict.fromkeys(PROTOCOLS, "other-message")),
    "gzip-bomb": (Garbled, dict.fromkeys(PROTOCOLS, "answer-bomb")),
    "huge-claim": (Garbled, dict.fromkeys(PROTOCOLS, "answer-too-large")),
    "http-403": (Unavailable, {}),
    "http-503-html": (Unavailable, {}),
    "unauthorized": (Unavailable, {}),
    "http-500-no-detail": (Unavailable, {}),
    "retrieve-conflict": (Unavailable, {}),
    "download-error": (Unavailable, {}),
    "listed-too-early": (NotFound, {}),
    "deleted-before-retrieve": (NotFound, {}),
}
#: Of SOAP alone.
SOAP_FAULTS: dict[str, tuple[type[Exception], dict[str, str]]] = {
    "wrong-encoding": (Garbled, {DOMIBUS: "soap-encoding"}),
    "mtom-part-missing": (Garbled, {DOMIBUS: "mime-part-missing"}),
    "mtom-part-doubled": (Garbled, {DOMIBUS: "mime-part-doubled"}),
    "http-204": (Garbled, {DOMIBUS: "soap-empty"}),
}


@pytest_asyncio.fixture
async def patient(plain: MockNode, protocol: str, france: France) -> AsyncIterator[AccessPoint]:
    adapter = france.adapter(protocol, plain.base, {"connect": 2, "total": 5, "tries": 1})
    yield adapter
    await adapter.close()


async def fetches_badly(plain: MockNode, patient: AccessPoint, name: str, told: tuple[type[Exception], str]) -> None:
    await plain.file()
    await plain.file()
    bad, good = await patient.pending()
    fault = await plain.arm(name, nation="fr", type="retrieveMessage", nth=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error, code = told
    with pytest.raises(error) as caught:
        await patient.retrieve(bad)
    assert type(caught.value) is error
    assert [problem.code for problem in getattr(caught.value, "problems", ())] == [code] * bool(code)
    assert await plain.fired(fault) == 1
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 220 * 1024, "kilobytes"
    assert (await patient.retrieve(good)).message_id == good


@pytest.mark.parametrize("name", FETCH_FAULTS)
async def test_a_bad_answer_to_a_fetch_is_known_for_what_it_is_and_the_next_fetch_is_fine(
    plain: MockNode, patient: AccessPoint, protocol: str, name: str
) -> None:
    error, codes = FETCH_FAULTS[name]
    await fetches_badly(plain, patient, name, (error, codes.get(protocol, "")))


@pytest.mark.parametrize("protocol", [DOMIBUS], indirect=True)
@pytest.mark.parametrize("name", SOAP_FAULTS)
async def test_a_bad_answer_of_soap_is_known_for_what_it_is_and_the_next_fetch_is_fine(
    plain: MockNode, patient: AccessPoint, protocol: str, name: str
) -> None:
    error, codes = SOAP_FAULTS[name]
    await fetches_badly(plain, patient, name, (error, codes[protocol]))


@pytest.mark.parametrize("name", ["gzip-bomb", "huge-claim", "truncated-soap"])
async def test_the_bytes_of_an_answer_that_cannot_be_read_are_had_within_limits(
    plain: MockNode, patient: AccessPoint, name: str
) -> None:
    await plain.file()
    (message_id,) = await patient.pending()
    await plain.arm(name, nation="fr", type="retrieveMessage", nth=1)
    with pytest.raises(Garbled) as caught:
        await patient.retrieve_aside(message_id)
    assert caught.value.raw is not None
    content_type, raw = caught.value.raw
    assert content_type
    assert 0 < raw.size <= 10 * 1024 * 1024
    asked = (await plain.get(f"/log?operation=retrieveMessage&message_id={message_id}"))["entries"]
    assert len(asked) == 1
    assert (await patient.retrieve_aside(message_id)).message_id == message_id


async def test_a_retrieve_conflict_is_unavailable_and_passes(plain: MockNode, quick: AccessPoint) -> None:
    await plain.file()
    (message_id,) = await quick.pending()
    await plain.arm("retrieve-conflict", nth=1)
    with pytest.raises(Unavailable):
        await quick.retrieve(message_id)
    assert (await quick.retrieve(message_id)).message_id == message_id


async def test_an_id_that_is_listed_twice_is_seen_once(plain: MockNode, quick: AccessPoint) -> None:
    await plain.file()
    fault = await plain.arm("list-duplicate")
    assert len(await quick.pending()) == 1
    assert await plain.fired(fault) == 1


async def test_a_slow_answer_within_patience_is_an_answer(plain: MockNode, quick: AccessPoint) -> None:
    fault = await plain.arm("slow", seconds=0.1)
    await quick.submit(a_message())
    assert await plain.fired(fault) == 1


async def test_a_message_deleted_between_list_and_retrieve_is_not_found(plain: MockNode, quick: AccessPoint) -> None:
    await plain.file()
    (message_id,) = await quick.pending()
    fault = await plain.arm("deleted-before-retrieve", nth=1)
    with pytest.raises(NotFound):
        await quick.retrieve(message_id)
    assert await plain.fired(fault) == 1
    assert await quick.pending() == ()


async def test_a_message_that_was_fetched_and_is_not_retained_is_not_found(
    tmp_path: Path, protocol: str, france: France
) -> None:
    async with mock_node(tmp_path, france={"jwks": france.jwks}, retention=Retention(downloaded=0)) as node:
        adapter = france.adapter(protocol, node.base)
        await node.file()
        (message_id,) = await adapter.pending()
        await node.nation("fr").retrieve(message_id, mark="true")
        with pytest.raises(NotFound):
            await adapter.retrieve(message_id)
        await adapter.close()


async def test_more_messages_than_a_list_holds_are_drained(tmp_path: Path, protocol: str, france: France) -> None:
    async with mock_node(tmp_path, france={"jwks": france.jwks}, list_max=3) as node:
        adapter = france.adapter(protocol, node.base)
        for _ in range(5):
            await node.file()
        seen: list[str] = []
        while found := await adapter.pending():
            assert len(found) <= 3
            for message_id in found:
                await adapter.mark_downloaded(message_id)
            seen += found
        assert len(set(seen)) == 5
        await adapter.close()


async def test_the_platform_can_be_made_to_reject_and_to_send_nonsense(plain: MockNode, quick: AccessPoint) -> None:
    application_id = await plain.file()
    rejected = await plain.arm("reject-validation", type="StatusUpdate")
    document = about(application_id, golden("from-nation-status-update"))
    await quick.submit(a_message("status-1", json.dumps(document).encode()))
    answer = await plain.nation("fr").next("ValidationResult")
    assert answer["content"]["validated"] is False
    assert await plain.fired(rejected) == 1
    nonsense = await plain.arm("not-schema-valid", nation="fr", type="ApplicationSubmitted", nth=1)
    await plain.file()
    message = await quick.retrieve((await quick.pending())[-1])
    with zipfile.ZipFile(io.BytesIO(message.parts[0].data)) as archive:
        assert "messageId" not in json.loads(archive.read("envelope.json"))
    assert await plain.fired(nonsense) == 1
