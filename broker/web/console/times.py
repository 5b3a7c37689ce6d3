"""Times for people: in the node's zone and in UTC, and for machines in the `datetime` attribute."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime
from markupsafe import Markup

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING: Final = Markup('<span class="quiet">&ndash;</span>')


def zone_named(name: str) -> ZoneInfo:
    """The zone. Raises: ConfigurationError, if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"node.time_zone: {name!r} is no time zone that this machine knows") from error


def clock_face(zone: ZoneInfo, language: str) -> Callable[[datetime | None], Markup]:
    """A function that draws a moment as a `<time>` element; a missing moment as a dash."""

    def draw(at: datetime | None) -> Markup:
        if at is None:
            return _MISSING
        utc, local = at.astimezone(UTC), at.astimezone(zone)
        here = f"{format_datetime(local, 'd MMM y, HH:mm:ss', locale=language)} {local.tzname()}"
        pattern = "HH:mm:ss" if utc.date() == local.date() else "d MMM HH:mm:ss"
        there = f"{format_datetime(utc, pattern, locale=language)} UTC"
        machine = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
        return Markup('<time datetime="{}">{} <span class="utc">{}</span></time>').format(machine, here, there)

    return draw


def calendar_page(language: str) -> Callable[[str], Markup]:
    """A function that draws an ISO date as a `<time>` element; "" and what is no date as a dash."""

    def draw(text: str) -> Markup:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return _MISSING
        shown = format_date(day, "EEE d MMM y", locale=language)
        return Markup('<time datetime="{}">{}</time>').format(text, shown)

    return draw
