"""The doctor before a living access point: a good one, and one broken in each way that can be seen from outside."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from adapters.demo.processes import hdeu
from adapters.mock_eu.retention import Retention
from broker.commands.findings import Finding, Seen
from broker.commands.pmode import pmode_findings
from broker.commands.pmode_legs import leg_findings
from broker.commands.probing import pmode_in_use, probe
from broker.commands.traps import read_pmode, retention_findings
from broker.settings import AccessPointSection, Settings
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.mock_node import MockNode


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path) as running:
        yield running


async def seen(node: MockNode, *notified: str, **section: Any) -> dict[str, Finding]:
    usual = {
        "url": f"{node.base}/fr/domibus/services/wsplugin",
        "ext_url": f"{node.base}/fr/domibus/ext",
        "username": "fr",
        "password": SecretStr("Mock-fr-Only-2026!"),
        "party": "hdeu:mock:ap:fr",
        "central_party": "hdeu:mock:ap:central",
        **section,
    }
    found = await probe(Settings(access_point=AccessPointSection(**usual)), notified)
    return {finding.name: finding for finding in found}


async def test_a_good_access_point_has_nothing_to_mend(node: MockNode) -> None:
    await node.file()
    found = await seen(node)
    assert {name: finding.seen.value for name, finding in found.items()} == {
        "access point": "works",
        "clock skew": "works",
        "access point's certificate": "unknown",
        "anonymous login": "works",
        "plugin user": "works",
        "plugin user's role": "works",
        "access point's parts": "works",
        "message filter": "works",
    }


async def test_a_wrong_password_is_the_first_thing_that_is_said(node: MockNode) -> None:
    found = await seen(node, password=SecretStr("Wrong-Password-2026!"))
    assert list(found) == ["access point"]
    assert "credentials" in found["access point"].detail
    assert "Wrong-Password" not in found["access point"].detail


async def test_an_access_point_that_lets_everybody_in_is_told(tmp_path: Path) -> None:
    async with mock_node(tmp_path, auth=False) as node:
        found = await seen(node)
    assert found["anonymous login"].seen is Seen.FAILS


async def test_a_user_who_may_not_list_is_told(node: MockNode) -> None:
    await node.arm("http-403", type="listPendingMessages")
    found = await seen(node)
    assert found["plugin user"].seen is Seen.FAILS
    assert "ROLE_USER" in found["plugin user"].detail
    assert found["message filter"].seen is Seen.UNKNOWN


async def test_a_user_who_is_no_admin_is_told_where_ext_is_used(node: MockNode) -> None:
    found = await seen(node, ext_username="fr", ext_password=SecretStr("Wrong-Password-2026!"))
    assert found["plugin user's role"].seen is Seen.FAILS
    assert "ROLE_ADMIN" in found["plugin user's role"].detail
    assert (await seen(node, ext_url=""))["plugin user's role"].seen is Seen.UNKNOWN


async def test_a_message_that_another_plugin_took_is_seen_by_its_status(node: MockNode) -> None:
    assert (await seen(node))["message filter"].seen is Seen.UNKNOWN
    await node.arm("filter-steals", nation="fr", times=1)
    await node.file()
    taken = [
        row["message_id"]
        for row in (await node.get("/access-points/fr/messages"))["messages"]
        if row["status"] == "RECEIVED"
    ]
    found = (await seen(node, *taken))["message filter"]
    assert (found.seen, "Message Filter" in found.detail) == (Seen.FAILS, True)


async def test_a_clock_that_runs_ahead_is_seen_by_the_date_of_any_answer(node: MockNode) -> None:
    fault = await node.arm("date-skew", seconds=3600)
    found = (await seen(node))["clock skew"]
    assert found.seen is Seen.FAILS
    assert "NTP" in found.detail
    assert 3590 <= int(found.detail.split()[0]) <= 3610
    assert await node.fired(fault) >= 1


async def test_a_part_of_the_access_point_that_is_ill_is_told_though_its_plugin_works(node: MockNode) -> None:
    fault = await node.arm("part-ill")
    found = await seen(node)
    assert found["access point"].seen is Seen.WORKS
    assert found["access point's parts"].seen is Seen.FAILS
    assert "Database: ERROR" in found["access point's parts"].detail
    assert await node.fired(fault) == 1


def settings_for(node: MockNode, **section: Any) -> Settings:
    usual = {
        "url": f"{node.base}/fr/domibus/services/wsplugin",
        "ext_url": f"{node.base}/fr/domibus/ext",
        "username": "fr",
        "password": SecretStr("Mock-fr-Only-2026!"),
        "party": "hdeu:mock:ap:fr",
        "central_party": "hdeu:mock:ap:central",
        **section,
    }
    return Settings(access_point=AccessPointSection(**usual))


def of_pmode(settings: Settings, data: bytes) -> dict[str, Seen]:
    pmode = read_pmode(data)
    section = settings.access_point
    found = [*pmode_findings(section, pmode), *leg_findings(section, pmode)]
    return {finding.name: finding.seen for finding in [*found, *retention_findings(settings, pmode, backup_hours=24)]}


async def test_the_pmode_in_use_is_asked_for_and_a_good_one_works(node: MockNode) -> None:
    settings = settings_for(node)
    seen = of_pmode(settings, await pmode_in_use(settings))
    assert seen == dict.fromkeys(("PMode", "payload profile", "AS4 retry", "AS4 receipts", "retention"), Seen.WORKS)


async def test_a_payload_profile_is_seen_before_it_refuses_a_file(tmp_path: Path) -> None:
    """What the doctor says of it, and what comes of it."""
    async with mock_node(tmp_path, payload_profile=("cid:message", "cid:structured")) as node:
        settings = settings_for(node)
        seen = of_pmode(settings, await pmode_in_use(settings))
        france, file = node.nation("fr"), ("cid:file-0a", "application/pdf", b"%PDF-1.4")
        passed = await france.submit("passes-1", ("cid:message", "application/json", b"{}"))
        refused = await france.submit("refused-1", ("cid:message", "application/json", b"{}"), file)
    assert {name for name, one in seen.items() if one is Seen.FAILS} == {"payload profile"}
    assert passed.ids == ["passes-1"]
    assert refused.fault is not None
    assert refused.fault == (
        "EBMS:0010",
        "Payload profiling for this exchange does not include a payload with CID: cid:file-0a",
    )


async def test_retention_that_deletes_at_once_is_seen_in_the_pmode_in_use(tmp_path: Path) -> None:
    async with mock_node(tmp_path, retention=Retention(downloaded=0)) as node:
        settings = settings_for(node)
        assert of_pmode(settings, await pmode_in_use(settings))["retention"] is Seen.FAILS


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({"undownloaded": 2879}, Seen.FAILS),
        ({"undownloaded": 2880, "downloaded": 1440, "sent": 2880}, Seen.WORKS),
        ({"downloaded": 1439}, Seen.FAILS),
        ({"sent": 60}, Seen.FAILS),
        ({"sent": 2000, "delete_metadata": True, "metadata_offset": 800}, Seen.FAILS),
    ],
)
async def test_a_retention_that_somebody_changed_is_seen_in_the_pmode_in_use(
    node: MockNode, rule: dict[str, Any], seen: Seen
) -> None:
    async with node.session.put(f"{node.base}/access-points/fr/retention", json=rule) as response:
        assert response.status == 200
    settings = settings_for(node)
    assert of_pmode(settings, await pmode_in_use(settings))["retention"] is seen


async def test_where_the_pmode_cannot_be_had_nothing_is_said_of_it(node: MockNode) -> None:
    for section in ({"ext_url": ""}, {"ext_url": "http://127.0.0.1:1"}, {"ext_username": "stranger"}):
        assert await pmode_in_use(settings_for(node, **section)) == b""
    assert await pmode_in_use(settings_for(node, ext_url=f"{node.base}/registry/permits?")) == b""


async def test_the_command_looks_at_the_pmode_in_use(node: MockNode, tmp_path: Path) -> None:
    environment = {
        "HDEU_DATA_DIR": str(tmp_path / "node"),
        "HDEU_ACCESS_POINT__URL": f"{node.base}/fr/domibus/services/wsplugin",
        "HDEU_ACCESS_POINT__EXT_URL": f"{node.base}/fr/domibus/ext",
        "HDEU_ACCESS_POINT__USERNAME": "fr",
        "HDEU_ACCESS_POINT__PASSWORD": "Mock-fr-Only-2026!",
        "HDEU_ACCESS_POINT__PARTY": "hdeu:mock:ap:fr",
        "HDEU_ACCESS_POINT__CENTRAL_PARTY": "hdeu:mock:ap:else",
    }
    process = await asyncio.create_subprocess_exec(
        *hdeu("doctor", "--json"), env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    checks = {check["check"]: check for check in json.loads(out)["checks"]}
    assert checks["payload profile"]["state"] == "works"
    assert "no identifier hdeu:mock:ap:else" in checks["PMode"]["detail"]


async def test_an_access_point_that_is_not_there_is_told(node: MockNode) -> None:
    found = await seen(node, url="http://127.0.0.1:1/fr")
    assert found["access point"].seen is Seen.FAILS
