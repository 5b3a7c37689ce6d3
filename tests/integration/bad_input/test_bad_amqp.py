"""Bad input over AMQP: a node on RabbitMQ and PostgreSQL, with pika as the back end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from adapters.demo.processes import free_port, run_hdeu
from adapters.demo.stage import FRANCE
from broker.flow.read import CLAIM_CHECK
from tests.support.amqp_door import give_back
from tests.support.bad_input import (
    DOCUMENTS,
    GENERIC,
    MEGABYTES_11,
    NEAR_MISSES,
    ONE_OF_EACH,
    Bad,
    Matrix,
    about,
    from_right_to_left,
    names,
    number,
    same_bytes,
    titled_so,
)
from tests.support.flow_node import lodged
from tests.support.pika_peer import Peer, Received
from tests.support.postgres import Databases
from tests.support.production import Production
from tests.support.rabbitmq import RabbitNode
from tests.support.running_node import FINDATA, Running, running

SECONDS = 40.0


@dataclass
class Office:
    """The back end hdh: publishes, and files what it is told by the key of what it published."""

    peer: Peer
    told: list[Received] = field(default_factory=list)

    def publish(self, data: bytes, key: str | None = None, **properties: Any) -> str:
        message_id = secrets.token_hex(8) if key is None else key
        self.peer.publish(data, message_id or None, **properties)
        return message_id

    def hears(self, kind: str, key: str, *, count: int = 1) -> list[dict[str, Any]]:
        """The notices of one kind (`error`, `outcome`) about one of its messages."""
        end = time.monotonic() + SECONDS
        while True:
            bodies = [json.loads(one.body) for one in self.told if one.routing_key == f"hdh.{kind}"]
            found = [body for body in bodies if body.get("key", "") == key]
            if len(found) >= count:
                return found
            assert time.monotonic() < end, (kind, key, [one.routing_key for one in self.told][-5:])
            self.read(0.2)

    def read(self, seconds: float) -> bool:
        """Whether something came."""
        try:
            self.told.append(self.peer.receive(seconds=seconds))
        except TimeoutError:
            return False
        return True

    def hands_over(self, kind: str, delivery: str) -> Received:
        """The delivery of this id, once it comes."""
        end = time.monotonic() + SECONDS
        while not (found := [one for one in self.told if one.properties.message_id == delivery]):
            assert time.monotonic() < end, (kind, delivery)
            self.read(0.2)
        assert found[0].routing_key == f"hdh.{kind}"
        return found[0]

    def passes(self) -> None:
        """A good message, right behind: the platform says that it is valid, and the office hears so."""
        key = self.publish(lodged(number()))
        [outcome] = self.hears("outcome", key)
        assert (outcome["type"], outcome["outcome"]) == ("ApplicationOriginated", "accepted")


@pytest.fixture(scope="module")
def production(rabbit_node: RabbitNode, postgres_databases: Databases) -> Production:
    made = Production(rabbit_node, postgres_databases.admin_url, f"bad_{secrets.token_hex(4)}")
    asyncio.run(made.prepare())
    return made


@pytest.fixture(scope="module")
def amqp_node(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stage = production.stage(tmp_path_factory.mktemp("bad-amqp"), mock_url="", mock_port=free_port(), **FINDATA)
    env = stage.node_env(FRANCE)
    for words in (("keys", "init"), ("migrate",)):
        asyncio.run(run_hdeu(*words, env=env))
    with running(stage) as made:
        made.bring_files()
        yield made


@pytest.fixture(scope="module")
def office(production: Production, amqp_node: Running) -> Iterator[Office]:
    assert amqp_node.pid
    with Peer(production.amqp(FRANCE, "hdh"), "hdh") as peer:
        yield Office(peer)


@pytest.fixture(autouse=True)
def _survives(amqp_node: Running) -> Iterator[None]:
    pid = amqp_node.pid
    yield
    assert amqp_node.pid == pid


@pytest.mark.parametrize("bad", [*DOCUMENTS, *ONE_OF_EACH], ids=lambda bad: bad.name)
def test_a_publisher_is_told_what_is_wrong_with_a_document(
    amqp_node: Running, office: Office, matrix: Matrix, bad: Bad
) -> None:
    key = office.publish(bad.data)
    [told] = office.hears("error", key)
    found = names(told["problems"], bad)
    [row] = amqp_node.find(key)
    assert (row["state"], row["id"]) == ("REFUSED", told["message"])
    kept = same_bytes(amqp_node, row["id"], bad.data)
    office.passes()
    matrix.add("AMQP", bad.name, "hdh.error", code=bad.code, where=found.get("path", ""), kept=kept)


def test_every_near_miss_in_one_go_has_its_own_answer(amqp_node: Running, office: Office, matrix: Matrix) -> None:
    keys = {office.publish(bad.data): bad for bad in NEAR_MISSES}
    for key, bad in keys.items():
        [told] = office.hears("error", key)
        found = names(told["problems"], bad)
        kept = same_bytes(amqp_node, told["message"], bad.data)
        matrix.add(
            "AMQP", bad.name, "hdh.error", code=bad.code, where=found["path"], kept=kept, after="after all of them"
        )
    office.passes()


def test_a_text_from_right_to_left_is_taken_as_it_is(amqp_node: Running, office: Office, matrix: Matrix) -> None:
    data, before = from_right_to_left(), titled_so(amqp_node)
    key = office.publish(data)
    [outcome] = office.hears("outcome", key)
    assert outcome["outcome"] == "accepted"
    assert titled_so(amqp_node) == before + 1
    kept = same_bytes(amqp_node, outcome["message"], data)
    office.passes()
    matrix.add("AMQP", "title from right to left", "hdh.outcome", code="-", kept=kept)


def test_eleven_megabytes_are_kept_and_refused(amqp_node: Running, office: Office, matrix: Matrix) -> None:
    key = office.publish(MEGABYTES_11)
    [told] = office.hears("error", key)
    assert [problem["code"] for problem in told["problems"]] == ["document-too-large"]
    kept = same_bytes(amqp_node, told["message"], MEGABYTES_11)
    office.passes()
    matrix.add("AMQP", "11 MB", "hdh.error", code="document-too-large", kept=kept)


def test_a_claim_check_is_for_what_its_publisher_uploaded(amqp_node: Running, office: Office, matrix: Matrix) -> None:
    data = lodged(number())
    theirs = amqp_node.upload(data, who="findata")
    for digest in (theirs, secrets.token_hex(32)):
        claim = json.dumps({"sha256": digest}).encode()
        [told] = office.hears("error", office.publish(claim, content_type=CLAIM_CHECK))
        [problem] = told["problems"]
        assert (problem["code"], problem["path"], problem["value"]) == ("not-uploaded", "sha256", digest)
        kept = same_bytes(amqp_node, told["message"], claim)
    matrix.add("AMQP", "claim on another's file", "hdh.error", code="not-uploaded", where="sha256", kept=kept)
    assert amqp_node.upload(data) == theirs
    key = office.publish(json.dumps({"sha256": theirs}).encode(), content_type=CLAIM_CHECK)
    [outcome] = office.hears("outcome", key)
    assert (outcome["type"], outcome["outcome"]) == ("ApplicationOriginated", "accepted")


PROPERTIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no message id": ({"key_": ""}, "message-id-missing", "message_id"),
    "no content type": ({"content_type": None}, "content-type-missing", "content_type"),
    "packed": ({"content_encoding": "gzip"}, "content-encoding-unsupported", "content_encoding"),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_that_break_a_rule_are_told_and_the_bytes_set_aside(
    amqp_node: Running, office: Office, matrix: Matrix, name: str
) -> None:
    properties, code, path = PROPERTIES[name]
    given = dict(properties)
    data = lodged(number())
    key = office.publish(data, given.pop("key_", None), **given)
    [problem] = office.hears("error", key)[-1]["problems"]
    assert (problem["code"], problem["path"]) == (code, path)
    kept = set_aside(amqp_node, data, code)
    office.passes()
    matrix.add("AMQP", name, "hdh.error", code=code, where=path, kept=kept)


def set_aside(node: Running, data: bytes, code: str) -> str:
    """Parked under the hash of its content, with the reason."""
    digest = hashlib.sha256(data).hexdigest()
    [row] = node.until(lambda: node.find(f"sha256:{digest}"))
    assert row["state"] == "PARKED"
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == [code]
    return same_bytes(node, row["id"], data)


def test_nobodys_message_is_set_aside(amqp_node: Running, office: Office, matrix: Matrix) -> None:
    data = lodged(number())
    office.publish(data, user_id=None)
    kept = set_aside(amqp_node, data, "user-id-missing")
    office.passes()
    matrix.add("AMQP", "no user id", "parked", code="user-id-missing", kept=kept)


def test_an_unknown_back_end_is_set_aside(
    production: Production, amqp_node: Running, office: Office, matrix: Matrix
) -> None:
    production.rabbit.add_user("stranger")
    production.rabbit.allow("stranger", production.vhost(FRANCE))
    data = lodged(number())
    with Peer(production.amqp(FRANCE, "stranger"), "stranger") as stranger:
        stranger.publish(data, "m-1")
        kept = set_aside(amqp_node, data, "unknown-backend")
    office.passes()
    matrix.add("AMQP", "unknown back end", "parked", code="unknown-backend", kept=kept)


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("another back end's routing key", {"key": "findata.StatusUpdate"}),
        ("another back end's user id", {"user_id": "findata", "key": "findata.StatusUpdate"}),
        ("another back end's user id under its own key", {"user_id": "findata"}),
    ],
)
def test_rabbitmq_lets_nobody_speak_for_another_back_end(
    production: Production, office: Office, matrix: Matrix, name: str, properties: dict[str, Any]
) -> None:
    with (
        pytest.raises((ChannelClosedByBroker, ConnectionClosedByBroker)) as closed,
        Peer(production.amqp(FRANCE, "hdh"), "hdh") as peer,
    ):
        peer.publish(lodged(number()), "m-1", **properties)
    assert closed.value.reply_code in {403, 406}
    office.passes()
    matrix.add("AMQP", name, "channel closed", code=str(closed.value.reply_code), kept="no")


def test_nobody_reads_another_back_ends_queue(production: Production, office: Office, matrix: Matrix) -> None:
    with pika.BlockingConnection(pika.URLParameters(production.amqp(FRANCE, "hdh"))) as connection:
        channel = connection.channel()
        with pytest.raises(ChannelClosedByBroker) as closed:
            channel.basic_get("hdeu.in.findata")
    assert closed.value.reply_code == 403
    office.passes()
    matrix.add("AMQP", "another back end's queue", "channel closed", code="403", kept="-")


def test_an_illegal_step_is_told_with_what_would_be_possible(
    amqp_node: Running, office: Office, matrix: Matrix
) -> None:
    application = amqp_node.file()
    amqp_node.arrives(application)
    data = about(application, "PermitIssued")
    [told] = office.hears("error", office.publish(data))
    [problem] = told["problems"]
    assert (problem["code"], problem["value"]) == ("illegal-step", "RECEIVED")
    assert "ApplicationAck" in problem["hint"]
    kept = same_bytes(amqp_node, told["message"], data)
    office.passes()
    matrix.add("AMQP", "illegal step PermitIssued", "hdh.error", code="illegal-step", where="leg", kept=kept)


def test_the_same_message_again_has_its_first_outcome_and_another_one_under_its_id_an_error(
    amqp_node: Running, office: Office, matrix: Matrix
) -> None:
    data = lodged(number())
    key = office.publish(data)
    [first] = office.hears("outcome", key)
    office.publish(data, key)
    assert office.hears("outcome", key, count=2) == [first, first]
    matrix.add("AMQP", "same id, equal content", "hdh.outcome", code="-", kept="yes")
    bad = office.publish(b"<a")
    [refused] = office.hears("error", bad)
    office.publish(b"<a", bad)
    assert office.hears("error", bad, count=2) == [refused, refused]
    matrix.add("AMQP", "same id, equal bad content", "hdh.error", code="not-xml", kept="yes")
    office.publish(lodged(number()), key)
    [conflict] = office.hears("error", key)
    assert [problem["code"] for problem in conflict["problems"]] == ["key-reused"]
    [row] = [row for row in amqp_node.find(key) if row["type"] == "ApplicationOriginated"]
    assert same_bytes(amqp_node, row["id"], data) == "yes"
    office.passes()
    matrix.add("AMQP", "same id, other content", "hdh.error", code="key-reused", kept="no")


def test_what_the_office_gives_back_until_its_queue_gives_up_waits_for_a_person_and_is_handed_over_again(
    production: Production, amqp_node: Running, office: Office, matrix: Matrix
) -> None:
    while office.read(0.5):
        pass
    application = amqp_node.file()
    case = amqp_node.arrives(application)
    assert give_back(production.amqp(FRANCE, "hdh"), "hdeu.in.hdh") == 21

    def parked() -> list[dict[str, Any]]:
        return amqp_node.find(case["key"], state="PARKED")

    [row] = amqp_node.until(parked)
    assert [problem["code"] for problem in amqp_node.message(row["id"])["problems"]] == ["given-back"]
    [exchange] = amqp_node.message(row["id"])["exchanges"]
    assert amqp_node.cli("messages", "retry", row["id"]).returncode == 0
    again = office.hands_over("ApplicationSubmitted", exchange["id"])
    assert hashlib.sha256(again.body).hexdigest() == exchange["document_sha256"]
    assert amqp_node.message(row["id"])["state"] == "DELIVERED"
    office.passes()
    matrix.add("AMQP", "given back 20 times", "parked", code="given-back", kept="yes")


def test_no_answer_was_a_generic_one_and_the_journal_holds(amqp_node: Running, office: Office) -> None:
    office.read(0.5)
    errors = [json.loads(one.body) for one in office.told if one.routing_key == "hdh.error"]
    assert len(errors) > len(NEAR_MISSES)
    assert not GENERIC & {problem["code"] for body in errors for problem in body["problems"]}
    ready = amqp_node.call("GET", f"{amqp_node.ops}/readyz")
    assert (ready.status, ready.json["loops"]["door.amqp"]["state"]) == (200, "ok")
    assert amqp_node.cli("audit", "verify").returncode == 0
    assert "Traceback" not in amqp_node.log()
