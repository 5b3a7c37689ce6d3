"""Bad documents at the command line, beside the running node."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path

import pytest

from tests.support.bad_input import (
    DOCUMENTS,
    MEGABYTES_11,
    ONE_OF_EACH,
    Bad,
    Matrix,
    about,
    from_right_to_left,
    naming,
    number,
    passes,
    same_bytes,
    titled_so,
)
from tests.support.files import a_pdf
from tests.support.flow_node import lodged
from tests.support.running_node import Running

#: The document says the same through every door: here one of each kind, for each is a process of its own.
CLI = (*{bad.code: bad for bad in DOCUMENTS if bad.data}.values(), *ONE_OF_EACH)


@pytest.mark.parametrize("bad", CLI, ids=lambda bad: bad.name)
def test_the_command_line_says_one_line_per_problem_and_ends_with_one(
    node: Running, matrix: Matrix, bad: Bad, tmp_path: Path
) -> None:
    file = tmp_path / "document"
    file.write_bytes(bad.data)
    done = node.cli("messages", "submit", "--backend", "hdh", "--id", secrets.token_hex(8), str(file))
    assert done.returncode == 1, done
    message_id = done.stdout.decode().strip()
    lines = [line for line in done.stderr.decode().splitlines() if re.match(r"[a-z-]+[ :]", line)]
    fitting = [line for line in lines if line.startswith(f"{bad.code} " if bad.path else bad.code)]
    assert fitting, done.stderr
    assert any(f" {bad.path}" in line for line in fitting)
    assert len(node.message(message_id)["problems"]) == len(lines)
    kept = same_bytes(node, message_id, bad.data)
    passes(node)
    matrix.add("CLI", bad.name, "exit 1", code=bad.code, where=bad.path, kept=kept)


def test_the_command_line_refuses_what_is_no_submission_at_all(node: Running, matrix: Matrix, tmp_path: Path) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(lodged(number()))
    big = tmp_path / "big.xml"
    big.write_bytes(MEGABYTES_11)
    submit = ("messages", "submit", "--backend")
    cases = {
        "unknown back end": (("messages", "submit", "--backend", "nobody", str(file)), "unknown-backend"),
        "no such file": ((*submit, "hdh", str(tmp_path / "nothing")), "not-found"),
        "11 MB": ((*submit, "hdh", str(big)), "document-too-large"),
        "unknown profile": (("validate", "--profile", "rems-9", str(file)), "unknown-profile"),
        "no message of this id": (("messages", "show", "nothing"), "not-found"),
    }
    for name, (words, code) in cases.items():
        done = node.cli(*words)
        lines = (done.stdout + done.stderr).decode().splitlines()
        assert done.returncode == 1, (name, lines)
        assert any(re.match(rf"{code}\b", line) for line in lines), (name, lines)
        matrix.add("CLI", name, "exit 1", code=code, kept="yes" if name == "11 MB" else "no", after="after all of them")
    passes(node)


def test_the_command_line_does_not_send_a_file_of_another_back_end(
    node: Running, matrix: Matrix, tmp_path: Path
) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(naming(node.upload(a_pdf(pages=91), who="findata")))
    done = node.cli("messages", "submit", "--backend", "hdh", str(file))
    assert done.returncode == 1, done
    assert done.stderr.decode().startswith("not-uploaded attachments/")
    kept = same_bytes(node, done.stdout.decode().strip(), file.read_bytes())
    passes(node)
    matrix.add("CLI", "another's file", "exit 1", code="not-uploaded", where="attachments", kept=kept)


def test_the_command_line_takes_a_text_from_right_to_left_as_it_is(
    node: Running, matrix: Matrix, tmp_path: Path
) -> None:
    file, before = tmp_path / "document.xml", titled_so(node)
    file.write_bytes(from_right_to_left())
    done = node.cli("messages", "submit", "--backend", "hdh", "--id", secrets.token_hex(8), str(file))
    assert done.returncode == 0, done
    kept = same_bytes(node, done.stdout.decode().strip(), file.read_bytes())
    node.until(lambda: titled_so(node) == before + 1)
    passes(node)
    matrix.add("CLI", "title from right to left", "exit 0", code="-", kept=kept)


def test_the_command_line_does_nothing_twice(node: Running, matrix: Matrix, tmp_path: Path) -> None:
    file, other = tmp_path / "one.xml", tmp_path / "other.xml"
    file.write_bytes(lodged(number()))
    other.write_bytes(lodged(number()))
    words = ("messages", "submit", "--backend", "hdh", "--id", secrets.token_hex(8))
    first, again, conflict = (node.cli(*words, str(one)) for one in (file, file, other))
    assert (first.returncode, again.returncode, conflict.returncode) == (0, 0, 1)
    assert first.stdout == again.stdout
    assert b"kept before" in again.stderr
    assert conflict.stderr.startswith(b"key-reused")
    assert conflict.stdout == b""
    matrix.add("CLI", "same id, equal content", "exit 0", code="-", kept="yes")
    matrix.add("CLI", "same id, other content", "exit 1", code="key-reused", kept="no")
    passes(node)


def test_what_nobody_can_mend_is_closed_on_the_command_line_or_over_the_api_and_the_office_hears_of_it(
    node: Running, matrix: Matrix
) -> None:
    parked = [node.post(about(secrets.token_hex(12), "StatusUpdate")).json["id"] for _ in range(2)]
    assert [node.message(one)["state"] for one in parked] == ["PARKED", "PARKED"]
    done = node.cli("messages", "close", parked[0], "--reason", "the office has no such dossier")
    assert (done.returncode, done.stderr.decode().strip()) == (0, "CANCELLED")
    headers = {"Authorization": f"Bearer {node.token('operator')}", "Content-Type": "application/json"}
    body = json.dumps({"reason": "the same"}).encode()
    answer = node.call("POST", f"/api/v1/messages/{parked[1]}/close", body, headers)
    assert (answer.status, answer.json) == (200, {"id": parked[1], "state": "CANCELLED"})
    again = node.cli("messages", "close", parked[0], "--reason", "twice")
    assert (again.returncode, again.stderr.decode().startswith("conflict")) == (1, True)
    closed = [[event for event in node.message(one)["timeline"] if event["what"] == "closed"] for one in parked]
    by_hand = f"by cli:{os.getuid()}, CANCELLED"
    assert [event["detail"] for [event] in closed] == [by_hand, "by cli, CANCELLED"]  # the token's subject
    assert not set(parked) & {row["id"] for row in node.find("", state="PARKED")}
    assert [node.until(lambda one=one: told(node, one)) for one in parked] == [["CANCELLED"]] * 2
    passes(node)
    matrix.add("CLI", "parked for good", "closed", code="-", kept="yes")


def told(node: Running, message_id: str) -> list[str]:
    """The states that the office was told of this message."""
    rows = node.get("/api/v1/messages?type=OutcomeNotice&limit=200", who="hdh").json["messages"]
    notices = [node.get(f"/api/v1/messages/{row['id']}/document", who="hdh").json for row in rows]
    return [notice["state"] for notice in notices if notice["message"] == message_id]
