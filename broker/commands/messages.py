"""`hdeu messages` and `hdeu parked`."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from broker.commands.decisions import add_decisions
from broker.commands.opening import add_json, add_one, read_file, settings_of, store_of, with_node
from broker.commands.terminal import as_json, facts, note, problems, raw, say, table
from broker.errors import Problem, Refused
from broker.flow import views
from broker.flow.arrival import Arrival
from broker.model.exchanges import WAITING_FOR_A_PERSON, Direction, State
from broker.model.messages import Door
from broker.ports import ExchangeFilter

if TYPE_CHECKING:
    import argparse

    from broker.flow.arrival import Accepted
    from broker.flow.node import Node
    from broker.flow.receipts import Receipt
    from broker.settings import Settings

PATIENCE: Final = 60.0  #: seconds in which a person at a terminal hears what became of a submission
COLUMNS: Final = ("kept", "id", "type", "from", "to", "state", "case")


def build(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    if name == "messages":
        _add_list(commands.add_parser("list", help="newest first"))
        add_one(commands.add_parser("show", help="one message with its timeline"), _show, json=True)
        original = commands.add_parser("bytes", help="the original bytes, to stdout")
        original.add_argument(
            "--part", default="", metavar="N", help="a part of an AS4 message by its number, see `show`"
        )
        add_one(original, _bytes)
        receipt = commands.add_parser("receipt", help="the other side's signed receipt, to stdout")
        receipt.add_argument("--exchange", default="", metavar="X", help="whose, where there are several, see `show`")
        add_one(receipt, _receipt)
        _add_submit(commands.add_parser("submit", help="keep a document as a back end would; prints the id alone"))
    else:
        listing = commands.add_parser("list", help="what waits for a person")
        add_json(listing)
        listing.set_defaults(run=_parked)
    add_decisions(commands, name)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", action="append", default=[], choices=[state.value for state in State])
    parser.add_argument("--direction", default="", choices=[direction.value for direction in Direction])
    parser.add_argument("--type", default="")
    parser.add_argument("--case", default="", help="a case's key")
    parser.add_argument("--text", default="", help="any id, exactly")
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--before", default="", help="`next` of the page before")
    add_json(parser)
    parser.set_defaults(run=_list)


def _add_submit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", required=True, help="the back end that brings it")
    parser.add_argument("--id", default="", dest="key", help="key of the submission; default: SHA-256 of the file")
    parser.add_argument("--content-type", default="", choices=["", "application/xml", "application/json"])
    parser.add_argument("file", metavar="FILE", help="`-` for stdin")
    parser.set_defaults(run=_submit)


def _list(arguments: argparse.Namespace) -> int:
    wanted = ExchangeFilter(
        states=tuple(arguments.state),
        direction=arguments.direction,
        type=arguments.type,
        case_key=arguments.case,
        text=arguments.text,
        limit=max(1, arguments.limit),
        before=arguments.before,
    )
    return _print_list(arguments, wanted, "Messages")


def _parked(arguments: argparse.Namespace) -> int:
    states = tuple(sorted(state.value for state in WAITING_FOR_A_PERSON))
    return _print_list(arguments, ExchangeFilter(states=states, limit=500), "Waiting for a person")


def _print_list(arguments: argparse.Namespace, wanted: ExchangeFilter, title: str) -> int:
    found = asyncio.run(_read_list(settings_of(arguments), wanted))
    if arguments.json:
        as_json(found)
        return 0
    table(title, COLUMNS, (row_of(message) for message in found["messages"]))
    if found["next"]:
        note(f"There is more: --before {found['next']}")
    return 0


async def _read_list(settings: Settings, wanted: ExchangeFilter) -> dict[str, Any]:
    async with store_of(settings) as store, store.transaction() as tx:
        return await views.message_list(tx, wanted)


def row_of(message: dict[str, Any]) -> tuple[str, ...]:
    """A message as a row of `COLUMNS`."""
    return (
        message["kept_at"],
        message["id"],
        message["type"] or "?",
        message["party"],
        ", ".join(message["addressees"]),
        message["state"],
        message["case"],
    )


def _show(arguments: argparse.Namespace) -> int:
    found = asyncio.run(_read_one(settings_of(arguments), arguments.id))
    if arguments.json:
        as_json(found)
        return 0
    names = ("id", "type", "profile", "state", "party", "door", "case", "message_id", "sha256", "kept_at")
    facts(f"Message {found['id']}", [(name, str(found[name])) for name in names])
    exchanges = (
        (way["id"], way["direction"], way["addressee"], way["state"], way["outcome"], way["reason"])
        for way in found["exchanges"]
    )
    if found["parts"]:
        _show_parts(found)
    table("Exchanges", ("id", "direction", "addressee", "state", "outcome", "reason"), exchanges)
    timeline = ((event["at"], event["what"], event["detail"]) for event in found["timeline"])
    table("Timeline", ("at", "what", "detail"), timeline)
    problems(Problem(**problem) for problem in found["problems"])
    return 0


def _show_parts(message: dict[str, Any]) -> None:
    facts("Header", list(message["header"].items()))
    columns = ("number", "cid", "media_type", "size", "sha256")
    table("Parts", columns, (tuple(str(part[name]) for name in columns) for part in message["parts"]))


async def _read_one(settings: Settings, message_id: str) -> dict[str, Any]:
    async with store_of(settings) as store, store.transaction() as tx:
        return await views.message_view(tx, message_id)


def _bytes(arguments: argparse.Namespace) -> int:
    asyncio.run(_write_bytes(settings_of(arguments), arguments.id, arguments.part))
    return 0


async def _write_bytes(settings: Settings, message_id: str, part: str) -> None:
    async with store_of(settings) as store:
        async with store.transaction() as tx:
            message = await tx.message(message_id)
            payload = await tx.payload(views.part_of(message, part).sha256 if part else message.sha256)
        for piece in payload.pieces():
            raw(piece)


def _receipt(arguments: argparse.Namespace) -> int:
    receipt = asyncio.run(_read_receipt(settings_of(arguments), arguments.id, arguments.exchange))
    raw(receipt.data)
    note(f"receipt: {receipt.verdict}")
    return 0


async def _read_receipt(settings: Settings, message_id: str, exchange_id: str) -> Receipt:
    from broker.flow.receipts import receipt_of  # noqa: PLC0415 - loads every rule; `list` and `show` need none

    async with store_of(settings) as store, store.transaction() as tx:
        _, shown = await views.visible_message(tx, message_id)
        return await receipt_of(tx, tuple(found for found in shown if exchange_id in {"", found.id}))


def _submit(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    data = read_file(arguments.file)
    if arguments.backend not in settings.backends:
        known = ", ".join(sorted(settings.backends)) or "none"
        problem = Problem("unknown-backend", f"configured are: {known}", value=arguments.backend)
        raise Refused((problem,))
    arrival = Arrival(
        Door.CLI,
        arguments.backend,
        arguments.key or hashlib.sha256(data).hexdigest(),
        data,
        arguments.content_type or guessed_type(data),
    )
    accepted = asyncio.run(with_node(settings, partial(_accept, arrival=arrival, budget=PATIENCE)))
    say(accepted.message_id)
    if not accepted.fresh:
        note("This submission was kept before; nothing is done twice.")
    for found in accepted.problems:
        note(found.as_line())
    return 1 if accepted.state == State.REFUSED else 0


def guessed_type(data: bytes) -> str:
    """JSON where the first sign is a brace, else XML: reading decides, not this."""
    return "application/json" if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["} else "application/xml"


async def _accept(node: Node, *, arrival: Arrival, budget: float) -> Accepted:
    from broker.flow.doors import accept  # noqa: PLC0415 - loads every rule; `list` and `show` need none

    return await accept(node, arrival, budget=budget)
