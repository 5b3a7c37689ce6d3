"""A whole node whose RabbitMQ stands still while work is in flight: it says so, and makes up for it afterwards."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
import socket
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pika.exceptions import AMQPError

from adapters.demo.processes import free_port, run_hdeu
from adapters.demo.stage import FRANCE
from adapters.mock_eu.model import SENDING
from broker.flow.read import CLAIM_CHECK
from tests.support.bad_input import number
from tests.support.flow_node import lodged
from tests.support.pika_peer import Peer, Received
from tests.support.production import Production
from tests.support.rabbitmq import RabbitNode, own_rabbit
from tests.support.running_node import FINDATA, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Databases

BEFORE, DURING = (
    12,
    3,
)  #: applications from the platform, and documents of the office: before it stands still, meanwhile
STILL_SECONDS = 15.0  #: longer than the node's heartbeat, shorter than that of the office
MADE_UP_SECONDS = 60.0  #: after which everything is delivered, once RabbitMQ runs again


@pytest.fixture
def rabbit() -> Iterator[RabbitNode]:
    """Of its own: others share the usual node."""
    with own_rabbit() as node:
        yield node


@pytest.fixture
def production(rabbit: RabbitNode, postgres_databases: Databases) -> Production:
    made = Production(rabbit, postgres_databases.admin_url, f"still_{secrets.token_hex(4)}")
    asyncio.run(made.prepare())
    return made


@pytest.fixture
def node(production: Production, tmp_path: Path) -> Iterator[Running]:
    quick = {"HDEU_ACCESS_POINT__POLL": "0.2", "HDEU_WORK__BACKOFF_CAP": "5"}
    stage = production.stage(tmp_path, mock_url="", mock_port=free_port(), **FINDATA, **quick)
    for words in (("keys", "init"), ("migrate",)):
        asyncio.run(run_hdeu(*words, env=stage.node_env(FRANCE)))
    with running(stage) as made:
        made.bring_files()
        yield made


class Office:
    """The back end hdh as an integrator would write it: it files what comes, and connects anew when it must."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.filed: list[Received] = []
        self.over = threading.Event()

    def read(self) -> None:
        while not self.over.is_set():
            try:
                with Peer(self.url, "hdh") as peer:
                    while not self.over.is_set():
                        self._next(peer)
            except (AMQPError, OSError):
                time.sleep(0.2)

    def _next(self, peer: Peer) -> None:
        try:
            self.filed.append(peer.receive(seconds=0.2))
        except TimeoutError:
            return

    def ids(self, kind: str, pattern: bytes) -> dict[str, set[str]]:
        """By what was found in the body, the ids of the messages in which it came."""
        found: dict[str, set[str]] = {}
        for one in [*self.filed]:
            if one.routing_key == f"hdh.{kind}" and (match := re.search(pattern, one.body)):
                found.setdefault(match.group(1).decode(), set()).add(str(one.properties.message_id))
        return found


@contextmanager
def reading(office: Office) -> Iterator[Office]:
    thread = threading.Thread(target=office.read)
    thread.start()
    try:
        yield office
    finally:
        office.over.set()
        thread.join(timeout=30)


@contextmanager
def standing_still(rabbit: RabbitNode) -> Iterator[None]:
    """SIGSTOP, shown to have happened: the kernel says so, and a connection is taken and never answered."""
    rabbit.pause()
    try:
        within_a_moment = time.monotonic() + 5
        while _state(rabbit.pid) != "T":
            assert time.monotonic() < within_a_moment, "it runs on"
        with socket.create_connection(("127.0.0.1", rabbit.port), timeout=2) as silent:
            silent.sendall(b"AMQP\0\0\x09\x01")
            with pytest.raises(TimeoutError):
                silent.recv(1)
        yield
    finally:
        rabbit.resume()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def readiness(node: Running) -> tuple[int, dict[str, Any]]:
    answer = node.call("GET", f"{node.ops}/readyz")
    return answer.status, answer.json


def at_the_platform(node: Running) -> list[str]:
    """The numbers of the dossiers that lie there, as often as they lie there."""
    with node.platform() as store:
        held = store._messages(f"nation = 'fr' AND role = '{SENDING}' AND type = 'ApplicationOriginated'", ())
    return [found for one in held for found in [_number(one.parts[0].data)] if found]


def _number(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    match = re.search(rb"EXEMPLE-[0-9a-f]{12}", whole)
    return match.group().decode() if match else ""


def fetched(production: Production, applications: list[str]) -> int:
    """How many of them the node has kept."""
    headers = str(production.rows(FRANCE, "SELECT headers FROM messages WHERE door = 'access-point'"))
    return sum(application in headers for application in applications)


def document(one: str) -> bytes:
    """A dossier whose title, which travels, is its number."""
    return lodged(one).replace("Devenir après un AVC".encode(), one.encode())


def publish(node: Running, url: str, numbers: list[str]) -> None:
    """Every second document goes as a claim check."""
    with Peer(url, "hdh") as peer:
        for at, one in enumerate(numbers):
            data = document(one)
            if at % 2:
                claim = json.dumps({"sha256": node.upload(data)}).encode()
                peer.publish(claim, one, key="hdh.ApplicationOriginated", content_type=CLAIM_CHECK)
            else:
                peer.publish(data, one, key="hdh.ApplicationOriginated")


@pytest.mark.timeout(300)
def test_what_is_in_flight_when_rabbitmq_stands_still_arrives_once_it_runs_again_and_readiness_tells_meanwhile(
    node: Running, rabbit: RabbitNode, production: Production
) -> None:
    pid, url = node.pid, production.amqp(FRANCE, "hdh")
    numbers, late = [number() for _ in range(BEFORE)], [number() for _ in range(DURING)]
    with reading(Office(url)) as office:
        applications = [node.file() for _ in range(BEFORE)]
        publish(node, url, numbers)
        node.until(lambda: len(office.filed) > 2)
        with standing_still(rabbit):
            assert readable(office, applications) < BEFORE or len(at_the_platform(node)) < BEFORE, "work is in flight"
            began = time.monotonic()
            node.until(lambda: readiness(node)[0] == 503)
            node.until(lambda: readiness(node)[1]["checks"]["queue"]["state"] != "ok")
            assert readiness(node)[1]["checks"]["database"]["state"] == "ok"
            applications += [node.file() for _ in range(DURING)]
            assert {node.post(document(one)).status for one in late} == {202}, (
                "what comes over HTTP is kept all the same"
            )
            node.until(lambda: fetched(production, applications) == BEFORE + DURING)
            time.sleep(max(0.0, STILL_SECONDS - (time.monotonic() - began)))
            assert production.work(FRANCE) > 0
        resumed = time.monotonic()
        node.until(lambda: readiness(node)[0] == 200, MADE_UP_SECONDS)
        node.until(lambda: readable(office, applications) == BEFORE + DURING, MADE_UP_SECONDS)
        node.until(lambda: len(at_the_platform(node)) >= BEFORE + DURING, MADE_UP_SECONDS)
        node.until(lambda: production.work(FRANCE) == 0, MADE_UP_SECONDS)
        assert time.monotonic() - resumed < MADE_UP_SECONDS
    assert sorted(at_the_platform(node)) == sorted([*numbers, *late]), "each is there once"
    came = arrived(office)
    assert {application: len(came[application]) for application in applications} == dict.fromkeys(applications, 1)
    assert node.pid == pid


def arrived(office: Office) -> dict[str, set[str]]:
    """The applications that the office has, each with the ids under which it came."""
    return office.ids("ApplicationSubmitted", rb"<identifiantEU>([^<]+)<")


def readable(office: Office, applications: list[str]) -> int:
    return len(set(applications) & set(arrived(office)))
