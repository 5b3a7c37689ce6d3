"""Commands, options, addresses, metrics and events of the log that the documents name are those of the program."""

from __future__ import annotations

import contextlib
import io
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from broker.cli import COMMANDS, parser_for
from broker.data_files import schemas_dir
from broker.setting_names import unread
from broker.settings import Settings
from broker.web.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]*\bhdeu [^`\n]*)`")
CALL = re.compile(r"(?:^|[\s/(])hdeu ((?!NAME\b)[a-z].*)")
SUBSTITUTED = re.compile(r"\$\(([^)]*)\)")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
FORWARDED = frozenset({"mock-eu"})  #: has a parser of its own
BEFORE = frozenset({"--config"})  #: stands before the command


def calls(text: str) -> set[str]:
    """What is typed behind `hdeu`, on a line of its own or within a sentence."""
    lines = [line for block in FENCED.findall(text) for line in block.splitlines()]
    lines += QUOTED.findall(FENCED.sub("", text))
    lines = [part for line in lines for part in (SUBSTITUTED.sub("", line), *SUBSTITUTED.findall(line))]
    parts = (part for line in lines for part in re.split(r"&&|[|;]\s", line))
    return {found[1].split("#")[0].strip() for part in parts if (found := CALL.search(part))}


@cache
def help_of(words: tuple[str, ...]) -> str:
    """What `hdeu … --help` prints; "" where there is no such command."""
    asked, out = [*words, "--help"], io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        parser_for(asked).parse_args(asked)
    return out.getvalue()


def wrong_in(call: str) -> list[str]:
    """What of a call the program does not know."""
    words = call.split()
    if words[0] not in COMMANDS:
        return [words[0]]
    if words[0] in FORWARDED:
        return []
    alternatives = words[1].split("|") if len(words) > 1 and re.fullmatch(r"[a-z][a-z|-]*", words[1]) else []
    helps = [help_of((words[0], other)) for other in alternatives] or [help_of((words[0],))]
    if not all(helps):
        return [call]
    return sorted(one for one in set(OPTION.findall(call)) - BEFORE if one not in helps[0])


def test_a_call_is_read_with_its_options_and_what_is_wrong_in_it_is_found() -> None:
    block = 'A=1 hdeu keys tokn --role x  # why\nhdeu doctor --loud "$(hdeu keys list)"'
    text = f"Do `hdeu parked list`, then\n\n```sh\n{block}\n```\n"
    assert calls(text) == {"parked list", "keys tokn --role x", 'doctor --loud ""', "keys list"}
    assert [wrong_in(call) for call in sorted(calls(text))] == [["--loud"], [], ["keys tokn --role x"], []]
    assert wrong_in("messages list|shwo") == ["messages list|shwo"]


def test_every_command_and_option_that_a_page_shows_exists() -> None:
    shown = {call: page.name for page in PAGES for call in calls(page.read_text("utf-8"))}
    assert len(shown) > 30
    assert {call: (page, wrong) for call, page in shown.items() if (wrong := wrong_in(call))} == {}


def test_every_address_of_the_api_that_a_page_names_is_in_the_contract() -> None:
    contract: dict[str, Any] = yaml.safe_load((schemas_dir() / "openapi.yaml").read_text("utf-8"))
    known = {(method.upper(), blank(path)) for path, item in contract["paths"].items() for method in item}
    named = {
        (method, blank(path), page.name)
        for page in PAGES
        for method, path in re.findall(r"\b(GET|POST|PUT|DELETE) `?(/api/v1/[^\s`)|?,]*)", page.read_text("utf-8"))
    }
    assert len(named) > 5
    assert [one for one in sorted(named) if one[:2] not in known] == []


def blank(path: str) -> str:
    """The path without the names of what stands in its free places."""
    return re.sub(r"\{[^}]*\}|<[^>]*>|\b(?:ID|N)\b", "{}", path)


def test_every_variable_that_a_page_or_a_configuration_names_is_a_setting() -> None:
    files = (*PAGES, ROOT / "compose.yaml", *(ROOT / "config").glob("*.toml"))
    named = {name: "" for file in files for name in re.findall(r"\bHDEU_\w+\b", file.read_text("utf-8"))}
    assert len(named) > 10
    assert {line.partition(":")[0] for line in unread(named, Settings)} == {"HDEU_SECTION__KEY", "HDEU_PORT_"}


def operators() -> str:
    return (ROOT / "docs" / "operators.md").read_text("utf-8")


def test_the_metrics_that_are_told_are_those_that_are_counted() -> None:
    counted = {metric.name for metric in Metrics().registry.collect() if metric.name.startswith("hdeu_")}
    told = {name.removesuffix("_total") for name in re.findall(r"`(hdeu_[a-z_]+)", operators())}
    assert told == counted


def test_every_event_of_the_log_that_is_told_is_written() -> None:
    section = operators().split("## Logs", 1)[1].split("\n## ", 1)[0]
    told = set(re.findall(r"`([a-z]+\.[a-z_]+)`", section))
    files = (file for folder in ("broker", "adapters") for file in (ROOT / folder).rglob("*.py"))
    source = "".join(file.read_text("utf-8") for file in files)
    assert len(told) > 10
    assert {name for name in told if f'"{name}"' not in source} == set()
