"""Each trap of an access point's configuration is named, with what to change; a good configuration has none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from broker.commands.findings import Finding, Seen
from broker.commands.probing import anonymous
from broker.commands.seeing import certificate, clock
from broker.commands.traps import properties, push_findings, read_pmode, retention_findings, rules
from broker.errors import ConfigurationError
from broker.settings import AccessPointSection, Settings

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GOOD = r"""
# comment
wsplugin.push.enabled = true
wsplugin.push.rules.hdeu=messages for the node
wsplugin.push.rules.hdeu.recipient=
wsplugin.push.rules.hdeu.endpoint=https\://node.example.org/access-point/push
wsplugin.push.rules.hdeu.retry=60;5;CONSTANT
wsplugin.push.rules.hdeu.type=RECEIVE_SUCCESS,RECEIVE_FAIL,SEND_SUCCESS,\
    SEND_FAILURE,MESSAGE_STATUS_CHANGE
wsplugin.push.markAsDownloaded=false
wsplugin.push.auth.username: domibus
wsplugin.push.alert.active=true
"""
PMODE = '<c xmlns="urn:x"><mpcs><mpc retention_downloaded="{}" retention_undownloaded="{}"/></mpcs></c>'


def settings(**section: Any) -> Settings:
    usual = {"url": "http://ap", "push_username": "domibus", "push_password": SecretStr("x"), **section}
    return Settings(access_point=AccessPointSection(**usual))


def failing(found: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in found if finding.seen is Seen.FAILS}


def of(text: str, **section: Any) -> dict[str, str]:
    return failing(push_findings(settings(**section), properties(text)))


def test_a_good_file_has_no_trap() -> None:
    found = push_findings(settings(), properties(GOOD))
    assert {finding.seen for finding in found} == {Seen.WORKS}
    [rule] = rules(properties(GOOD))
    assert rule.types[-1] == "MESSAGE_STATUS_CHANGE"


# a change of the good file, the finding that it must make, and the words that say what to change
TRAPS = {
    "rule elsewhere": ("/access-point/push", "/other", "push rule", ".endpoint end in /access-point/push"),
    "narrow recipient": ("recipient=", "recipient=urn:x:C4", "push rule", "leave it empty"),
    "no rule": ("RECEIVE_SUCCESS,", "", "push rule", "add it to wsplugin.push.rules.NAME.type"),
    "other user": ("username: domibus", "username: else", "push credentials", "access_point.push_username"),
    "no failures": ("SEND_FAILURE,", "", "push types", "add SEND_FAILURE to wsplugin.push.rules.hdeu.type"),
    "short retry": ("60;5;CONSTANT", "1;4;CONSTANT", "push retry", "=60;5;CONSTANT"),
    "send once": ("60;5;CONSTANT", "60;1;SEND_ONCE", "push retry", "=60;5;CONSTANT"),
    "no alert": ("alert.active=true", "alert.active=false", "push alerts", "wsplugin.push.alert.active=true"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_in_the_push_rules_is_named_with_what_to_change(name: str) -> None:
    before, after, finding, words = TRAPS[name]
    assert before in GOOD
    found = of(GOOD.replace(before, after))
    assert list(found) == [finding]
    assert words in found[finding]


def test_the_default_of_marking_is_a_trap_for_whole_messages_only() -> None:
    whole = GOOD.replace("RECEIVE_SUCCESS", "SUBMIT_MESSAGE")
    assert of(whole) == {}
    for marking in ("wsplugin.push.markAsDownloaded=true", ""):
        found = of(whole.replace("wsplugin.push.markAsDownloaded=false", marking))
        assert list(found) == ["push marking"]
        assert "wsplugin.push.markAsDownloaded=false" in found["push marking"]


def test_an_earlier_rule_that_takes_received_messages_away_is_seen() -> None:
    thief = "wsplugin.push.rules.old.endpoint=http://old\nwsplugin.push.rules.old.type=RECEIVE_SUCCESS\n"
    assert list(of(thief + GOOD)) == ["push rule", "push types", "push retry"]


def test_push_and_polling_both_off_is_a_trap() -> None:
    off = GOOD.replace("enabled = true", "enabled = false")
    assert of(off) == {}
    assert "nothing is ever fetched" in of(off, poll="false")["push rule"]
    assert "nobody listens" in of(GOOD, push_password=SecretStr(""))["push rule"]
    unlistened = push_findings(settings(poll="false", push_password=SecretStr("")), None)
    assert "nothing is ever fetched" in failing(unlistened)["push rule"]


def test_without_the_file_it_is_unknown_and_says_how_to_look() -> None:
    [finding] = push_findings(settings(), None)
    assert (finding.seen, finding.ok) == (Seen.UNKNOWN, True)
    assert "--ws-plugin" in finding.detail


def kept(downloaded: int, undownloaded: int, **more: Any) -> dict[str, str]:
    pmode = PMODE.format(downloaded, undownloaded).encode()
    return failing(retention_findings(settings(**more), read_pmode(pmode), backup_hours=24))


def test_retention_is_held_against_budget_polling_and_backups() -> None:
    assert kept(1440, 2880) == {}
    assert kept(-1, -1) == {}
    assert "retention_undownloaded to at least 2880 minutes" in kept(1440, 2879)["retention"]
    assert "retention_downloaded to at least 1440 minutes" in kept(0, 2880)["retention"]
    assert "retention_undownloaded" in kept(1440, 2880, poll=200_000)["retention"]
    [finding] = retention_findings(settings(), None, backup_hours=24)
    assert (finding.seen, "--pmode" in finding.detail) == (Seen.UNKNOWN, True)


SENT = '<c><mpcs><mpc retention_downloaded="-1" retention_undownloaded="-1" {}/></mpcs></c>'


@pytest.mark.parametrize(
    ("attributes", "advice"),
    [
        ("", ""),
        ('retention_sent="-1" delete_message_metadata="true"', ""),
        ('retention_sent="2880" delete_message_metadata="true"', ""),
        ('retention_sent="60"', "retention_sent to at least 2880 minutes"),
        ('retention_sent="60" delete_message_metadata="true"', "set delete_message_metadata=false"),
        (
            'retention_sent="60" delete_message_metadata="true" retention_metadata_offset="2819"',
            "delete_message_metadata",
        ),
        ('retention_sent="60" delete_message_metadata="true" retention_metadata_offset="2820"', "retention_sent to at"),
    ],
)
def test_the_retention_of_what_was_sent_is_held_against_the_budget(attributes: str, advice: str) -> None:
    found = failing(retention_findings(settings(), read_pmode(SENT.format(attributes).encode()), backup_hours=24))
    assert bool(found) == bool(advice)
    assert advice in found.get("retention", "")


@pytest.mark.parametrize("pmode", [b"no xml", b"<a/>"])
def test_a_file_that_is_no_pmode_is_told(pmode: bytes) -> None:
    with pytest.raises(ConfigurationError, match="--pmode"):
        retention_findings(settings(), read_pmode(pmode), backup_hours=24)


def test_two_clocks_that_differ_are_seen() -> None:
    def at(seconds: float) -> Finding:
        return clock(NOW + timedelta(seconds=seconds), NOW)

    assert [at(seconds).seen for seconds in (-59, 0, 59, 61, -3600)] == [*[Seen.WORKS] * 3, *[Seen.FAILS] * 2]
    assert "NTP" in at(3600).detail
    assert clock(None, NOW).seen is Seen.UNKNOWN


def test_a_certificate_that_ends_soon_is_seen() -> None:
    days = {days: certificate("c", NOW + timedelta(days=days), NOW).seen for days in (-1, 0, 29, 31)}
    assert days == {-1: Seen.FAILS, 0: Seen.FAILS, 29: Seen.FAILS, 31: Seen.WORKS}


def test_an_open_door_is_seen() -> None:
    found = anonymous(is_open=True)
    assert (found.seen, "unsecureLoginAllowed=false" in found.detail) == (Seen.FAILS, True)
    assert anonymous(is_open=False).seen is Seen.WORKS
