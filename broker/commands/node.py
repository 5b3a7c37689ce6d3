"""`hdeu serve`, `worker`, `migrate`, `demo`, `mock-eu` and `config`."""

from __future__ import annotations

import argparse
import asyncio
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from broker.commands.opening import settings_of
from broker.commands.terminal import as_json, note, say, table
from broker.data_files import config_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker.settings import Settings


_MOCK_OPTIONS: Final = ("host", "port", "data-dir")


def build(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments of one command."""
    _BUILDERS[name](parser)


def _build_serve(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_serve)


def _build_worker(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_worker)


def _build_migrate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_migrate)


def _build_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="run to the end, then stop")
    parser.add_argument("--form", metavar="FILE", help="the applicant's form (shape of application_metadata.json)")
    parser.add_argument("--folder", metavar="DIR", help="where data, received files and logs go; default build/demo")
    parser.add_argument("--free-ports", action="store_true", help="take any free ports instead of the documented ones")
    parser.set_defaults(run=_demo)


def _build_mock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE", help="the mock's configuration (TOML)")
    for name in _MOCK_OPTIONS:
        parser.add_argument(f"--{name}", help="instead of what the configuration says")
    help_ = "instead of serving: `run SCENARIO …` or `conformance …`, each with its own --help"
    parser.add_argument("action", nargs=argparse.REMAINDER, metavar="VERB …", help=help_)
    parser.set_defaults(run=_mock)


def _build_config(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    show = commands.add_parser("show", help="what this node runs with, secrets masked")
    show.add_argument("--json", action="store_true", help="for programs")
    show.set_defaults(run=_config)
    holders = commands.add_parser("holders", help="the directory of data holders of this node")
    holders.add_argument("--json", action="store_true", help="for programs")
    holders.set_defaults(run=_holders)


def _serve(arguments: argparse.Namespace) -> int:
    from broker.logging_setup import configure_logging  # noqa: PLC0415 - same
    from broker.serving import serve  # noqa: PLC0415 - loads every adapter; `migrate` and `config` need none

    settings = settings_of(arguments)
    configure_logging()
    asyncio.run(serve(settings))
    return 0


def _worker(arguments: argparse.Namespace) -> int:
    from broker.logging_setup import configure_logging  # noqa: PLC0415 - same
    from broker.serving import work  # noqa: PLC0415 - as above

    settings = settings_of(arguments)
    configure_logging()
    asyncio.run(work(settings))
    return 0


def _migrate(arguments: argparse.Namespace) -> int:
    from adapters.store.sql import migrate  # noqa: PLC0415 - as above

    settings = settings_of(arguments)
    if settings.embedded:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    note("The database is at this release.")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from adapters.demo.program import main  # noqa: PLC0415 - as above

    given = ["--config", str(config_dir())]
    given += ["--once"] if arguments.once else []
    given += ["--form", arguments.form] if arguments.form else []
    given += ["--free-ports"] if arguments.free_ports else []
    given += ["--folder", arguments.folder] if arguments.folder else []
    return main(given)


def _mock(arguments: argparse.Namespace) -> int:
    from adapters.mock_eu.program import main  # noqa: PLC0415 - as above

    given = {name: getattr(arguments, name.replace("-", "_")) for name in _MOCK_OPTIONS}
    options = [part for name, value in given.items() if value for part in (f"--{name}", value)]
    return main(arguments.config or _mock_config(os.environ.get("HDEU_CONFIG", "")), arguments.action or options)


def _mock_config(path: str) -> str | None:
    """The file, if it is the mock's: a node's own is often named in the same shell."""
    try:
        table = tomllib.loads(Path(path).read_text("utf-8")) if path else {}
    except (OSError, ValueError):
        return None
    return path if {"server", "nations"} & set(table) else None


def _config(arguments: argparse.Namespace) -> int:
    shown = masked(settings_of(arguments))
    if arguments.json:
        as_json(shown)
    else:
        for name, value in flat(shown):
            say(f"{name} = {value}")
    return 0


def _holders(arguments: argparse.Namespace) -> int:
    rows = [holder.model_dump() for holder in settings_of(arguments).holders]
    if arguments.json:
        as_json({"holders": rows})
    else:
        shown = [(str(row["number"]), row["name"], row["role"]) for row in rows]
        table("Data holders", ("number", "name", "role"), shown)
    return 0


def masked(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values; of a secret only whether it is set."""
    shown: dict[str, Any] = _plain(settings.model_dump())
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "**********" if value.get_secret_value() else ""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """One line per key, with its dotted name."""
    if isinstance(value, dict):
        pairs = [(f"{name}.{key}" if name else key, item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        pairs = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    else:
        return [(name, value)]
    return [line for key, item in pairs for line in flat(item, key)]


_BUILDERS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "serve": _build_serve,
    "worker": _build_worker,
    "migrate": _build_migrate,
    "demo": _build_demo,
    "mock-eu": _build_mock,
    "config": _build_config,
}
