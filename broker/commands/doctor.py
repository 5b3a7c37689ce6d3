"""`hdeu doctor`: look at everything a node needs; one line each, and what to do where it does not work."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.identity.keys import load_ring
from broker.commands.opening import add_json, keys_dir, log_to_stderr, settings_of, store_of
from broker.commands.terminal import as_json, table
from broker.data_files import schemas_dir
from broker.errors import BrokerError, ConfigurationError
from broker.translation.codecs.national import NATIONAL, load_national

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from broker.settings import Settings

EARLIEST: Final = 1_767_225_600.0  #: 2026-01-01: a clock before it was never set


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it works, and what to do if not."""

    name: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"check": self.name, "ok": self.ok, "detail": self.detail}


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_json(parser)
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    found = asyncio.run(examine(settings_of(arguments)))
    if arguments.json:
        as_json({"checks": [finding.as_dict() for finding in found]})
    else:
        rows = ((finding.name, "works" if finding.ok else "FAILS", finding.detail) for finding in found)
        table("Doctor", ("what", "state", "detail"), rows)
    return 0 if all(finding.ok for finding in found) else 1


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a person would mend things."""
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("database", _database),
        ("keys", _keys),
        ("bindings", _bindings),
        ("access point", _access_point),
        ("malware scanner", _scanner),
        ("remote validator", _validator),
        ("clock", _clock),
    )
    found = [Finding("configuration", ok=True, detail=f"node {settings.node.name}, {settings.environment}")]
    for name, check in checks:
        try:
            found.append(Finding(name, ok=True, detail=await check(settings)))
        except BrokerError as error:
            found.append(Finding(name, ok=False, detail=f"{error.code}: {error.detail}"))
    return found


async def _database(settings: Settings) -> str:
    async with store_of(settings) as store:
        await store.ping()
        return "reachable and at this release"


async def _keys(settings: Settings) -> str:
    return f"current {load_ring(keys_dir(settings)).current.id}"


async def _bindings(settings: Settings) -> str:
    bound = {name: one for name, one in settings.backends.items() if one.profile in NATIONAL}
    for name, one in bound.items():
        try:
            load_national(one.profile, schemas_dir(), binding=one.binding, forms=one.forms)
        except ConfigurationError as error:
            raise ConfigurationError(f"backends.{name}: {error.detail}") from error
    if not bound:
        return "no back end needs one"
    unseen = [name for name, one in bound.items() if not one.forms]
    return f"read, with no form definition to hold it against: {', '.join(unseen)}" if unseen else "as the forms are"


async def _access_point(settings: Settings) -> str:
    from broker.app import open_node  # noqa: PLC0415 - loads every adapter

    if not settings.access_point.url:
        return "none is configured"
    log_to_stderr()
    async with open_node(settings, connect_queue=False) as built:
        if built.node.access_point is not None:
            await built.node.access_point.ping()
    return f"{settings.access_point.name} answers"


async def _scanner(settings: Settings) -> str:
    from broker.app import scanner_of  # noqa: PLC0415 - loads every adapter

    scanner = scanner_of(settings)
    if scanner is None:
        return "none is configured (scanner.url): attachments are not scanned"
    await scanner.ping()
    return f"{settings.scanner.url} answers"


async def _validator(settings: Settings) -> str:
    import aiohttp  # noqa: PLC0415 - slow to load

    from broker.app import validator_of  # noqa: PLC0415 - loads every adapter

    async with aiohttp.ClientSession() as session:
        validator = validator_of(settings, session)
        if validator is None:
            return "none is configured (validator.url): the schemas of this release judge alone"
        await validator.ping()
    return f"{settings.validator.url} answers"


async def _clock(_settings: Settings) -> str:
    if time.time() < EARLIEST:
        raise ConfigurationError("the machine's clock is not set: start its time service (NTP)")
    return "set"
