"""`hdeu destinations`: pause and resume where messages go."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from broker.commands.opening import actor, add_json, settings_of, with_node
from broker.commands.terminal import as_json, note, table

if TYPE_CHECKING:
    import argparse


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    listing = commands.add_parser("list", help="every destination, and whether it is paused")
    add_json(listing)
    listing.set_defaults(run=_list)
    pause = commands.add_parser("pause", help="let nothing go to a destination; its messages wait")
    pause.add_argument("--reason", required=True)
    pause.set_defaults(run=_pause)
    resume = commands.add_parser("resume", help="let messages go to a destination again")
    resume.set_defaults(run=_resume)
    for command in (pause, resume):
        command.add_argument("name", metavar="NAME", help="a back end, or cp for the Central Platform")


def _list(arguments: argparse.Namespace) -> int:
    from broker.flow.pauses import destinations  # noqa: PLC0415 - loads every rule

    found: list[dict[str, Any]] = asyncio.run(with_node(settings_of(arguments), destinations))
    if arguments.json:
        as_json({"destinations": found})
        return 0
    rows = (
        (row["name"], "paused" if row["paused"] else "open", row.get("since", ""), row.get("reason", ""))
        for row in found
    )
    table("Destinations", ("name", "state", "since", "reason"), rows)
    return 0


def _pause(arguments: argparse.Namespace) -> int:
    from broker.flow.pauses import pause  # noqa: PLC0415 - as above

    step = partial(pause, destination=arguments.name, actor=actor(), reason=arguments.reason)
    note(f"{asyncio.run(with_node(settings_of(arguments), step))['name']} is paused")
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    from broker.flow.pauses import resume  # noqa: PLC0415 - as above

    step = partial(resume, destination=arguments.name, actor=actor())
    note(f"{asyncio.run(with_node(settings_of(arguments), step))['name']} is open again")
    return 0
