"""`hdeu audit`: export the journal, and verify it without trusting who keeps it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.commands.opening import keys_dir, settings_of, store_of
from broker.commands.terminal import note, say
from broker.errors import ConfigurationError
from broker.ledger.export import Export
from broker.ledger.handover import first_public
from broker.ledger.keys import read_public_key
from broker.ledger.verify import expectation, verify_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import IO

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from adapters.store.sql import SqlStore
    from broker.settings import Settings


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    export = commands.add_parser("export", help="the sealed journal as JSON lines")
    export.add_argument("file", metavar="FILE", help="`-` for stdout")
    export.set_defaults(run=_export)
    verify = commands.add_parser("verify", help="check an export, or the journal of this node")
    verify.add_argument("file", metavar="FILE", nargs="?", default="", help="an export; default: this node's database")
    verify.add_argument("--key", action="append", default=[], metavar="PEM", help="a public key that you trust")
    verify.add_argument("--expect", type=expectation, metavar="NUMBER:HASH", help="a head that was seen earlier")
    verify.set_defaults(run=_verify)


def _export(arguments: argparse.Namespace) -> int:
    with _target(arguments.file) as file:
        count = asyncio.run(_write(settings_of(arguments), file))
    note(f"{count} lines")
    return 0


def _target(name: str) -> AbstractContextManager[IO[str]]:
    if name == "-":
        return nullcontext(sys.stdout)
    try:
        return Path(name).open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be written: {error.strerror}") from error


async def _write(settings: Settings, file: IO[str]) -> int:
    count = 0
    async with store_of(settings) as store:
        async for line in exporter(settings, store).lines():
            file.write(f"{line}\n")
            count += 1
    return count


def exporter(settings: Settings, store: SqlStore) -> Export:
    """The export of this node's journal. Raises: ConfigurationError, if the journal's key is missing."""
    return Export(store=store, keys=(first_public(keys_dir(settings)),))


def _verify(arguments: argparse.Namespace) -> int:
    trusted = tuple(read_public_key(Path(name)) for name in arguments.key)
    if not arguments.file:
        settings = settings_of(arguments)
        trusted = trusted or (first_public(keys_dir(settings)),)
        return _judge(asyncio.run(_lines(settings)), trusted, arguments.expect)
    try:
        lines = Path(arguments.file).read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
    except OSError as error:
        raise ConfigurationError(f"{arguments.file} cannot be read: {error.strerror}") from error
    return _judge(lines, trusted, arguments.expect)


async def _lines(settings: Settings) -> list[str]:
    async with store_of(settings) as store:
        return [line async for line in exporter(settings, store).lines()]


def _judge(lines: Sequence[str], trusted: tuple[Ed25519PublicKey, ...], expected: tuple[int, str] | None = None) -> int:
    verdict: Any = verify_lines(lines, trusted=trusted, expected=expected)
    if verdict.holds:
        say(f"{verdict.entries} entries and {verdict.checkpoints} checkpoints hold; head {verdict.last}:{verdict.head}")
        return 0
    for finding in verdict.findings:
        say(str(finding))
    return 1
