"""Two nodes speak directly with each other; and whatever else comes to the door, in France's name or nobody's."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import secrets
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from adapters.access_point.eu_https import tokens
from adapters.demo.processes import free_port
from adapters.demo.stage import FINLAND, FRANCE
from adapters.identity.keys import generate
from tests.support.eu_https_contract import schema
from tests.support.running_node import DATA, Answer
from tests.support.two_nodes import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    FR_TO_FI,
    PARTIES,
    Pair,
    as_message,
    enforcement,
    is_ready,
    two_nodes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_node import Running

MEASURE = (DATA / "fr-hdh-1" / "EnforcementRecord.xml").read_bytes()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_nodes(tmp_path_factory.mktemp("two-nodes")) as made:
        yield made


def new_id(name: str = "made") -> str:
    return f"{name}-{secrets.token_hex(6)}@fr.example"


def a_measure() -> bytes:
    """Of the French body, with an id of its own."""
    return MEASURE.replace(b"urn:example:record:fr-2027-1", f"urn:example:record:{secrets.token_hex(6)}".encode())


def submitted(pair: Pair, document: bytes) -> dict[str, Any]:
    answer = pair.france.post(document)
    assert answer.status == 202, answer
    return pair.france.message(answer.json["id"])


def sent(pair: Pair, message: dict[str, Any], seconds: float = 20) -> dict[str, Any]:
    """The exchange to the other body, once it ended."""

    def ended() -> Any:
        found = pair.france.message(message["id"])["exchanges"]
        return [one for one in found if one["direction"] == "outbound" and one["state"] == "ENDED"]

    [exchange] = pair.france.until(ended, seconds)
    return dict(exchange)


def rows(node: Running, wire_id: str) -> list[dict[str, Any]]:
    return node.find(f"{wire_id}|RECEIVING")


def told(pair: Pair, wire_id: str) -> dict[str, Any]:
    """The one message that Finland has under this id."""
    pair.finland.until(lambda: rows(pair.finland, wire_id))
    [row] = rows(pair.finland, wire_id)
    return pair.finland.message(row["id"])


def journal(node: Running) -> list[dict[str, Any]]:
    lines = node.get("/api/v1/audit/export", who="auditor").body.decode().splitlines()
    return [record for line in lines if (record := json.loads(line))["kind"] == "entry"]


def at_the_office(pair: Pair, message_id: str) -> bytes:
    """What the Finnish office fetches."""

    def document() -> Answer | None:
        answer = pair.finland.get(f"/api/v1/messages/{message_id}/document", who="findata")
        return answer if answer.status == 200 else None

    answer: Answer = pair.finland.until(document, 60)
    return answer.body


def test_a_measure_of_the_french_body_reaches_the_finnish_office_and_the_answer_comes_back(pair: Pair) -> None:
    document = a_measure()
    exchange = sent(pair, submitted(pair, document))
    arrived = told(pair, exchange["message_id"])
    assert hashlib.sha256(pair.finland.kept(arrived["id"])).hexdigest() == exchange["document_sha256"]
    mark = document.partition(b"<identifiantMesure>")[2].partition(b"<")[0]
    assert mark in at_the_office(pair, arrived["id"])
    assert (exchange["outcome"], exchange["validation"]) == ("accepted", "validated")
    assert arrived["type"] == "EnforcementRecord"


def row_of(pair: Pair, exchange: dict[str, Any]) -> str:
    """The id of the message that the exchange is a way of."""
    [row] = pair.france.find(exchange["id"])
    return str(row["id"])


def test_the_finnish_nodes_signed_receipt_is_proven_and_kept(pair: Pair) -> None:
    exchange = sent(pair, submitted(pair, a_measure()))

    def kept() -> Any:
        about = [one for one in journal(pair.france) if one["target"] == exchange["id"]]
        return [one for one in about if one["action"] == "exchange.receipt_kept"]

    [entry] = pair.france.until(kept)
    assert entry["outcome"] == "proven"
    signed = pair.ask(exchange["message_id"]).json["receipt"]
    answer = pair.france.call("GET", f"{pair.finland.api}/eu-https/keys")
    keys = jwt.PyJWKSet.from_dict(answer.json)
    claims = jwt.decode(
        signed, keys[jwt.get_unverified_header(signed)["kid"]], audience=PARTIES["france"], issuer=PARTIES["finland"]
    )
    assert (claims["mid"], claims["sha256"]) == (exchange["message_id"], exchange["document_sha256"])
    shown = pair.france.cli("messages", "receipt", str(row_of(pair, exchange)))
    assert (shown.returncode, shown.stderr) == (0, b"receipt: proven\n")
    got = pair.france.get(f"/api/v1/messages/{row_of(pair, exchange)}/receipt")
    assert (got.status, got.headers["Content-Type"], got.body) == (200, "application/jwt", shown.stdout)
    again = jwt.decode(got.body, options={"verify_signature": False})
    assert {**again, "iat": claims["iat"]} == claims


@pytest.mark.parametrize("loss", [BEFORE_COMMIT, AFTER_COMMIT])
def test_a_submit_that_is_cut_off_arrives_once(pair: Pair, loss: str) -> None:
    fired = pair.way.fired
    pair.way.lose = loss
    message = submitted(pair, a_measure())
    exchange = sent(pair, message)
    assert pair.way.fired == fired + 1
    arrived = told(pair, exchange["message_id"])
    assert arrived["sha256"] == exchange["document_sha256"]
    attempts = [one for one in pair.france.message(message["id"])["attempts"] if one["step"] == "deliver"]
    tried = [(one["outcome"], one["error_code"]) for one in attempts if one["subject"] == exchange["id"]]
    assert tried == ([("later", "unavailable"), ("done", "")] if loss == BEFORE_COMMIT else [("done", "")])


def test_what_was_answered_201_survives_sigkill(pair: Pair) -> None:
    ids = [new_id("killed") for _ in range(5)]
    bodies = {one: as_message(one, enforcement(one)) for one in ids}
    used = {one: pair.token(one, body) for one, body in bodies.items()}
    assert [pair.hand_over(one, body, token=used[one]).status for one, body in bodies.items()] == [201] * len(ids)
    party = pair.finland.parties.by_name[FINLAND.node]
    pid = party.kill()
    party.start()
    pair.finland.until(lambda: is_ready(pair.finland), 60)
    assert pair.finland.pid != pid
    for one, body in bodies.items():
        arrived = told(pair, one)
        assert pair.finland.kept(arrived["id"]) == enforcement(one)
        assert b"Valvontatoimenpide" in at_the_office(pair, arrived["id"])
        replayed = pair.hand_over(one, body, token=used[one])
        assert (replayed.status, "used before" in replayed.json["detail"]) == (401, True), "remembered over the kill"
        assert pair.hand_over(one, body).status == 200
        assert len(rows(pair.finland, one)) == 1


def test_a_request_that_breaks_off_before_its_end_leaves_nothing_and_one_that_nobody_waits_for_is_kept(
    pair: Pair,
) -> None:
    for part, kept in ((0.5, 404), (1, 200)):
        message_id = new_id("cut")
        body = as_message(message_id, enforcement(message_id))
        head = (
            f"POST /eu-https/messages/{message_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {pair.token(message_id, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", pair.finland.stage.ports[FINLAND.node])) as line:
            line.sendall(head.encode() + body[: int(len(body) * part)])
            time.sleep(0.2)
        pair.finland.until(lambda message_id=message_id, kept=kept: pair.ask(message_id).status == kept)
        assert len(rows(pair.finland, message_id)) == (kept == 200)
        assert pair.hand_over(message_id, body).status == (200 if kept == 200 else 201)


def test_the_same_message_again_is_the_same_message_and_other_content_is_refused_and_kept_aside(pair: Pair) -> None:
    message_id = new_id()
    body = as_message(message_id, enforcement(message_id))
    first, again = pair.hand_over(message_id, body), pair.hand_over(message_id, body)
    assert (first.status, again.status, again.json["sha256"]) == (201, 200, first.json["sha256"])
    other = enforcement(message_id, createdAt="2026-08-03T16:06:38.000Z")
    refused = pair.hand_over(message_id, as_message(message_id, other))
    assert (refused.status, refused.codes) == (409, {"key-reused"})
    schema("Known").validate(first.json)
    schema("Known").validate(again.json)
    schema("Problem").validate(refused.json)
    assert pair.finland.kept(refused.json["kept"]) == other
    assert pair.finland.message(refused.json["kept"])["state"] == "PARKED"
    assert pair.ask(message_id).json["sha256"] == first.json["sha256"]


def test_who_sent_a_message_is_whose_key_signed_it_whatever_the_message_says(pair: Pair) -> None:
    message_id = new_id()
    said = json.loads(as_message(message_id, enforcement(message_id)))
    body = json.dumps({**said, "from_party": "urn:example:central", "to_party": "x"}).encode()
    assert pair.hand_over(message_id, body).status == 201
    assert told(pair, message_id)["type"] == "EnforcementRecord"


def test_a_type_that_no_body_sends_to_another_is_answered_so(pair: Pair) -> None:
    message_id = new_id()
    application = json.loads((DATA / "eu-r7" / "PeerStatus.json").read_text("utf-8"))
    assert pair.hand_over(message_id, as_message(message_id, json.dumps(application).encode())).status == 201
    pair.finland.until(lambda: told(pair, message_id)["state"] == "REFUSED")
    assert [one["code"] for one in told(pair, message_id)["problems"]] == ["unexpected-message-type"]


UNREADABLE = {
    "no JSON": (b"<m/>", "not-json"),
    "cut short": (as_message("m", b"{}")[:-7], "not-json"),
    "not UTF-8": (b'{"message_id": "\xff"}', "bad-encoding"),
    "a name twice": (b'{"parts": [], "parts": []}', "duplicate-key"),
    "very deep": (b"[" * 200_000, "too-deep"),
    "a list": (b"[]", "bad-shape"),
    "no parts": (b'{"message_id": "m", "parts": []}', "missing-part"),
    "no base64": (as_message("m", b"{}").replace(b'"e30="', b'"%%"'), "bad-base64"),
    "another id": (as_message("somebody-else", b"{}"), "id-mismatch"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused_by_its_own_code_and_kept_and_the_next_message_passes(
    pair: Pair, name: str
) -> None:
    body, code = UNREADABLE[name]
    pid, message_id = pair.finland.pid, new_id("bad")
    answer = pair.hand_over(message_id, body)
    assert (answer.status, answer.codes) == (422, {"refused", code})
    aside = pair.finland.message(answer.json["kept"])
    assert (aside["state"], [one["code"] for one in aside["problems"]]) == ("PARKED", [code])
    assert aside["sha256"] == hashlib.sha256(body).hexdigest()
    assert pair.finland.kept(aside["id"]) == body
    assert pair.hand_over(message_id, body).json["kept"] == aside["id"], "the same bytes are kept once"
    assert pair.ask(message_id).status == 404
    good = as_message(message_id, enforcement(message_id))
    assert pair.hand_over(message_id, good).status == 201, "the same id, once it can be read"
    assert pair.finland.pid == pid


def the_body_swapped(pair: Pair, message_id: str, body: bytes) -> str:
    return pair.token(message_id, body + b" ")


def by_another_key(pair: Pair, message_id: str, body: bytes) -> str:
    claims, stranger = jwt.decode(pair.token(message_id, body), options={"verify_signature": False}), generate()
    header = {"typ": tokens.REQUEST, "kid": pair.key.id}
    return jwt.encode(claims, stranger.private, stranger.algorithm, headers=header)


def without_a_signature(pair: Pair, message_id: str, body: bytes) -> str:
    claims = jwt.decode(pair.token(message_id, body), options={"verify_signature": False})
    return jwt.encode(claims, None, "none", headers={"typ": tokens.REQUEST, "kid": pair.key.id})


def for_another_receiver(pair: Pair, message_id: str, body: bytes) -> str:
    return pair.token(message_id, body, between=tokens.Between(FR_TO_FI.issuer, "urn:example:node:se"))


def for_another_message(pair: Pair, _message_id: str, body: bytes) -> str:
    return pair.token("other", body)


def for_asking(pair: Pair, message_id: str, body: bytes) -> str:
    return pair.token(message_id, body, operation="status")


def of_the_api(pair: Pair, _message_id: str, _body: bytes) -> str:
    return pair.finland.token("operator")


FORGED = (
    the_body_swapped,
    by_another_key,
    without_a_signature,
    for_another_receiver,
    for_another_message,
    for_asking,
    of_the_api,
)


@pytest.mark.parametrize("forge", FORGED, ids=lambda one: one.__name__)
def test_a_forged_token_leaves_nothing_behind(pair: Pair, forge: Any) -> None:
    message_id = new_id("forged")
    body = as_message(message_id, enforcement(message_id))
    forged = forge(pair, message_id, body)
    answer = pair.hand_over(message_id, body, token=forged)
    assert (answer.status, answer.codes) == (401, {"unauthenticated"})
    assert forged not in answer.body.decode()
    assert pair.ask(message_id).status == 404
    assert pair.finland.find(message_id) == rows(pair.finland, message_id) == []
    assert pair.hand_over(message_id, body).status == 201


def test_a_token_is_good_for_one_submit_and_is_not_used_up_by_a_swapped_body(pair: Pair) -> None:
    message_id = new_id("replayed")
    body = as_message(message_id, enforcement(message_id))
    token = pair.token(message_id, body)
    assert pair.hand_over(message_id, body + b" ", token=token).status == 401
    assert pair.hand_over(message_id, body, token=token).status == 201
    replayed = pair.hand_over(message_id, body, token=token)
    assert (replayed.status, "used before" in replayed.json["detail"]) == (401, True)


def test_nobody_gets_in_without_a_token(pair: Pair) -> None:
    message_id = new_id("nobody")
    assert pair.finland.call("POST", pair.url(message_id), b"{}", {"Content-Type": "application/json"}).status == 401
    assert pair.finland.call("GET", pair.url(message_id)).status == 401
    keys = pair.finland.call("GET", f"{pair.finland.api}/eu-https/keys").json["keys"]
    schema("KeySet").validate({"keys": keys})
    assert {key["kty"] for key in keys} == {"OKP"}
    assert all("d" not in key for key in keys), "public halves only"


def test_a_packed_body_is_refused_unread(pair: Pair) -> None:
    message_id = new_id("bomb")
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 1)
    pid = pair.finland.pid
    answer = pair.hand_over(message_id, bomb, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.codes) == (415, {"content-encoding-unsupported"})
    assert pair.hand_over(message_id, b"x", **{"Content-Type": "application/xml"}).status == 415
    assert resident(pid) < 600 * 1024, "kilobytes"
    assert pair.finland.pid == pid


def resident(pid: int) -> int:
    """Peak memory of a process in kilobytes."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_a_body_beyond_the_limit_is_refused_by_its_length(pair: Pair) -> None:
    message_id = new_id("large")
    line = http.client.HTTPConnection("127.0.0.1", pair.finland.stage.ports[FINLAND.node], timeout=20)
    token = pair.token(message_id, b"")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Length": str(2**31)}
    line.request("POST", f"/eu-https/messages/{message_id}", headers=headers)
    got = line.getresponse()
    assert (got.status, json.loads(got.read())["type"]) == (413, "urn:hdeu:problem:document-too-large")
    line.close()


def examined(pair: Pair, **changed: str) -> dict[str, dict[str, Any]]:
    """What the doctor says of the French node, with other settings than those that it runs with."""
    before = pair.france.stage.extra[FRANCE.node]
    pair.france.stage.extra[FRANCE.node] = {**before, **{f"HDEU_ACCESS_POINT__{k}": v for k, v in changed.items()}}
    try:
        done = pair.france.cli("doctor", "--json")
    finally:
        pair.france.stage.extra[FRANCE.node] = before
    return {finding["check"]: finding for finding in json.loads(done.stdout)["checks"]}


def test_the_doctor_sees_that_both_nodes_know_each_other(pair: Pair) -> None:
    found = examined(pair)
    states = {name: found[name]["state"] for name in ("counterpart", "counterpart's keys", "our keys", "clock skew")}
    assert set(states.values()) == {"works"}, found
    assert found["counterpart's certificate"]["state"] == "unknown", "no TLS on this machine"
    assert "push rule" not in found


def test_the_doctor_says_what_to_change_where_they_do_not(pair: Pair) -> None:
    elsewhere = f"http://127.0.0.1:{free_port()}/keys"
    found = examined(pair, PARTY="urn:example:node:misspelt", JWKS_URL=elsewhere)
    assert found["counterpart"]["state"] == "fails"
    assert "access_point.central_party must be urn:example:node:misspelt" in found["counterpart"]["detail"]
    assert found["counterpart's keys"]["state"] == "fails"
    assert elsewhere in found["counterpart's keys"]["detail"]
    assert examined(pair, URL=f"http://127.0.0.1:{free_port()}/eu-https")["counterpart"]["state"] == "fails"


def test_the_doctor_sees_that_keys_were_rotated_under_a_running_node(pair: Pair) -> None:
    keys = pair.france.stage.folder / FRANCE.node / "keys"
    before = {path: path.read_bytes() for path in keys.glob("*.pem")}
    try:
        for _ in range(2):  # the next key is published before it signs; the one behind it is not
            assert pair.france.cli("keys", "rotate").returncode == 0
        found = examined(pair)
        assert (found["our keys"]["state"], "restart the node" in found["our keys"]["detail"]) == ("fails", True)
    finally:
        for path in keys.glob("*.pem"):
            path.unlink()
        for path, data in before.items():
            path.write_bytes(data)
            path.chmod(0o600)


def test_a_node_that_was_down_gets_what_waits_for_it_soon_after_it_is_back(tmp_path: Path) -> None:
    """Long before the next try of what waits."""
    with two_nodes(tmp_path, HDEU_WORK__BACKOFF_BASE="600") as pair:
        party = pair.finland.parties.by_name[FINLAND.node]
        party.kill()
        message = submitted(pair, a_measure())

        def waiting() -> Any:
            row = pair.france.message(message["id"])["waiting"]
            return row if row and row["step"] == "deliver" and row["last_error"] else None

        row = pair.france.until(waiting)
        next_try = datetime.fromisoformat(row["next_attempt_at"])
        party.start()
        exchange = sent(pair, message, 60)  # it says that it is there at its start
        assert datetime.now(UTC) < next_try - timedelta(minutes=3)
        arrived = told(pair, exchange["message_id"])
        assert hashlib.sha256(pair.finland.kept(arrived["id"])).hexdigest() == exchange["document_sha256"]
