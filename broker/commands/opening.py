"""What commands open: settings, the store, the files of the node."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.system import SystemClock
from broker.errors import ConfigurationError, NotFound
from broker.settings import Settings, load_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import date

    from adapters.store.sql import SqlStore
    from broker.flow.node import Node

T = TypeVar("T")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The node's settings. Raises: ConfigurationError."""
    return load_settings(arguments.config)


@asynccontextmanager
async def store_of(settings: Settings) -> AsyncIterator[SqlStore]:
    """The node's store. Raises: ConfigurationError, Unavailable."""
    if settings.embedded:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    from adapters.store.sql import open_store  # noqa: PLC0415 - the database's driver is slow to load

    spools = str(settings.data_dir) if settings.data_dir.is_dir() else None
    store = open_store(settings.database_url, clock=SystemClock(), spools=spools)
    try:
        yield store
    finally:
        await store.close()


def log_to_stderr() -> None:
    """What a command prints is its answer; warnings of what it ran go beside it."""
    import structlog  # noqa: PLC0415 - slow to load, and not every command runs what logs

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def today_of(settings: Settings) -> date:
    """The day in the zone in which the node counts legal days. Raises: ConfigurationError."""
    try:
        zone = ZoneInfo(settings.node.time_zone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ConfigurationError(
            f"node.time_zone: {settings.node.time_zone!r} is no time zone that this machine knows"
        ) from error
    return SystemClock().now().astimezone(zone).date()


def keys_dir(settings: Settings) -> Path:
    """Where the node's keys lie."""
    return settings.data_dir / "keys"


def read_file(name: str) -> bytes:
    """The bytes of a file, `-` for stdin. Raises: NotFound."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise NotFound(f"the file {name} cannot be read: {error.strerror}") from error


def add_json(parser: argparse.ArgumentParser) -> None:
    """Every list and show has it."""
    parser.add_argument("--json", action="store_true", help="for programs: the same as the API answers")


def add_one(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int], *, json: bool = False) -> None:
    """A command about one message."""
    parser.add_argument("id", metavar="ID", help="the message's id")
    if json:
        add_json(parser)
    parser.set_defaults(run=run)


def actor() -> str:
    """Who acts, for the journal: the account on this machine by its number, never by a name."""
    return f"cli:{os.getuid()}"


async def with_node(settings: Settings, step: Callable[[Node], Awaitable[T]]) -> T:
    """Run one step on a node that only writes rows."""
    from broker.app import open_node  # noqa: PLC0415 - loads every rule; `list` and `show` need none

    log_to_stderr()
    async with open_node(settings, connect_queue=False) as built:
        return await step(built.node)
