"""The EU side of the kit: the mock's access point and platform in this process, and what a nation sent there."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

from adapters.mock_eu import wire
from adapters.mock_eu.conformance import example
from adapters.mock_eu.conformance.model import demand
from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.packing import runner_of
from adapters.mock_eu.payloads import BadPayload
from adapters.mock_eu.store import Store
from adapters.mock_eu.web import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.mock_eu.model import Held
    from adapters.mock_eu.settings import Settings

_CREATED: Final = 201
_ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class Said:
    """A message that the nation under test submitted."""

    message_id: str
    ref: str
    type: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filed:
    """An application as the applicant filed it, and its files by entry name."""

    id: str
    content: dict[str, Any]
    files: dict[str, bytes]


@dataclass(slots=True)
class World:
    """What the cases do at the platform and see at the access point. `nation` is the one under test."""

    settings: Settings
    nation: str
    url: str
    session: aiohttp.ClientSession
    store: Store
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def file(self, fault: str = "", **changes: Any) -> Filed:
        """File an application with one attachment; the first message about it suffers `fault`, if one is named."""
        content = example.application(self.nation, **changes)
        files = {example.PLAN_ENTRY: example.PLAN}
        async with self.lock:
            armed = await self.arm(fault, times=1) if fault else ""
            created = await self._post("/applicant/applications", _form(content, files), _CREATED)
            if armed:
                demand(await self.disarm(armed) == 1, f"the kit's own fault {fault} did not happen")
        return Filed(created["application_id"], content, files)

    async def amend(self, application_id: str, **changes: Any) -> None:
        """A new version of an application."""
        async with self.lock:
            await self._post(f"/applicant/applications/{application_id}/versions", changes, _CREATED)

    async def respond(self, application_id: str, kind: str, **body: Any) -> None:
        """The applicant's `responses`, `fee-responses` or `withdrawal`."""
        given = {} if kind == "withdrawal" else {"nation": self.nation, **body}
        async with self.lock:
            await self._post(f"/applicant/applications/{application_id}/{kind}", given, _ACCEPTED)

    async def leg(self, application_id: str) -> dict[str, Any]:
        """What the platform knows of the nation's leg."""
        async with self.session.get(f"{self.url}/applicant/applications/{application_id}") as answer:
            view = await answer.json()
        return dict(view["nations"][self.nation])

    def sent(self, application_id: str, kind: str = "") -> list[Held]:
        """What the platform sent about an application, oldest first."""
        where = f"nation = ? AND role = '{RECEIVING}' AND json_extract(header, '$.conversation_id') = ? ORDER BY seq"
        found = self.store.messages(where, (self.nation, application_id))
        return [held for held in found if kind in {"", held.type}]

    def is_pending(self, message_id: str) -> bool:
        """Whether the access point still holds a message for the nation."""
        return any(header.message_id == message_id for _, _, header in self.store.pending(self.nation))

    def said(self, kind: str, application_id: str = "") -> list[Said]:
        """Messages of one type that the nation submitted, about one application if it is named."""
        where = f"nation = ? AND role = '{SENDING}' AND type = ? ORDER BY seq"
        found = [said for held in self.store.messages(where, (self.nation, kind)) for said in self._read(held)]
        return [said for said in found if not application_id or _about(said) == application_id]

    def verdicts(self, message_id: str) -> list[Said]:
        """The nation's ValidationResults on one message of the platform."""
        return [said for said in self.said("ValidationResult") if said.content.get("originalMessageId") == message_id]

    def judgement(self, message_id: str) -> dict[str, Any] | None:
        """What the platform said of a message of the nation: the content of its ValidationResult."""
        where = f"nation = ? AND role = '{RECEIVING}' AND json_extract(header, '$.ref_to_message_id') = ?"
        found = self.store.messages(where + " AND type = 'ValidationResult'", (self.nation, message_id))
        return next((said.content for held in found for said in self._read(held)), None)

    async def log(self, message_id: str) -> list[dict[str, Any]]:
        """SOAP operations on one message."""
        async with self.session.get(f"{self.url}/log", params={"message_id": message_id}) as answer:
            return list((await answer.json())["entries"])

    async def arm(self, name: str, **more: Any) -> str:
        """Arm a fault for the nation; its id."""
        return str((await self._post("/faults", {"name": name, "nation": self.nation, **more}, _CREATED))["id"])

    async def disarm(self, fault_id: str) -> int:
        """Disarm it; how often it fired."""
        async with self.session.get(f"{self.url}/faults") as answer:
            fired = [fault["fired"] for fault in (await answer.json())["faults"] if fault["id"] == fault_id]
        async with self.session.delete(f"{self.url}/faults/{fault_id}"):
            return int(fired[0])

    def _read(self, held: Held) -> list[Said]:
        try:
            found = wire.read(self.settings.nations[self.nation].wire, held.parts, held.header)
        except BadPayload:
            return []
        ids = held.header.message_id, held.header.ref_to_message_id
        return [Said(*ids, payload.type, payload.content) for payload in found]

    async def _post(self, path: str, body: Any, expected: int) -> dict[str, Any]:
        given = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        async with self.session.post(f"{self.url}{path}", **given) as answer:
            found = await answer.json()
        if answer.status != expected:
            raise RuntimeError(f"the mock answered {answer.status} to {path}: {found}")
        return dict(found)


@asynccontextmanager
async def world(settings: Settings, nation: str) -> AsyncIterator[World]:
    """The mock on its configured address, for as long as the cases run."""
    runner = runner_of(create_app(settings), shutdown_timeout=0.5)
    await runner.setup()
    store = Store(settings.data_dir / "mock-eu.sqlite3")
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session:
            yield World(settings, nation, f"http://{host}:{port}", session, store)
    finally:
        store.close()
        await runner.cleanup()


def _form(content: dict[str, Any], files: dict[str, bytes]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("metadata", json.dumps(content), content_type="application/json")
    for name, data in files.items():
        form.add_field(name, data, filename=name, content_type="application/octet-stream")
    return form


def _about(said: Said) -> str:
    return str(said.content.get("applicationId") or said.content.get("application_id") or "")
