"""Who is killed, at which operation on the wire, and what was seen then. A draw of a seed names all of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from adapters.demo.stage import FRANCE, LANDS

if TYPE_CHECKING:
    from adapters.demo.story import Story
    from tests.support.postgres import Postgres
    from tests.support.production import Production
    from tests.support.rabbitmq import RabbitNode
    from tests.support.recording_proxy import Operation, RecordingProxy

VICTIMS = ("france", "finland", "mock-eu", "rabbitmq", "postgresql")
#: Before: the node has committed that it will call, nothing was sent. After: it was done, and the node does not know.
PHASES = ("before", "after")
OPERATIONS = ("submit", "submit", "retrieveMessage", "markMessageAsDownloaded")
RESTART_SECONDS = 60


@dataclass(frozen=True)
class Moment:
    """The `nth` operation of this kind since the party killed before was back."""

    victim: str
    nation: str
    operation: str
    phase: str
    nth: int
    away: float  #: seconds until the party is started again

    def matches(self, operation: Operation, phase: str) -> bool:
        return (self.operation, self.nation, self.phase) == (operation.name, operation.nation, phase)


@dataclass
class Strike:
    """What happened at a moment."""

    moment: Moment
    pids: list[int]
    gone: bool
    message_id: str  #: of the operation that was under way
    work_rows: int  #: due or claimed at both nodes, right before
    story_step: str
    seconds_to_recover: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def draw(seed: int, chapter: int, count: int) -> list[Moment]:
    """The moments of one story: every party in turn, in an order of its own."""
    random = Random(f"{seed}/{chapter}")
    turn = [*VICTIMS]
    random.shuffle(turn)
    nations = {"france": ("fr",), "finland": ("fi",)}
    drawn = [
        Moment(
            victim,
            random.choice(nations.get(victim, ("fr", "fi"))),
            random.choice(OPERATIONS),
            random.choice(PHASES),
            random.randrange(1, 3),
            round(random.uniform(0.0, 1.5), 2),
        )
        for victim in (turn * (count // len(turn) + 1))[:count]
    ]
    if chapter % 2:
        return drawn
    between = {"operation": "submit", "phase": "before"}  # in every other story France dies between commit and submit
    return [replace(moment, **between) if moment.victim == "france" else moment for moment in drawn]


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"


@dataclass
class Monkey:
    """Kills at each moment in turn, holding the operation that is under way, and starts the party again."""

    story: Story
    production: Production
    proxy: RecordingProxy
    rabbit: RabbitNode
    postgres: Postgres
    moments: list[Moment]
    not_before: float = 0.0  #: monotonic; a quorum queue that is too young does not survive a kill
    strikes: list[Strike] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)
    _seen: int = 0
    _busy: bool = False
    _healing: set[asyncio.Task[None]] = field(default_factory=set)

    async def watch(self, operation: Operation, phase: str) -> None:
        """The proxy's hook."""
        if self._busy or not self.moments or time.monotonic() < self.not_before:
            return
        if not self.moments[0].matches(operation, phase):
            return
        self._seen += 1
        if self._seen < self.moments[0].nth:
            return
        self._busy = True
        await self.story.calm.acquire()
        if not operation.under_way():
            self.story.calm.release()
            self._busy = False
            return
        try:
            await self._strike(self.moments.pop(0), operation)
        except BaseException as error:
            self.trouble.append(error)
            raise

    async def _strike(self, moment: Moment, operation: Operation) -> None:
        started = time.monotonic()
        rows = await asyncio.to_thread(lambda: sum(self.production.work(land) for land in LANDS))
        pids, start = await asyncio.to_thread(self._kill, moment.victim)
        strike = Strike(moment, pids, all(map(is_gone, pids)), operation.message_id, rows, self.story.step)
        self.strikes.append(strike)
        self.story.say(f"☠ {moment.victim} {pids} at {moment.operation} of {moment.nation}, {moment.phase}")
        task = asyncio.create_task(self._heal(strike, start, started))
        self._healing.add(task)
        task.add_done_callback(self._healed)

    def _kill(self, victim: str) -> tuple[list[int], Callable[[], None]]:
        if victim == "rabbitmq":
            pid = self.rabbit.pid
            self.rabbit.kill()
            return [pid], self.rabbit.restart
        if victim == "postgresql":
            assert self.postgres.process is not None
            pid = self.postgres.process.pid
            self.postgres.kill()
            return [pid], self.postgres.start
        names = [victim, f"{victim}-worker"] if victim in {land.node for land in self.story.stage.workers} else [victim]
        parties = [self.story.parties.by_name[name] for name in names]
        self.story.parties.expected_down |= set(names)
        pids = [party.kill() for party in parties]

        def start() -> None:
            for party in parties:
                party.start()
            self.story.parties.expected_down -= set(names)

        return pids, start

    async def _heal(self, strike: Strike, start: Callable[[], None], since: float) -> None:
        await asyncio.sleep(strike.moment.away)
        await asyncio.to_thread(start)
        async with asyncio.timeout(RESTART_SECONDS):
            for url in self._ready_urls():
                await self._wait_for(url)
        strike.seconds_to_recover = round(time.monotonic() - since, 2)
        self.story.say(f"  {strike.moment.victim} is back after {strike.seconds_to_recover} s")
        self.story.calm.release()
        self._seen, self._busy = 0, False

    def _healed(self, task: asyncio.Task[None]) -> None:
        self._healing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.trouble.append(error)
            self.story.parties.stop()  # the story ends there, and says in which step

    def _ready_urls(self) -> list[str]:
        stage = self.story.stage
        nodes = [f"{stage.url(land.node)}/readyz" for land in LANDS]
        workers = [f"http://127.0.0.1:{stage.ports[f'{FRANCE.node}.worker']}/readyz"] if stage.workers else []
        return [f"{stage.url('mock-eu')}/healthz", *nodes, *workers]

    async def _wait_for(self, url: str) -> None:
        while True:
            try:
                if await self.story._answers(url):
                    return
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(0.2)

    async def rest(self) -> None:
        """Wait until whoever was killed last is back."""
        await asyncio.gather(*self._healing)

    async def stop(self) -> None:
        """Kill nobody any more, and let who is just being started be there to be stopped."""
        self._busy = True
        await asyncio.gather(*self._healing, return_exceptions=True)
