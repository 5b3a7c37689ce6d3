"""The conformance kit for case systems: passed by one that does it right, and it names what others have got wrong."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adapters.demo.processes import free_port, hdeu
from adapters.mock_eu.conformance.counter import counter
from adapters.mock_eu.conformance.cue import Cue
from adapters.mock_eu.conformance.daams import DaamsKit
from adapters.mock_eu.conformance.model import Ending, Result
from adapters.mock_eu.conformance.program import CASES, chosen
from adapters.mock_eu.conformance.report import passed
from adapters.mock_eu.conformance.runner import run
from tests.support import daams
from tests.support.running_node import ROOT

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a-key-of-the-case-system"
#: habit: the case that finds it, and words of what it says
FOUND = {
    daams.FIRST_DATASET: ("receiving.datasets", "show: datasets is ['urn:example:dataset:kit-0']"),
    daams.REFUSES_SECOND: ("versions.amended", "show: version after an amendment is 1 instead of 2"),
    daams.SENDS_NO_KEY: ("receiving.key", "called without the right X-API-key"),
    daams.BARE_NAMES: ("receiving.attachments", "show: attachments is {'plan.pdf'"),
    daams.GIVES_UP: ("errors.behind", "failed"),
    daams.TRUSTS_ORDER: ("versions.order", "instead of 2"),
    daams.UNSIGNED: ("decisions.positive", "updateApplicationDecision: no user"),
}


def command(url: str, folder: Path, habit: str = "") -> str:
    system = [sys.executable, str(ROOT / "tests" / "support" / "daams.py"), url, KEY, str(folder), habit]
    return shlex.join(system)


async def played(folder: Path, *only: str, habit: str = "", step: str | None = None) -> list[Result]:
    port = free_port()
    cue = command(f"http://127.0.0.1:{port}/national-dispatcher", folder, habit) if step is None else step
    async with counter("127.0.0.1", port, KEY) as opened:
        return await run(chosen(CASES["daams"], only, ()), DaamsKit(opened, Cue(cue, 30)))


def test_a_case_system_that_does_it_right_passes_every_case(tmp_path: Path) -> None:
    port = free_port()
    step = command(f"http://127.0.0.1:{port}/national-dispatcher", tmp_path)
    line = [*hdeu("mock-eu", "conformance"), "--role", "daams", "--api-key", KEY, "--port", str(port)]
    line += ["--on-step", step, "--format", "json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=110, check=False, cwd=ROOT)
    report = json.loads(done.stdout)
    assert {case["id"]: case["text"] for case in report["cases"] if case["ending"] != "passed"} == {}
    assert (done.returncode, len(report["cases"])) == (0, len(CASES["daams"]))


@pytest.mark.parametrize("habit", FOUND)
async def test_the_kit_names_what_a_habit_breaks(habit: str, tmp_path: Path) -> None:
    case, words = FOUND[habit]
    (found,) = await played(tmp_path, case, habit=habit)
    assert found.ending is Ending.FAILED
    assert words in found.text


async def test_a_system_that_answers_everything_with_an_empty_object_fails_nine_cases_in_ten(tmp_path: Path) -> None:
    results = await played(tmp_path, step="echo {}")
    assert len([one for one in results if one.ending is Ending.FAILED]) >= 0.9 * len(CASES["daams"])


async def test_without_cues_every_case_is_skipped_and_that_is_no_success(tmp_path: Path) -> None:
    results = await played(tmp_path, step="")
    assert {one.ending for one in results} == {Ending.SKIPPED}
    assert not passed(results)


def test_the_key_that_is_expected_must_be_named() -> None:
    line = [*hdeu("mock-eu", "conformance"), "--role", "daams"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "--api-key" in done.stderr) == (2, True)
