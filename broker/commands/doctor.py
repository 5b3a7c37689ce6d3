"""`hdeu doctor`: look at everything a node needs; one line each, and what to do where it does not work."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.identity.keys import load_ring
from broker.commands.domibus_file import domibus_findings
from broker.commands.findings import Finding, fails, works
from broker.commands.opening import add_json, keys_dir, log_to_stderr, read_file, settings_of, store_of
from broker.commands.pmode import pmode_findings
from broker.commands.pmode_legs import leg_findings
from broker.commands.silence import heard
from broker.commands.terminal import as_json, table
from broker.commands.traps import properties, push_findings, read_pmode, retention_findings
from broker.data_files import schemas_dir
from broker.errors import BrokerError, ConfigurationError
from broker.ledger.handover import newest_key
from broker.model.work import WorkKind
from broker.translation.codecs.national import NATIONAL, load_national

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from lxml import etree

    from broker.settings import Settings

MOST_NOTIFIED: Final = 20
EARLIEST: Final = 1_767_225_600.0  #: 2026-01-01: a clock before it was never set


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_json(parser)
    parser.add_argument("--ws-plugin", metavar="FILE", default="", help="the access point's ws-plugin.properties")
    parser.add_argument("--domibus", metavar="FILE", default="", help="the access point's domibus.properties")
    parser.add_argument(
        "--pmode", metavar="FILE", default="", help="the access point's PMode; otherwise /ext is asked for it"
    )
    parser.add_argument("--backup-hours", metavar="N", type=float, default=24.0, help="age of the oldest backup in use")
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    found = [*asyncio.run(examine(settings)), *_told(settings, arguments)]
    if arguments.json:
        as_json({"checks": [finding.as_dict() for finding in found]})
    else:
        rows = ((finding.name, finding.seen.value, finding.detail) for finding in found)
        table("Doctor", ("what", "state", "detail"), rows)
    return 0 if all(finding.ok for finding in found) else 1


def _told(settings: Settings, arguments: argparse.Namespace) -> list[Finding]:
    """What the access point's own files say, if there is an access point."""
    if not settings.access_point.url or settings.access_point.kind == "eu-https":
        return []
    try:
        plugin, domibus = (_properties(path) for path in (arguments.ws_plugin, arguments.domibus))
        pmode = read_pmode(read_file(arguments.pmode)) if arguments.pmode else _pmode_in_use(settings)
        retention = retention_findings(settings, pmode, backup_hours=arguments.backup_hours)
    except BrokerError as error:
        return [fails("access point's files", error.detail)]
    section = settings.access_point
    of_pmode = [*pmode_findings(section, pmode), *leg_findings(section, pmode)]
    return [
        *push_findings(settings, plugin),
        *retention,
        *of_pmode,
        *domibus_findings(domibus, pmode, settings.node.name),
    ]


def _pmode_in_use(settings: Settings) -> etree._Element | None:
    """As `/ext` hands it out; None where it does not, or where that is no whole PMode."""
    from broker.commands.probing import pmode_in_use  # noqa: PLC0415 - loads the adapter

    try:
        found = read_pmode(asyncio.run(pmode_in_use(settings)))
    except ConfigurationError:
        return None
    return found if next(found.iter("{*}mpc"), None) is not None else None


def _properties(path: str) -> dict[str, str] | None:
    """Raises: BrokerError, if it cannot be read."""
    return properties(read_file(path).decode("utf-8", "replace")) if path else None


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a person would mend things."""
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str | list[Finding]]]], ...] = (
        ("database", _database),
        ("keys", _keys),
        ("journal", _journal),
        ("bindings", _bindings),
        ("access point", _access_point),
        ("malware scanner", _scanner),
        ("remote validator", _validator),
        ("clock", _clock),
    )
    found = [works("configuration", f"node {settings.node.name}, {settings.environment}")]
    for name, check in checks:
        try:
            said = await check(settings)
            found += said if isinstance(said, list) else [works(name, said)]
        except BrokerError as error:
            found.append(fails(name, f"{error.code}: {error.detail}"))
    return found


async def _database(settings: Settings) -> str:
    async with store_of(settings) as store:
        await store.ping()
        return "reachable and at this release"


async def _keys(settings: Settings) -> str:
    return f"current {load_ring(keys_dir(settings)).current.id}"


async def _journal(settings: Settings) -> str:
    async with store_of(settings) as store, store.transaction() as tx:
        return f"signed by {(await newest_key(tx, keys_dir(settings))).key_id}"


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


async def _access_point(settings: Settings) -> str | list[Finding]:
    from broker.commands.probing import probe  # noqa: PLC0415 - loads the adapter
    from broker.commands.probing_https import probe_https  # noqa: PLC0415 - same

    if not settings.access_point.url:
        return "none is configured"
    log_to_stderr()
    if settings.access_point.kind == "eu-https":
        return await probe_https(settings)
    return [*await probe(settings, await _notified(settings)), await heard(settings)]


async def _notified(settings: Settings) -> list[str]:
    """Ids that the access point told us of and that are not fetched yet; none where the database cannot be asked."""
    try:
        async with store_of(settings) as store, store.transaction() as tx:
            rows = await tx.due_work(datetime.now(UTC) + timedelta(days=1), MOST_NOTIFIED, (WorkKind.FETCH,))
    except BrokerError:
        return []
    return [row.subject for row in rows]


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
