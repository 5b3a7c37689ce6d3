"""The node's figures for Prometheus, in a registry of its own. Times are in seconds.

Labels come from closed lists (routes' patterns, states, steps, outcomes), so that no id and no text of a document
can become a label; what is not on the list counts as `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from broker.errors import Unavailable
from broker.model.exchanges import STEPS
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from broker.ports import Store

OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OUTCOMES: Final = frozenset({"done", "later", "refused", "parked", "silent", "lost"})
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STEP_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)


class Metrics:
    """One process's figures."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._exchanges = Gauge(
            "hdeu_exchanges", "Exchanges by direction and state", ("direction", "state"), registry=self.registry
        )
        self._due = Gauge("hdeu_work_due", "Work rows that are due", registry=self.registry)
        self._oldest = Gauge("hdeu_work_oldest_seconds", "Age of the oldest due work row", registry=self.registry)
        self._unsealed = Gauge("hdeu_journal_unsealed", "Journal entries not sealed yet", registry=self.registry)
        self._expired = Gauge("hdeu_clocks_expired", "Running clocks whose last day is over", registry=self.registry)
        self._store_up = Gauge("hdeu_store_up", "1 if the store answered this scrape", registry=self.registry)
        self._attempts = Counter(
            "hdeu_attempts", "Attempts by step and outcome", ("step", "outcome"), registry=self.registry
        )
        self._attempt_seconds = Histogram(
            "hdeu_attempt_seconds", "Time of one attempt", ("step",), buckets=_STEP_SECONDS, registry=self.registry
        )
        self._requests = Counter(
            "hdeu_http_requests", "Requests by route and status", ("method", "route", "status"), registry=self.registry
        )
        self._request_seconds = Histogram(
            "hdeu_http_request_seconds",
            "Time of one request",
            ("method", "route"),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the pattern, "" where no route fits."""
        method, route = _known(method, METHODS), route or OTHER
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def attempt(self, *, step: str, outcome: str, seconds: float) -> None:
        """Count one attempt of one step."""
        step = _known(step, frozenset(WorkKind))
        self._attempts.labels(step, _known(outcome, OUTCOMES)).inc()
        self._attempt_seconds.labels(step).observe(seconds)

    async def refresh(self, store: Store, now: datetime) -> None:
        """Ask the store. If it cannot be reached, `hdeu_store_up` says so and its figures are left out."""
        try:
            async with store.transaction() as tx:
                figures = await tx.figures(now)
        except Unavailable:
            self._store_up.set(0)
            self._exchanges.clear()
            for gauge in (self._due, self._oldest, self._unsealed, self._expired):
                gauge.set(float("nan"))
            return
        self._store_up.set(1)
        self._show(figures)

    def _show(self, figures: Mapping[str, float]) -> None:
        for direction, states in STEPS.items():
            for state in states:
                count = figures.get(f"exchanges.{direction}.{state}", 0.0)
                self._exchanges.labels(str(direction), str(state)).set(count)
        self._due.set(figures.get("work.due", 0.0))
        self._oldest.set(figures.get("work.oldest_seconds", 0.0))
        self._unsealed.set(figures.get("journal.unsealed", 0.0))
        self._expired.set(figures.get("clocks.expired", 0.0))

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


def _known(value: str, allowed: Collection[str]) -> str:
    return value if value in allowed else OTHER
