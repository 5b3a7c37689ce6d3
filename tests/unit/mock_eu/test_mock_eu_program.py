"""The mock's configuration is taken wherever it is named, and wrong usage is said in plain words."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu import program
from broker.cli import main

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
