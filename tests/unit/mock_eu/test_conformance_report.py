"""The reports of the conformance kit, and what counts as passed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from lxml import etree, html

from adapters.mock_eu.conformance import pushed, routing
from adapters.mock_eu.conformance.cue import Cue
from adapters.mock_eu.conformance.gitb import as_gitb
from adapters.mock_eu.conformance.model import Case, Ending, Failed, Result, Skipped
from adapters.mock_eu.conformance.neighbour import neighbour_of
from adapters.mock_eu.conformance.program import CASES, chosen, main, progress
from adapters.mock_eu.conformance.report import as_html, as_json, as_junit, as_text, passed
from adapters.mock_eu.conformance.runner import run
from adapters.mock_eu.conformance.world import World
from adapters.mock_eu.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<b> & \"quoted\" 'text'"


async def nothing(_: Any) -> None:
    return


def result(ending: Ending, text: str = "") -> Result:
    case = Case(f"group.{ending}", f"title {EVIL}", "D7.3 s.7", nothing)
    return Result(case, ending, text, 0.5, datetime(2026, 11, 26, 12, 0, tzinfo=UTC))


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


#: gitb_tr.xsd: the children of an element, in their order; those in brackets may be missing.
CHILDREN = {
    "ConformanceStatementReport": "metadata statement",
    "statement": "definition summary testOverview testDetails",
    "definition": "party domain specification actor",
    "party": "organisation system",
    "organisation": "name",
    "system": "name",
    "domain": "name description",
    "actor": "name",
    "summary": "status succeeded failed incomplete",
    "testOverview": "testSuite",
    "testSuite": "metadata result testCases",
    "testCases": "testCase testCase testCase testCase",
    "testDetails": "testCase testCase testCase testCase",
}
CORE = "{http://www.gitb.com/core/v1/}"


def test_the_test_beds_own_form_has_every_element_where_its_schema_has_it() -> None:
    root = etree.fromstring(as_gitb("dispatcher", RESULTS, organisation="A body", system="A system").encode())
    for element in root.iter("{http://www.gitb.com/tr/v1/}*"):
        name = etree.QName(element).localname
        if name in CHILDREN:
            assert " ".join(etree.QName(child).localname for child in element) == CHILDREN[name], name
    assert etree.QName(root).namespace == "http://www.gitb.com/tr/v1/"
    assert [one.text for one in root.iterfind(".//{*}party/*/{*}name")] == ["A body", "A system"]
    assert [one.text for one in root.find(".//{*}summary")] == ["FAILURE", "1", "1", "2"]
    assert root.findtext(".//{*}reportTime") == "2026-11-26T12:00:00.500+00:00"


def test_the_test_beds_own_form_has_each_case_with_its_passage_and_what_is_broken() -> None:
    root = etree.fromstring(as_gitb("daams", RESULTS).encode())
    details = root.findall(".//{*}testDetails/{*}testCase")
    assert [one.findtext("{*}result") for one in details] == ["SUCCESS", "FAILURE", "UNDEFINED", "UNDEFINED"]
    assert [one.findtext("{*}message") for one in details] == [
        None,
        f"failed: {EVIL}",
        f"skipped: {EVIL}",
        f"error: {EVIL}",
    ]
    assert {one.findtext(f"{{*}}metadata/{CORE}specification/{CORE}reference") for one in details} == {"D7.3 s.7"}
    assert [one.get("id") for one in details] == [
        one.get("ref") for one in root.iterfind(".//{*}testCases/{*}testCase")
    ]
    assert [child.tag for child in details[1]][1:] == [
        f"{{http://www.gitb.com/tr/v1/}}{name}" for name in ("startTime", "endTime", "result", "message")
    ]


def test_the_test_beds_own_form_says_that_no_test_bed_issued_it_and_is_not_made_of_nothing() -> None:
    assert "MOCK EU node. Not issued by the Interoperability Test Bed" in as_gitb("dispatcher", RESULTS)
    with pytest.raises(ValueError, match="at least one case"):
        as_gitb("dispatcher", [])
    only = [result(Ending.PASSED)]
    assert etree.fromstring(as_gitb("dispatcher", only).encode()).findtext(".//{*}summary/{*}status") == "SUCCESS"


def test_what_a_system_says_may_hold_what_xml_cannot() -> None:
    coloured = [result(Ending.FAILED, "\x1b[31mred\x00\ud800")]
    for form in (as_junit, as_gitb):
        assert "[31mred" in "".join(etree.fromstring(form("dispatcher", coloured).encode()).itertext())
    assert "[31mred" in as_html("dispatcher", coloured)


def test_no_case_that_is_left_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(None, ["--role", "dispatcher", "--only", "errors", "--without", "errors"])
    assert caught.value.code == 2
    assert "leave no case" in capsys.readouterr().err


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
    told: list[Result] = []
    results = await run(cases, None, told.append)
    assert sorted(one.case.id for one in told) == [one.case.id for one in results], "each as it ends"
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


def test_a_neighbour_is_another_nation_that_speaks_json_and_where_there_is_none_its_case_is_skipped() -> None:
    def beside(**nations: str) -> World:
        made = {code: replace(Settings().nations["fr"], code=code, wire=wire) for code, wire in nations.items()}
        return World(replace(Settings(), nations=made), "fr", "", cast("Any", None), cast("Any", None))

    assert neighbour_of(beside(fr="eu-r7", de="eu-pilot", fi="eu-r7")) == "fi"
    for alone in (beside(fr="eu-r7"), beside(fr="eu-r7", de="eu-pilot")):
        with pytest.raises(Skipped, match="one nation alone"):
            neighbour_of(alone)


def test_people_who_wait_are_told_what_has_ended_and_programs_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert progress(2) is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tell = progress(2)
    assert tell is not None
    for ending in (Ending.PASSED, Ending.FAILED):
        tell(result(ending))
    assert capsys.readouterr().err.splitlines() == ["1/2 group.passed: passed", "2/2 group.failed: failed"]


def test_the_list_is_printed_without_any_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(None, ["--role", "dispatcher", "--list", "--only", "receiving.key"]) == 0
    assert capsys.readouterr().out.startswith("receiving.key")


def test_the_whole_list_has_every_case_of_both_roles_under_what_plays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(None, ["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("--")] == [
        *("--role daams:", "--role dispatcher:", "--role dispatcher --push:", "--role dispatcher --second-api-key:"),
    ]
    known = [*CASES["daams"], *CASES["dispatcher"], *pushed.CASES, *routing.CASES]
    assert [line.split()[0] for line in lines if not line.startswith("--")] == [case.id for case in known]


def test_a_role_is_needed_for_everything_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(None, [])
    assert (caught.value.code, "--role" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize("words", [["--report", "pdf=a.pdf"], ["--dispatcher", "dispatcher.example.org"]])
def test_a_format_that_does_not_exist_and_an_address_that_is_none_are_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(None, ["--role", "dispatcher", *words])
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
        ("exit 3", Skipped, "declines the step decide$"),
        ("echo why >&2; exit 1", Failed, r"the step decide failed \(exit status 1\): why"),
        ("exit 4", Failed, r"the step decide failed \(exit status 4\)$"),
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
