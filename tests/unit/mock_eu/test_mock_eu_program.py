"""The mock's configuration is taken wherever it is named, and wrong usage is said in plain words."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu import program
from adapters.mock_eu.settings import access_points, load
from broker.cli import main
from broker.settings import load_settings
from tests.support.scenario_stage import RULES, SHORT

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIG = Path(__file__).parents[3] / "config"
MOCK, NODE = str(CONFIG / "mock-eu.toml"), str(CONFIG / "france.toml")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, list[str]]]:
    """What the program is called with, in its stead."""
    calls: list[tuple[str | None, list[str]]] = []

    def note(path: str | None, words: Sequence[str] = ()) -> int:
        calls.append((path, list(words)))
        return 0

    monkeypatch.setattr(program, "main", note)
    monkeypatch.delenv("HDEU_CONFIG", raising=False)
    return calls


@pytest.mark.parametrize(
    ("words", "path", "handed"),
    [
        (["mock-eu"], None, []),
        (["--config", MOCK, "mock-eu"], MOCK, []),
        (["mock-eu", "--config", MOCK, "--port", "8091"], MOCK, ["--port", "8091"]),
        (["mock-eu", "run", "--config", MOCK, "x.toml"], None, ["run", "--config", MOCK, "x.toml"]),
    ],
)
def test_the_configuration_may_be_named_before_or_behind_the_command(
    called: list[tuple[str | None, list[str]]], words: list[str], path: str | None, handed: list[str]
) -> None:
    assert main(words) == 0
    assert called == [(path, handed)]


@pytest.mark.parametrize(("named", "path"), [(MOCK, MOCK), (NODE, None), ("nowhere.toml", None)])
def test_the_environment_counts_where_it_names_the_mocks_and_not_where_it_names_a_nodes(
    called: list[tuple[str | None, list[str]]], monkeypatch: pytest.MonkeyPatch, named: str, path: str | None
) -> None:
    monkeypatch.setenv("HDEU_CONFIG", named)
    assert main(["mock-eu"]) == 0
    assert called == [(path, [])]


@pytest.mark.parametrize("verb", [[], ["run", "x.toml"], ["conformance", "--role", "dispatcher"]])
def test_every_verb_takes_the_configuration_and_says_where_it_is_not(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(None, [*verb, "--config", "nowhere.toml"]) == 2
    assert "nowhere.toml" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [[], ["conformance", "--role", "dispatcher"]])
def test_a_port_that_is_taken_is_said_with_what_to_do(
    verb: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert program.main(None, [*verb, "--port", port, "--data-dir", str(tmp_path)]) == 2
    assert "choose another --port" in capsys.readouterr().err


def test_a_case_that_nobody_knows_is_wrong_usage_and_the_groups_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(None, ["conformance", "--role", "dispatcher", "--only", "recieving", "--without", "errors"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no case or group is called recieving: the groups are receiving, errors" in said


def test_the_beginnings_of_a_step_in_the_documents_decline_what_they_do_not_do_yet(tmp_path: Path) -> None:
    page = (CONFIG.parent / "docs" / "conformance.md").read_text("utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    step = tmp_path / "step"
    for written, ends in ((script, 3), (script.replace("raise NotImplementedError", "return {}"), 0)):
        step.write_text(written, "utf-8")
        done = [
            subprocess.run([sys.executable, step], input=json.dumps(order), text=True, check=False).returncode
            for order in ({"step": "acknowledge", "application_id": "a"}, {"step": "decide"})
        ]
        assert done == [ends, 3]


def test_the_documents_name_users_passwords_and_parties_of_the_shipped_configuration() -> None:
    page = (CONFIG.parent / "docs" / "mock-eu-node.md").read_text("utf-8")
    settings = load(Path(MOCK))
    for code, nation in settings.nations.items():
        row = f"| `{code}` | `{nation.user}` | `{nation.password}` | `{nation.party_id}` | `{nation.wire}` |"
        assert row in page
    assert f"`{settings.central_party_id}`" in page


def test_a_report_may_go_into_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """And the system under test is told where the kit is."""
    report = tmp_path / "build" / "deep" / "report.xml"
    words = ["--role", "dispatcher", "--only", "receiving.key", "--dispatcher", "http://127.0.0.1:9", "--port", "0"]
    assert program.main(None, ["conformance", *words, "--report", f"gitb={report}"]) == 1
    assert b"ConformanceStatementReport" in report.read_bytes()


def test_where_its_report_cannot_go_is_said_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    words = ["--role", "dispatcher", "--report", f"junit={tmp_path}/file/report.xml"]
    assert program.main(None, ["conformance", *words]) == 2
    assert "file" in capsys.readouterr().err


def test_it_is_said_where_the_access_points_are_and_the_password_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    told = access_points(load(Path(MOCK)))
    assert told["fr"].startswith("http://127.0.0.1:8090/fr/domibus/services/wsplugin, user fr, party hdeu:mock:ap:fr")
    assert "Only-2026" not in str(told)
    program.main(None, ["conformance", "--role", "dispatcher", "--only", "receiving.key", "--port", "0"])
    assert "/fr/domibus/services/wsplugin" in capsys.readouterr().err


def test_the_documents_prepare_mock_and_node_for_scenarios_as_the_tests_do(tmp_path: Path) -> None:
    page = (CONFIG.parent / "docs" / "mock-eu-node.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n(cp config/mock-eu\.toml.*?)```", page, re.DOTALL)
    written = re.search(r"<<'END'\n(.*?)END\n", block, re.DOTALL)
    assert written is not None
    mock = tmp_path / "mock.toml"
    mock.write_text(Path(MOCK).read_text("utf-8") + written[1], "utf-8")
    push = load(mock).nations["fr"].push
    node = load_settings(Path(NODE)).access_point
    assert (push.user, push.password) == (node.push_username, node.push_password.get_secret_value())
    ours = RULES.format(user=push.user, password=push.password, node="http://127.0.0.1:8080", receive="RECEIVE_SUCCESS")
    assert written[1].strip() == ours.strip()
    wanted = [f"{name}={value}" for name, value in SHORT.items() if "PUSH" not in name]
    assert [variable for variable in wanted if variable not in block] == []


def test_a_folder_without_scenarios_is_wrong_usage_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mock-eu", "run", str(tmp_path), "--mock", "http://127.0.0.1:1"]) == 2
    assert "no scenario is in this folder" in capsys.readouterr().err
