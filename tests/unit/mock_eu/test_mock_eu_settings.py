"""The mock's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mock_eu.settings import BadSettings, Settings, load

SHIPPED = Path(__file__).parents[3] / "config" / "mock-eu.toml"


def test_the_shipped_file_says_what_the_defaults_are() -> None:
    assert load(SHIPPED) == Settings()


def test_given_values_go_over_the_file() -> None:
    assert load(SHIPPED, {"port": 1}).port == 1


@pytest.mark.parametrize(
    "text",
    [
        "[server]\nprot = 1\n",
        "[surprise]\n",
        "not toml",
        '[nations.fr]\npassword = "short"\n',
        '[nations.fr]\npassword = "NoDigitsButLongEnough!"\n',
        '[access_point]\nanswers = "6.0"\n',
    ],
)
def test_a_mistake_is_named_and_not_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mock.toml"
    path.write_text(text)
    with pytest.raises(BadSettings):
        load(path)


def test_production_refuses_the_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", "production")
    with pytest.raises(BadSettings, match="production"):
        load(SHIPPED)


def test_passwords_do_not_show() -> None:
    assert "Only-2026" not in repr(Settings())
