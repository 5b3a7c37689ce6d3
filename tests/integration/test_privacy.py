"""No text of an application or a dossier leaves by the side doors: logs, figures, tickets, journal, pages, errors.

Each text carries a token of its own. The tokens must arrive where the documents go, and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pika
import pytest
from lxml import etree

from adapters.demo.processes import free_port, run_hdeu
from adapters.demo.stage import FRANCE
from adapters.xml import XmlDocuments
from broker.data_files import schemas_dir
from broker.errors import Refused
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.facts import facts_of
from tests.support.bad_input import eu_json
from tests.support.files import a_pdf
from tests.support.flow_node import DATA, FR, dossier, partial_grant, pre_screening
from tests.support.pika_peer import Peer
from tests.support.planted import Planter, found_in, wire_zip
from tests.support.postgres import Databases
from tests.support.production import Production
from tests.support.rabbitmq import RabbitNode
from tests.support.running_node import FINDATA, Running, running

ZIP = "application/zip"
#: The way of a French leg; then everything else that the Hub could send, lawful or not.
pytestmark = pytest.mark.timeout(300)  # everything is brought through one node before the first test looks
ROAD = ("ApplicationAck", "", "StatusUpdate", "NationalStep", "FeeEstimate")
WORDS = ("PeerStatus", "FeeResponse", "ApplicantResponse", "AppealNotified")


@dataclass
class Planted:
    """A node through which planted documents have gone."""

    node: Running
    production: Production
    planter: Planter
    handed: set[str] = field(default_factory=set)  #: tokens that the back end was handed
    kept: set[str] = field(default_factory=set)  #: tokens in bytes that were kept
    own_problems: list[str] = field(default_factory=list)  #: what senders heard of their own documents
    others: list[str] = field(default_factory=list)  #: what everybody else heard
    tickets: list[bytes] = field(default_factory=list)
    application: str = ""


class Reader:
    """Says whether a document still is what it was, with a token in it."""

    def __init__(self) -> None:
        self.documents = XmlDocuments(schemas_dir())
        self.codec = EuR7Codec.load(schemas_dir())

    def dossier(self, root: etree._Element) -> bool:
        return self.documents.is_valid("fr-hdh-1", root)

    def application(self, envelope: Any, metadata: Any) -> bool:
        return self._wire(wire_zip(envelope, metadata), ZIP)

    def message(self, document: Any) -> bool:
        return self._wire(json.dumps(document).encode(), "application/json")

    def _wire(self, data: bytes, media_type: str) -> bool:
        try:
            root = self.codec.decode(data, media_type).root
        except Refused:
            return False
        return self.documents.is_valid("eu-1", root) and not facts_of(root).unknown_fields


@pytest.fixture(scope="module")
def planted(
    rabbit_node: RabbitNode, postgres_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    production = Production(rabbit_node, postgres_databases.admin_url, f"private_{secrets.token_hex(4)}")
    asyncio.run(production.prepare())
    folder = tmp_path_factory.mktemp("privacy")
    stage = production.stage(folder, mock_url="", mock_port=free_port(), **FINDATA)
    for words in (("keys", "init"), ("migrate",)):
        asyncio.run(run_hdeu(*words, env=stage.node_env(FRANCE)))
    with running(stage) as node, tapped(production) as tap:
        made = Planted(node, production, Planter(), application=secrets.token_hex(12))
        reader = Reader()
        platform_speaks(made, reader)
        office_speaks(made, reader)
        settle(made)
        listen(made, tap)
        yield made


class tapped:  # noqa: N801 -- a context, written like one
    """RabbitMQ's own copy of every message that is published in the node's vhost."""

    def __init__(self, production: Production) -> None:
        self.production, self.vhost = production, production.vhost(FRANCE)

    def __enter__(self) -> pika.adapters.blocking_connection.BlockingChannel:
        self.production.rabbit.allow("guest", self.vhost)
        url = self.production.rabbit.url("guest", self.vhost)
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = self.connection.channel()
        channel.queue_declare("tap")
        channel.queue_bind("tap", "amq.rabbitmq.trace", "publish.#")
        self.production.rabbit.ctl("trace_on", "-p", self.vhost)
        return channel

    def __exit__(self, *_: object) -> None:
        self.production.rabbit.ctl("trace_off", "-p", self.vhost)
        if self.connection.is_open:
            self.connection.close()


def platform_speaks(made: Planted, reader: Reader) -> None:
    """An application with all its sections and a file, what follows it, and each of them made invalid."""
    folder = DATA / "eu-r7"
    envelope = json.loads((folder / "ApplicationSubmitted.envelope.json").read_text("utf-8"))
    metadata = json.loads((folder / "ApplicationSubmitted.application_metadata.json").read_text("utf-8"))
    envelope["applicationId"] = metadata["application_id"] = made.application
    good, bad = made.planter.json(metadata, partial(reader.application, envelope))
    name = f"7b1f00000000000000000001_{made.planter.token('name of a file')}.pdf"
    text = a_pdf(comment=made.planter.token("text of a file").encode())
    send(made, wire_zip(envelope, good, {name: text}), ZIP)
    agree(made)
    made.node.arrives(made.application)
    send(made, wire_zip(envelope, bad), ZIP)
    send(made, wire_zip(envelope, {**good, "version": [made.planter.token("version")]}), ZIP)
    send(made, made.planter.token("no document at all").encode())
    for kind in WORDS:
        document = json.loads(eu_json(kind, applicationId=made.application))
        document["content"]["applicationId"] = made.application
        right, wrong = made.planter.json(document, reader.message)
        right["envelope"] |= {"applicationId": made.application}
        right["content"] |= {"applicationId": made.application}
        for one in (right, wrong, {**right, "gossip": made.planter.token("a value")}):
            send(made, json.dumps(one).encode())


def agree(made: Planted) -> None:
    """A token is no day and no word of a list: a person agrees to what the French form cannot carry."""
    [row] = made.node.until(lambda: made.node.find("", state="PARKED"))
    done = made.node.cli("messages", "sign-off", "--reason", "a test of what is told to whom", row["id"])
    assert done.returncode == 0, done


def send(made: Planted, data: bytes, media_type: str = "application/json") -> None:
    made.node.from_eu(data, media_type)
    made.kept |= found_in(data)


def office_speaks(made: Planted, reader: Reader) -> None:
    """Every event of a dossier, good and bad, over HTTP and over AMQP."""
    examples = sorted(path.stem for path in (DATA / "fr-hdh-1").glob("*.xml"))
    documents = [dossier(kind) if kind else pre_screening() for kind in ROAD]
    documents += [partial_grant(), *(dossier(kind) for kind in examples if kind not in ROAD)]
    made.node.bring_files()
    with Peer(made.production.amqp(FRANCE, "hdh"), "hdh") as peer:
        for document in documents:
            good, bad = made.planter.xml(of_case(document, made.application), reader.dossier)
            for data in (good, bad, good[: len(good) // 2]):
                answer = made.node.post(data)
                made.own_problems.append(answer.body.decode())
                made.kept |= found_in(data)
            peer.publish(bad, secrets.token_hex(8))


def of_case(document: bytes, application: str) -> bytes:
    root = etree.fromstring(document)
    for name in ("identifiantEU", "referenceEU"):
        for element in root.iter(f"{FR}{name}"):
            element.text = application
    return etree.tostring(root)


def settle(made: Planted) -> None:
    """Until nothing moves any more; then others look at what they may not see."""
    waiting = "KEPT,RECEIVED,QUEUED,SUBMITTING,READY"
    made.node.until(lambda: not made.node.find("", state=waiting), 60)
    with Peer(made.production.amqp(FRANCE, "hdh"), "hdh") as peer:
        while True:
            try:
                made.handed |= found_in(peer.receive(seconds=1).body)
            except TimeoutError:
                break
    for row in messages(made.node)[:40]:
        made.others += [
            made.node.get(f"/api/v1/messages/{row['id']}{path}", who="findata").body.decode() for path in ("", "/bytes")
        ]
        made.others.append(made.node.get(f"/api/v1/messages/{row['id']}/bytes", who="reader").body.decode())
    made.others.append(made.node.post(b"<a", who="findata").body.decode())
    made.others.append(made.node.post(b"<a", Authorization="Bearer x").body.decode())


def messages(node: Running) -> list[dict[str, Any]]:
    """Every row of the list, page by page."""
    rows, before = [], ""
    while True:
        page = node.get(f"/api/v1/messages?limit=200&before={before}").json
        rows += page["messages"]
        if not page["next"]:
            return rows
        before = page["next"]


def listen(made: Planted, tap: pika.adapters.blocking_connection.BlockingChannel) -> None:
    """Every ticket that was published, with its headers."""
    while True:
        method, properties, body = tap.basic_get("tap", auto_ack=True)
        if method is None:
            return
        keys = str((properties.headers or {}).get("routing_keys", ""))
        if "hdeu.work" in keys:
            made.tickets.append(body + str(properties.headers).encode())


def test_the_tokens_went_where_the_documents_go(planted: Planted) -> None:
    """Else the tests below would show nothing."""
    places = planted.planter.places
    of_form = {token for token, place in places.items() if place.startswith(("form", "title", "user"))}
    sections = {places[token].split("/")[1] for token in of_form if places[token].startswith("form/")}
    assert {f"section{number}" for number in range(1, 10)} <= sections  # the tenth has nothing but boxes to tick
    assert len(of_form & planted.kept) > 150
    arrived = of_form & planted.handed
    assert len(arrived) > len(of_form & planted.kept) / 3, "the office was handed too little of the form"
    print(f"{len(planted.kept)} tokens kept, {len(planted.handed)} handed over, {len(of_form)} in forms")  # noqa: T201 -- how much was looked for
    assert len(planted.kept) > 1000
    assert any(found_in(body) for body in planted.own_problems), "no sender heard of a value of its own"


def test_the_log_holds_none(planted: Planted) -> None:
    log = planted.node.log()
    assert log.count("\n") > 300
    assert found_in(log) == set()


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz"])
def test_figures_and_health_hold_none(planted: Planted, path: str) -> None:
    for base in (planted.node.ops, planted.node.api):
        answer = planted.node.call("GET", base + path)
        assert found_in(answer.body) == set()
    assert planted.node.call("GET", planted.node.ops + path).status == 200


def test_what_others_hear_holds_none(planted: Planted) -> None:
    assert len(planted.others) > 80
    assert found_in("".join(planted.others)) == set()


def test_tickets_hold_none(planted: Planted) -> None:
    assert len(planted.tickets) > 100
    assert found_in(b"".join(planted.tickets)) == set()


def test_the_journal_holds_none(planted: Planted, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    done = planted.node.cli("audit", "export", str(file))
    assert done.returncode == 0, done.stderr
    assert len(file.read_bytes().splitlines()) > 300
    assert found_in(file.read_bytes()) == set()


def test_no_page_of_the_console_shows_one(planted: Planted) -> None:
    node = planted.node
    paths = ["/console/messages", "/console/cases", "/console/messages?state=PARKED", "/console/messages?state=REFUSED"]
    paths += [f"/console/messages/{row['id']}" for row in messages(node)]
    paths += [f"/console/cases/{case['key']}" for case in node.get("/api/v1/cases").json["cases"]]
    assert len(paths) > 100
    for path in paths:
        answer = node.get(path)
        assert (path, answer.status) == (path, 200)
        assert (path, found_in(answer.body)) == (path, set())


@pytest.mark.parametrize("who", ["reader", "operator", "auditor"])
def test_the_api_shows_none_to_who_may_not_read_documents(planted: Planted, who: str) -> None:
    node = planted.node
    paths = ["/api/v1/messages?limit=200", "/api/v1/cases"]
    paths += [f"/api/v1/messages/{row['id']}" for row in messages(node)]
    paths += [f"/api/v1/cases/{case['key']}" for case in node.get("/api/v1/cases").json["cases"]]
    for path in paths:
        answer = node.get(path, who=who)
        assert answer.status == 200
        assert (path, found_in(answer.body)) == (path, set())


def test_a_list_on_the_command_line_shows_none(planted: Planted) -> None:
    for words in (("messages", "list", "--json"), ("parked", "list", "--json"), ("cases", "list", "--json")):
        done = planted.node.cli(*words)
        assert done.returncode == 0
        assert found_in(done.stdout + done.stderr) == set()
