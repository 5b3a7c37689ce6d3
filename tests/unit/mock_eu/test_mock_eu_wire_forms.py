"""The platform speaks each nation's wire form with payload code of its own."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.mock_node import about, golden, mock_node
from tests.support.pilot_wire import pilot, unpacked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.mock_node import MockNode


@pytest_asyncio.fixture
async def mixed(tmp_path: Path) -> AsyncIterator[MockNode]:
    """France speaks the pilot's form, Finland that of Release 7."""
    async with mock_node(tmp_path, france={"wire": "eu-pilot"}) as node:
        yield node


def part(data: bytes) -> tuple[str, str, bytes]:
    return ("cid:message", "text/xml", data)


async def outcomes(node: MockNode) -> list[tuple[str, str]]:
    entries = (await node.get("/log?operation=platform.send"))["entries"]
    return [(entry["type"], entry["outcome"]) for entry in entries]


async def datasets(node: MockNode) -> dict[str, str]:
    return {entry["key"]: entry["status"] for entry in (await node.get("/registry/datasets"))["entries"]}


async def test_an_application_reaches_each_nation_in_its_own_form(mixed: MockNode) -> None:
    application_id = await mixed.file()
    france, finland = mixed.nation("fr"), mixed.nation("fi")
    topic, (content,) = unpacked(await france.fetch((await france.pending())[0]))
    assert (topic, content["operation"]) == ("dataPermit", "applyPermit")
    assert content["application"]["application_id"] == application_id
    assert set(content["application"]) == {"application_id", "catalog_id", "form"}
    assert (await finland.fetch((await finland.pending())[0])).startswith(b"PK")


async def test_the_shape_is_that_of_the_file_nested_by_hand(mixed: MockNode) -> None:
    await mixed.file()
    france = mixed.nation("fr")
    (message_id,) = await france.pending()
    ours = await france.fetch(message_id)
    by_hand = pilot("from-platform-data-permit")

    def shape(value: Any) -> Any:
        return {name: shape(each) for name, each in value.items() if name != "form"} if isinstance(value, dict) else ""

    assert shape(unpacked(ours)[1][0]) == shape(unpacked(by_hand)[1][0])
    assert set(json.loads(base64.b64decode(ours))) == set(json.loads(base64.b64decode(by_hand)))


async def test_a_batch_of_datasets_is_published_by_the_access_points_nation_and_not_answered(mixed: MockNode) -> None:
    france = mixed.nation("fr")
    await france.submit("batch-1", part(pilot("from-nation-create-datasets")))
    await france.until_status("batch-1", "ACKNOWLEDGED")
    assert await datasets(mixed) == {
        "urn:example:dataset:pilot-1": "PUBLISHED",
        "urn:example:dataset:pilot-2": "PUBLISHED",
    }
    assert {entry["nation"] for entry in (await mixed.get("/registry/datasets"))["entries"]} == {"fr"}
    await france.submit("batch-2", part(pilot("from-nation-delete-dataset")))
    await france.until_status("batch-2", "ACKNOWLEDGED")
    assert (await datasets(mixed))["urn:example:dataset:pilot-1"] == "DELETED"
    assert await france.pending() == []
    assert set(await outcomes(mixed)) == {("ValidationResult", "no such message in eu-pilot")}


@pytest.mark.parametrize(
    "data",
    [b"%", base64.b64encode(b"{"), base64.b64encode(b"[]"), base64.b64encode(b'{"type":"dataPermit","messages":[]}')],
)
async def test_what_is_not_of_the_pilots_form_publishes_nothing(mixed: MockNode, data: bytes) -> None:
    france = mixed.nation("fr")
    await france.submit("bad-1", part(data))
    await france.until_status("bad-1", "ACKNOWLEDGED")
    assert await datasets(mixed) == {}


async def test_news_of_a_peer_has_no_form_in_the_pilot_and_the_log_says_so(mixed: MockNode) -> None:
    application_id = await mixed.file()
    await mixed.nation("fi").say("status-1", about(application_id, golden("from-nation-status-update")))
    await mixed.nation("fi").next("ValidationResult")
    assert await outcomes(mixed) == [("PeerStatus", "no such message in eu-pilot")]
    assert len(await mixed.nation("fr").pending()) == 1
