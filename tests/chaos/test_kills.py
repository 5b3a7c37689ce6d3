"""The story under SIGKILL: of both nodes, the mock EU node, RabbitMQ and PostgreSQL, with an operation under way."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from adapters.demo.processes import free_port
from adapters.demo.stage import LANDS
from adapters.demo.story import Story
from tests.support.chaos import Monkey, draw
from tests.support.postgres import Postgres, ServerMissingError, private_server
from tests.support.production import Production, example_attachments, example_form
from tests.support.rabbitmq import SETTLE_SECONDS, RabbitNode, own_rabbit
from tests.support.recording_proxy import RecordingProxy
from tests.support.story_ends import RECEIVED, TAKEN, accepted, doubled, received, taken, unaccounted

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(480)
REPORT = Path(__file__).parents[2] / "build" / "chaos.json"
DOORS = ("amqp", "http", "cli")
STEP_SECONDS = 120.0  #: in which each step happens, whoever was killed
SETTLE = 90.0  #: seconds after the last step, in which nothing is left to do
#: A dead worker's rows are free after the lease, which is longer than any call: as in production, only shorter.
SETTINGS = {
    "HDEU_ACCESS_POINT__TIMEOUT": "4",
    "HDEU_WORK__LEASE": "8",
    "HDEU_WORK__BACKOFF_BASE": "0.5",
    "HDEU_WORK__BACKOFF_CAP": "4",
}


@pytest.fixture(scope="module")
def rabbit() -> Iterator[RabbitNode]:
    """A server of our own to kill."""
    with own_rabbit() as node:
        yield node


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of our own to kill, which writes to disk as in production."""
    try:
        with private_server() as server:
            yield server
    except ServerMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def report(chaos_seed: int) -> Iterator[list[dict[str, Any]]]:
    """What each story had; written to build/chaos.json at the end."""
    stories: list[dict[str, Any]] = []
    yield stories
    kills = Counter(strike["moment"]["victim"] for story in stories for strike in story["strikes"])
    REPORT.parent.mkdir(exist_ok=True)
    summary = {"seed": chaos_seed, "moments": kills.total(), "kills": dict(kills), "stories": stories}
    REPORT.write_text(json.dumps(summary, indent=1, ensure_ascii=False), "utf-8")


async def test_the_story_ends_as_if_nobody_had_been_killed(
    chapter: tuple[int, int],
    chaos_seed: int,
    rabbit: RabbitNode,
    postgres: Postgres,
    report: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    number, count = chapter
    production = Production(rabbit, postgres.url("postgres"), f"chaos{uuid.uuid4().hex[:8]}")
    await production.prepare()
    settled_queues = time.monotonic() + SETTLE_SECONDS
    mock_port, lines = free_port(), []
    told: dict[str, Any] = {"story": number, "end": "not reached", "strikes": []}
    report.append(told)
    started = time.monotonic()
    async with (
        RecordingProxy(f"http://127.0.0.1:{mock_port}") as proxy,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        stage = production.stage(tmp_path, mock_url=proxy.url, mock_port=mock_port, **SETTINGS)
        await production.install(stage)
        story = Story(stage, session, lines.append, patience=STEP_SECONDS)
        monkey = Monkey(story, production, proxy, rabbit, postgres, draw(chaos_seed, number, count))
        try:
            await story.open()
            monkey.not_before = settled_queues
            proxy.hook = monkey.watch
            await story.act_one(example_form(), example_attachments())
            await story.act_two(doors=DOORS)
            await monkey.rest()
            await production.settled(SETTLE)
            async with session.get(f"{stage.url('mock-eu')}/log") as response:
                log = (await response.json())["entries"]
            await story.verify()
        finally:
            await monkey.stop()
            story.parties.stop()
            told["strikes"] = [strike.as_dict() for strike in monkey.strikes]
            told["seconds"] = round(time.monotonic() - started, 1)
            (tmp_path / "told.txt").write_text("\n".join(lines), "utf-8")
    told["end"] = {land.backend: dict(received(stage, land)) for land in LANDS} | {
        land.nation: dict(taken(log, land.nation)) for land in LANDS
    }
    assert monkey.trouble == []
    assert monkey.moments == [], "every moment came"
    assert all(strike.gone for strike in monkey.strikes)
    assert all(strike.message_id for strike in monkey.strikes), "an operation was under way"
    for land in LANDS:
        assert doubled(stage, land) == [], "an office got something twice"
        assert received(stage, land) == RECEIVED[land.backend]
        assert taken(log, land.nation) == TAKEN[land.nation]
    ids = Counter(one["message_id"] for one in accepted(log))
    assert [one for one, times in ids.items() if times > 1] == [], "the platform took something twice"
    assert unaccounted(stage, production, log) == [], "an office's document did not arrive"
