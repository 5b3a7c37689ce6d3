"""The mock as a program: read the settings, serve, stop on SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from adapters.mock_eu import conformance
from adapters.mock_eu.packing import runner_of
from adapters.mock_eu.rehearsal import rehearse
from adapters.mock_eu.scenario import BadScenario
from adapters.mock_eu.settings import BadSettings, Settings, access_points, add_config, load, plain
from adapters.mock_eu.web import create_app

if TYPE_CHECKING:
    from collections.abc import Sequence

#: First words that say what to do instead of serving.
VERBS: Final = ("run", "conformance")


async def run(settings: Settings) -> None:
    """Serve until a signal comes or the task is cancelled."""
    stop = _stop_on_signals()
    runner = runner_of(create_app(settings), shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        print(f"MOCK EU node at http://{settings.host}:{settings.port} (not HealthData@EU)")  # noqa: T201 -- the program's own output
        for code, told in access_points(settings).items():
            print(f"  {code}: {told}", flush=True)  # noqa: T201 -- as above
        await stop.wait()
    finally:
        await runner.cleanup()


def main(config_path: str | None, argv: Sequence[str] = ()) -> int:
    """Exit status: 0 after a graceful stop, 2 if the settings cannot be used; of a verb, what that says."""
    words = list(argv)
    if words[:1] == ["conformance"]:
        return conformance.main(config_path, words[1:])
    plays = words[:1] == ["run"]
    given = _scenario_parser().parse_args(words[1:]) if plays else _parser().parse_args(words)
    named = ("host", "port", "data_dir") if not plays else ()
    overrides = {name: value for name in named if (value := getattr(given, name)) is not None}
    path = given.config or config_path
    try:
        settings = load(Path(path) if path else None, overrides)
        if plays:
            return asyncio.run(rehearse(given, settings))
        asyncio.run(run(settings))
    except (BadSettings, BadScenario, OSError) as error:
        print(f"mock-eu: {plain(error)}", file=sys.stderr)  # noqa: T201 -- the program's own output
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hdeu mock-eu", description="A mock EU node. Not HealthData@EU.")
    add_config(parser)
    parser.add_argument("--host", help="instead of what the configuration says")
    parser.add_argument("--port", type=int, help="the same")
    parser.add_argument("--data-dir", dest="data_dir", help="the same")
    return parser


def _scenario_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hdeu mock-eu run", description="Play scenarios on a mock that is running.")
    add_config(parser)
    parser.add_argument("scenarios", nargs="+", type=Path, metavar="SCENARIO", help="a TOML file, or a folder of them")
    parser.add_argument("--mock", default="", help="where the mock is; otherwise where its configuration puts it")
    parser.add_argument(
        "--dispatcher", default="", help="where the dispatcher is; otherwise only the mock is looked at"
    )
    parser.add_argument("--token", default="", help="for reading messages at the dispatcher")
    parser.add_argument("--backend-token", default="", help="for handing a back end's documents to it")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
