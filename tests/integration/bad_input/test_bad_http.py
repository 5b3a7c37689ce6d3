"""Bad documents and bad requests at the HTTP door of the running node."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.support.bad_input import (
    DOCUMENTS,
    MEGABYTES_11,
    NEAR_MISSES,
    Bad,
    Matrix,
    about,
    from_right_to_left,
    names,
    naming,
    number,
    passes,
    same_bytes,
    titled_so,
)
from tests.support.files import a_pdf
from tests.support.flow_node import lodged
from tests.support.running_node import DATA, Running


@pytest.mark.parametrize("bad", [*DOCUMENTS, *NEAR_MISSES], ids=lambda bad: bad.name)
def test_http_refuses_a_bad_document_with_code_path_and_rule(node: Running, matrix: Matrix, bad: Bad) -> None:
    answer = node.post(bad.data)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (422, "application/problem+json")
    assert answer.json["type"] == "urn:hdeu:problem:refused"
    found = names(answer.json["problems"], bad)
    assert not bad.path or found.get("rule")
    kept = same_bytes(node, answer.json["id"], bad.data)
    assert answer.headers["Location"] == f"/api/v1/messages/{answer.json['id']}"
    passes(node)
    matrix.add("HTTP", bad.name, "422", code=bad.code, where=found.get("path", ""), kept=kept)


def test_http_takes_a_text_from_right_to_left_as_it_is(node: Running, matrix: Matrix) -> None:
    data, before = from_right_to_left(), titled_so(node)
    answer = node.post(data)
    assert answer.status == 202, answer
    kept = same_bytes(node, answer.json["id"], data)
    node.until(lambda: titled_so(node) == before + 1)
    passes(node)
    matrix.add("HTTP", "title from right to left", "202", code="-", kept=kept)


REQUESTS: dict[str, tuple[dict[str, Any], bytes, int, str]] = {
    "11 MB": ({}, MEGABYTES_11, 413, "document-too-large"),
    "unknown media type": ({"Content_Type": "text/csv"}, b"a;b", 415, "unsupported-media-type"),
    "no media type": ({"Content_Type": None}, b"<a/>", 415, "unsupported-media-type"),
    "no key": ({"Idempotency_Key": None}, b"<a/>", 400, "idempotency-key-missing"),
    "key too long": ({"Idempotency_Key": "x" * 256}, b"<a/>", 400, "idempotency-key-invalid"),
    "key with a space": ({"Idempotency_Key": "a b"}, b"<a/>", 400, "idempotency-key-invalid"),
    "packed in words alone": ({"Content_Encoding": "gzip"}, b"<a/>", 400, "body-unreadable"),
    "packed by brotli": ({"Content_Encoding": "br"}, b"<a/>", 415, "content-encoding-unsupported"),
    "packed by zstd": ({"Content_Encoding": "zstd"}, b"<a/>", 415, "content-encoding-unsupported"),
    "packed twice": ({"Content_Encoding": "gzip, gzip"}, b"<a/>", 415, "content-encoding-unsupported"),
    "packed in no known way": ({"Content_Encoding": "nonsense"}, b"<a/>", 415, "content-encoding-unsupported"),
    "no token": ({"Authorization": None}, b"<a/>", 401, "unauthenticated"),
    "token of nothing": ({"Authorization": "Bearer "}, b"<a/>", 401, "unauthenticated"),
    "another scheme": ({"Authorization": "Basic aGRoOmhkaA=="}, b"<a/>", 401, "unauthenticated"),
    "garbage for a token": ({"Authorization": "Bearer a.b.c"}, b"<a/>", 401, "unauthenticated"),
    "endless token": ({"Authorization": "Bearer " + "x" * 6000}, b"<a/>", 401, "unauthenticated"),
    "a reader's token": ({"who": "reader"}, b"<a/>", 403, "forbidden"),
    "a caseworker's token": ({"who": "caseworker"}, b"<a/>", 403, "forbidden"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_http_refuses_a_bad_request_with_its_own_code(node: Running, matrix: Matrix, name: str) -> None:
    changes, data, status, code = REQUESTS[name]
    key = secrets.token_hex(8)
    answer = node.post(data, key=key, **changes)
    assert (answer.status, answer.json["type"]) == (status, f"urn:hdeu:problem:{code}")
    assert node.find(key) == []
    passes(node)
    matrix.add("HTTP", name, str(status), code=code, kept="no")


def test_a_back_end_neither_reads_nor_acts_for_another_one(node: Running, matrix: Matrix, case: str) -> None:
    ours = node.post(lodged(number())).json["id"]
    for path in ("", "/bytes", "/document", "/report"):
        answer = node.get(f"/api/v1/messages/{ours}{path}", who="findata")
        assert (answer.status, answer.json["type"]) == (404, "urn:hdeu:problem:not-found")
    assert ours not in {row["id"] for row in node.get("/api/v1/messages", who="findata").json["messages"]}
    matrix.add("HTTP", "another back end's message", "404", code="not-found", kept="-")
    data = finnish(case)
    answer = node.post(data, who="findata")
    assert (answer.status, answer.codes) == (422, {"refused", "not-your-leg"})
    kept = same_bytes(node, answer.json["id"], data)
    passes(node)
    matrix.add("HTTP", "another back end's leg", "422", code="not-your-leg", kept=kept)


def test_a_file_of_another_back_end_is_answered_as_one_that_nobody_has(node: Running, matrix: Matrix) -> None:
    theirs = node.upload(a_pdf(pages=secrets.randbelow(90) + 1), who="findata")
    answers = {}
    for digest in (theirs, secrets.token_hex(32)):
        data = naming(digest)
        answer = node.post(data)
        assert (answer.status, answer.codes) == (422, {"refused", "not-uploaded"})
        kept = same_bytes(node, answer.json["id"], data)
        [problem] = answer.json["problems"]
        answers[digest] = {**problem, "value": problem["value"].replace(digest, "")}
    assert answers[theirs] == answers[digest]
    passes(node)
    matrix.add("HTTP", "another's file", "422", code="not-uploaded", where=problem["path"], kept=kept)


def finnish(application: str) -> bytes:
    text = (DATA / "fi-findata-1" / "ApplicationAck.xml").read_text("utf-8")
    return text.replace("6a70b4d104db074a00fd905d", application).encode()


def test_an_illegal_step_is_refused_with_what_would_be_possible(node: Running, matrix: Matrix, case: str) -> None:
    for kind in ("PermitIssued", "FeeEstimate"):
        data = about(case, kind)
        answer = node.post(data)
        assert (answer.status, answer.codes) == (422, {"refused", "illegal-step"})
        [problem] = answer.json["problems"]
        assert (problem["path"], problem["rule"], problem["value"]) == ("leg", "leg-1", "RECEIVED")
        assert "ApplicationAck" in problem["hint"]
        kept = same_bytes(node, answer.json["id"], data)
        passes(node)
        matrix.add("HTTP", f"illegal step {kind}", "422", code="illegal-step", where="leg", kept=kept)


def test_the_same_submission_again_has_its_first_answer_and_another_one_is_a_conflict(
    node: Running, matrix: Matrix
) -> None:
    key, good = secrets.token_hex(8), lodged(number())
    first, again = node.post(good, key=key), node.post(good, key=key)
    assert (first.status, again.status, again.json["id"]) == (202, 202, first.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    other = node.post(lodged(number()), key=key)
    assert (other.status, other.json["type"]) == (409, "urn:hdeu:problem:key-reused")
    same_bytes(node, first.json["id"], good)
    matrix.add("HTTP", "same key, equal content", "202", code="-", kept="yes")
    matrix.add("HTTP", "same key, other content", "409", code="key-reused", kept="no")
    bad = secrets.token_hex(8)
    refused, repeated = node.post(b"<a", key=bad), node.post(b"<a", key=bad)
    assert (refused.status, repeated.status) == (422, 422)
    assert refused.json == repeated.json
    matrix.add("HTTP", "same key, equal bad content", "422", code="not-xml", kept="yes")
    passes(node)
