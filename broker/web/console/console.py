"""What the console knows from its start, and how a page is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp_jinja2
import jinja2
from aiohttp import web

from broker.web.auth import IDENTITY
from broker.web.console.assets import Asset, load_assets
from broker.web.console.i18n import LANGUAGES, Words, language_of, load_words
from broker.web.console.session import cookie_name
from broker.web.console.times import calendar_page, clock_face, zone_named
from broker.web.services import Services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

HOME: Final = "/console/messages"
ENVIRONMENT: Final = web.AppKey("console_environment", jinja2.Environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """`session_key`: at least 32 random bytes, the same in every process that serves one console."""

    session_key: bytes
    time_zone: str = "UTC"  #: in which local times are shown
    session_lifetime: timedelta = timedelta(hours=4)
    secure_cookie: bool = False  #: also behind a proxy that ends TLS; over https it is secure anyway
    refresh_seconds: int = 5  #: pause of the automatic refresh


@dataclass(frozen=True, slots=True)
class Console:
    """One node's console."""

    services: Services
    settings: ConsoleSettings
    zone: ZoneInfo
    words: Mapping[str, Words]
    assets: Mapping[str, Asset]

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return cookie_name(self.services.node)


CONSOLE: Final = web.AppKey("console", Console)


def open_console(services: Services, settings: ConsoleSettings) -> Console:
    """Load what the pages need. Raises: ConfigurationError."""
    return Console(services, settings, zone_named(settings.time_zone), load_words(), load_assets())


def install(app: web.Application, console: Console) -> None:
    """Make the console and its templates known to the application."""
    app[CONSOLE] = console
    environment = aiohttp_jinja2.setup(
        app,
        app_key=ENVIRONMENT,
        default_helpers=False,
        loader=jinja2.PackageLoader("broker.web.console"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(str, _english, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it


def _english(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def words_of(request: web.Request) -> Words:
    """The language of this request."""
    return request.app[CONSOLE].words[language_of(request)]


def common(request: web.Request) -> dict[str, Any]:
    """What every page may use."""
    console, words = request.app[CONSOLE], words_of(request)
    return {
        "gettext": words.fill,
        "ngettext": words.fill_plural,
        "language": words.language,
        "languages": [(code, name, _switch(request, code)) for code, name in LANGUAGES.items()],
        "node": console.services.node,
        "assets": console.assets,
        "moment": clock_face(console.zone, words.language),
        "day": calendar_page(words.language),
        "now": console.services.clock.now(),
        "identity": request.get(IDENTITY),
        "path": request.path,
        "follows": request.headers.get("Sec-Fetch-Site") == "same-origin",
        "partial": is_partial(request),
    }


def _switch(request: web.Request, language: str) -> str:
    """This page in another language."""
    query = [(name, value) for name, value in request.query.items() if name != "lang"]
    return "?" + urlencode([*query, ("lang", language)])


def is_partial(request: web.Request) -> bool:
    """Whether htmx asks for the part of the page that changes."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def draw(request: web.Request, template: str, context: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """A page, in the language of the request."""
    return aiohttp_jinja2.render_template(
        template, request, common(request) | dict(context), app_key=ENVIRONMENT, status=status
    )
