"""A node's web on a real SQLite store, with two kept messages and the callables that the flow would bring."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.identity.api_keys import ApiKeys, hash_key
from adapters.identity.authenticator import NodeAuthenticator, own_trust
from adapters.identity.keys import KeyRing, generate
from adapters.identity.tokens import Grant, issue
from broker.errors import Conflict, Problem
from broker.flow.arrival import Accepted, Arrival
from broker.model.cases import Alias, Case, Leg, RunningClock
from broker.model.exchanges import Direction, Exchange, State
from broker.model.identity import Role
from broker.model.journal import Entry
from broker.model.messages import Attachment, Door, KeptPart, Message
from broker.model.work import Attempt, Work, WorkKind
from broker.web.api import add_api_routes
from broker.web.auth import check_routes, guard
from broker.web.dispatcher import add_dispatcher_routes
from broker.web.problem import problems
from broker.web.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker.ports import Store, Transaction

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RING = KeyRing(current=generate(), next=generate("ES256"))
API_KEY = "an-api-key-of-the-tests"
PLANTED = "Zyxwvut-Planted"  #: stands for form text: no list, view or error may show it
CP_ID = "6a70b4d104db074a00fd905d"
DOCUMENT = f"<Dossier><titre>{PLANTED}</titre></Dossier>".encode()
FINNISH = b"<Hakemus/>"
REPORT = b'{"fields": [], "constants": [], "lost": []}'
PDF = b"%PDF-1.7 example"
RECEIPT = b"<receipt/>"
STRUCTURED = f"<structured>{PLANTED}</structured>".encode()


@dataclass
class TestClock:
    __test__ = False
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Flow:
    """What the flow would do, written down; `answer` is what the next arrival gets."""

    answer: Accepted | Exception | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    done: list[tuple[str, ...]] = field(default_factory=list)

    async def accept(self, arrival: Arrival) -> Accepted:
        self.arrivals.append(arrival)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or Accepted("m-new", fresh=True, state="QUEUED")

    async def keep_file(self, data: bytes, *, backend: str) -> bool:
        fresh = ("file", backend, str(len(data))) not in self.done
        self.done.append(("file", backend, str(len(data))))
        return fresh

    async def sign_off(self, message_id: str, *, actor: str, reason: str) -> str:
        if message_id != "m-1":
            raise Conflict("nothing of this message waits for a sign-off")
        self.done.append(("sign-off", message_id, actor, reason))
        return "QUEUED"

    async def acknowledge(self, named: str, *, backend: str) -> str:
        if named != "m-0":
            raise Conflict("it was not handed over")
        self.done.append(("acknowledge", named, backend))
        return "ACKNOWLEDGED"

    async def retry(self, message_id: str, *, actor: str) -> str:
        self.done.append(("retry", message_id, actor))
        return "READY"

    async def restore(self, message_id: str, *, actor: str) -> str:
        self.done.append(("restore", message_id, actor))
        return "SUBMITTED"

    async def close(self, message_id: str, *, actor: str, reason: str) -> str:
        self.done.append(("close", message_id, actor, reason))
        return "CANCELLED"

    async def destinations(self) -> list[dict[str, Any]]:
        return [{"name": "cp", "paused": False}]

    async def pause(self, destination: str, *, actor: str, reason: str) -> dict[str, Any]:
        self.done.append(("pause", destination, actor, reason))
        return {"name": destination, "paused": True, "since": "", "actor": actor, "reason": reason}

    async def resume(self, destination: str, *, actor: str) -> dict[str, Any]:
        self.done.append(("resume", destination, actor))
        return {"name": destination, "paused": False}

    async def export(self) -> AsyncIterator[str]:
        for number in (1, 2):
            yield json.dumps({"number": number})


def wire_zip(*, title: str = "Stroke outcomes, example", submitted: str = "2026-08-03T16:06:16.461529238Z") -> bytes:
    buffer = io.BytesIO()
    metadata = {
        "application_id": CP_ID,
        "application_type": "DATA_ACCESS_APPLICATION",
        "title": title,
        "dateSubmitted": submitted,
    }
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("application_metadata.json"), json.dumps(metadata))
        archive.writestr(zipfile.ZipInfo("application_file.zip"), b"PK\x05\x06" + bytes(18))
    return buffer.getvalue()


def message(name: str, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": name,
        "door": Door.HTTP,
        "party": "hdh",
        "key": f"key-{name}",
        "size": 3,
        "content_type": "application/xml",
        "kept_at": NOW,
        "type": "DecisionIssued",
        "profile": "fr-hdh-1",
        "case_key": "case-1",
        "version": 1,
    }
    return Message(**(values | changes))


def exchange(name: str, of: str, **changes: Any) -> Exchange:
    values: dict[str, Any] = {
        "id": name,
        "message_id": of,
        "direction": Direction.OUTBOUND,
        "state": State.SIGN_OFF,
        "addressee": "cp",
        "type": "DecisionIssued",
        "created_at": NOW,
        "updated_at": NOW,
        "case_key": "case-1",
    }
    return Exchange(**(values | changes))


async def seed(tx: Transaction) -> None:
    """One case; a French decision that waits for a sign-off; an application that two back ends are to get."""
    await tx.add_case(Case("case-1", NOW, version=1, aliases=(Alias("cp", CP_ID),)))
    await tx.save_leg(Leg("case-1", "hdh", "PROCESSING", NOW, NOW, national_state="CESREES"))
    clock = RunningClock("case-1", "hdh", "DECIDE_3M", NOW, "2027-02-23", "running", "three months, Art. 68(4)")
    await tx.save_clock(clock)
    await _seed_application(tx)
    await _seed_decision(tx)


async def _seed_application(tx: Transaction) -> None:
    archive, pdf = wire_zip(), await tx.put_content(PDF)
    await tx.add_message(
        message(
            "m-0",
            door=Door.ACCESS_POINT,
            party="access-point",
            sha256=await tx.put_content(archive),
            size=len(archive),
            content_type="application/zip",
            type="ApplicationSubmitted",
            profile="eu-r7",
            headers={
                "message_id": "wire-0@example",
                "property.originalSender": "urn:example:C1",
                "property.note": PLANTED,
            },
            parts=await _parts(tx, archive),
            attachments=(Attachment("a-1", f"{PLANTED}.pdf", "application/pdf", len(PDF), pdf),),
        )
    )
    inbound: dict[str, Any] = {"direction": Direction.INBOUND, "type": "ApplicationSubmitted"}
    french = {"addressee": "hdh", "document_sha256": await tx.put_content(DOCUMENT), "content_type": "application/xml"}
    finnish = {"addressee": "findata", "document_sha256": await tx.put_content(FINNISH)}
    sent = {"state": State.DELIVERED, "delivered_at": NOW + timedelta(seconds=2)}
    await tx.add_exchange(exchange("x-0", "m-0", **inbound, **french, **sent))
    await tx.add_exchange(exchange("x-1", "m-0", **inbound, **finnish, state=State.READY))
    await tx.add_work(Work("w-1", WorkKind.DELIVER, "x-1", NOW + timedelta(minutes=5), 2, last_error="unavailable: x"))
    tried = Attempt("t-1", "x-1", "deliver", 1, NOW, NOW + timedelta(seconds=1), "later", "unavailable", "refused")
    await tx.add_attempt(tried)
    for action in ("message.kept", "message.read", "message.validated", "message.translated"):
        await tx.write_entry(Entry(f"e-{action}", NOW, "flow", action, "m-0", "done", {"profile": "eu-r7"}))


async def _parts(tx: Transaction, archive: bytes) -> tuple[KeptPart, ...]:
    came = (("cid:message", "application/zip", archive), ("cid:structured", "application/xml", STRUCTURED))
    return tuple([KeptPart(cid, kind, len(data), await tx.put_content(data)) for cid, kind, data in came])


async def _seed_decision(tx: Transaction) -> None:
    await tx.add_message(message("m-1", sha256=await tx.put_content(DOCUMENT), size=len(DOCUMENT)))
    await tx.write_entry(Entry("e-m-1", NOW, "flow", "message.kept", "m-1", "done", {"door": "http"}))
    report = await tx.put_content(REPORT)
    losses = ({"fact": "decision-kind"},)
    facts = {"report_sha256": report, "receipt_sha256": await tx.put_content(RECEIPT), "receipt_verdict": "proven"}
    await tx.add_exchange(exchange("x-2", "m-1", losses=losses, reason="legal facts are lost", **facts))


def services(store: Store, flow: Flow, clock: TestClock | None = None) -> Services:
    clock = clock or TestClock()
    trust = own_trust(RING, issuer="https://fr.example.org", node="fr")
    confined = {f"daams-{name}": name for name in ("hdh", "findata")}
    keys = {"daams": API_KEY} | {client: f"{API_KEY}-{name}" for client, name in confined.items()}
    kept = {client: hash_key(key, salt=bytes(16)) for client, key in keys.items()}
    api_keys = ApiKeys(kept, sees=confined)
    return Services(
        node="fr",
        store=store,
        clock=clock,
        authenticator=NodeAuthenticator((trust,), api_keys=api_keys, clock=clock),
        accept=flow.accept,
        keep_file=flow.keep_file,
        sign_off=flow.sign_off,
        acknowledge=flow.acknowledge,
        retry=flow.retry,
        restore=flow.restore,
        close=flow.close,
        destinations=flow.destinations,
        pause=flow.pause,
        resume=flow.resume,
        export=flow.export,
        report=lambda kept, _: kept,  # what is kept in these tests is spelled out already
        status={"PROCESSING": "PROCESSING"}.get,  # type: ignore[arg-type]  # every state of the tests is in it
        today=lambda: clock.now().date(),
        backends=frozenset({"hdh", "findata"}),
    )


def application(offered: Services) -> web.Application:
    app = web.Application(middlewares=[problems, guard])
    add_api_routes(app, offered)
    add_dispatcher_routes(app, offered)
    app.on_startup.append(check_routes)
    return app


def token(*roles: Role, subject: str = "urn:example:staff", one_time: bool = False, name: str = "token-1") -> str:
    grant = Grant(subject, frozenset(roles), timedelta(hours=1), one_time=one_time)
    return issue(RING.current, grant, issuer="https://fr.example.org", node="fr", now=NOW, token_id=name)


def as_role(*roles: Role, subject: str = "urn:example:staff", **more: str) -> dict[str, str]:
    """Headers of a caller with these roles."""
    return {"Authorization": f"Bearer {token(*roles, subject=subject)}", **more}


def as_backend(name: str = "hdh", **more: str) -> dict[str, str]:
    """Headers of a back end."""
    return as_role(Role.BACKEND, subject=name, **more)


def refusal(code: str = "schema-violation") -> Problem:
    return Problem(code, "the element is not expected here", path="/Dossier/x", rule="cvc-complex", hint="Remove it.")
