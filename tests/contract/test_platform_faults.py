"""What the platform and the way to it do wrong, met through the mock's access point by zeep and pyAS4.

Both take what came and say what a nation without our code would see: zeep at a Domibus 5.1 that answers inline, pyAS4
at a 5.2.1 that answers by MTOM.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from adapters.mock_eu.dishes import MENU, PLACES
from tests.support.mock_node import about, golden, mock_node
from tests.support.soap_clients import CENTRAL, WSPLUGIN, Foreign, PeerProcess, foreign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.mock_node import MockNode
    from tests.support.soap_clients import Fetched

PASSWORD = "Mock-fr-Only-2026!"
STYLES: dict[str, dict[str, Any]] = {"zeep": {}, "pyas4": {"answers": "5.2.1", "mtom": True}}
BEHIND = {"AS4, nation to platform", "platform, on receipt", "platform, when sending"}
#: Where else faults happen, and which test lets peers meet them.
ELSEWHERE = {
    "every SOAP operation": "test_soap_clients",
    "submitMessage": "test_soap_clients",
    "listPendingMessages": "test_soap_clients",
    "retrieveMessage": "test_soap_clients",
    "retrieveMessage, push.submitRequest": "test_soap_clients, test_gsoap_back_end",
    "push": "test_gsoap_back_end",
    "/ext signalEnvelope": "test_as4_receipts",
    "/ext application/status": "test_doctor_access_point",
}
BOMB_MB = 3
ENDED = {"ACKNOWLEDGED", "SEND_FAILURE"}


@dataclass
class Nation:
    """A stranger in front of an access point of its own; what it filed and said is numbered anew for each fault."""

    node: MockNode
    soap: Foreign
    filed: list[str] = field(default_factory=list)
    said: str = ""
    statuses: list[str] = field(default_factory=list)
    number: int = 0

    async def begin(self) -> None:
        """Nothing armed, nothing pending."""
        self.filed.clear()
        self.statuses.clear()
        self.said = ""
        async with self.node.session.delete(f"{self.node.base}/faults"):
            pass
        for message_id in await self.soap.pending():
            await self.soap.mark(message_id)

    async def file(self) -> None:
        self.filed.append(await self.node.file())

    async def say(self) -> None:
        """A status of an application that it took before."""
        self.number += 1
        self.said = f"said-{self.number}"
        document = about(self.filed[0], golden("from-nation-status-update"))
        await self.soap.submit(self.said, ("cid:message", "application/json", json.dumps(document).encode()))

    async def came(self, count: int) -> list[Fetched]:
        """Everything that waits, once it is so many, in the order of the list."""
        async with asyncio.timeout(15):
            while len(ids := await self.soap.pending()) < count:
                await self._look()
        return [await self.soap.retrieve(message_id) for message_id in ids]

    async def ended(self, *statuses: str) -> None:
        """Until the access point has done with what was said."""
        async with asyncio.timeout(15):
            while not (self.statuses and self.statuses[-1] in (statuses or ENDED)):
                await self._look()

    async def _look(self) -> None:
        if self.said and (status := await self.soap.status(self.said)) not in self.statuses[-1:]:
            self.statuses.append(status)
        await asyncio.sleep(0.02)

    # what is done while a fault is armed

    async def one(self, arm: Callable[[str], Any]) -> str:
        """The applicant files one application."""
        fault = await arm("ApplicationSubmitted")
        await self.file()
        return str(fault)

    async def two(self, arm: Callable[[str], Any]) -> str:
        """And another one."""
        fault = await self.one(arm)
        await self.file()
        return fault

    async def status(self, arm: Callable[[str], Any]) -> str:
        """The nation says something about an application, and the platform answers it."""
        return await self._told(arm)

    async def silence(self, arm: Callable[[str], Any]) -> str:
        """The same, and then nothing for a while."""
        fault = await self._told(arm, "WAITING_FOR_RECEIPT")
        await asyncio.sleep(0.6)
        await self._look()
        return fault

    async def _told(self, arm: Callable[[str], Any], *statuses: str) -> str:
        await self.file()
        for message_id in await self.soap.pending():
            await self.soap.mark(message_id)
        fault = await arm("")
        await self.say()
        await self.ended(*statuses)
        return str(fault)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(STYLES))
async def nation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nation]:
    process = PeerProcess()
    async with mock_node(tmp_path_factory.mktemp("platform"), **STYLES[request.param]) as node:
        yield Nation(node, foreign(process, request.param, f"{node.base}/fr{WSPLUGIN}", "fr", PASSWORD))
    process.stop()


#: fault: what is done, what comes of it in the order of the list, how the access point's status ran.
MET: dict[str, tuple[Callable[..., Any], list[str], list[str]]] = {
    "send-failure": (Nation.status, [], ["SEND_FAILURE"]),
    "waiting-for-retry": (Nation.status, ["yes"], ["WAITING_FOR_RETRY", "ACKNOWLEDGED"]),
    "never-acknowledged": (Nation.silence, [], ["WAITING_FOR_RECEIPT"]),
    "loopback": (Nation.status, ["yes", "its own, from hdeu:mock:ap:fr"], ["ACKNOWLEDGED"]),
    "late-receipt": (Nation.status, ["yes"], ["WAITING_FOR_RECEIPT", "ACKNOWLEDGED"]),
    "receipt-without-response": (Nation.status, [], ["ACKNOWLEDGED"]),
    "reject-validation": (Nation.status, ["no"], ["ACKNOWLEDGED"]),
    "two-answers": (Nation.status, ["yes", "no"], ["ACKNOWLEDGED"]),
    "not-schema-valid": (Nation.one, ["application without its mandatory parts"], []),
    "old-schema": (Nation.one, ["application 1, version 1, of Release 6"], []),
    "unknown-enum": (Nation.one, ["application 1, version 1, with a word of a later release"], []),
    "wrong-nation-id": (Nation.one, ["application 1, version 1, to XX"], []),
    "clock-skew": (Nation.one, ["application 1, version 1, of tomorrow"], []),
    "nested-zip-bomb": (Nation.one, ["application 1, version 1, with a bomb"], []),
    "corrupt-zip": (Nation.one, ["half an archive"], []),
    "corrupt-payload": (Nation.one, ["bytes of no form"], []),
    "second-part": (Nation.one, ["application 1, version 1, and cid:structured"], []),
    "wrong-sender": (Nation.one, ["application 1, version 1, from hdeu:mock:ap:stranger"], []),
    "unknown-service": (Nation.one, ["application 1, version 1, under urn:hdeu:mock:unknown"], []),
    "drop": (Nation.two, ["application 2, version 1"], []),
    "filter-steals": (Nation.two, ["application 2, version 1"], []),
    "receive-failure": (Nation.two, ["application 2, version 1"], []),
    "delay": (Nation.two, ["application 2, version 1", "application 1, version 1"], []),
    "reorder": (Nation.two, ["application 2, version 1", "application 1, version 1"], []),
    "duplicate": (Nation.one, ["application 1, version 1", "application 1, version 1"], []),
    "second-version": (Nation.one, ["application 1, version 1", "application 1, version 2"], []),
    "response-without-request": (Nation.one, ["yes to nothing", "application 1, version 1"], []),
}


def test_every_fault_behind_the_access_point_is_met() -> None:
    assert set(MET) == {name for name, dish in MENU.items() if PLACES[dish.operations] in BEHIND}


def test_there_is_no_place_whose_faults_no_peer_meets() -> None:
    assert set(PLACES.values()) == BEHIND | set(ELSEWHERE)
    assert {dish.operations for dish in MENU.values()} == set(PLACES)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", MET)
async def test_a_stranger_meets_each_fault_behind_the_access_point(nation: Nation, name: str) -> None:
    do, words, statuses = MET[name]
    await nation.begin()

    async def arm(type_: str) -> str:
        return await nation.node.arm(name, nation="fr", type=type_, times=1, seconds=seconds, amount=BOMB_MB)

    seconds = timedelta(days=1).total_seconds() if name == "clock-skew" else 0.5
    fault = await do(nation, arm)
    came = await nation.came(len(words))
    assert [word(one, nation) for one in came] == words
    assert len({one.id for one in came}) == len(came)
    assert await nation.node.fired(fault) == 1
    assert [status for status in nation.statuses if status != "SEND_ENQUEUED"] == statuses
    if name == "send-failure":
        errors = await nation.soap.call("getMessageErrors", messageID=nation.said)
        assert [one["domibusErrorCode"] for one in errors] == ["EBMS_0301"]


def word(one: Fetched, nation: Nation) -> str:
    """What a nation can say of a message, in words."""
    data = one.parts[0][2]
    if data.startswith(b"PK"):
        return _application(one, nation)
    if one.id == nation.said:
        return f"its own, from {one.sender}"
    try:
        document = json.loads(data)
    except ValueError:
        return "bytes of no form"
    says = "yes" if document["content"]["validated"] else "no"
    return says if document["content"]["originalMessageId"] == one.ref == nation.said else f"{says} to nothing"


def _application(one: Fetched, nation: Nation) -> str:
    try:
        archive = zipfile.ZipFile(io.BytesIO(one.parts[0][2]))
    except zipfile.BadZipFile:
        return "half an archive"
    with archive:
        envelope, metadata = (json.loads(archive.read(f"{name}.json")) for name in ("envelope", "application_metadata"))
        files = archive.read("application_file.zip") if "application_file.zip" in archive.namelist() else b""
    if "applicationId" not in envelope:
        return "application without its mandatory parts"
    number = nation.filed.index(envelope["applicationId"]) + 1
    oddities = [said for said, odd in _odd(one, envelope, metadata, files).items() if odd]
    return ", ".join([f"application {number}", f"version {envelope['version']}", *oddities])


def _odd(one: Fetched, envelope: dict[str, Any], metadata: dict[str, Any], files: bytes) -> dict[str, bool]:
    others = [href for href, _, _ in one.parts[1:]]
    return {
        f"of Release {envelope['schemaVersion']}": envelope["schemaVersion"] != "7",
        "with a word of a later release": "of a later release" in json.dumps(metadata),
        f"to {envelope['receiver']['nationId']}": envelope["receiver"]["nationId"] != "FR",
        "of tomorrow": datetime.fromisoformat(envelope["createdAt"]) > datetime.now(UTC) + timedelta(hours=20),
        "with a bomb": BOMB_MB * 2**20 in _unpacked(files),
        f"and {' '.join(others)}": bool(others),
        f"from {one.sender}": one.sender != CENTRAL,
        f"under {one.service}": one.service != "bdx:noprocess",
    }


def _unpacked(files: bytes) -> list[int]:
    """Bytes that each archive among the files claims to unpack to; it is not unpacked."""
    if not files:
        return []
    sizes = []
    with zipfile.ZipFile(io.BytesIO(files)) as archive:
        for name in (one for one in archive.namelist() if one.endswith(".zip")):
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as inner:
                sizes.append(sum(entry.file_size for entry in inner.infolist()))
    return sizes
