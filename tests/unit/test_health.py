from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from broker.errors import Unavailable
from broker.web.health import Check, Health, Heartbeats, build_ops_app
from broker.web.metrics import Metrics

SECRET = "Zq7-planted"


@dataclass
class SteppedClock:
    at: datetime = field(default_factory=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Service:
    error: Exception | None = None
    hangs: bool = False
    asked: int = 0

    async def ping(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


def health(clock: SteppedClock, **services: Service) -> Health:
    checks = tuple(Check(name, service.ping, deadline=0.05) for name, service in services.items())
    return Health(clock, Heartbeats(clock), checks)


async def test_a_node_whose_checks_pass_is_ready() -> None:
    ready, report = await health(SteppedClock(), database=Service(), queue=Service()).report()

    assert ready
    assert report["state"] == "ready"
    assert {name: part["state"] for name, part in report["checks"].items()} == {"database": "ok", "queue": "ok"}


async def test_what_fails_is_named_by_its_code_and_never_by_its_text() -> None:
    broken = {"database": Service(Unavailable(SECRET)), "queue": Service(ValueError(SECRET))}
    ready, report = await health(SteppedClock(), **broken, keys=Service()).report()

    assert not ready
    assert report["checks"]["database"]["state"] == "unavailable"
    assert report["checks"]["queue"]["state"] == "internal-error"
    assert report["checks"]["keys"]["state"] == "ok"
    assert SECRET not in str(report)


async def test_a_check_that_hangs_is_cut_off_at_its_deadline() -> None:
    ready, report = await asyncio.wait_for(health(SteppedClock(), queue=Service(hangs=True)).report(), 5)

    assert not ready
    assert report["checks"]["queue"]["state"] == "timeout"


async def test_answers_are_kept_for_a_few_seconds_and_tell_their_age() -> None:
    clock, service = SteppedClock(), Service()
    probed = health(clock, database=service)
    await asyncio.gather(*(probed.report() for _ in range(20)))
    clock.step(4)
    service.error = Unavailable()
    ready, report = await probed.report()
    assert ready
    assert report["checks"]["database"]["age"] == 4.0
    assert service.asked == 1

    clock.step(1)
    ready, report = await probed.report()
    assert not ready
    assert (report["checks"]["database"]["age"], service.asked) == (0.0, 2)


async def test_a_loop_that_stands_still_makes_the_node_not_ready_until_it_beats_again() -> None:
    clock = SteppedClock()
    probed = health(clock, database=Service())
    probed.heartbeats.expect("sweeper", within=10)
    probed.heartbeats.expect("sealer", within=60)
    clock.step(11)

    ready, report = await probed.report()
    assert not ready
    assert report["loops"]["sweeper"] == {"state": "stands-still", "age": 11.0}
    assert report["loops"]["sealer"]["state"] == "ok"

    probed.heartbeats.beat("sweeper")
    ready, _ = await probed.report()
    assert ready


async def test_a_loop_that_never_beat_stands_still_as_well() -> None:
    clock = SteppedClock()
    probed = health(clock)
    probed.heartbeats.expect("fetcher", within=5)
    clock.step(6)

    assert (await probed.report())[0] is False
    probed.heartbeats.forget("fetcher")
    assert (await probed.report())[0] is True


async def test_a_node_that_is_stopping_takes_no_more_work() -> None:
    probed = health(SteppedClock(), database=Service())
    probed.draining = True

    ready, report = await probed.report()
    assert not ready
    assert report["state"] == "draining"


async def test_the_port_for_operations_tells_health_and_figures() -> None:
    clock, service = SteppedClock(), Service()
    probed = health(clock, database=service)
    app = build_ops_app(probed, Metrics(), NoStore(), clock)  # type: ignore[arg-type]  # a store that is away
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/readyz")).status == 200
        figures = await client.get("/metrics")
        assert figures.status == 200
        assert "hdeu_store_up 0.0" in await figures.text()

        service.error = Unavailable(SECRET)
        clock.step(6)
        refused = await client.get("/readyz")
        assert refused.status == 503
        assert (await refused.json())["checks"]["database"]["state"] == "unavailable"
        assert (await client.get("/healthz")).status == 200


class NoStore:
    def transaction(self) -> Any:
        raise Unavailable(SECRET)


def test_a_loop_that_says_since_when_it_is_unwell_stands_still_at_that_moment() -> None:
    clock = SteppedClock()
    hearts = Heartbeats(clock)
    hearts.expect("door.amqp", within=60)
    clock.step(100)
    hearts.beat("door.amqp", ago=59)
    assert hearts.report()["door.amqp"] == {"state": "ok", "age": 59.0}
    hearts.beat("door.amqp", ago=61)
    assert hearts.report()["door.amqp"]["state"] == "stands-still"
    hearts.beat("door.amqp")
    assert hearts.report()["door.amqp"]["state"] == "ok"
