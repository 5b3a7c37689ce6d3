"""What the mock acknowledged survives SIGKILL."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession

from tests.support.mock_node import Nation, about, golden, golden_application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def mock_process(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The mock as a process of its own, killed at the end if it still lives."""
    command = [sys.executable, "-m", "adapters.mock_eu", "--port", str(port), "--data-dir", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        assert b"MOCK" in line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()


async def test_messages_statuses_and_answers_survive_sigkill(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with ClientSession() as session:
        france = Nation("fr", base, session)
        async with mock_process(tmp_path, port) as process:
            async with session.post(f"{base}/applicant/applications", json=golden_application()) as response:
                application_id = (await response.json())["application_id"]
            (inbound,) = await france.pending()
            async with session.post(f"{base}/faults", json={"name": "slow", "nth": 7}) as response:
                assert response.status == 201
            document = json.dumps(about(application_id, golden("from-nation-status-update"))).encode()
            answer = await france.submit("outbound-1", ("cid:message", "application/json", document))
            assert answer.status == 200
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
        async with mock_process(tmp_path, port):
            assert inbound in await france.pending()
            assert await france.status("outbound-1") in {"SEND_ENQUEUED", "ACKNOWLEDGED"}
            verdict = await france.next("ValidationResult")
            assert verdict["content"]["originalMessageId"] == "outbound-1"
            assert verdict["content"]["validated"] is True
            again = await france.submit("outbound-1", ("cid:message", "application/json", document))
            assert again.fault is not None
            assert again.fault[0] == "EBMS:0004"
            async with session.get(f"{base}/faults") as response:
                (fault,) = (await response.json())["faults"]
            assert fault["seen"] >= 1


async def test_every_acknowledged_submit_of_a_kill_under_load_is_there_once(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    acknowledged: list[str] = []

    async def hammer(france: Nation, lane: int) -> None:
        for number in range(1000):
            message_id = f"load-{lane}-{number}"
            answer = await france.submit(message_id, ("cid:message", "application/json", b"{}"))
            if answer.status == 200:
                acknowledged.append(message_id)

    async with ClientSession() as session:
        france = Nation("fr", base, session)
        async with mock_process(tmp_path, port) as process:
            lanes = [asyncio.create_task(hammer(france, lane)) for lane in range(4)]
            while len(acknowledged) < 40:  # noqa: ASYNC110 -- the load itself is the event
                await asyncio.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            results = await asyncio.gather(*lanes, return_exceptions=True)
            assert all(isinstance(result, ClientError) for result in results), "killed with work in flight"
        async with mock_process(tmp_path, port):
            async with session.get(f"{base}/log?operation=submitMessage") as response:
                kept = [entry["message_id"] for entry in (await response.json())["entries"]]
            assert len(set(kept)) == len(kept)
            assert set(acknowledged) <= set(kept)
            for message_id in acknowledged:
                assert await france.status(message_id) != "NOT_FOUND"


async def test_the_mock_stops_gracefully_on_sigterm_and_refuses_production(tmp_path: Path) -> None:
    async with mock_process(tmp_path, free_port()) as process:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    refused = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "adapters.mock_eu"],
        env={**os.environ, "HDEU_ENVIRONMENT": "production"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await refused.communicate()
    assert refused.returncode == 2
    assert b"production" in said
