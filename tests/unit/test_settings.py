"""A configuration that cannot be right is refused at the start, with the key that is wrong."""

from __future__ import annotations

import pytest

from broker.errors import ConfigurationError
from broker.settings import load_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HDEU_CONFIG", raising=False)


def with_webhook(monkeypatch: pytest.MonkeyPatch, environment: str, url: str) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", environment)
    monkeypatch.setenv("HDEU_BACKENDS__HDH__KIND", "webhook")
    monkeypatch.setenv("HDEU_BACKENDS__HDH__PROFILE", "fr-hdh-1")
    monkeypatch.setenv("HDEU_BACKENDS__HDH__URL", url)


def test_in_production_no_document_crosses_a_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with_webhook(monkeypatch, "production", "http://cases.example.org/in")
    with pytest.raises(ConfigurationError, match=r"backends\.hdh\.url"):
        load_settings()


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ("production", "https://cases.example.org/in"),
        ("production", "http://127.0.0.1:9000/in"),
        ("production", "http://[::1]:9000/in"),
        ("development", "http://cases.example.org/in"),
    ],
)
def test_encrypted_local_and_trial_webhooks_are_taken(
    monkeypatch: pytest.MonkeyPatch, environment: str, url: str
) -> None:
    with_webhook(monkeypatch, environment, url)
    assert load_settings().backends["hdh"].url == url


def test_the_mock_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", "production")
    monkeypatch.setenv("HDEU_ACCESS_POINT__CENTRAL_PARTY", "mock-eu")
    with pytest.raises(ConfigurationError, match="mock EU node"):
        load_settings()


def test_every_wrong_key_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_API__PORT", "http")
    monkeypatch.setenv("HDEU_WORK__LEASE", "long")
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert {line.partition(":")[0] for line in str(told.value).splitlines()} == {"api.port", "work.lease"}
