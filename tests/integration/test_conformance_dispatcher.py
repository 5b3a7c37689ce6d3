"""The conformance kit for dispatchers: passed by our node, failed by servers that do nothing, and it names what breaks.

One node and one access point of the kit serve all tests of this file; every case files applications of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from adapters.demo.processes import Parties, free_port, hdeu
from adapters.demo.stage import FRANCE
from adapters.identity.api_keys import hash_key
from adapters.mock_eu.conformance import pushed, routing
from adapters.mock_eu.conformance.model import Ending, Result
from adapters.mock_eu.conformance.program import CASES, chosen, dispatcher_kit, examine
from adapters.mock_eu.settings import Push, Rule, Settings
from tests.support.breaking_proxies import MASTER_KEY, MUTATIONS, REST, rest_proxy, served, soap_proxy
from tests.support.running_node import EMBEDDED, ROOT, Running, embedded_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from adapters.mock_eu.conformance.kit import DispatcherKit

pytestmark = pytest.mark.timeout(300)  # one fixture plays forty cases and fourteen mutants
KEY = "a-key-of-the-conformance-kit-0123456789"
SECOND_KEY, SECOND_CATALOG = "a-key-of-a-second-case-system-0123456789", "catalogue-second"
SECOND = {
    "HDEU_BACKENDS__SECOND__KIND": "pull",
    "HDEU_BACKENDS__SECOND__PROFILE": "fr-hdh-1",
    "HDEU_BACKENDS__SECOND__DEFAULT": "false",
    "HDEU_BACKENDS__SECOND__CATALOGS": json.dumps([SECOND_CATALOG]),
}
PATIENCE = 20.0
#: How long is waited for what a mutant keeps back; the node takes a second at most.
SHORT = 2.0
SILENT = {"swallows an answer", "answers another message", "never marks"}
DISPATCHER = CASES["dispatcher"]
PUSH_USER, PUSH_PASSWORD = "domibus", "Push-Only-Tests-2026!"
PUSHED = {"HDEU_ACCESS_POINT__PUSH_USERNAME": PUSH_USER, "HDEU_ACCESS_POINT__PUSH_PASSWORD": PUSH_PASSWORD}
TIMES = 4  #: that a case is played again
#: mutant: the case that finds it, and words of what it says
FOUND = {
    "drops a field": ("receiving.listed", "no member dateSubmitted"),
    "changes an id": ("receiving.metadata", "application_id is"),
    "doubles a row": ("receiving.listed", "lists one version 2 times"),
    "counts versions from another number": ("receiving.row", "version is 2 instead of 1"),
    "calls every application a request": ("receiving.row", "applicationType is 'request'"),
    "gives an old version": ("versions.highest", "another version than the highest"),
    "drops the attachments": ("receiving.attachments", "the attachments are called []"),
    "lets anybody in": ("receiving.key", "without X-API-key: HTTP 200"),
    "swallows an answer": ("receiving.validated", "no ValidationResult came back"),
    "doubles a message": ("duplicates.answer", "2 ValidationResults for one message"),
    "turns a verdict round": ("receiving.validated", "validated is False for a valid message"),
    "answers another message": ("receiving.validated", "no ValidationResult came back"),
    "refers to another message": ("receiving.reference", "RefToMessageId of the ebMS header is 'another"),
    "never marks": ("receiving.downloaded", "still holds a message"),
    "gives everybody everything": ("routing.second", "lists to the first case system what is not for it"),
}


@dataclass
class Played:
    """Results of our node alone, and of each mutant before it."""

    ours: list[Result]
    mutants: dict[str, list[Result]]


@contextmanager
def node(folder: Path, kit_port: int, **more: str) -> Iterator[Running]:
    """Our node, polling the access point at `kit_port`."""
    keys = {"hdh": KEY, "second": SECOND_KEY, "": MASTER_KEY}
    clients = json.dumps(
        [
            {"name": f"kit-{name}", "key_hash": hash_key(key, salt=bytes(16)), "backend": name}
            for name, key in keys.items()
        ]
    )
    stage = embedded_stage(folder)
    stage = replace(
        stage,
        mock_url=f"http://127.0.0.1:{kit_port}",
        extra={FRANCE.node: {**EMBEDDED, **PUSHED, **SECOND, "HDEU_CLIENTS": clients, **more}},
    )
    running = Running(stage, Parties())
    running.parties.start(stage.node(FRANCE))
    try:
        running.until(lambda: _alive(running), 60)
        yield running
        assert running.pid
    finally:
        running.parties.stop()


def _alive(running: Running) -> bool:
    try:
        return running.call("GET", f"{running.ops}/healthz").status == 200
    except OSError:
        return False


def orders(dispatcher: str, *, patience: float, on_step: str = "") -> argparse.Namespace:
    """What the command line would say."""
    return argparse.Namespace(
        dispatcher=dispatcher,
        api_key=KEY,
        second_api_key=SECOND_KEY,
        second_catalog=SECOND_CATALOG,
        nation="fr",
        patience=patience,
        on_step=on_step,
        push="",
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder, port, behind = tmp_path_factory.mktemp("conformance"), free_port(), free_port()
    with node(folder, port) as running:
        tokens = f"{running.token('hdh')} {running.token('caseworker')}"
        step = f"{sys.executable} -m tests.support.french_desk {running.api} {tokens}"
        given = orders(f"{running.api}/national-dispatcher", patience=PATIENCE, on_step=step)
        return asyncio.run(play(given, settings(behind, folder / "kit", running), port))


def settings(port: int, folder: Path, running: Running) -> Settings:
    """The kit's access point, which notifies the node as well."""
    usual = Settings(port=port, data_dir=folder)
    types = ("RECEIVE_SUCCESS", "SEND_SUCCESS", "SEND_FAILURE")
    rule = Rule("node", f"{running.api}/access-point/push", types)
    push = Push(rules=(rule,), user=PUSH_USER, password=PUSH_PASSWORD, cron_seconds=1)
    return replace(usual, nations={**usual.nations, "fr": replace(usual.nations["fr"], push=push)})


async def play(given: argparse.Namespace, mock: Settings, port: int) -> Played:
    async with dispatcher_kit(given, mock) as kit, soap_proxy(kit.world.url, port) as proxy:
        ours = await examine((*DISPATCHER, *pushed.CASES, *routing.CASES), kit)
        mutants = dict(zip(REST, await asyncio.gather(*(before_rest(name, kit) for name in REST)), strict=True))
        for name in MUTATIONS:
            proxy.mutant = name
            patience = SHORT if name in SILENT else PATIENCE
            mutants[name] = await examine(chosen(DISPATCHER, only(name), ()), replace(kit, patience=patience))
            proxy.mutant = ""
        return Played(ours, mutants)


async def before_rest(name: str, kit: DispatcherKit) -> list[Result]:
    async with rest_proxy(REST[name], kit.desk.base, KEY) as url:
        cases = chosen((*DISPATCHER, *routing.CASES), only(name), ())
        return await examine(cases, replace(kit, desk=replace(kit.desk, base=url)))


def only(name: str) -> tuple[str, ...]:
    """The case that should find the mutant, and one that has nothing to do with it."""
    return (FOUND[name][0], "receiving.unknown")


def test_our_node_passes_every_case(played: Played) -> None:
    broken = {result.case.id: result.text for result in played.ours if result.ending is not Ending.PASSED}
    assert broken == {}
    assert len(played.ours) == len(DISPATCHER) + len(pushed.CASES) + len(routing.CASES)


def test_there_are_a_dozen_mutants_and_more() -> None:
    assert set(FOUND) == {*REST, *MUTATIONS}
    assert len(FOUND) >= 12


@pytest.mark.parametrize("name", FOUND)
def test_the_kit_names_what_a_mutant_breaks(name: str, played: Played) -> None:
    case, words = FOUND[name]
    by_id = {result.case.id: result for result in played.mutants[name]}
    assert by_id[case].ending is Ending.FAILED
    assert words in by_id[case].text
    assert by_id["receiving.unknown"].ending is Ending.PASSED


async def test_a_server_that_answers_200_with_an_empty_object_fails_nine_cases_in_ten(tmp_path: Path) -> None:
    async with answering_nothing() as url:
        given = orders(url, patience=0.3, on_step="echo {}")
        async with dispatcher_kit(given, Settings(port=free_port(), data_dir=tmp_path)) as kit:
            results = await examine(DISPATCHER, kit)
    failed = [result for result in results if result.ending is Ending.FAILED]
    assert len(failed) >= 0.9 * len(DISPATCHER)
    assert not [result for result in results if result.ending is Ending.ERROR]


@asynccontextmanager
async def answering_nothing() -> AsyncIterator[str]:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    async with served(app) as url:
        yield url


def command(*words: str) -> subprocess.CompletedProcess[str]:
    line = [*hdeu("mock-eu", "conformance"), "--role", "dispatcher", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)


def test_a_closed_port_fails_every_case_and_the_exit_status_tells() -> None:
    done = command("--dispatcher", f"http://127.0.0.1:{free_port()}", "--port", str(free_port()))
    assert done.returncode == 1
    assert f"{len(DISPATCHER)} failed" in done.stdout
    assert "nobody answers at" in done.stdout


async def test_a_skipped_case_is_no_success() -> None:
    """Nobody is cued, so nothing can be seen."""
    async with answering_nothing() as url:
        words = ("--only", "datasets", "--dispatcher", url, "--port", str(free_port()))
        done = await asyncio.to_thread(command, *words)
    assert done.returncode == 1
    assert "3 skipped" in done.stdout


def test_a_node_that_is_told_of_everything_and_seldom_asks_is_not_blamed_for_what_it_had_already(
    tmp_path: Path,
) -> None:
    port, behind = free_port(), free_port()
    with node(tmp_path, port, HDEU_ACCESS_POINT__POLL="3") as running:
        given = orders(f"{running.api}/national-dispatcher", patience=PATIENCE)
        found = asyncio.run(again(given, settings(behind, tmp_path / "kit", running), port, "duplicates.list"))
    assert [(result.ending, result.text) for result in found] == [(Ending.PASSED, "")] * TIMES


async def again(given: argparse.Namespace, mock: Settings, port: int, case: str) -> list[Result]:
    """One case several times: whether the node hears of a message or asks first is a matter of chance."""
    async with dispatcher_kit(given, mock) as kit, soap_proxy(kit.world.url, port):
        return [result for _ in range(TIMES) for result in await examine(chosen(DISPATCHER, (case,), ()), kit)]
