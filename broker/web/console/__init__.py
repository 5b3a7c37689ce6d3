"""The staff console: pages under `/console/` that show messages and cases. In this form they only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.model.identity import Action
from broker.web.auth import PUBLIC, Access, declare
from broker.web.console import pages
from broker.web.console.console import ConsoleSettings, install, open_console
from broker.web.console.gate import ROOT, as_pages, staff
from broker.web.services import SERVICES

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler

    from broker.web.services import Services

__all__ = ["ConsoleSettings", "add_console_routes"]

_LIST: Final = Access(Action.MESSAGES_LIST, staff)
_READ: Final = Access(Action.MESSAGES_READ, staff)
_CASES: Final = Access(Action.CASES_READ, staff)
ROUTES: Final[tuple[tuple[str, str, Access, Handler], ...]] = (
    ("GET", "", _LIST, pages.home),
    ("GET", "/", _LIST, pages.home),
    ("GET", "/messages", _LIST, pages.messages),
    ("GET", "/messages/{id}", _READ, pages.message),
    ("GET", "/cases", _CASES, pages.cases),
    ("GET", "/cases/{key}", _CASES, pages.case),
    ("GET", "/due", _CASES, pages.due),
    ("GET", "/accessibility", _LIST, pages.accessibility),
    ("GET", "/login", _LIST, pages.login),
    ("POST", "/login", PUBLIC, pages.sign_in),
    ("POST", "/logout", _LIST, pages.sign_out),
    ("GET", "/static/{name}", PUBLIC, pages.static),
)


def add_console_routes(app: web.Application, services: Services, settings: ConsoleSettings) -> None:
    """Add the console. The application needs the middlewares `problems` and `guard`, in this order.

    Raises:
        ConfigurationError: an unknown time zone, or a file of the pages is missing.
    """
    app[SERVICES] = services
    install(app, open_console(services, settings))
    app.middlewares.insert(0, as_pages)
    for method, path, access, handler in ROUTES:
        declare(app, method, ROOT + path, access, handler)
