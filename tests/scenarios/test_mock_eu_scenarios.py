"""The mock's shipped scenarios end as they say, each message in one exact state, with the French node behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from adapters.mock_eu import Settings, scenario
from adapters.mock_eu.eyes import MockEyes, NodeEyes
from adapters.mock_eu.scenario_run import Run, right
from tests.scenarios.conftest import FOLDER
from tests.support.bad_input import about
from tests.support.running_node import Running, running
from tests.support.scenario_stage import scenario_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapters.mock_eu.scenario_run import Finding

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(scenario_stage(tmp_path_factory.mktemp("scenarios"))) as made:
        yield made


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(scenario_stage(tmp_path_factory.mktemp("newer"), "5.2.1")) as made:
        yield made


async def played(node: Running, path: Path, *, awaited: Callable[[Finding], bool] = right) -> Finding:
    async with aiohttp.ClientSession() as session:
        mock = MockEyes(session, node.mock, Settings().nations["fr"])
        eyes = NodeEyes(session, node.api, node.token("caseworker"), node.token("hdh"))
        return await Run(scenario.load(path), mock, eyes, awaited=awaited).play()


async def test_a_shipped_scenario_ends_as_it_says(node: Running, scenario_path: Path) -> None:
    finding = await played(node, scenario_path)
    assert finding.wrong == []
    assert all(finding.fired.values())


async def test_it_ends_so_behind_an_access_point_that_answers_as_5_2_1_too(newer: Running, newer_path: Path) -> None:
    finding = await played(newer, newer_path)
    assert finding.wrong == []
    assert all(finding.fired.values())


async def test_a_wrong_end_is_named_and_a_fault_that_never_struck_is_too(node: Running, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        'title = "wrong"\nseconds = 60\n[[step]]\ndo = "arm"\nname = "drop"\ntype = "Reminder"\n[[step]]\ndo = "file"\n'
        '[[end]]\nfrom = "platform"\ntype = "ApplicationSubmitted"\nstates = ["DOWNLOADED / REFUSED"]\n'
        '[[leg]]\nnation = "fr"\nvalidated = false\nhas = ["permit"]\n'
        '[[noted]]\nfrom = "nation"\ntype = "ValidationResult"\nwhat = "receipt_kept"\nsays = ["receipt-signature"]\n'
    )
    named = [
        "ApplicationSubmitted from the platform: ['DOWNLOADED / DELIVERED'] instead of ['DOWNLOADED / REFUSED']",
        "leg fr: validated True instead of False",
        "leg fr: no permit",
        "receipt_kept of ValidationResult from the nation: ['proven'] instead of ['receipt-signature']",
        "the fault drop fired 0 times instead of 1",
    ]
    ended = "ACKNOWLEDGED / ENDED(delivered)"

    def all_has_happened(finding: Finding) -> bool:
        return finding.wrong[1:] == named and finding.wrong[0].endswith(ended)

    unexpected, *wrong = (await played(node, path, awaited=all_has_happened)).wrong
    assert unexpected.startswith("ValidationResult from the nation is not expected: ")
    assert unexpected.endswith(f" is {ended}")
    assert wrong == named


def test_what_the_access_point_gave_up_is_restored_and_its_receipt_is_proven(node: Running) -> None:
    node.arm("send-failure", type="ApplicationAck", times=1)
    application = node.file()
    node.arrives(application)
    message_id = node.post(about(application, "ApplicationAck")).json["id"]

    def way() -> dict[str, Any]:
        [exchange] = node.message(message_id)["exchanges"]
        return dict(exchange)

    failed = node.until(lambda: found if (found := way())["state"] == "SEND_FAILED" else None)
    assert "EBMS" in failed["reason"]
    restored = node.cli("messages", "restore", message_id)
    assert restored.returncode == 0, restored.stderr
    ended = node.until(lambda: found if (found := way())["state"] == "ENDED" and found["receipt"] else None)
    assert (ended["outcome"], ended["receipt"]) == ("accepted", "proven")
    assert (ended["message_id"], ended["resend"]) == (failed["message_id"], 0)
    assert len(ended["receipt_sha256"]) == 64


def test_a_receipt_that_does_not_hold_is_asked_for_again(node: Running) -> None:
    fault = node.arm("wrong-signature", type="ApplicationAck", times=1)
    application = node.file()
    node.arrives(application)
    message_id = node.post(about(application, "ApplicationAck")).json["id"]
    timeline = node.until(lambda: found if (found := receipts(node, message_id))[1:] else None)
    assert ["receipt-signature" in timeline[0], "proven" in timeline[1], len(timeline)] == [True, True, 2]
    assert node.fired(fault) == 1


def receipts(node: Running, message_id: str) -> list[str]:
    events = node.message(message_id)["timeline"]
    return [event["detail"] for event in events if event["what"] == "receipt_kept"]


def test_the_command_plays_tells_and_exits(node: Running) -> None:
    given = ["--mock", node.mock, "--dispatcher", node.api, "--token", node.token("caseworker")]
    given += ["--backend-token", node.token("hdh"), "--json"]
    done = node.cli("mock-eu", "run", *given, str(FOLDER / "good-day.toml"))
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)["scenarios"]
    assert (told["name"], told["ok"]) == ("good-day", True)
    assert told["states"]["nation ApplicationAck"] == ["ACKNOWLEDGED / ENDED(accepted)"]


def test_the_command_fails_where_the_mock_is_not(node: Running) -> None:
    done = node.cli("mock-eu", "run", "--mock", "http://127.0.0.1:9", str(FOLDER / "good-day.toml"))
    assert done.returncode == 1
    assert b"FAILED good-day" in done.stdout
