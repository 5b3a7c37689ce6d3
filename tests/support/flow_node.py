"""A node's flow on a real SQLite store with real rules, mappings and schemas; what is around it are fakes.

Nothing runs by itself: a test lets the flow `run` what is due, and puts the clock where it wants it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
import zipfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from lxml import etree

from adapters.system import StateDays, TimeSortedIds
from broker.data_files import schemas_dir
from broker.flow.arrival import Arrival
from broker.flow.deliver import deliver
from broker.flow.fetch import Fetcher, arrival_of
from broker.flow.keep import keep
from broker.flow.node import Connected, Due, Node, Wire
from broker.flow.prepare import prepare
from broker.flow.retry import Breakers, RetryPolicy
from broker.flow.uploads import keep_file
from broker.model.clocks import read_clocks
from broker.model.lifecycle import Lifecycle, read_lifecycle
from broker.model.messages import Door
from broker.model.work import WorkKind
from broker.ports import ExchangeFilter, Part, UserMessage
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.translator import Translator
from tests.support.flow_fakes import FakeAccessPoint, FakeOffice, FakeTickets
from tests.support.samples import SetClock

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore
    from adapters.xml import XmlDocuments
    from broker.model.cases import Case, Leg
    from broker.model.exchanges import Exchange
    from broker.model.journal import Entry
    from broker.model.messages import Message
    from broker.model.work import Attempt, Work

DATA = Path(__file__).parents[1] / "data"
CENTRAL_PARTY = "urn:example:ap:central"
FR = "{urn:hdeu:fr:hdh:1}"
EXAMPLE_ID = "6a70b4d104db074a00fd905d"
EXAMPLE_NUMBER = "EXEMPLE-2026-0001"
UNHURRIED = 600.0  #: seconds; what a drain says is then all that became of it, on a slow machine too


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((schemas_dir() / "lifecycles" / f"{name}.toml").read_text("utf-8"))


@cache
def _translator() -> Translator:
    return Translator.load(schemas_dir(), profiles=["fr-hdh-1", "fi-findata-1"])


@cache
def _codec() -> EuR7Codec:
    return EuR7Codec.load(schemas_dir())


@cache
def _rules() -> tuple[Lifecycle, Lifecycle, Any, dict[str, Due]]:
    due = {name: Due(**row) for name, row in _toml("due")["due"].items()}
    return read_lifecycle(_toml("leg")), read_lifecycle(_toml("fr-hdh")), read_clocks(_toml("clocks")), due


@dataclass
class Flow:
    """The node and everything a test wants to see of it."""

    node: Node
    store: SqlStore
    clock: SetClock
    point: FakeAccessPoint
    hdh: FakeOffice
    findata: FakeOffice
    tickets: FakeTickets
    number: int = 0

    async def run(self, *, rounds: int = 30) -> None:
        """Everything that is due now, and what becomes due by it."""
        for _ in range(rounds):
            due = await self.due()
            if not due:
                return
            for work in due:
                await (prepare if work.kind is WorkKind.PREPARE else deliver)(self.node, work.subject)
        raise AssertionError(f"the flow does not come to rest: {due}")

    async def due(self) -> tuple[Work, ...]:
        async with self.store.transaction() as tx:
            return await tx.due_work(self.clock.now(), 100)

    async def work(self, *subjects: str) -> tuple[Work, ...]:
        async with self.store.transaction() as tx:
            return await tx.work_of(subjects)

    async def attempts(self, *subjects: str) -> tuple[Attempt, ...]:
        async with self.store.transaction() as tx:
            return await tx.attempts(subjects)

    async def message(self, message_id: str) -> Message:
        async with self.store.transaction() as tx:
            return await tx.message(message_id)

    async def bytes(self, message_id: str) -> bytes:
        async with self.store.transaction() as tx:
            return await tx.content((await tx.message(message_id)).sha256)

    async def exchanges(self, message_id: str) -> tuple[Exchange, ...]:
        async with self.store.transaction() as tx:
            return await tx.exchanges_of_message(message_id)

    async def exchange(self, message_id: str) -> Exchange:
        """The one exchange of a message."""
        [found] = await self.exchanges(message_id)
        return found

    async def all(self, **wanted: Any) -> tuple[Exchange, ...]:
        """Oldest first."""
        async with self.store.transaction() as tx:
            return tuple(reversed(await tx.exchanges(ExchangeFilter(limit=500, **wanted))))

    async def cases(self) -> tuple[Case, ...]:
        async with self.store.transaction() as tx:
            return await tx.cases(limit=50)

    async def leg(self, owner: str = "hdh") -> Leg:
        """The owner's leg of the only case."""
        [case] = await self.cases()
        async with self.store.transaction() as tx:
            found = await tx.leg(case.key, owner)
        assert found is not None, f"{owner} has no leg"
        return found

    async def clocks(self) -> dict[str, str]:
        [case] = await self.cases()
        async with self.store.transaction() as tx:
            return {clock.clock: clock.state for clock in await tx.clocks(case.key)}

    async def journal(self, action: str = "") -> list[Entry]:
        async with self.store.transaction() as tx:
            return [entry for entry in await tx.unsealed(10_000) if action in {"", entry.action}]

    async def from_eu(
        self, data: bytes, media_type: str = "application/json", *, beside: tuple[Part, ...] = (), **header: str
    ) -> str:
        """A message that the access point received, kept and prepared; its id."""
        self.number += 1
        named = {"message_id": f"eu-{self.number}@example.org", "from_party": CENTRAL_PARTY, **header}
        user_message = UserMessage(parts=(Part.of("cid:message", media_type, data), *beside), **named)  # type: ignore[arg-type]
        kept = await keep(self.node, arrival_of(self.point.name, user_message))
        await self.run()
        return kept.message.id

    async def from_office(self, data: bytes, *, office: str = "hdh", door: Door = Door.HTTP, **more: Any) -> str:
        """A document that a back end brought, kept and prepared; its message's id."""
        self.number += 1
        facts = {"key": f"key-{self.number}", "content_type": "application/xml", **more}
        kept = await keep(self.node, Arrival(door, office, data=data, **facts))
        await self.run()
        return kept.message.id

    async def upload(self, *files: bytes, office: str = "hdh") -> list[str]:
        """Files that a back end will name; their SHA-256."""
        for data in files:
            await keep_file(self.node, data, backend=office)
        return [sha256(data) for data in files]

    def told_central(self, kind: str) -> list[dict[str, Any]]:
        """What went out of one type, as the wire's JSON, oldest first."""
        documents = [wire_json(message) for message in self.point.sent.values()]
        return [document for document in documents if document["envelope"]["messageType"] == kind]

    def fetcher(self) -> Fetcher:
        return Fetcher(self.node, self.point, patience=UNHURRIED)


def make_flow(store: SqlStore, documents: XmlDocuments, clock: SetClock, **changes: Any) -> Flow:
    """French node: hdh is the default back end and has the national chain, findata is there for what is not hdh's."""
    point, hdh, findata, tickets = FakeAccessPoint(), FakeOffice("hdh"), FakeOffice("findata"), FakeTickets()
    leg, chain, clocks, due = _rules()
    wire = Wire("urn:example:ap:fr", CENTRAL_PARTY, "bdx:noprocess", "tc1", "TC1Leg1", {})
    ticks = iter(range(1_800_000_000_000, 2**48))
    node = Node(
        name="test-node",
        nation="FR",
        participant="urn:example:hdab:fr",
        release="d6.4-v0.5",
        store=store,
        tickets=tickets,
        clock=clock,
        ids=TimeSortedIds(lambda: next(ticks)),
        documents=documents,
        codec=_codec(),
        translator=_translator(),
        backends={
            "hdh": Connected("hdh", "fr-hdh-1", hdh, chain="fr-hdh"),
            "findata": Connected("findata", "fi-findata-1", findata, default=False),
        },
        wire=wire,
        lifecycle=leg,
        chains={"fr-hdh": chain},
        clocks=clocks,
        days=StateDays("FR", "Europe/Paris"),
        due=due,
        access_point=point,
        retry=RetryPolicy(base=2.0, cap=900.0, budget=3600.0, lease=60.0, in_hand=0.0),
        breakers=Breakers(threshold=1000),
        random=Random(7),
        hold_seconds=60.0,
        worker="test-worker",
    )
    return Flow(replace(node, **changes), store, clock, point, hdh, findata, tickets)


def wire_json(message: UserMessage) -> dict[str, Any]:
    """The business document of a user message: envelope and content."""
    main = next(part for part in message.parts if part.href == "cid:message")
    if main.media_type != "application/zip":
        return dict(json.loads(main.data))
    with zipfile.ZipFile(io.BytesIO(main.data)) as archive:
        parts = {name: json.loads(archive.read(name)) for name in ("envelope.json", "application_metadata.json")}
    return {"envelope": parts["envelope.json"], "content": parts["application_metadata.json"]}


def eu(kind: str, content: dict[str, Any] | None = None, **envelope: Any) -> bytes:
    """A wire message of the Central Platform, from the examples, with changes."""
    document = json.loads((DATA / "eu-r7" / f"{kind}.json").read_text("utf-8"))
    document["envelope"] = _changed(document["envelope"], envelope)
    document["content"] = _changed(document["content"], content or {})
    return json.dumps(document).encode()


def eu_application(
    kind: str = "ApplicationSubmitted", *, version: int = 1, content: dict[str, Any] | None = None, **envelope: Any
) -> bytes:
    """An application on the wire (ZIP), without files unless the example's are wanted."""
    folder = DATA / "eu-r7"
    head = json.loads((folder / f"{kind}.envelope.json").read_text("utf-8"))
    body = json.loads((folder / f"{kind}.application_metadata.json").read_text("utf-8"))
    head = _changed(head, {"version": version, **envelope})
    body = _changed(body, {"version": version, "attachments": None, **(content or {})})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("envelope.json"), json.dumps(head))
        archive.writestr(zipfile.ZipInfo("application_metadata.json"), json.dumps(body))
    return buffer.getvalue()


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    after = {**document, **changes}
    return {name: value for name, value in after.items() if value is not None}


def dossier(kind: str, **changes: str | None) -> bytes:
    """A French example; changes by path below the root (`Entete/version`), None takes the element away."""
    return altered((DATA / "fr-hdh-1" / f"{kind}.xml").read_bytes(), FR, changes)


def altered(document: bytes, namespace: str, changes: dict[str, str | None]) -> bytes:
    """The document with other texts at these paths."""
    root = etree.fromstring(document)
    for path, text in changes.items():
        found = root.find("/".join(f"{namespace}{name}" for name in path.split("/")))
        assert found is not None, f"nothing at {path}"
        if text is None:
            parent = found.getparent()
            assert parent is not None
            parent.remove(found)
        else:
            found.text = text
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pre_screening() -> bytes:
    """The French word for the step before the assessment."""
    return dossier(
        "StatusUpdate", **{"Entete/evenement": "PRE_EXAMEN", "Instruction/suivi/statut": "EXAMEN_RECEVABILITE"}
    )


def partial_grant() -> bytes:
    """A decision whose wire form loses most of it; without its file, which nobody uploaded."""
    return dossier("DecisionIssued", **{"Instruction/decision/document": None})


async def case_in(flow: Flow, state: str) -> None:
    """Bring the example case to a state of the leg, along the French road; every step is a message."""
    road = {
        "RECEIVED": lambda: flow.from_eu(eu_application(), "application/zip"),
        "ACKNOWLEDGED": lambda: flow.from_office(dossier("ApplicationAck")),
        "PRE_SCREENING": lambda: flow.from_office(pre_screening()),
        "PROCESSING": lambda: flow.from_office(dossier("StatusUpdate")),
        "AFTER_OPINION": lambda: flow.from_office(dossier("NationalStep")),
        "FEE_PENDING": lambda: flow.from_office(dossier("FeeEstimate")),
        "READY_TO_DECIDE": lambda: flow.from_eu(eu("FeeResponse", {"response": "ACCEPT"})),
    }
    for name, step in road.items():
        message_id = await step()
        found = await flow.exchanges(message_id)
        assert all(one.state not in {"REFUSED", "PARKED"} for one in found), f"{name}: {found}"
        if name == state:
            return
    raise AssertionError(f"the road does not lead to {state}")


def lodged(number: str) -> bytes:
    """A dossier lodged in France under a number of its own (Art. 67(3)); it names the files of `bring_files`."""
    root = etree.fromstring((DATA / "fr-hdh-1" / "ApplicationOriginated.xml").read_bytes())
    for element in list(root.iter(f"{FR}numeroDossierHDH")):
        element.text = number
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


async def bring_files(flow: Flow) -> None:
    """The files that the examples name."""
    await flow.upload(*(path.read_bytes() for path in sorted((DATA / "eu-r7" / "attachments").iterdir())))
