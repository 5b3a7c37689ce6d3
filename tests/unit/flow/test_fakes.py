"""The fake access point keeps the promises of the real adapter, which speaks here with the mock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header
from broker.errors import AlreadySubmitted, NotFound
from broker.ports import Part, UserMessage
from tests.support.flow_fakes import FakeAccessPoint
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from broker.ports import AccessPoint


@dataclass(frozen=True)
class Side:
    point: AccessPoint
    waiting: str  #: the id of a message that waits to be fetched


@pytest.fixture(params=["fake", "domibus"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    if request.param == "fake":
        message = UserMessage("waits", (Part.of("cid:message", "application/json", b"{}"),))
        yield Side(FakeAccessPoint(inbox={"waits": message}), "waits")
        return
    async with mock_node(tmp_path) as mock:
        await mock.file()
        header = Header(from_party="hdeu:mock:ap:fr", to_party="hdeu:mock:ap:central")
        url = f"{mock.base}/fr/domibus/services/wsplugin"
        real = DomibusWs(DomibusSettings("ap-fr", url, "fr", "Mock-fr-Only-2026!", header))
        [waiting] = await real.pending()
        yield Side(real, waiting)
        await real.close()


def outgoing(message_id: str = "out-1") -> UserMessage:
    return UserMessage(message_id, (Part.of("cid:message", "application/json", b"{}"),))


async def test_an_id_is_taken_once(side: Side) -> None:
    assert await side.point.status("out-1") == "NOT_FOUND"
    await side.point.submit(outgoing())
    assert await side.point.status("out-1") in {"SEND_ENQUEUED", "ACKNOWLEDGED"}
    with pytest.raises(AlreadySubmitted):
        await side.point.submit(outgoing())
    await side.point.submit(outgoing("out-2"))


async def test_what_waits_can_be_retrieved_again_until_it_is_marked_and_marked_twice(side: Side) -> None:
    assert await side.point.pending() == (side.waiting,)
    assert await side.point.retrieve(side.waiting) == await side.point.retrieve(side.waiting)
    assert await side.point.pending() == (side.waiting,)
    for _ in range(2):
        await side.point.mark_downloaded(side.waiting)
    assert await side.point.pending() == ()


async def test_an_unknown_id_is_not_found(side: Side) -> None:
    with pytest.raises(NotFound):
        await side.point.retrieve("nothing")
    assert await side.point.status("nothing") == "NOT_FOUND"


async def test_it_has_a_name_and_answers(side: Side) -> None:
    assert side.point.name == "ap-fr"
    await side.point.ping()
