"""Whether the process lives (`/healthz`), whether it can do its work (`/readyz`), and its figures (`/metrics`).

Readiness asks each named check with a deadline and looks at the heartbeats of the loops; answers are kept for a few
seconds, so that no probe can load the node. What is wrong is told by a code, never by the text of an exception.
Ages and deadlines are in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from broker.errors import BrokerError
from broker.web.auth import PUBLIC, declare
from broker.web.problem import problems

if TYPE_CHECKING:
    from broker.ports import Clock, Store
    from broker.web.metrics import Metrics

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Check:
    """A question to a service: `probe` returns if all is well, raises if not, and gets `deadline` seconds."""

    name: str
    probe: Callable[[], Awaitable[object]]
    deadline: float = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a check said: `ok` or the code of what is wrong, and when it was asked."""

    name: str
    state: str
    at: datetime


class Heartbeats:
    """The loops of the process: each says how long it may be silent, and beats at every turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._within: dict[str, timedelta] = {}
        self._last: dict[str, datetime] = {}

    def expect(self, loop: str, *, within: float) -> None:
        """From now on this loop must beat at least every `within` seconds."""
        self._within[loop] = timedelta(seconds=within)
        self._last[loop] = self._clock.now()

    def beat(self, loop: str, *, ago: float = 0.0) -> None:
        """The loop has come round once more, or did so many seconds ago.

        A loop that nobody expects counts, but never stands still.
        """
        self._last[loop] = self._clock.now() - timedelta(seconds=ago)

    def forget(self, loop: str) -> None:
        """The loop ended on purpose."""
        self._within.pop(loop, None)
        self._last.pop(loop, None)

    def report(self) -> dict[str, dict[str, Any]]:
        """Every loop by name: whether it stands still, and the seconds since it last beat."""
        now = self._clock.now()
        return {
            loop: {
                "state": "stands-still" if now - at > self._within.get(loop, timedelta.max) else OK,
                "age": round((now - at).total_seconds(), 3),
            }
            for loop, at in sorted(self._last.items())
        }


@dataclass(slots=True)
class Health:
    """The checks of one process; `ttl` is how many seconds an answer is kept."""

    clock: Clock
    heartbeats: Heartbeats
    checks: tuple[Check, ...] = ()
    ttl: float = 5.0
    draining: bool = False  #: set at SIGTERM: no new work, please
    _known: tuple[Result, ...] = ()
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether the node is ready, and what each check and each loop says."""
        results = await self._results()
        now = self.clock.now()
        checks = {
            result.name: {"state": result.state, "age": round((now - result.at).total_seconds(), 3)}
            for result in results
        }
        loops = self.heartbeats.report()
        ready = not self.draining and all(part["state"] == OK for part in (*checks.values(), *loops.values()))
        state = "draining" if self.draining else "ready" if ready else "not-ready"
        return ready, {"state": state, "checks": checks, "loops": loops}

    async def _results(self) -> tuple[Result, ...]:
        async with self._turn:
            if not self._known or self.clock.now() - self._known[0].at >= timedelta(seconds=self.ttl):
                self._known = tuple(await asyncio.gather(*(self._ask(check) for check in self.checks)))
            return self._known

    async def _ask(self, check: Check) -> Result:
        state = OK
        try:
            async with asyncio.timeout(check.deadline):
                await check.probe()
        except TimeoutError:
            state = "timeout"
        except BrokerError as error:
            state = error.code
        except Exception:  # noqa: BLE001  # a probe that breaks is a service that is not ready
            state = "internal-error"
        return Result(check.name, state, self.clock.now())


def add_health_routes(app: web.Application, health: Health) -> None:
    """`/healthz` and `/readyz`, open to all: they name checks and codes, nothing else."""

    async def healthz(_request: web.Request) -> web.Response:
        return _told({"state": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        ready, report = await health.report()
        return _told(report, status=200 if ready else 503)

    declare(app, "GET", "/healthz", PUBLIC, healthz)
    declare(app, "GET", "/readyz", PUBLIC, readyz)


def _told(body: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def build_ops_app(health: Health, metrics: Metrics, store: Store, clock: Clock) -> web.Application:
    """The application of the port for operations: health and `/metrics`; not to be opened to the world."""

    async def read_metrics(_request: web.Request) -> web.Response:
        await metrics.refresh(store, clock.now())
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.content_type})

    app = web.Application(middlewares=[problems])
    add_health_routes(app, health)
    declare(app, "GET", "/metrics", PUBLIC, read_metrics)
    return app
