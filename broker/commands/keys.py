"""`hdeu keys`: make the node's keys, its tokens and API keys."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adapters.identity.api_keys import hash_key
from adapters.identity.keys import ALGORITHMS, KeyRing, init_keys, load_key, load_ring, rotate_keys
from adapters.identity.tokens import Grant, issue
from adapters.system import SystemClock, TimeSortedIds
from broker.commands.opening import actor, add_json, keys_dir, settings_of, store_of
from broker.commands.terminal import as_json, note, raw, say, table
from broker.errors import ConfigurationError
from broker.ledger.handover import FOLLOWED, JOURNAL, make_following, newest_public
from broker.ledger.keys import public_pem
from broker.model.identity import Role
from broker.model.journal import Entry

if TYPE_CHECKING:
    import argparse

    from broker.settings import Settings

UNTOKENED: Final = frozenset({Role.DISPATCHER_CLIENT, Role.ACCESS_POINT})  #: they prove themselves otherwise
DEFAULT_HOURS: Final = 8.0
MAX_HOURS: Final = 24.0 * 366


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    init = commands.add_parser("init", help="make the keys that are missing; existing ones stay")
    rotate = commands.add_parser("rotate", help="let the next key sign, keep the old one for verifying")
    for command, run in ((init, _init), (rotate, _rotate)):
        command.add_argument("--algorithm", choices=ALGORITHMS, default=ALGORITHMS[0])
        command.set_defaults(run=run)
    follow = commands.add_parser("rotate-journal", help="let a new key follow the one that signs the journal")
    follow.set_defaults(run=_rotate_journal)
    journal = commands.add_parser("journal", help="print the public key that verifies the journal (PEM)")
    journal.set_defaults(run=_journal)
    _add_token(commands.add_parser("token", help="print a bearer token, alone"))
    commands.add_parser("jwks", help="print the public keys (RFC 7517)").set_defaults(run=_jwks)
    listing = commands.add_parser("list", help="the keys there are")
    add_json(listing)
    listing.set_defaults(run=_list)
    api_key = commands.add_parser("api-key", help="print a new API key, and on stderr its hash for [[clients]]")
    api_key.set_defaults(run=_api_key)


def _add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", required=True, choices=[role.value for role in Role if role not in UNTOKENED])
    parser.add_argument("--subject", default="", help="who it speaks for; default: cli, or the back end")
    parser.add_argument("--backend", default="", help="with --role backend: its name in the configuration")
    parser.add_argument("--one-time", action="store_true", help="good for one use, such as a login")
    parser.add_argument("--hours", type=float, default=DEFAULT_HOURS)
    parser.set_defaults(run=_token)


def _init(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    ring = init_keys(keys_dir(settings), arguments.algorithm)
    say(ring.current.id)
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    ring = rotate_keys(keys_dir(settings_of(arguments)), arguments.algorithm)
    say(ring.current.id)
    note("Restart the node: it reads its keys when it starts.")
    return 0


def _rotate_journal(arguments: argparse.Namespace) -> int:
    say(asyncio.run(_follow(settings_of(arguments))))
    note("It signs as soon as the running node has sealed that it follows. Copy it to where the keys are kept.")
    return 0


async def _follow(settings: Settings) -> str:
    """Make the key and write the entry that names it; its id."""
    directory = keys_dir(settings)
    async with store_of(settings) as store, store.transaction() as tx:
        detail = make_following(directory, await newest_public(tx, directory))
        now = SystemClock().now()
        await tx.write_entry(Entry(TimeSortedIds().new(), now, actor(), FOLLOWED, JOURNAL, "followed", detail))
    return detail["new"]


def _journal(arguments: argparse.Namespace) -> int:
    raw(asyncio.run(_public(settings_of(arguments))))
    return 0


async def _public(settings: Settings) -> bytes:
    async with store_of(settings) as store, store.transaction() as tx:
        return public_pem(await newest_public(tx, keys_dir(settings)))


def _token(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    token = issue(
        _ring(settings).current,
        _grant(arguments, settings),
        issuer=settings.node.name,
        node=settings.node.name,
        now=SystemClock().now(),
        token_id=secrets.token_urlsafe(16),
    )
    say(token)
    return 0


def _grant(arguments: argparse.Namespace, settings: Settings) -> Grant:
    role = Role(arguments.role)
    if not 0 < arguments.hours <= MAX_HOURS:
        raise ConfigurationError(f"--hours must lie between 0 and {MAX_HOURS:.0f}")
    if bool(arguments.backend) and role is not Role.BACKEND:
        raise ConfigurationError("--backend goes with --role backend")
    subject = arguments.backend or arguments.subject or ("" if role is Role.BACKEND else "cli")
    if role is Role.BACKEND and subject not in settings.backends:
        known = ", ".join(sorted(settings.backends)) or "none"
        raise ConfigurationError(f"no back end {subject!r} is configured (there are: {known})")
    return Grant(subject, frozenset({role}), timedelta(hours=arguments.hours), one_time=arguments.one_time)


def _ring(settings: Settings) -> KeyRing:
    """The node's keys; an embedded node's are made on the way, as its first start does."""
    return init_keys(keys_dir(settings)) if settings.embedded else load_ring(keys_dir(settings))


def _jwks(arguments: argparse.Namespace) -> int:
    as_json(load_ring(keys_dir(settings_of(arguments))).jwks())
    return 0


def _list(arguments: argparse.Namespace) -> int:
    directory = keys_dir(settings_of(arguments))
    journal = [load_key(path) for path in sorted(directory.glob("journal*.pem")) if path.name != "journal-first.pem"]
    keys = [*load_ring(directory).named().items(), *(("journal", key) for key in journal)]
    rows: list[dict[str, Any]] = [{"part": part, "id": key.id, "algorithm": key.algorithm} for part, key in keys]
    if arguments.json:
        as_json({"keys": rows})
    else:
        table("Keys", ("part", "id", "algorithm"), (list(row.values()) for row in rows))
    return 0


def _api_key(_arguments: argparse.Namespace) -> int:
    key = secrets.token_urlsafe(32)
    say(key)
    note(f'key_hash = "{hash_key(key, salt=secrets.token_bytes(16))}"')
    return 0
