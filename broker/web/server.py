"""The two web applications of a node: the API with its console, and the port for operations."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from broker.web.api import add_api_routes
from broker.web.auth import check_routes, guard
from broker.web.console import add_console_routes
from broker.web.console.console import ConsoleSettings
from broker.web.counterpart import Counterpart, add_counterpart_routes
from broker.web.dispatcher import add_dispatcher_routes
from broker.web.health import Health, add_health_routes
from broker.web.metrics import Metrics
from broker.web.problem import problems
from broker.web.push import Push, add_push_route
from broker.web.rems import RemsDoor, add_rems_route
from broker.web.requests_log import request_log

if TYPE_CHECKING:
    from broker.ports import Ids
    from broker.web.services import Services

#: Bytes that aiohttp may read of one request; the doors have their own, lower limits and say so.
CLIENT_MAX = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """What the web of one node is made of."""

    services: Services
    health: Health
    metrics: Metrics
    ids: Ids
    console: ConsoleSettings
    push: Push | None = None
    counterpart: Counterpart | None = None
    rems: RemsDoor | None = None


def build_api_app(web_of: Web) -> web.Application:
    """National Dispatcher API, staff API, console, health.

    Raises: ConfigurationError: a file of the console is missing, or a route does not say who may call it.
    """
    log = request_log(ids=web_of.ids, metrics=web_of.metrics, timer=time.monotonic)
    app = web.Application(middlewares=[log, problems, guard], client_max_size=CLIENT_MAX)
    add_api_routes(app, web_of.services)
    add_dispatcher_routes(app, web_of.services)
    add_health_routes(app, web_of.health)
    add_console_routes(app, web_of.services, web_of.console)
    if web_of.push is not None:
        add_push_route(app, web_of.push)
    if web_of.counterpart is not None:
        add_counterpart_routes(app, web_of.counterpart)
    if web_of.rems is not None:
        add_rems_route(app, web_of.rems)
    app.on_startup.append(check_routes)
    return app


def runner_of(app: web.Application, *, grace: float = 10.0) -> web.AppRunner:
    """What serves an application of a node: bodies come as they were sent. `grace` is in seconds."""
    return web.AppRunner(app, access_log=None, shutdown_timeout=grace, auto_decompress=False)
