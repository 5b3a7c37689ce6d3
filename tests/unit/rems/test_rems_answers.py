"""Answers of REMS, as another project recorded them: a failure under status 200 is a failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.backends.rems.answers import read_answer

SAMPLES = Path(__file__).parents[2] / "data" / "rems-samples" / "wiremock"
RECORDED = sorted(SAMPLES.glob("*.json"))


def recorded(path: Path) -> tuple[int, Any]:
    response = json.loads(path.read_text("utf-8"))["response"]
    return response["status"], response.get("jsonBody", {})


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_answer_is_good_if_it_is_200_and_does_not_say_otherwise(path: Path) -> None:
    status, body = recorded(path)
    failed = status != 200 or (isinstance(body, dict) and body.get("success") is False)
    answer = read_answer(status, json.dumps(body).encode())
    assert answer.ok is not failed
    assert bool(answer.problems) is failed


def test_the_samples_have_failures_under_status_200() -> None:
    failures = [path for path in RECORDED if recorded(path)[0] == 200 and not good(recorded(path)[1])]
    assert len(RECORDED) == 24
    assert len(failures) == 5


def good(body: Any) -> bool:
    return read_answer(200, json.dumps(body).encode()).ok


def test_errors_are_told_with_form_field_and_in_words() -> None:
    said = recorded(SAMPLES / "submit_application_for_success_false.json")
    problems = read_answer(said[0], json.dumps(said[1]).encode()).problems
    assert [(one.code, one.path, one.rule) for one in problems] == [
        ("refused-by-rems", "1/requiredField", "Missing"),
        ("refused-by-rems", "", "not-accepted-licenses"),
    ]
    assert problems[1].detail == "The applicant has not accepted the licences."


@pytest.mark.parametrize("status", [204, 404, 500, 503])
def test_any_other_status_is_a_failure_and_the_fault_of_a_server_may_pass(status: int) -> None:
    answer = read_answer(status, b"{}")
    assert (answer.ok, answer.retryable) == (False, status >= 500)


@pytest.mark.parametrize("body", [b"", b"<html/>", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_a_failure(body: bytes) -> None:
    assert [problem.code for problem in read_answer(200, body).problems] == ["not-json"]
