"""What the access point's PMode does not know of us is named, with the key to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.cli import main
from broker.commands.findings import Seen
from broker.commands.pmode import pmode_findings
from broker.commands.probing import services
from broker.commands.traps import read_pmode
from broker.settings import AccessPointSection

ROLE = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
PMODE = f"""<db:configuration xmlns:db="http://domibus.eu/configuration" party="fr_ap">
  <mpcs><mpc name="default" retention_downloaded="-1" retention_undownloaded="-1"/></mpcs>
  <businessProcesses>
    <roles><role name="initiator" value="{ROLE}initiator"/><role name="responder" value="{ROLE}responder"/></roles>
    <parties>
      <party name="fr_ap"><identifier partyId="urn:example:ap:fr" partyIdType="type"/></party>
      <party name="central"><identifier partyId="urn:example:ap:central" partyIdType="type"/></party>
    </parties>
    <services><service name="s" value="bdx:noprocess" type="tc1"/></services>
    <actions><action name="a" value="TC1Leg1"/></actions>
  </businessProcesses>
</db:configuration>"""
OURS = {"party": "urn:example:ap:fr", "central_party": "urn:example:ap:central"}
#: our key, our value, and words of what is said of it
TRAPS = {
    "party": ("urn:example:ap:FR", "there are urn:example:ap:central, urn:example:ap:fr: set access_point.party"),
    "central_party": ("urn:example:hub", "no identifier urn:example:hub"),
    "initiator_role": (f"{ROLE}sender", "set access_point.initiator_role to one"),
    "responder_role": (f"{ROLE}receiver", "set access_point.responder_role to one"),
    "service": ("urn:example:service", "there are bdx:noprocess: set access_point.service"),
    "service_type": ("tc2", "bdx:noprocess has the type tc1 there: set access_point.service_type"),
    "action": ("Submit", "there are TC1Leg1: set access_point.action"),
}


def seen(pmode: str | None, **changes: str) -> list[tuple[Seen, str]]:
    section = AccessPointSection(url="http://ap", **{**OURS, **changes})
    found = pmode_findings(section, read_pmode(pmode.encode()) if pmode else None)
    return [(finding.seen, finding.detail) for finding in found]


def test_a_pmode_that_knows_all_that_we_say_works() -> None:
    assert seen(PMODE) == [(Seen.WORKS, "it knows our parties, roles, service and action")]


@pytest.mark.parametrize("key", TRAPS)
def test_what_the_pmode_does_not_know_is_named_with_the_key_to_change(key: str) -> None:
    value, words = TRAPS[key]
    [(state, detail)] = seen(PMODE, **{key: value})
    assert state is Seen.FAILS
    assert words in detail


@pytest.mark.parametrize("pmode", [None, '<c><mpcs><mpc retention_downloaded="1"/></mpcs></c>'])
def test_without_a_whole_pmode_it_is_unknown(pmode: str | None) -> None:
    assert [state for state, _ in seen(pmode)] == [Seen.UNKNOWN]


@pytest.mark.parametrize(
    ("state", "expected", "words"),
    [
        (b'{"services": [{"name": "Database", "status": "NORMAL"}]}', Seen.WORKS, "Database"),
        (b'{"services": [{"name": "JMS Broker", "status": "ERROR"}]}', Seen.FAILS, "JMS Broker: ERROR"),
        (b'{"services": [{"name": "Database"}]}', Seen.UNKNOWN, "cannot be read"),
        (b"[]", Seen.UNKNOWN, "cannot be read"),
        (b"<html/>", Seen.UNKNOWN, "cannot be read"),
    ],
)
def test_a_part_of_the_access_point_that_is_ill_is_named(state: bytes, expected: Seen, words: str) -> None:
    finding = services(state)
    assert finding.seen is expected
    assert words in finding.detail


def test_the_command_reads_the_access_points_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment: dict[str, Any] = {
        "DATA_DIR": str(tmp_path),
        "ACCESS_POINT__URL": "http://127.0.0.1:9/domibus/services/wsplugin",
        "ACCESS_POINT__PARTY": OURS["party"],
        "ACCESS_POINT__CENTRAL_PARTY": "urn:example:hub",
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"HDEU_{name}", value)
    pmode, plugin = tmp_path / "pmode.xml", tmp_path / "ws-plugin.properties"
    pmode.write_text(PMODE, "utf-8")
    plugin.write_text("wsplugin.push.enabled=false\n", "utf-8")
    assert main(["doctor", "--json", "--pmode", str(pmode), "--ws-plugin", str(plugin)]) == 1
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "urn:example:hub" in checks["PMode"]["detail"]
    assert checks["retention"]["state"] == "works"
    assert any(name.startswith("push") for name in checks)
    pmode.write_text("no xml", "utf-8")
    assert main(["doctor", "--json", "--pmode", str(pmode)]) == 1
    files = [check for check in json.loads(capsys.readouterr().out)["checks"] if "files" in check["check"]]
    assert files[0]["detail"] == "the file given with --pmode is not XML"
