"""With polling off the notification is all there is: once it is answered, no crash may lose it."""

from __future__ import annotations

import random
import signal
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.demo.stage import FRANCE
from tests.support.bad_input import eu_json
from tests.support.pusher import operations, push, push_at_once, pushed_only
from tests.support.pushes import told, whole
from tests.support.running_node import Running, embedded_stage, running

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 20
#: A dead worker's rows are free after the lease, which is longer than any call: as in production, only shorter.
SHORT = {"HDEU_ACCESS_POINT__TIMEOUT": "8", "HDEU_WORK__LEASE": "12", "HDEU_WORK__BACKOFF_CAP": "1"}
LOOKS = 10  #: 0.05 s apart
GOSSIP = eu_json(messageType="Gossip")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stage = embedded_stage(tmp_path_factory.mktemp("push"))
    stage.extra[FRANCE.node] = {
        **stage.extra[FRANCE.node],
        "HDEU_ACCESS_POINT__POLL": "false",
        "HDEU_WORK__BACKOFF_BASE": "0.1",
        **SHORT,
    }
    with running(stage) as made:
        yield made


def answered(node: Running, wire_ids: set[str]) -> Counter[str]:
    """How often each of them was judged, as the platform heard it."""
    return Counter(
        content["originalMessageId"]
        for content in node.told("ValidationResult")
        if content["originalMessageId"] in wire_ids
    )


def kill_and_start(node: Running) -> None:
    party = node.parties.by_name[FRANCE.node]
    party.kill()
    party.start()
    node.until(lambda: _answers(node), 60)


def _answers(node: Running) -> bool:
    try:
        return node.call("GET", f"{node.ops}/healthz").status == 200
    except OSError:
        return False


def worked_off(node: Running) -> int:
    """How often a message was fetched, once that has not changed for half a second."""
    seen: list[int] = []

    def still() -> bool:
        seen.append(len(operations(node, "retrieveMessage")))
        return len(seen) >= LOOKS and len(set(seen[-LOOKS:])) == 1

    node.until(still)
    return seen[-1]


def test_what_was_answered_200_survives_sigkill_and_is_fetched_once(node: Running) -> None:
    wire_ids = {node.from_eu(GOSSIP) for _ in range(COUNT)}
    mock = node.parties.by_name["mock-eu"].process
    assert mock is not None
    mock.send_signal(signal.SIGSTOP)  # nothing can be fetched before the node is killed
    answers = push_at_once(node, [told("receiveSuccess", wire_id) for wire_id in sorted(wire_ids)])
    assert [answer.status for answer in answers] == [200] * COUNT
    party = node.parties.by_name[FRANCE.node]
    pid = party.kill()
    mock.send_signal(signal.SIGCONT)
    before = worked_off(node)  # of the calls that were under way when it died
    party.start()
    node.until(lambda: len(answered(node, wire_ids)) == COUNT, 90)
    assert node.pid != pid
    fetched = Counter(entry["message_id"] for entry in operations(node, "retrieveMessage")[before:])
    assert fetched == Counter(wire_ids)
    assert set(answered(node, wire_ids).values()) == {1}
    for wire_id in wire_ids:
        assert len(node.find(f"{wire_id}|RECEIVING")) == 1
    pushed_only(node)


def test_one_id_five_times_at_once_is_fetched_once(node: Running) -> None:
    wire_id = node.from_eu(GOSSIP)
    answers = push_at_once(node, [told("receiveSuccess", wire_id)] * 5)
    assert [answer.status for answer in answers] == [200] * 5
    node.verdict(wire_id)
    assert push(node, told("receiveSuccess", wire_id)).status == 200
    assert Counter(entry["message_id"] for entry in operations(node, "retrieveMessage"))[wire_id] == 1
    assert len(node.find(f"{wire_id}|RECEIVING")) == 1


def test_a_whole_message_that_was_answered_200_survives_sigkill(node: Running) -> None:
    assert push(node, whole("pushed-whole@example", GOSSIP)).status == 200
    kill_and_start(node)
    assert node.verdict("pushed-whole@example")["validated"] is False
    assert push(node, whole("pushed-whole@example", GOSSIP)).status == 200
    assert len(node.find("pushed-whole@example|RECEIVING")) == 1


@contextmanager
def grown_by_less_than(node: Running, megabytes: int) -> Iterator[None]:
    """The node's resident memory at its highest, against what it is now."""
    proc = Path(f"/proc/{node.pid}")
    (proc / "clear_refs").write_text("5", encoding="ascii")  # the highest is the present again
    before = highest(proc)
    yield
    assert highest(proc) - before < megabytes * 1024


def highest(proc: Path) -> int:
    """In kB."""
    lines = (proc / "status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test_a_large_message_survives_sigkill_and_is_held_whole_neither_in_nor_out(node: Running) -> None:
    data = random.Random(1).randbytes(30 * 2**20)
    with grown_by_less_than(node, 15):
        assert push(node, whole("large@example", data, "application/zip")).status == 200
    kill_and_start(node)
    with grown_by_less_than(node, 15):
        assert node.verdict("large@example")["validated"] is False
        [row] = node.find("large@example|RECEIVING")
        assert sha256(node.kept(row["id"])).digest() == sha256(data).digest()
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == ["bad-zip"]


def test_an_id_that_does_not_exist_is_noted_and_those_behind_it_pass(node: Running) -> None:
    assert push(node, told("receiveSuccess", "nowhere@example")).status == 200
    wire_id = node.from_eu(GOSSIP)
    assert push(node, told("receiveSuccess", wire_id)).status == 200
    node.verdict(wire_id)
    [row] = node.until(lambda: node.find("nowhere@example|LOST", state="PARKED"), 60)
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == ["message-gone"]
    node.until(lambda: b"fetch.gone" in node.cli("audit", "export", "/dev/stdout").stdout, 60)


def test_a_message_that_the_access_point_could_not_receive_is_put_before_a_person(node: Running) -> None:
    for _ in range(2):
        assert push(node, told("receiveFailure", "lost@example")).status == 200
    [row] = node.find("lost@example|LOST")
    assert (row["state"], row["message_id"]) == ("PARKED", "lost@example")
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == ["message-not-received"]


def test_a_stranger_gets_401_and_what_cannot_be_read_is_parked_with_its_bytes(node: Running) -> None:
    assert push(node, told("receiveSuccess", "x"), password="wrong").status == 401
    broken = told("receiveSuccess", "x")[:-9]
    assert push(node, broken).status == 200
    [row] = [row for row in node.find("", state="PARKED") if row["message_id"].startswith("push|")]
    assert node.kept(row["id"]) == broken
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == ["soap-truncated"]


def test_a_node_before_an_access_point_takes_nothing_over_eu_https(node: Running) -> None:
    assert node.call("GET", "/eu-https/keys").status == 404
    assert node.call("POST", "/eu-https/messages/x", b"{}", {"Content-Type": "application/json"}).status == 404
