"""What the access point's own files say of parts, workers and switches is named, with what to change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.cli import main
from broker.commands.cron import longest_wait
from broker.commands.domibus_file import domibus_findings
from broker.commands.findings import Finding, Seen
from broker.commands.pmode_legs import leg_findings, shortest_retry
from broker.commands.traps import properties, push_findings, read_pmode
from broker.settings import AccessPointSection, Settings
from tests.unit.test_doctor_traps import GOOD

if TYPE_CHECKING:
    from pathlib import Path

#: The leg of a good PMode; a second leg, of another service, has a profile that lets nothing of ours pass.
PMODE = """<db:configuration xmlns:db="http://domibus.eu/configuration" party="fr_ap">
  <mpcs><mpc name="default" retention_downloaded="-1" retention_undownloaded="-1"/></mpcs>
  <businessProcesses>
    <payloadProfiles>
      <payload name="document" cid="cid:message" required="true"{mime}/>
      <payload name="structured" cid="cid:structured" required="false" mimeType="application/xml"/>
      <payload name="other" cid="cid:other" required="true"/>
      <payloadProfile name="ours" maxSize="40894464">{attachments}</payloadProfile>
      <payloadProfile name="theirs" maxSize="40894464"><attachment name="other"/></payloadProfile>
    </payloadProfiles>
    <services><service name="s" value="bdx:noprocess" type="tc1"/><service name="t" value="other"/></services>
    <actions><action name="a" value="TC1Leg1"/></actions>
    <as4>
      <receptionAwareness name="aware" retry="{retry}" duplicateDetection="{detect}"/>
      <reliability name="reliable" nonRepudiation="{proof}" replyPattern="response"/>
    </as4>
    <legConfigurations>
      <legConfiguration name="ours" service="s" action="a" reliability="reliable" receptionAwareness="aware"{profile}/>
      <legConfiguration name="theirs" service="t" action="a" payloadProfile="theirs"/>
    </legConfigurations>
  </businessProcesses>
</db:configuration>"""
USUAL = {
    "mime": "",
    "attachments": '<attachment name="document"/><attachment name="structured"/>',
    "retry": "12;4;CONSTANT",
    "detect": "true",
    "proof": "true",
    "profile": "",
}
PROFILED = {"profile": ' payloadProfile="ours"'}


def legs(wire: str = "eu-r7", **changes: str) -> dict[str, Finding]:
    pmode = read_pmode(PMODE.format(**{**USUAL, **changes}).encode())
    section = AccessPointSection.model_validate({"url": "http://ap", "profile": wire})
    return {finding.name: finding for finding in leg_findings(section, pmode)}


def test_a_leg_without_a_payload_profile_lets_every_part_pass() -> None:
    found = legs()
    assert {name: finding.seen for name, finding in found.items()} == {
        "payload profile": Seen.WORKS,
        "AS4 retry": Seen.WORKS,
        "AS4 receipts": Seen.WORKS,
    }


# a profile of the leg, and what it refuses of ours
PROFILES = {
    "files": ({}, "files (cid:file-…) are not listed"),
    "structured": ({"attachments": '<attachment name="document"/>'}, "cid:structured (application/xml) is not listed"),
    "document": ({"attachments": '<attachment name="structured"/>'}, "cid:message is not listed"),
    "media type": ({"mime": ' mimeType="text/xml"'}, "cid:message must be text/xml, and ours is application/json or"),
    "one media type": ({"mime": ' mimeType="application/json"'}, "and ours is application/zip"),
    "in the body": ({"mime": ' inBody="true"'}, "cid:message must be in the SOAP body"),
    "required": ({"attachments": USUAL["attachments"] + '<attachment name="other"/>'}, "cid:other is required"),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_payload_profile_that_refuses_parts_of_ours_is_named_with_each_of_them(name: str) -> None:
    changes, words = PROFILES[name]
    found = legs(**PROFILED, **changes)["payload profile"]
    assert found.seen is Seen.FAILS
    assert words in found.detail
    assert "EBMS:0010" in found.detail
    assert "take payloadProfile off the leg" in found.detail


def test_the_pilots_one_part_passes_a_profile_of_the_pilot() -> None:
    only = {"mime": ' mimeType="text/xml"', "attachments": '<attachment name="document"/>'}
    assert legs("eu-pilot", **PROFILED, **only)["payload profile"].seen is Seen.WORKS
    assert legs("eu-pilot", **PROFILED, **{**only, "mime": ' mimeType="application/json"'})["payload profile"].seen is (
        Seen.FAILS
    )


def test_what_the_file_does_not_have_is_unknown() -> None:
    assert legs(profile=' payloadProfile="gone"')["payload profile"].seen is Seen.UNKNOWN
    section = AccessPointSection(url="http://ap")
    [unseen] = leg_findings(section, None)
    assert (unseen.seen, "--pmode" in unseen.detail) == (Seen.UNKNOWN, True)
    other = AccessPointSection(url="http://ap", action="Another")
    [unjoined] = leg_findings(other, read_pmode(PMODE.format(**USUAL).encode()))
    assert unjoined.seen is Seen.UNKNOWN
    bare = PMODE.format(**USUAL).replace('name="aware"', 'name="gone"').replace('name="reliable"', 'name="gone"')
    found = {one.name: one.seen for one in leg_findings(section, read_pmode(bare.encode()))}
    assert (found["AS4 retry"], found["AS4 receipts"]) == (Seen.UNKNOWN, Seen.UNKNOWN)


@pytest.mark.parametrize(
    ("changes", "finding", "words"),
    [
        ({"detect": "false"}, "AS4 retry", "duplicateDetection=true"),
        ({"retry": "1;1;SEND_ONCE"}, "AS4 retry", "set retry=12;4;CONSTANT"),
        ({"retry": ""}, "AS4 retry", "nothing is sent again"),
        ({"proof": "false"}, "AS4 receipts", "set nonRepudiation=true"),
    ],
)
def test_a_leg_that_loses_doubles_or_proves_nothing_is_told(changes: dict[str, str], finding: str, words: str) -> None:
    found = legs(**changes)
    assert {name for name, one in found.items() if one.seen is Seen.FAILS} == {finding}
    assert words in found[finding].detail


# domibus.properties

FILE = """
domibus.auth.unsecureLoginAllowed=false
domibus.plugin.passwordPolicy.expiration=0
"""
#: more lines of the file, the finding that they must make, and words of it
TRAPS = {
    "rare retries": ("domibus.msh.retry.cron=0 0/5 * * * ?", "retry worker", "each 300 seconds, and the PMode wants"),
    "rare deletion": ("domibus.retentionWorker.cronExpression=0 0 3 * * ?", "retention worker", "86400 seconds"),
    "lost payloads": ("domibus.sendMessage.failure.delete.payload=true", "restoring", "=false"),
    "no receipts": ("domibus.nonrepudiation.audit.active=false", "kept receipts", "cannot be fetched"),
    "no news": ("domibus.plugin.notification.active=false", "status notifications", "can push nothing of it"),
    "other ids": (r"domibus.sendMessage.messageIdPattern=^[a-z]+@[a-z]+$", "message ids", "refuses every id of ours"),
    "open door": ("domibus.auth.unsecureLoginAllowed=true", "anonymous login (file)", "unsecureLoginAllowed=false"),
}


def told(text: str, retry: str = "12;4;CONSTANT") -> dict[str, Finding]:
    pmode = read_pmode(PMODE.format(**{**USUAL, "retry": retry}).encode())
    return {finding.name: finding for finding in domibus_findings(properties(text), pmode)}


def test_a_good_file_has_no_trap() -> None:
    assert {finding.seen for finding in told(FILE).values()} == {Seen.WORKS}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_in_domibus_properties_is_named_with_what_to_change(name: str) -> None:
    lines, finding, words = TRAPS[name]
    found = told(FILE + lines)
    assert {one for one, seen in found.items() if seen.seen is Seen.FAILS} == {finding}
    assert words in found[finding].detail


def test_what_the_file_leaves_out_has_domibus_own_default() -> None:
    found = told("")
    assert found["retry worker"].detail == "it runs each 30 seconds"
    assert found["retention worker"].detail.startswith("it runs each 60 seconds and deletes at most 50")
    assert found["anonymous login (file)"].seen is Seen.FAILS
    assert (found["plugin user's password"].seen, "90 days" in found["plugin user's password"].detail) == (
        Seen.UNKNOWN,
        True,
    )


def test_a_pattern_of_message_ids_is_read_as_a_properties_file_has_it() -> None:
    def ids(pattern: str) -> Seen:
        return told(f"{FILE}domibus.sendMessage.messageIdPattern={pattern}")["message ids"].seen

    assert ids(r"^[\\x20-\\x7E]*$") is Seen.WORKS
    assert ids(r"^[\\w-]{36}@[a-z.]+$") is Seen.WORKS
    assert ids(r"^[") is Seen.UNKNOWN


def test_how_often_the_retry_worker_must_run_stands_in_the_pmode() -> None:
    each_minute = FILE + "domibus.msh.retry.cron=0 0/1 * * * ?"
    assert told(each_minute)["retry worker"].seen is Seen.WORKS
    assert told(each_minute, "2;4;CONSTANT")["retry worker"].seen is Seen.FAILS
    assert told(each_minute, "60;0.5;2;PROGRESSIVE")["retry worker"].seen is Seen.FAILS
    assert shortest_retry(None) is None
    assert told(FILE + "domibus.msh.retry.cron=0 0 0 1 * ?")["retry worker"].seen is Seen.UNKNOWN


def test_without_the_file_its_traps_are_unknown_and_say_how_to_look() -> None:
    [finding] = domibus_findings(None, None)
    assert (finding.seen, "--domibus" in finding.detail) == (Seen.UNKNOWN, True)


# the dispatcher of ws-plugin.properties


def dispatcher(cron: str, **section: object) -> Finding:
    usual = {"url": "http://ap", "push_username": "domibus", "push_password": "x", **section}
    settings = Settings(access_point=AccessPointSection.model_validate(usual))
    text = f"{GOOD}wsplugin.dispatcher.worker.cronExpression={cron}\n" if cron else GOOD
    return next(one for one in push_findings(settings, properties(text)) if one.name == "push dispatcher")


def test_a_dispatcher_that_keeps_notifications_waiting_is_told() -> None:
    assert dispatcher("").seen is Seen.WORKS, "each minute, and polling is quicker"
    assert "nothing is polled here" in dispatcher("", poll=False).detail
    assert dispatcher("", poll=False).seen is Seen.FAILS
    assert dispatcher("0/5 * * * * ?", poll=False).seen is Seen.WORKS
    assert dispatcher("0 0/10 * * * ?").seen is Seen.FAILS
    assert "=0/5 * * * * ?" in dispatcher("0 0/10 * * * ?").detail
    assert dispatcher("now and then").seen is Seen.UNKNOWN


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("0/30 * * * * ?", 30),
        ("0 0/1 * * * ?", 60),
        ("0 0 0/1 * * ?", 3600),
        ("0 0 3 * * ?", 86_400),
        ("0 0 8-18 * * ?", 14 * 3600),
        ("0 0,10,45 * * * ?", 35 * 60),
        ("5-20/5 * * * * ?", 45),
        ("* * * * * ? *", 1),
        ("0 0 12 * * MON-FRI", None),
        ("0 0 12 1 * ?", None),
        ("0 75 * * * ?", None),
        ("0/0 * * * * ?", None),
        ("each minute", None),
        ("", None),
    ],
)
def test_the_longest_wait_of_a_cron_expression(expression: str, seconds: float | None) -> None:
    assert longest_wait(expression) == seconds


@given(st.integers(1, 59), st.integers(0, 59))
def test_the_longest_wait_of_steps_is_the_step_or_what_is_left_of_the_minute(step: int, at: int) -> None:
    runs = list(range(at, 60, step))
    over = runs[0] + 60 - runs[-1]
    assert longest_wait(f"{at}/{step} * * * * ?") == (max(step, over) if runs[1:] else over)


def test_the_command_reads_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HDEU_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HDEU_ACCESS_POINT__URL", "http://127.0.0.1:9/domibus/services/wsplugin")
    domibus, pmode = tmp_path / "domibus.properties", tmp_path / "pmode.xml"
    domibus.write_text("domibus.sendMessage.failure.delete.payload=true\n", "utf-8")
    pmode.write_text(PMODE.format(**{**USUAL, **PROFILED}), "utf-8")
    assert main(["doctor", "--json", "--domibus", str(domibus), "--pmode", str(pmode)]) == 1
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["restoring"]["state"] == "fails"
    assert "cid:file-" in checks["payload profile"]["detail"]
    assert main(["doctor", "--json", "--domibus", str(tmp_path / "gone")]) == 1
    files = [check for check in json.loads(capsys.readouterr().out)["checks"] if "files" in check["check"]]
    assert "gone" in files[0]["detail"]
