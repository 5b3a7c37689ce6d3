"""The languages of the console. English is in the sources; others are gettext catalogues, read at start.

A catalogue is `locale/<language>/console.po`; nothing is compiled beforehand.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

COOKIE: Final = "hdeu_language"
DEFAULT: Final = "en"
#: Each language by its own name, as the switch shows it.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its code and its catalogue."""

    language: str
    catalogue: NullTranslations

    def __call__(self, text: str) -> str:
        """The text in this language; the English text where the catalogue has none."""
        return self.catalogue.gettext(text) if text else ""

    def fill(self, text: str, /, **values: object) -> str:
        """What a template's `_` and `trans` call; `%(name)s` stands for a value."""
        return self(text) % values if values else self(text)

    def fill_plural(self, one: str, many: str, number: int, /, **values: object) -> str:
        """What a template's `pluralize` calls: the form that the language's plural rule asks for."""
        return str(self.catalogue.ngettext(one, many, number)) % values


def load_words() -> Mapping[str, Words]:
    """Every language by its code."""
    return {language: Words(language, _catalogue(language)) for language in LANGUAGES}


def _catalogue(language: str) -> NullTranslations:
    if language == DEFAULT:
        return NullTranslations()
    source = resources.files("broker.web.console") / "locale" / language / "console.po"
    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def asked_language(request: web.Request) -> str:
    """The language that the switch in this request's address names, or ""."""
    asked = request.query.get("lang", "")
    return asked if asked in LANGUAGES else ""


def language_of(request: web.Request) -> str:
    """The switch, then the cookie that it left, then the browser's preferences, then English."""
    kept = request.cookies.get(COOKIE, "")
    return asked_language(request) or (kept if kept in LANGUAGES else _negotiated(request))


def _negotiated(request: web.Request) -> str:
    wanted = sorted(_preferences(request.headers.get("Accept-Language", "")), reverse=True)
    return negotiate_locale([tag for _, _, tag in wanted], list(LANGUAGES), sep="-") or DEFAULT


def _preferences(header: str) -> list[tuple[float, int, str]]:
    """Weight, order (earlier is higher) and tag of each language in the header; what cannot be read is left out."""
    found = []
    for place, item in enumerate(header.split(",")[:20]):
        tag, _, parameter = item.strip().partition(";")
        weight = parameter.strip().removeprefix("q=") or "1"
        if tag and weight.replace(".", "", 1).isdigit() and float(weight) > 0:
            found.append((float(weight), -place, tag.strip()))
    return found
