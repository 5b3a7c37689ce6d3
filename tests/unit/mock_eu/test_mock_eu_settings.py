"""The mock's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mock_eu.settings import BadSettings, Retry, Settings, load

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[server]\nport = "8090"\n', "server.port must be a whole number"),
        ('[access_point]\nauth = "no"\n', "access_point.auth must be true or false"),
        ('[access_point]\nreceipt_seconds = "soon"\n', "access_point.receipt_seconds must be a number"),
        ("[access_point]\nsend_tries = 4.5\n", "access_point.send_tries must be a whole number"),
        ("[nations.fr]\nuser = 1\n", "nations.fr.user must be a text in quotes"),
        ('[nations.fr.push]\ncron_seconds = "1"\n', "nations.fr.push.cron_seconds must be a number"),
        ('[access_point]\npayload_profile = "cid:message"\n', "payload_profile must be a list of parts"),
        ('[nations.fr]\npassword = "short"\n', "must have 16 to 32 characters"),
    ],
)
def test_a_value_of_another_kind_is_refused_at_the_start_and_not_when_it_is_used(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "mock.toml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=words):
        load(path)


def test_a_whole_number_may_stand_where_a_fraction_is_usual(tmp_path: Path) -> None:
    path = tmp_path / "mock.toml"
    path.write_text("[access_point]\nreceipt_seconds = 1\n")
    assert load(path).style.receipt_seconds == 1


def test_production_refuses_the_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", "production")
    with pytest.raises(BadSettings, match="production"):
        load(SHIPPED)


def test_passwords_do_not_show() -> None:
    assert "Only-2026" not in repr(Settings())


RULES = """[nations.fi.push]
user = "domibus"
cron_seconds = 1
[nations.fi.push.rules.first]
endpoint = "http://localhost/one"
types = ["RECEIVE_SUCCESS"]
[nations.fi.push.rules.second]
endpoint = "http://localhost/two"
types = ["SEND_FAILURE", "SEND_SUCCESS"]
retry = "12;4;SEND_ONCE"
"""


def test_push_rules_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "mock.toml"
    path.write_text(RULES)
    push = load(path).nations["fi"].push
    assert [(rule.name, rule.types) for rule in push.rules] == [
        ("first", ("RECEIVE_SUCCESS",)),
        ("second", ("SEND_FAILURE", "SEND_SUCCESS")),
    ]
    assert (push.user, push.cron_seconds, push.mark_as_downloaded) == ("domibus", 1, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SEND_FAILURE", "SENT_FAILURE"),
        ("12;4;SEND_ONCE", "12;4;PROGRESSIVE"),
        ("12;4;SEND_ONCE", "12;0;CONSTANT"),
        ('endpoint = "http://localhost/two"', ""),
        ('types = ["RECEIVE_SUCCESS"]', "types = []"),
        ("retry =", "retries ="),
        ("cron_seconds", "cron"),
    ],
)
def test_a_mistake_in_a_push_rule_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "mock.toml"
    path.write_text(RULES.replace(old, new))
    with pytest.raises(BadSettings):
        load(path)


@pytest.mark.parametrize(
    ("text", "seconds", "tries", "interval"), [("12;4;CONSTANT", 720, 4, 180), ("60;5;SEND_ONCE", 3600, 1, 3600)]
)
def test_a_retry_rule_is_so_many_tries_within_so_many_minutes(
    text: str, seconds: float, tries: int, interval: float
) -> None:
    retry = Retry.of(text)
    assert (retry.seconds, retry.tries, retry.interval) == (seconds, tries, interval)
