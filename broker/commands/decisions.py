"""What a person decides of a message: `hdeu messages sign-off|restore|fetch|retry|close`, `hdeu parked retry|close`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from broker.commands.opening import actor, add_one, settings_of, with_node
from broker.commands.terminal import note

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable


def add_decisions(commands: Any, name: str) -> None:
    """Add them to the subcommands of `hdeu messages`, or of `hdeu parked`."""
    if name == "messages":
        sign_off = commands.add_parser("sign-off", help="agree to what the translation loses")
        sign_off.add_argument("--reason", required=True)
        add_one(sign_off, _sign_off)
        add_one(commands.add_parser("restore", help="let the access point send again what it gave up"), _restore)
        fetch = commands.add_parser("fetch", help="fetch what the access point still has, though it is not pending")
        fetch.add_argument("message_id", metavar="MESSAGE-ID", help="its id at the access point")
        fetch.set_defaults(run=_fetch)
    add_one(commands.add_parser("retry", help="let a message go on now"), _retry)
    close = commands.add_parser("close", help="end what nothing else will end, for a reason")
    close.add_argument("--reason", required=True, help="how it was settled, or why nothing is left to settle")
    add_one(close, _close)


def _decide(arguments: argparse.Namespace, step: Callable[..., Awaitable[str]], **more: str) -> int:
    """Take the step in the name of who is at this terminal, and say the new state."""
    decided = partial(step, message_id=arguments.id, actor=actor(), **more)
    note(asyncio.run(with_node(settings_of(arguments), decided)))
    return 0


def _sign_off(arguments: argparse.Namespace) -> int:
    from broker.flow.staff import sign_off  # noqa: PLC0415 - loads every rule; `list` and `show` need none

    return _decide(arguments, sign_off, reason=arguments.reason)


def _restore(arguments: argparse.Namespace) -> int:
    from broker.flow.staff import restore  # noqa: PLC0415 - as above

    return _decide(arguments, restore)


def _fetch(arguments: argparse.Namespace) -> int:
    from broker.flow.asked import ask_for  # noqa: PLC0415 - as above

    step = partial(ask_for, wire_id=arguments.message_id, actor=actor())
    asyncio.run(with_node(settings_of(arguments), step))
    note(f"{arguments.message_id} is fetched by the running node; what is gone is parked under this id")
    return 0


def _retry(arguments: argparse.Namespace) -> int:
    from broker.flow.staff import retry  # noqa: PLC0415 - as above

    return _decide(arguments, retry)


def _close(arguments: argparse.Namespace) -> int:
    from broker.flow.close import close  # noqa: PLC0415 - as above

    return _decide(arguments, close, reason=arguments.reason)
