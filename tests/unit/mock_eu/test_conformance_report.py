"""The four reports of the conformance kit, and what counts as passed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree, html

from adapters.mock_eu.conformance.cue import Cue
from adapters.mock_eu.conformance.model import Case, Ending, Failed, Result, Skipped
from adapters.mock_eu.conformance.program import CASES, chosen, main
from adapters.mock_eu.conformance.report import as_html, as_json, as_junit, as_text, passed
from adapters.mock_eu.conformance.runner import run

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<b> & \"quoted\" 'text'"


async def nothing(_: Any) -> None:
    return


def result(ending: Ending, text: str = "") -> Result:
    return Result(Case(f"group.{ending}", f"title {EVIL}", "D7.3 s.7", nothing), ending, text, 0.5)


RESULTS = [result(ending, EVIL if ending is not Ending.PASSED else "") for ending in Ending]


def test_the_text_has_a_line_per_case_and_the_sum_last() -> None:
    lines = as_text("dispatcher", RESULTS).splitlines()
    assert [line[:4] for line in lines if not line.startswith("     ")][:-1] == ["ok  ", "FAIL", "SKIP", "ERR "]
    assert lines[-1] == "dispatcher: 4 cases: 1 passed, 1 failed, 1 skipped, 1 error"


def test_json_counts_endings_and_names_passages() -> None:
    document = json.loads(as_json("dispatcher", RESULTS))
    assert document["counts"] == {"passed": 1, "failed": 1, "skipped": 1, "error": 1}
    assert (document["passed"], document["cases"][1]["text"]) == (False, EVIL)
    assert {case["passage"] for case in document["cases"]} == {"D7.3 s.7"}


def test_junit_has_one_element_per_ending() -> None:
    suite = etree.fromstring(as_junit("dispatcher", RESULTS).encode()).find("testsuite")
    assert dict(suite.attrib) == {
        "name": "hdeu conformance dispatcher",
        "tests": "4",
        "failures": "1",
        "skipped": "1",
        "errors": "1",
    }
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["skipped"], ["error"]]
    assert suite[1][0].text == f"{EVIL} [D7.3 s.7]"


def test_html_shows_every_case_as_text() -> None:
    page = html.fromstring(as_html("dispatcher", RESULTS))
    rows = [[cell.text_content() for cell in row] for row in page.xpath("//tbody/tr")]
    assert rows[1] == ["group.failed", "failed", f"title {EVIL}", "D7.3 s.7", EVIL]
    assert len(rows) == 4


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.SKIPPED, Ending.ERROR])
def test_one_case_that_did_not_pass_is_enough(ending: Ending) -> None:
    assert passed([result(Ending.PASSED)])
    assert not passed([result(Ending.PASSED), result(ending)])


def test_no_case_at_all_is_no_success() -> None:
    assert not passed([])


async def test_endings_follow_from_what_a_case_does() -> None:
    async def broken(_: Any) -> None:
        raise Failed("broken")

    async def declined(_: Any) -> None:
        raise Skipped("declined")

    async def away(_: Any) -> None:
        raise ConnectionRefusedError

    async def wrong(_: Any) -> None:
        raise ValueError("ours")

    cases = [Case(f"g.{number}", "", "", one) for number, one in enumerate((nothing, broken, declined, away, wrong))]
    results = await run(cases, None)
    assert [one.ending for one in results] == ["passed", "failed", "skipped", "failed", "error"]
    assert "cannot be reached" in results[3].text


def test_cases_are_chosen_by_id_or_group_and_each_names_its_passage() -> None:
    cases = CASES["dispatcher"]
    assert [case.id for case in chosen(cases, ("receiving.key",), ())] == ["receiving.key"]
    assert {case.group for case in chosen(cases, ("errors", "versions"), ("errors",))} == {"versions"}
    assert all(case.passage and case.title for case in cases)
    assert len({case.id for case in cases}) == len(cases)
    groups = {"receiving", "errors", "duplicates", "versions", "responses", "questions", "decisions", "datasets"}
    assert {case.group for case in cases} == groups


def test_the_list_is_printed_without_any_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(None, ["--role", "dispatcher", "--list", "--only", "receiving.key"]) == 0
    assert capsys.readouterr().out.startswith("receiving.key")


def test_a_report_in_a_format_that_does_not_exist_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as caught:
        main(None, ["--role", "dispatcher", "--report", "pdf=a.pdf"])
    assert caught.value.code == 2


# cues


def script(folder: Path, text: str) -> str:
    path = folder / "step"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


async def test_a_step_gets_its_order_and_its_answer_comes_back(tmp_path: Path) -> None:
    answer = await Cue(script(tmp_path, "cat"), 10)("decide", application_id="a", decision="Positive")
    assert answer == {"step": "decide", "application_id": "a", "decision": "Positive"}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("echo no >&2; exit 3", Skipped, "declines the step decide: no"),
        ("echo why >&2; exit 1", Failed, "the step decide failed: why"),
        ("echo '[]'", Failed, "no JSON object"),
        ("echo x", Failed, "no JSON"),
        ("sleep 5", Failed, "did not end within"),
    ],
)
async def test_a_step_that_goes_wrong_says_how(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        await Cue(script(tmp_path, text), 0.5)("decide")


async def test_without_a_command_a_step_is_skipped_and_a_missing_command_fails() -> None:
    with pytest.raises(Skipped, match="needs --on-step"):
        await Cue("", 1)("decide")
    with pytest.raises(Failed, match="cannot be started"):
        await Cue("hdeu-no-such-command", 1)("decide")
