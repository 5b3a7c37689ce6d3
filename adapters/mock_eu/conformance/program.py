"""`hdeu mock-eu conformance`: choose the cases, play the other side, report, and let the exit status tell.

Exit status: 0 if every chosen case passed; 1 if one failed, was skipped or went wrong; 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from adapters.mock_eu.conformance import daams, decisions, pushed, receiving, routing, trouble
from adapters.mock_eu.conformance.counter import BASE, counter
from adapters.mock_eu.conformance.cue import Cue
from adapters.mock_eu.conformance.desk import Desk
from adapters.mock_eu.conformance.gitb import as_gitb
from adapters.mock_eu.conformance.kit import DispatcherKit, Second
from adapters.mock_eu.conformance.model import Case, Ending, Result
from adapters.mock_eu.conformance.report import FORMATS, passed
from adapters.mock_eu.conformance.runner import run
from adapters.mock_eu.conformance.world import world
from adapters.mock_eu.settings import BadSettings, Push, Rule, Settings, access_points, add_config, load, plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "dispatcher": (*receiving.CASES, *trouble.CASES, *decisions.CASES),
    "daams": daams.CASES,
}
_HOST, _PORT = "127.0.0.1", 8090
_WRONG_USAGE: Final = 2
_NOTIFIED: Final = ("RECEIVE_SUCCESS", "SEND_SUCCESS", "SEND_FAILURE")


def main(config_path: str | None, argv: Sequence[str]) -> int:
    """The exit status."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.list and not given.role:
        return _list_all(given.only, given.without)
    if wrong := _misused(given):
        parser.error(wrong)
    known = (
        *CASES[given.role],
        *(pushed.CASES if given.push else ()),
        *(routing.CASES if given.second_api_key else ()),
    )
    if unknown := sorted({*given.only, *given.without} - {name for case in known for name in (case.id, case.group)}):
        groups = ", ".join(dict.fromkeys(case.group for case in known))
        parser.error(f"no case or group is called {', '.join(unknown)}: the groups are {groups}; --list has the cases")
    cases = chosen(known, given.only, given.without)
    if not cases:
        parser.error("--only and --without leave no case")
    if given.list:
        _list(cases)
        return 0
    try:
        for order in given.report:
            Path(order.partition("=")[2]).parent.mkdir(parents=True, exist_ok=True)
        results = asyncio.run(_play(given, given.config or config_path, cases))
    except (BadSettings, OSError) as error:
        sys.stderr.write(f"conformance: {plain(error)}\n")
        return _WRONG_USAGE
    _report(given, results)
    return 0 if passed(results) else 1


def _misused(given: argparse.Namespace) -> str:
    """What options lack or contradict; "" if nothing."""
    if not given.role:
        return "--role says what the system under test is: dispatcher or daams"
    if given.role == "daams" and not (given.api_key or given.list):
        return "--role daams needs --api-key: the key that the case system must send"
    if not given.dispatcher.startswith(("http://", "https://")):
        return "--dispatcher must be an address that begins with http:// or https://"
    if bool(given.second_api_key) != bool(given.second_catalog):
        return "--second-api-key and --second-catalog go together"
    return ""


def _list(cases: Sequence[Case]) -> None:
    sys.stdout.write("".join(f"{case.id:<28} {case.title} [{case.passage}]\n" for case in cases))


def _list_all(only: Sequence[str], without: Sequence[str]) -> int:
    """Every case of both roles, under the options that it is played with."""
    parts = {f"--role {role}": cases for role, cases in CASES.items()}
    parts |= {"--role dispatcher --push": pushed.CASES, "--role dispatcher --second-api-key": routing.CASES}
    for options, cases in sorted(parts.items()):
        sys.stdout.write(f"{options}:\n")
        _list(chosen(cases, only, without))
    return 0


def chosen(cases: Sequence[Case], only: Sequence[str], without: Sequence[str]) -> list[Case]:
    """Cases by id or group."""
    wanted = [case for case in cases if not only or {case.id, case.group} & set(only)]
    return [case for case in wanted if not {case.id, case.group} & set(without)]


async def _play(given: argparse.Namespace, config_path: str | None, cases: Sequence[Case]) -> list[Result]:
    if given.role == "daams":
        async with counter(given.host or _HOST, given.port or _PORT, given.api_key) as opened:
            _say(f"The dispatcher to pull from: http://{given.host or _HOST}:{given.port or _PORT}{BASE}")
            return await run(cases, daams.DaamsKit(opened, Cue(given.on_step, given.patience)), progress(len(cases)))
    with tempfile.TemporaryDirectory(prefix="hdeu-conformance-") as folder:
        settings = _settings(given, config_path, Path(given.data_dir or folder))
        async with dispatcher_kit(given, settings) as kit:
            _say(f"The access point of the dispatcher under test: {access_points(settings)[given.nation]}")
            return await examine(cases, kit, progress(len(cases)))


@asynccontextmanager
async def dispatcher_kit(given: argparse.Namespace, settings: Settings) -> AsyncIterator[DispatcherKit]:
    """The kit with its access point open."""
    timeout = aiohttp.ClientTimeout(total=given.patience)
    cue = Cue(given.on_step, given.patience)
    async with world(settings, given.nation) as eu, aiohttp.ClientSession(timeout=timeout) as session:
        desk = Desk(given.dispatcher.rstrip("/"), given.api_key, session)
        yield DispatcherKit(eu, desk, cue, given.patience, Second(given.second_api_key, given.second_catalog))


async def examine(
    cases: Sequence[Case], kit: DispatcherKit, told: Callable[[Result], None] | None = None
) -> list[Result]:
    """All results; if nobody answers at the dispatcher's address, each case fails for that reason at once."""
    try:
        await kit.desk.get("/applications")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        text = f"nobody answers at {kit.desk.base}: {type(error).__name__}"
        return [Result(case, Ending.FAILED, text, 0.0, datetime.now(UTC)) for case in cases]
    return await run(cases, kit, told)


def _settings(given: argparse.Namespace, config_path: str | None, folder: Path) -> Settings:
    """Raises: BadSettings, OSError."""
    overrides: dict[str, Any] = {"data_dir": str(folder)}
    overrides |= {name: getattr(given, name) for name in ("host", "port") if getattr(given, name)}
    settings = load(Path(config_path) if config_path else None, overrides)
    nation = settings.nations.get(given.nation)
    if nation is None:
        raise BadSettings(f"--nation {given.nation}: the configuration has no such nation")
    if given.push:
        rule = Rule("kit", given.push, _NOTIFIED)
        push = Push(rules=(rule,), user=given.push_user, password=given.push_password, cron_seconds=1)
        settings = replace(settings, nations={**settings.nations, nation.code: replace(nation, push=push)})
    return settings


def _say(line: str) -> None:
    """Beside the report, for whoever sets up the system under test."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def progress(count: int) -> Callable[[Result], None] | None:
    """For people who wait: what has ended, and how many of all that is. Nothing where nobody looks."""
    ended = itertools.count(1)
    if not sys.stderr.isatty():
        return None
    return lambda result: _say(f"{next(ended)}/{count} {result.case.id}: {result.ending}")


def _report(given: argparse.Namespace, results: Sequence[Result]) -> None:
    named = partial(as_gitb, organisation=given.organisation, system=given.system)
    formats: dict[str, Callable[[str, Sequence[Result]], str]] = {**FORMATS, "gitb": named}
    sys.stdout.write(formats[given.format](given.role, results))
    for order in given.report:
        name, _, path = order.partition("=")
        Path(path).write_text(formats[name](given.role, results), "utf-8")


def _order(text: str) -> str:
    name, equals, path = text.partition("=")
    if name not in FORMATS or not equals or not path:
        raise argparse.ArgumentTypeError(f"is not FORMAT=FILE with one of {', '.join(FORMATS)}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hdeu mock-eu conformance", description="Hold a system against the specification. Not HealthData@EU."
    )
    add_config(parser)
    add = parser.add_argument
    add("--role", choices=tuple(CASES), help="what the system under test is; needed for all but --list")
    add("--list", action="store_true", help="show the cases and stop")
    add("--only", action="append", default=[], metavar="CASE", help="a case or a group of cases; may be repeated")
    add("--without", action="append", default=[], metavar="CASE", help="leave a case or a group out; may be repeated")
    add("--dispatcher", default="http://127.0.0.1:8080/national-dispatcher", metavar="URL", help="a dispatcher's REST")
    add("--api-key", default="", metavar="KEY", help="the X-API-key: sent to a dispatcher, expected of a DAAMS")
    add("--second-api-key", default="", metavar="KEY", help="of a second case system behind the dispatcher")
    add("--second-catalog", default="", metavar="ID", help="a catalogue whose applications are for the second alone")
    add("--nation", default="fr", metavar="CODE", help="whose access point the kit is")
    add("--push", default="", metavar="URL", help="the dispatcher's push endpoint; without it the dispatcher polls")
    add("--push-user", default="", metavar="USER", help="of the push endpoint")
    add("--push-password", default="", metavar="PASSWORD", help="of the push endpoint")
    add("--on-step", default="", metavar="CMD", help="is told what the case system shall do: one JSON object on stdin")
    add("--patience", type=float, default=30.0, metavar="SECONDS", help="how long one thing may take")
    add("--host", help="where the kit listens")
    add("--port", type=int, help="where the kit listens")
    add("--data-dir", help="where the kit keeps its data; without it nothing is kept")
    add("--organisation", default="not named", metavar="NAME", help="whose system it is, for the report gitb")
    add("--system", default="not named", metavar="NAME", help="what it is called, for the report gitb")
    add("--format", default="text", choices=tuple(FORMATS), help="of what is printed")
    add("--report", action="append", default=[], type=_order, metavar="FORMAT=FILE", help="write a report too")
    return parser
