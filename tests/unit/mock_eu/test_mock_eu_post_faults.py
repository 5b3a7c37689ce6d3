"""Every fault of the platform's post does what the menu says, and is counted."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.mock_node import EB, about, golden, mock_node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.mock_node import MockNode, Nation


async def status(node: MockNode, message_id: str, application_id: str) -> None:
    """Finland says something, so that France gets news and Finland an answer."""
    await node.nation("fi").say(message_id, about(application_id, golden("from-nation-status-update")))
    await node.nation("fi").until_status(message_id, "ACKNOWLEDGED")


async def documents(nation: Nation) -> list[dict[str, Any]]:
    """Everything that waits, in order, archives opened; nothing is taken off the list."""
    found = []
    for message_id in await nation.pending():
        root = (await nation.retrieve(message_id)).root
        data = base64.b64decode(root.findtext(".//payload/value"))
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                parts = {"envelope": "envelope.json", "content": "application_metadata.json"}
                found.append({part: json.loads(archive.read(name)) for part, name in parts.items()})
        else:
            found.append(json.loads(data))
    return found


def types(found: list[dict[str, Any]]) -> list[str]:
    return [each["envelope"]["messageType"] for each in found]


def skewed(document: dict[str, Any]) -> bool:
    return datetime.fromisoformat(document["envelope"]["createdAt"]) > datetime.now(UTC) + timedelta(hours=20)


SAID: dict[str, Callable[[dict[str, Any]], bool]] = {
    "old-schema": lambda document: document["envelope"]["schemaVersion"] == "6",
    "unknown-enum": lambda document: document["content"]["status"] == "STATUS_OF_A_LATER_RELEASE",
    "wrong-nation-id": lambda document: document["envelope"]["receiver"]["nationId"] == "XX",
    "clock-skew": skewed,
    "not-schema-valid": lambda document: document["content"] == {"mock": "not schema valid"},
}


@pytest.mark.parametrize("name", SAID)
async def test_a_letter_says_what_it_should_not(node: MockNode, name: str) -> None:
    application_id = await node.file()
    fault = await node.arm(name, type="PeerStatus", nation="fr", nth=1)
    for message_id in ("one", "two"):
        await status(node, message_id, application_id)
    first, second = (await documents(node.nation("fr")))[1:]
    assert SAID[name](first)
    assert not SAID[name](second)
    assert await node.fired(fault) == 1


async def test_a_letter_that_has_no_room_for_a_fault_does_not_count(node: MockNode) -> None:
    """A validation has neither a code nor files; and a nation's own is not judged."""
    application_id = await node.file()
    kind = "ValidationResult"
    faults = [await node.arm(name, type=kind) for name in ("unknown-enum", "nested-zip-bomb", "reject-validation")]
    await status(node, "one", application_id)
    verdict = about(application_id, golden("from-nation-validation-result"))
    await node.nation("fi").say("verdict-1", verdict)
    await node.nation("fi").until_status("verdict-1", "ACKNOWLEDGED")
    assert [await node.fired(fault) for fault in faults] == [0, 0, 0]


async def test_what_has_no_form_on_a_nations_wire_is_not_spoilt_either(tmp_path: Path) -> None:
    async with mock_node(tmp_path, france={"wire": "eu-pilot"}) as node:
        application_id = await node.file()
        fault = await node.arm("clock-skew", nation="fr")
        await status(node, "one", application_id)
        assert await node.fired(fault) == 0, "the pilot has no news of other nations"
        await node.file()
        assert await node.fired(fault) == 1


async def test_an_unknown_purpose_in_an_application(node: MockNode) -> None:
    await node.arm("unknown-enum", type="ApplicationSubmitted", nation="fr")
    await node.file()
    (found,) = await documents(node.nation("fr"))
    assert found["content"]["form"]["section2"]["purposeForWhichDataWillBeUsed"][0]["key"] == "z"
    (other,) = await documents(node.nation("fi"))
    assert "z" not in json.dumps(other["content"]["form"]["section2"].get("purposeForWhichDataWillBeUsed", ""))


async def test_half_an_archive_and_bytes_of_no_form(node: MockNode) -> None:
    france = node.nation("fr")
    await node.arm("corrupt-zip", nation="fr", times=1)
    await node.file()
    (message_id,) = await france.pending()
    data = await france.fetch(message_id)
    assert data.startswith(b"PK")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(data))
    application_id = await node.file()
    await france.fetch((await france.pending())[0])
    await node.arm("corrupt-payload", type="PeerStatus")
    await status(node, "one", application_id)
    assert not (await france.fetch((await france.pending())[0])).startswith((b"{", b"PK"))


async def test_a_bomb_within_the_nested_archive(node: MockNode) -> None:
    await node.arm("nested-zip-bomb", nation="fr", amount=4)
    await node.file()
    france = node.nation("fr")
    data = await france.fetch((await france.pending())[0])
    assert len(data) < 64 * 1024
    with zipfile.ZipFile(io.BytesIO(data)) as outer:
        nested = zipfile.ZipFile(io.BytesIO(outer.read("application_file.zip")))
    (name,) = nested.namelist()
    with zipfile.ZipFile(io.BytesIO(nested.read(name))) as bomb:
        assert sum(info.file_size for info in bomb.infolist()) == 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "path", "usual"),
    [
        ("wrong-sender", f".//{EB}From/{EB}PartyId", "hdeu:mock:ap:central"),
        ("unknown-service", f".//{EB}Service", "bdx:noprocess"),
        ("unknown-service", f".//{EB}Action", "TC1Leg1"),
    ],
)
async def test_a_header_that_is_not_the_platforms(node: MockNode, name: str, path: str, usual: str) -> None:
    await node.arm(name, nation="fr", nth=1)
    await node.file()
    await node.file()
    france = node.nation("fr")
    first, second = [(await france.retrieve(message_id)).root.findtext(path) for message_id in await france.pending()]
    assert first != usual == second


async def test_a_message_is_dropped_or_late(node: MockNode) -> None:
    france = node.nation("fr")
    dropped = await node.arm("drop", nation="fr", times=1)
    await node.file()
    assert await france.pending() == []
    await node.arm("delay", nation="fr", times=1, seconds=0.4)
    await node.file()
    assert await france.pending() == []
    for _ in range(100):
        if await france.pending():
            break
        await asyncio.sleep(0.02)
    assert len(await france.pending()) == 1
    assert await node.fired(dropped) == 1


async def test_a_message_is_overtaken_by_the_next(node: MockNode) -> None:
    application_id = await node.file()
    await node.arm("reorder", type="PeerStatus", nth=1, seconds=60)
    for message_id in ("one", "two"):
        await status(node, message_id, application_id)
    found = await documents(node.nation("fr"))
    assert [each["envelope"].get("originalMessageId") for each in found] == [None, "two", "one"]


async def test_the_same_twice_and_two_that_contradict(node: MockNode) -> None:
    application_id = await node.file()
    await node.arm("duplicate", type="PeerStatus")
    await node.arm("two-answers", type="ValidationResult")
    await status(node, "one", application_id)
    news = (await documents(node.nation("fr")))[1:]
    assert len(news) == 2
    assert news[0] == news[1]
    answers = (await documents(node.nation("fi")))[1:]
    assert [answer["content"]["validated"] for answer in answers] == [True, False]
    assert {answer["content"]["originalMessageId"] for answer in answers} == {"one"}


async def test_version_two_comes_right_behind_version_one(node: MockNode) -> None:
    await node.arm("second-version", nation="fr")
    application_id = await node.file()
    found = await documents(node.nation("fr"))
    assert types(found) == ["ApplicationSubmitted", "ApplicationAmended"]
    assert [each["content"]["version"] for each in found] == [1, 2]
    assert (await node.get(f"/applicant/applications/{application_id}"))["version"] == 2


async def test_an_answer_to_a_message_that_nobody_sent(node: MockNode) -> None:
    fault = await node.arm("response-without-request", nation="fr")
    await node.file()
    found = await documents(node.nation("fr"))
    assert types(found) == ["ValidationResult", "ApplicationSubmitted"]
    assert found[0]["content"]["originalMessageId"].startswith("hdeu-mock-nobody")
    assert await node.fired(fault) == 1
