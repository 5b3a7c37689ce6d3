from __future__ import annotations

import io
import itertools
import json
import logging
import math
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from broker.errors import Unavailable
from broker.logging_setup import configure_logging
from broker.model.exchanges import STEPS
from broker.web.metrics import Metrics
from broker.web.requests_log import request_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLANTED = "Zq7planted"


@dataclass
class Figures:
    values: dict[str, float]
    away: bool = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        if self.away:
            raise Unavailable(PLANTED)
        yield self

    async def figures(self, _now: datetime) -> dict[str, float]:
        return self.values


@dataclass
class Counting:
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new(self) -> str:
        return f"{next(self.numbers):08x}"


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


async def test_the_stores_figures_are_shown_and_states_without_exchanges_count_zero() -> None:
    metrics = Metrics()
    store = Figures(
        {
            "exchanges.outbound.QUEUED": 3,
            "work.due": 2,
            "work.oldest_seconds": 41.5,
            "journal.unsealed": 7,
            "clocks.expired": 4,
        }
    )
    await metrics.refresh(store, NOW)  # type: ignore[arg-type]  # what the metrics use of a store

    shown = samples(metrics)
    assert shown["hdeu_exchanges", (("direction", "outbound"), ("state", "QUEUED"))] == 3
    assert shown["hdeu_exchanges", (("direction", "inbound"), ("state", "PARKED"))] == 0
    assert shown["hdeu_work_due", ()] == 2
    assert shown["hdeu_work_oldest_seconds", ()] == 41.5
    assert shown["hdeu_journal_unsealed", ()] == 7
    assert shown["hdeu_clocks_expired", ()] == 4
    assert shown["hdeu_store_up", ()] == 1
    assert sum(name == "hdeu_exchanges" for name, _ in shown) == sum(len(states) for states in STEPS.values())


async def test_a_store_that_is_away_is_told_and_leaves_no_stale_figure() -> None:
    metrics, store = Metrics(), Figures({"exchanges.outbound.QUEUED": 3, "work.due": 2})
    await metrics.refresh(store, NOW)  # type: ignore[arg-type]  # same
    store.away = True
    await metrics.refresh(store, NOW)  # type: ignore[arg-type]  # same

    shown = samples(metrics)
    assert shown["hdeu_store_up", ()] == 0
    assert not any(name == "hdeu_exchanges" for name, _ in shown)
    assert math.isnan(shown["hdeu_work_due", ()])


def test_labels_that_nobody_foresaw_count_as_other() -> None:
    metrics = Metrics()
    metrics.attempt(step=PLANTED, outcome=PLANTED, seconds=1)
    metrics.request(method=PLANTED, route="", status=404, seconds=1)
    metrics.attempt(step="deliver", outcome="later", seconds=0.2)

    shown = samples(metrics)
    assert shown["hdeu_attempts_total", (("outcome", "other"), ("step", "other"))] == 1
    assert shown["hdeu_attempts_total", (("outcome", "later"), ("step", "deliver"))] == 1
    assert shown["hdeu_attempt_seconds_sum", (("step", "deliver"),)] == 0.2
    assert shown["hdeu_http_requests_total", (("method", "other"), ("route", "other"), ("status", "404"))] == 1
    assert PLANTED not in metrics.render().decode()


def test_two_nodes_in_one_process_do_not_share_figures() -> None:
    first, second = Metrics(), Metrics()
    first.attempt(step="prepare", outcome="done", seconds=1)

    assert not any(name == "hdeu_attempts_total" for name, _ in samples(second))


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(stream=out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:], root.level, sys.excepthook = handlers, level, hook
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def served(metrics: Metrics) -> TestClient[Any, Any]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def fail(_request: web.Request) -> web.Response:
        raise ValueError(PLANTED)

    ticks = itertools.count(0.0, 0.25)
    middleware = request_log(ids=Counting(), metrics=metrics, timer=lambda: next(ticks))
    app = web.Application(middlewares=[middleware])
    app.router.add_get("/api/v1/messages/{id}", show)
    app.router.add_get("/healthz", show)
    app.router.add_get("/fails", fail)
    return TestClient(TestServer(app))


async def test_a_request_is_logged_by_its_pattern_without_query_or_body(logged: Any) -> None:
    metrics = Metrics()
    async with served(metrics) as client:
        answer = await client.get(f"/api/v1/messages/{PLANTED}?name={PLANTED}", headers={"User-Agent": PLANTED})

    (line,) = [line for line in logged() if line["event"] == "http.request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/messages/{id}", 200)
    assert line["duration_ms"] == 250.0
    assert line["request_id"] == answer.headers["X-Request-ID"] == "00000001"
    assert PLANTED not in json.dumps(logged())
    assert PLANTED not in metrics.render().decode()
    route = (("method", "GET"), ("route", "/api/v1/messages/{id}"))
    assert samples(metrics)["hdeu_http_request_seconds_sum", route] == 0.25


async def test_a_callers_request_id_is_taken_over_only_if_it_can_say_nothing(logged: Any) -> None:
    async with served(Metrics()) as client:
        own = await client.get("/api/v1/messages/1", headers={"X-Request-ID": "0123abcd-0123"})
        other = await client.get("/api/v1/messages/1", headers={"X-Request-ID": f"{PLANTED} Dupont"})

    assert own.headers["X-Request-ID"] == "0123abcd-0123"
    assert other.headers["X-Request-ID"] == "00000001"
    assert PLANTED not in json.dumps(logged())


async def test_a_handler_that_breaks_counts_as_500_and_its_text_stays_out(logged: Any) -> None:
    metrics = Metrics()
    async with served(metrics) as client:
        assert (await client.get("/fails")).status == 500
        assert (await client.get(f"/{PLANTED}")).status == 404

    statuses = {(line["route"], line["status"], line["level"]) for line in logged() if line["event"] == "http.request"}
    assert statuses == {("/fails", 500, "error"), ("", 404, "info")}
    assert PLANTED not in json.dumps(logged())


async def test_probes_that_succeed_are_counted_and_not_logged(logged: Any) -> None:
    metrics = Metrics()
    async with served(metrics) as client:
        await client.get("/healthz")

    assert logged() == []
    assert (
        samples(metrics)["hdeu_http_requests_total", (("method", "GET"), ("route", "/healthz"), ("status", "200"))] == 1
    )
