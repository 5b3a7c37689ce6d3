"""The whole story on real RabbitMQ and PostgreSQL, with each payload counted on the wire; then somebody tampers."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.demo.processes import free_port, hdeu, run_hdeu
from adapters.demo.stage import FINLAND, FRANCE, LANDS, Land, Stage
from adapters.demo.story import Story
from tests.support.journals import with_the_file
from tests.support.production import Production, example_attachments, example_form
from tests.support.recording_proxy import RecordingProxy
from tests.support.story_ends import RECEIVED, TAKEN, accepted, doubled, received, taken, unaccounted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.postgres import Databases
    from tests.support.rabbitmq import RabbitNode

pytestmark = pytest.mark.timeout(420)
DOORS = ("amqp", "http", "cli")
SETTLE_SECONDS = 90  #: longer than the lease of work that a process left behind


@dataclass
class Told:
    """A story that was told to its end: parties are stopped, servers and data are there."""

    stage: Stage
    production: Production
    proxy: RecordingProxy
    log: list[dict[str, Any]]
    messages: dict[str, list[dict[str, Any]]]
    pids: dict[str, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(
    rabbit_node: RabbitNode, postgres_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Told]:
    folder = tmp_path_factory.mktemp("story")
    production = Production(rabbit_node, postgres_databases.admin_url, f"story{uuid.uuid4().hex[:8]}")
    await production.prepare()
    mock_port = free_port()
    async with (
        RecordingProxy(f"http://127.0.0.1:{mock_port}") as proxy,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        stage = production.stage(folder, mock_url=proxy.url, mock_port=mock_port)
        await production.install(stage)
        lines: list[str] = []
        story = Story(stage, session, lines.append, patience=60.0)
        try:
            await story.open()
            await story.act_one(example_form(), example_attachments())
            await story.act_two(doors=DOORS)
            await production.settled(SETTLE_SECONDS)
            messages = {land.node: await everything(story, land) for land in LANDS}
            async with session.get(f"{stage.url('mock-eu')}/log") as response:
                log = (await response.json())["entries"]
            pids = {name: party.process.pid for name, party in story.parties.by_name.items() if party.process}
        finally:
            story.parties.stop()
            (folder / "told.txt").write_text("\n".join(lines), "utf-8")
        yield Told(stage, production, proxy, log, messages, pids)


async def everything(story: Story, land: Land) -> list[dict[str, Any]]:
    """Every message of a node in full, page by page over its API."""
    found, query = [], {"limit": "100"}
    while True:
        page = await story.eyes[land.node]._get("/api/v1/messages", query)
        found += [await story.eyes[land.node].message(row["id"]) for row in page["messages"]]
        if not page["next"]:
            return found
        query["before"] = page["next"]


async def audit(told: Told, land: Land, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *hdeu("audit", *arguments),
        env={**os.environ, **told.stage.node_env(land)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode() + err.decode()


async def test_every_submitted_exchange_was_on_the_wire_with_the_bytes_that_are_kept(told: Told) -> None:
    assert told.proxy.unreadable == []
    for land in LANDS:
        submits = {
            operation.message_id: operation.sent
            for operation in told.proxy.operations
            if (operation.nation == land.nation and operation.name == "submitMessage") or operation.name == "submit"
        }
        submitted = [
            way
            for message in told.messages[land.node]
            for way in message["exchanges"]
            if way["direction"] == "outbound" and way["state"] in {"SUBMITTED", "ENDED"} and way["submitted_at"]
        ]
        assert len(submitted) >= 20
        for way in submitted:
            assert submits[way["message_id"]]["cid:message"] == way["document_sha256"], way


async def test_nothing_went_over_the_wire_that_no_kept_message_accounts_for(told: Told) -> None:
    for land in LANDS:
        ways = {
            wire: {"cid:message": document, "cid:structured": pivot}
            for wire, document, pivot in told.production.rows(
                land, "SELECT wire_message_id, document_sha256, pivot_sha256 FROM exchanges WHERE wire_message_id <> ''"
            )
        }
        sent = [one for one in told.proxy.operations if one.nation == land.nation and one.sent]
        papers = {path.stem for path in (told.stage.folder / land.backend / "sent").glob("*.pdf")}
        for operation in sent:
            for href, digest in operation.sent.items():
                known = f"cid:file-{digest}" if digest in papers else ""
                assert href == known or ways[operation.message_id][href] == digest
        hrefs = [href for operation in sent for href in operation.sent]
        assert hrefs.count("cid:structured") == 1, "with the decision"
        assert {f"cid:file-{paper}" for paper in papers} <= set(hrefs)
        assert len(papers) == 2, "the decision's and the permit's"


async def test_every_payload_that_was_fetched_is_kept(told: Told) -> None:
    for land in LANDS:
        kept = {
            message["message_id"]: message["sha256"]
            for message in told.messages[land.node]
            if message["door"] == "access-point"
        }
        fetched = {
            one.message_id: one.received["cid:message"]
            for one in told.proxy.operations
            if one.nation == land.nation and one.received
        }
        assert len(fetched) >= 20
        assert fetched == kept


async def test_what_the_recording_saw_is_what_the_platform_logged(told: Told) -> None:
    logged = {
        one["message_id"]: {part["href"]: part["sha256"] for part in one["payloads"]} for one in accepted(told.log)
    }
    seen = {one.message_id: one.sent for one in told.proxy.operations if one.sent and not one.fault}
    assert seen == logged


async def test_each_office_and_the_platform_have_each_message_once(told: Told) -> None:
    for land in LANDS:
        assert doubled(told.stage, land) == []
        assert received(told.stage, land) == RECEIVED[land.backend]
        assert taken(told.log, land.nation) == TAKEN[land.nation]
    ids = [one["message_id"] for one in accepted(told.log)]
    assert len(ids) == len(set(ids))
    assert unaccounted(told.stage, told.production, told.log) == []


async def test_a_message_is_shown_on_the_command_line_as_over_the_api(told: Told) -> None:
    message = next(one for one in told.messages["france"] if one["type"] == "DecisionIssued")
    shown = json.loads(await run_hdeu("messages", "show", message["id"], "--json", env=told.stage.node_env(FRANCE)))
    assert shown["message_id"] == message["message_id"]
    assert [event["what"] for event in shown["timeline"]] == [event["what"] for event in message["timeline"]]


async def test_the_french_work_was_done_by_both_processes(told: Told) -> None:
    workers = {row[0].rpartition(":")[2] for row in told.production.rows(FRANCE, "SELECT worker FROM attempts")}
    assert workers >= {str(told.pids["france"]), str(told.pids["france-worker"])}


async def test_both_journals_hold(told: Told) -> None:
    for land in LANDS:
        code, said = await audit(told, land, "verify")
        assert (code, "hold" in said) == (0, True), said


@pytest.mark.parametrize("place", ["journal", "contents"])
async def test_a_changed_byte_in_the_database_is_found_and_its_entry_named(told: Told, place: str) -> None:
    number, digest = told.production.rows(
        FINLAND,
        "SELECT j.number, m.sha256 FROM journal j JOIN messages m ON m.id = j.target"
        " WHERE j.action = 'message.kept' AND j.number > 5 ORDER BY j.number LIMIT 1",
    )[0]
    changes = {
        "journal": ("UPDATE journal SET outcome = overlay(outcome placing %s from 1 for 1) WHERE number = {number}"),
        "contents": ("UPDATE contents SET data = set_byte(data, 20, get_byte(data, 20) # 1) WHERE sha256 = '{digest}'"),
    }
    statement = changes[place].format(number=number, digest=digest)
    first = told.production.rows(FINLAND, "SELECT left(outcome, 1) FROM journal WHERE number = %s", number)[0][0]
    tamper(told, statement.replace("%s", "'x'"))
    try:
        code, said = await audit(told, FINLAND, "verify")
        assert code == 1
        assert str(number) in said.splitlines()[0].replace(":", " ").split(), said
    finally:
        tamper(told, statement.replace("%s", f"'{first}'"))
    assert (await audit(told, FINLAND, "verify"))[0] == 0


def tamper(told: Told, statement: str) -> None:
    """As superuser, with the guard off."""
    with with_the_file(told.production.database(FINLAND)) as connection:
        connection.exec_driver_sql(statement)


async def test_a_changed_byte_in_an_export_is_found_and_its_entry_named(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    assert (await audit(told, FRANCE, "export", str(file)))[0] == 0
    assert (await audit(told, FRANCE, "verify", str(file)))[0] == 0
    lines = file.read_text("utf-8").splitlines()
    place, entry = next((at, json.loads(line)) for at, line in enumerate(lines) if '"exchange.submitted"' in line)
    lines[place] = lines[place].replace("exchange.submitted", "exchange.submittex")
    file.write_text("\n".join(lines) + "\n", "utf-8")
    code, said = await audit(told, FRANCE, "verify", str(file))
    assert code == 1
    assert str(entry["number"]) in said.splitlines()[0].replace(":", " ").split(), said
