"""A test server that serves as a node does."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from broker.web.server import runner_of


class AsServed(TestServer):
    """On a free port, with bodies as they were sent."""

    __test__ = False

    async def _make_runner(self, **_given: Any) -> web.AppRunner:
        return runner_of(self.app, grace=0.1)
