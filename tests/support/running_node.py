"""A French node and the mock EU node as processes, and what outsiders can do to them: HTTP, command line, EU door."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.demo.processes import Parties, hdeu
from adapters.demo.stage import FRANCE, Land, Stage, free_ports
from adapters.mock_eu.model import RECEIVING, SENDING, Header, Held, Part
from adapters.mock_eu.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
START_SECONDS = 60.0
FINDATA = {
    "HDEU_BACKENDS__FINDATA__KIND": "pull",
    "HDEU_BACKENDS__FINDATA__PROFILE": "fi-findata-1",
    "HDEU_BACKENDS__FINDATA__DEFAULT": "false",
}
EMBEDDED = {
    "HDEU_BACKENDS__HDH__KIND": "pull",
    "HDEU_ACCESS_POINT__POLL": "0.1",
    "HDEU_WORK__SWEEP": "0.2",
    **FINDATA,
}


@dataclass(frozen=True)
class Answer:
    """What an HTTP request got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> set[str]:
        """The code of the problem and those of what is listed in it."""
        kind = str(self.json["type"]).rpartition(":")[2]
        return {kind, *(problem["code"] for problem in self.json["problems"])}


@dataclass
class Running:
    """The processes and the tokens of those who speak with them."""

    stage: Stage
    parties: Parties
    tokens: dict[str, str] = field(default_factory=dict)
    land: Land = FRANCE

    @property
    def api(self) -> str:
        return self.stage.url(self.land.node)

    @property
    def ops(self) -> str:
        return self.stage.url(f"{self.land.node}.ops")

    @property
    def mock(self) -> str:
        return self.stage.url("mock-eu")

    @property
    def pid(self) -> int:
        """Of the node; it must be alive."""
        process = self.parties.by_name[self.land.node].process
        assert process is not None
        assert process.poll() is None, f"the node ended with {process.returncode}: {self.log()[-2000:]}"
        return process.pid

    def log(self) -> str:
        return self.stage.log(self.land.node).read_text("utf-8")

    def cli(self, *words: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, **self.stage.node_env(self.land)}
        return subprocess.run(hdeu(*words), env=env, input=data, capture_output=True, timeout=60, check=False)

    def token(self, name: str) -> str:
        """Of back end `name`, or of the role `name`."""
        if name not in self.tokens:
            backend = name in {"hdh", "findata"}
            words = ("--role", "backend", "--backend", name) if backend else ("--role", name)
            done = self.cli("keys", "token", *words)
            assert done.returncode == 0, done.stderr
            self.tokens[name] = done.stdout.decode().strip()
        return self.tokens[name]

    def call(self, method: str, url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Any request; errors are answers too."""
        address = url if url.startswith("http") else self.api + url
        request = urllib.request.Request(address, data, headers or {}, method=method)  # noqa: S310 -- ours
        try:
            with urllib.request.urlopen(request, timeout=30) as got:  # noqa: S310 -- our own processes
                return Answer(got.status, dict(got.headers), got.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def get(self, path: str, who: str = "caseworker") -> Answer:
        return self.call("GET", path, headers={"Authorization": f"Bearer {self.token(who)}"})

    def post(self, data: bytes, *, key: str = "", who: str = "hdh", **changed: str | None) -> Answer:
        """A back end's submission; `changed` headers, None leaves one out (names with _ for -)."""
        headers: dict[str, str | None] = {
            "Authorization": f"Bearer {self.token(who)}",
            "Idempotency-Key": key or secrets.token_hex(8),
            "Content-Type": "application/xml",
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        given = {name: value for name, value in headers.items() if value is not None}
        given.setdefault("Content-Type", "application/octet-stream")  # urllib would call it a form
        return self.call("POST", "/api/v1/messages", data, given)

    def kept(self, message_id: str) -> bytes:
        answer = self.get(f"/api/v1/messages/{message_id}/bytes")
        assert answer.status == 200, answer
        return answer.body

    def message(self, message_id: str) -> dict[str, Any]:
        return dict(self.get(f"/api/v1/messages/{message_id}").json)

    def find(self, text: str, **query: str) -> list[dict[str, Any]]:
        """Rows of the message list."""
        words = urllib.parse.urlencode({"text": text, **query})
        return list(self.get(f"/api/v1/messages?{words}").json["messages"])

    def bring_files(self) -> None:
        """The files that the examples name."""
        for path in sorted((DATA / "eu-r7" / "attachments").iterdir()):
            data = path.read_bytes()
            self.upload(data)

    def upload(self, data: bytes, who: str = "hdh") -> str:
        """A file that a back end will name; its SHA-256."""
        digest, headers = hashlib.sha256(data).hexdigest(), {"Authorization": f"Bearer {self.token(who)}"}
        answer = self.call("PUT", f"/api/v1/attachments/{digest}", data, headers)
        assert answer.status in {200, 201}, answer
        return digest

    def file(self, **changes: Any) -> str:
        """An application at the platform; its id there."""
        form = json.loads((DATA / "eu-r7-golden" / "application" / "application_metadata.json").read_text("utf-8"))
        body = json.dumps({**form, **changes}).encode()
        url = f"{self.mock}/applicant/applications"
        answer = self.call("POST", url, body, {"Content-Type": "application/json"})
        assert answer.status == 201, answer
        return str(answer.json["application_id"])

    def arrives(self, application: str) -> dict[str, Any]:
        """The case of an application that was filed."""
        found = self.until(lambda: self.get(f"/api/v1/cases?text={application}").json["cases"])
        return dict(found[0])

    def from_eu(self, data: bytes, media_type: str = "application/json", **header: str) -> str:
        """Put a message into the French access point, whatever it is; its MessageId."""
        message_id = f"made-{secrets.token_hex(8)}@central.example"
        usual = {"service": "bdx:noprocess", "action": "TC1Leg1", "to_party": "hdeu:mock:ap:fr"}
        facts = {"from_party": "hdeu:mock:ap:central", **usual, **header}
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        head = Header(message_id=message_id, timestamp=at, **facts)
        with self.platform() as store:
            part = Part("cid:message", media_type, data)
            store.add_message("fr", RECEIVING, "handmade", head, (part,), "RECEIVED", at)
        return message_id

    @contextmanager
    def platform(self) -> Iterator[Store]:
        """The mock's own file, beside its process."""
        store = Store(self.stage.folder / "mock-eu" / "mock-eu.sqlite3")
        try:
            yield store
        finally:
            store.close()

    def verdict(self, message_id: str) -> dict[str, Any]:
        """What reached the platform about this message: our ValidationResult."""

        def about() -> list[dict[str, Any]]:
            return [one for one in self.told("ValidationResult") if one.get("originalMessageId") == message_id]

        [found] = self.until(about)
        return dict(found)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The contents of all JSON messages of one type that the node submitted."""
        with self.platform() as store:
            held = store._messages(f"nation = 'fr' AND role = '{SENDING}' AND type = ? ORDER BY seq", (kind,))
        return [json.loads(one.parts[0].data)["content"] for one in held if _is_json(one)]

    def arm(self, name: str, **more: Any) -> str:
        """Let a fault of the mock's menu strike the French access point or what the platform does for it; its id."""
        order = json.dumps({"name": name, "nation": "fr", **more}).encode()
        answer = self.call("POST", f"{self.mock}/faults", order, {"Content-Type": "application/json"})
        assert answer.status == 201, answer
        return str(answer.json["id"])

    def disarm(self, fault: str) -> None:
        """From here on the fault strikes nobody."""
        assert self.call("DELETE", f"{self.mock}/faults/{fault}").status in {200, 204}

    def all_fetched(self) -> None:
        """Nothing lies at the access point but what the node has set aside."""

        def all_aside() -> bool:
            with self.platform() as store:
                lying = [header.message_id for _, _, header in store.pending("fr")]
            return all(self.find(f"{message_id}|UNREADABLE") for message_id in lying)

        self.until(all_aside)

    def fired(self, fault: str) -> int:
        """How often a fault struck."""
        faults = self.call("GET", f"{self.mock}/faults").json["faults"]
        return next(int(one["fired"]) for one in faults if one["id"] == fault)

    def until(self, look: Callable[[], Any], seconds: float = 20.0) -> Any:
        """What `look` finds, once it finds something."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, f"not within {seconds} s; the log ends: {self.log()[-1500:]}"
            time.sleep(0.05)
        return found


def _is_json(held: Held) -> bool:
    return bool(held.parts) and held.parts[0].media_type == "application/json"


def embedded_stage(folder: Path, **more: str) -> Stage:
    """A node on SQLite, on free ports, with data of its own."""
    return Stage(folder, ROOT / "config", free_ports(), {FRANCE.node: {**EMBEDDED, **more}})


@contextmanager
def running(stage: Stage) -> Iterator[Running]:
    """The mock and the French node of a stage."""
    parties = Parties()
    made = Running(stage, parties)
    try:
        for party in (stage.mock(), stage.node(FRANCE)):
            parties.start(party)
        for url in (f"{made.mock}/healthz", f"{made.ops}/readyz"):
            made.until(lambda url=url: _ready(made, url), START_SECONDS)
        yield made
        assert made.pid
    finally:
        parties.stop()


def _ready(made: Running, url: str) -> bool:
    assert all(party.alive for party in made.parties.by_name.values()), "a party did not start"
    try:
        return made.call("GET", url).status == 200
    except OSError:
        return False
