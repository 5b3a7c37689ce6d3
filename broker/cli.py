"""`hdeu`: the command line.

Exit status 0; 1 where something is wrong; 2 for wrong usage; 3 where a sign-off is needed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from broker.commands.terminal import note, what_next
from broker.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Name, module below `broker.commands`, one line of help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "serve": ("node", "run a node: doors, web, loops and one worker"),
    "worker": ("node", "run one more worker beside `serve` (PostgreSQL and RabbitMQ only)"),
    "migrate": ("node", "bring the database to this release"),
    "demo": ("node", "run the whole story on this machine"),
    "mock-eu": ("node", "run the mock EU node"),
    "validate": ("documents", "say whether a document is valid in a profile"),
    "translate": ("translation", "put a document into another profile"),
    "messages": ("messages", "list, show, submit, sign off and retry messages"),
    "cases": ("cases", "list and show cases"),
    "parked": ("messages", "list and retry what waits for a person"),
    "destinations": ("destinations", "list, pause and resume where messages go"),
    "audit": ("audit", "export and verify the journal"),
    "keys": ("keys", "make keys and tokens"),
    "doctor": ("doctor", "say what does not work, and what to do"),
    "config": ("node", "show the configuration, secrets masked"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = parser_for(given).parse_args(given)
    except BrokerError as error:
        return _complain(error)
    try:
        status: int = arguments.run(arguments)
    except BrokerError as error:
        return _complain(error)
    except BrokenPipeError:
        # The reader went away: what is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def parser_for(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the command that is called; the others only have their help line."""
    parser = argparse.ArgumentParser(prog="hdeu", description="An open National Dispatcher for HealthData@EU.")
    parser.add_argument("--config", metavar="FILE", help="configuration (TOML); default: the one HDEU_CONFIG names")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    called = next((word for word in given if word in COMMANDS), "")
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == called:
            importlib.import_module(f"broker.commands.{module}").build(name, command)
    return parser


def _complain(error: BrokerError) -> int:
    """One line per problem on stderr, and what to do next."""
    problems = getattr(error, "problems", ())
    lines = [problem.as_line() for problem in problems] or [
        f"{error.code}: {line}" for line in error.detail.split("\n")
    ]
    for line in lines:
        note(line)
    what_next(problems)
    return 1
