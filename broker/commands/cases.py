"""`hdeu cases`."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from broker.commands.messages import COLUMNS, row_of
from broker.commands.opening import add_json, settings_of, store_of, today_of
from broker.commands.terminal import as_json, facts, note, table
from broker.flow import case_views
from broker.flow.due import WITHIN_DAYS, due_list

if TYPE_CHECKING:
    from broker.settings import Settings


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    listing = commands.add_parser("list", help="newest first")
    listing.add_argument("--text", default="", help="a key or alias, exactly")
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--before", default="", help="`next` of the page before")
    listing.set_defaults(run=_list)
    show = commands.add_parser("show", help="one case with its legs, clocks and messages")
    show.add_argument("key", metavar="KEY", help="the case's key")
    show.set_defaults(run=_show)
    due = commands.add_parser("due", help="what falls due over all cases, the earliest first")
    due.add_argument("--within", type=_days, default=WITHIN_DAYS, metavar="DAYS", help="how far ahead (default 30)")
    due.add_argument("--limit", type=int, default=50)
    due.set_defaults(run=_due)
    for command in (listing, show, due):
        add_json(command)


def _list(arguments: argparse.Namespace) -> int:
    found = asyncio.run(_read_list(settings_of(arguments), arguments))
    if arguments.json:
        as_json(found)
        return 0
    rows = (
        (
            case["created_at"],
            case["key"],
            ", ".join(f"{alias['scheme']} {alias['value']}" for alias in case["aliases"]),
            ", ".join(f"{leg['owner']} {leg['state']}" for leg in case["legs"]),
        )
        for case in found["cases"]
    )
    table("Cases", ("opened", "key", "known as", "legs"), rows)
    if found["next"]:
        note(f"There is more: --before {found['next']}")
    return 0


async def _read_list(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    async with store_of(settings) as store, store.transaction() as tx:
        limit = max(1, arguments.limit)
        today = today_of(settings)
        return await case_views.case_list(tx, today, limit=limit, before=arguments.before, text=arguments.text)


def _show(arguments: argparse.Namespace) -> int:
    found = asyncio.run(_read_one(settings_of(arguments), arguments.key))
    if arguments.json:
        as_json(found)
        return 0
    aliases = [(alias["scheme"], alias["value"]) for alias in found["aliases"]]
    facts(f"Case {found['key']}", [("version", str(found["version"])), *aliases])
    legs = ((leg["owner"], leg["state"], leg["national_state"], leg["updated_at"]) for leg in found["legs"])
    table("Legs", ("owner", "state", "national state", "since"), legs)
    clocks = (
        (leg["owner"], clock["clock"], clock["state"], clock["due_on"], clock["reason"])
        for leg in found["legs"]
        for clock in leg["clocks"]
    )
    table("Clocks", ("owner", "clock", "state", "due on", "why"), clocks)
    news = ((", ".join(f"{name}: {value}" for name, value in item.items()),) for item in found["news"])
    table("News of other bodies", ("as told",), news)
    table("Messages", COLUMNS, (row_of(message) for message in found["messages"]))
    return 0


async def _read_one(settings: Settings, key: str) -> dict[str, Any]:
    async with store_of(settings) as store, store.transaction() as tx:
        return await case_views.case_view(tx, key, today_of(settings))


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("a number of days, 0 or more")
    return int(text)


def _due(arguments: argparse.Namespace) -> int:
    found = asyncio.run(_read_due(settings_of(arguments), arguments))
    if arguments.json:
        as_json(found)
        return 0
    rows = (
        (clock["due_on"], str(clock["days_left"]), clock["clock"], clock["leg"], _known_as(clock), clock["reason"])
        for clock in found["clocks"]
    )
    table(f"Due until {found['until']}", ("due on", "days left", "clock", "leg", "case", "why"), rows)
    if len(found["clocks"]) == max(1, arguments.limit):
        note("There may be more: --limit")
    return 0


def _known_as(clock: dict[str, Any]) -> str:
    """The case by the ids that people know, by its key where it has none."""
    return ", ".join(alias["value"] for alias in clock["aliases"]) or clock["case"]


async def _read_due(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    async with store_of(settings) as store, store.transaction() as tx:
        return await due_list(tx, today_of(settings), within=arguments.within, limit=max(1, arguments.limit))
