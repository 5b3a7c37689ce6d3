"""Bad events at the endpoint that REMS puts to, on the running node."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from typing import Any

import pytest

from tests.integration.bad_input.conftest import REMS_SECRET
from tests.support.bad_input import Bad, Matrix, names, passes, same_bytes
from tests.support.running_node import DATA, Answer, Running

FOLDER = DATA / "rems-1"


def event(kind: str, **changes: Any) -> bytes:
    """An example under an id that no event had yet; None takes a member away."""
    example = json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
    changed = {**example, "event/id": 10**9 + secrets.randbelow(10**9), **changes}
    return json.dumps({name: value for name, value in changed.items() if value is not None}).encode()


def _near_misses() -> list[Bad]:
    """One of each code, under an id that no event had yet."""
    index = tomllib.loads((FOLDER / "near-misses/index.toml").read_text("utf-8"))["near-miss"]
    first = {row["code"]: row for row in reversed(index)}
    return [Bad(f"near-miss {row['file']}", renamed(row["file"]), row["code"], row["path"]) for row in first.values()]


def renamed(file: str) -> bytes:
    event = json.loads((FOLDER / "near-misses" / file).read_text("utf-8"))
    return json.dumps({**event, "event/id": 10**9 + secrets.randbelow(10**9)}).encode()


EVENTS = (
    Bad("not JSON", b"good morning", "not-json"),
    Bad("nothing", b"", "empty-document"),
    Bad("a list", b"[1]", "bad-shape"),
    Bad("no event", b"{}", "unknown-message-type", "/event~1type"),
    Bad("ten thousand deep", b"[" * 10_000 + b"]" * 10_000, "too-deep"),
    Bad("a name twice", b'{"event/type": "x", "event/type": "y"}', "duplicate-key"),
    Bad("bytes of another encoding", event("ApplicationAck").replace(b'"', b'"\xe9', 1), "bad-encoding"),
    Bad("NUL byte", event("ApplicationAck").replace(b'"', b'"\x00', 1), "not-json"),
    Bad("control character in a name", event("ApplicationAck", **{"a\x01": 1}), "bad-character"),
    Bad(
        "30 February",
        event("ApplicationAck", **{"event/time": "2026-02-30T08:00:00.000Z"}),
        "bad-value",
        "/event~1time",
    ),
    Bad("no time", event("ApplicationAck", **{"event/time": None}), "missing-element", "/event~1time"),
    Bad("over 10 MB", b'{"x": "' + b"x" * 10_500_000 + b'"}', "document-too-large"),
    *_near_misses(),
)


def put(node: Running, data: bytes, secret: str = REMS_SECRET, backend: str = "rems") -> Answer:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return node.call("PUT", f"/rems/{backend}/events", data, headers)


def kept_as(data: bytes) -> str:
    """The key under which the door keeps it: the event's id, else the hash of its bytes."""
    try:
        return str(json.loads(data)["event/id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize("bad", EVENTS, ids=lambda bad: bad.name)
def test_an_event_that_breaks_a_rule_is_kept_and_refused_by_its_own_code(
    node: Running, matrix: Matrix, bad: Bad
) -> None:
    answer = put(node, bad.data)
    if answer.status == 413:
        assert answer.codes == {bad.code}
        matrix.add("REMS", bad.name, "413", code=bad.code, kept="no")
    else:
        assert answer.status == 200, answer
        [row] = node.until(lambda: node.find(kept_as(bad.data), state="REFUSED"))
        found = names(node.message(row["id"])["problems"], bad)
        kept = same_bytes(node, row["id"], bad.data)
        matrix.add("REMS", bad.name, "200, refused", code=bad.code, where=found.get("path", ""), kept=kept)
    goes_on(node)


def goes_on(node: Running) -> None:
    """Good ones, right behind: an event is kept as it came, a dossier passes."""
    good = event("ApplicationAck")
    assert put(node, good).status == 200
    [row] = node.until(lambda: node.find(kept_as(good)))
    assert same_bytes(node, row["id"], good) == "yes"
    passes(node)


def test_other_bytes_under_the_id_of_an_event_wait_for_a_person(node: Running, matrix: Matrix) -> None:
    first = event("ApplicationAck")
    other = json.dumps({**json.loads(first), "event/actor": "somebody"}).encode()
    digest = hashlib.sha256(other).hexdigest()
    assert [put(node, data).status for data in (first, first, other)] == [200] * 3
    [row] = node.until(lambda: node.find(f"{kept_as(first)}#{digest[:16]}", state="PARKED"))
    assert [problem["code"] for problem in node.message(row["id"])["problems"]] == ["key-reused"]
    assert len(node.find(kept_as(first))) == 1
    goes_on(node)
    kept = same_bytes(node, row["id"], other)
    matrix.add("REMS", "same id, other content", "200, parked", code="key-reused", kept=kept)


@pytest.mark.parametrize(
    ("secret", "backend"), [("", "rems"), ("wrong", "rems"), (REMS_SECRET, "hdh"), (REMS_SECRET, "nobody")]
)
def test_nobody_else_puts_an_event(node: Running, matrix: Matrix, secret: str, backend: str) -> None:
    data = event("ApplicationAck")
    answer = put(node, data, secret, backend)
    assert (answer.status, answer.codes) == (401, {"unauthenticated"})
    assert node.find(kept_as(data)) == []
    matrix.add("REMS", f"secret of nobody for {backend}", "401", code="unauthenticated", kept="no")
