"""The mock's push, faults and all, against a back end that gSOAP made in C++ from our BackendService WSDL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu import dishes
from adapters.mock_eu.backend import OPERATIONS
from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.retention import Retention
from adapters.mock_eu.settings import Push, Rule
from tests.support.mock_node import mock_node
from tests.support.peers import backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.mock_node import MockNode

USER, PASSWORD = "domibus", "Push-Only-Tests-2026!"
PART = ("cid:message", "application/json", b"{}")


@asynccontextmanager
async def pushing(
    folder: Path, told: list[str], *types: str, password: str = PASSWORD, **style: object
) -> AsyncIterator[MockNode]:
    with backend(USER, PASSWORD, told) as url:
        push = Push(
            (Rule("peer", url, types, retry="0.05;5;CONSTANT"),), user=USER, password=password, cron_seconds=0.1
        )
        async with mock_node(folder, france={"push": push}, **style) as node:
            yield node


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


def named(told: list[str], operation: str) -> list[str]:
    """What was told of one operation."""
    return [line.partition(" ")[2] for line in told if line.partition(" ")[0] == operation]


async def test_a_generated_back_end_understands_the_way_of_a_submit_and_the_arrival_of_an_answer(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    async with pushing(tmp_path, told, "RECEIVE_SUCCESS", "SEND_SUCCESS", "MESSAGE_STATUS_CHANGE") as node:
        await node.nation("fr").submit("told-1", PART)
        await until(lambda: named(told, "sendSuccess") and named(told, "receiveSuccess"))
        await until(lambda: "told-1 ACKNOWLEDGED" in named(told, "messageStatusChange"))
        assert named(told, "receiveSuccess") == await node.nation("fr").pending()
    assert named(told, "sendSuccess") == ["told-1"]


async def test_a_submit_that_fails_is_told_as_a_failure(tmp_path: Path) -> None:
    told: list[str] = []
    async with pushing(tmp_path, told, "SEND_FAILURE") as node:
        await node.arm("send-failure", times=1)
        await node.nation("fr").submit("told-1", PART)
        await until(lambda: told)
    assert told == ["sendFailure told-1"]


#: Form of the whole message by default, fault of it: what a generated back end does.
WHOLE = {
    ("inline", ""): "takes it",
    ("mtom", ""): "takes it",
    ("inline", "mtom-answer"): "takes it",
    ("inline", "mtom-start-bare"): "takes it",
    ("mtom", "mtom-part-missing"): "refuses it",
    ("mtom", "mtom-part-doubled"): "takes it",  # the first of two is as good as one
    ("mtom", "corrupt-base64"): "takes nothing for it",
}


def test_every_fault_of_a_whole_message_is_met() -> None:
    assert {name for _, name in WHOLE if name} == set(dishes.WHOLE)


@pytest.mark.parametrize(("form", "fault"), WHOLE)
async def test_a_whole_message_is_pushed_and_taken(tmp_path: Path, form: str, fault: str) -> None:
    told: list[str] = []
    async with pushing(tmp_path, told, "SUBMIT_MESSAGE", mtom=form == "mtom") as node:
        armed = await node.arm(fault, times=1) if fault else ""
        await node.nation("fr").submit("told-1", PART)  # no message of ours: the platform answers it
        await until(lambda: told)  # at the second try, if the first was not understood
        assert not armed or await node.fired(armed) == 1
        log = (await node.get("/log"))["entries"]
    entries = [one for one in log if one["operation"] == "push.submitRequest"]
    refused = WHOLE[form, fault] == "refuses it"
    assert [one["outcome"] == "sent" for one in entries] == ([False, True] if refused else [True])
    operation, message_id, href, size = told[0].split()
    assert (operation, message_id, href) == ("submitRequest", entries[0]["message_id"], "cid:message")
    assert (int(size) > 100) == (WHOLE[form, fault] != "takes nothing for it")


@pytest.mark.parametrize(("kind", "count"), [("DELETED", 1), ("DELETED_BATCH", 2)])
async def test_what_retention_deletes_is_told(tmp_path: Path, kind: str, count: int) -> None:
    async with mock_node(tmp_path) as node:
        for _ in range(count):
            await node.file()
        ids = await node.nation("fr").pending()
    told: list[str] = []
    async with pushing(tmp_path, told, kind, retention=Retention(undownloaded=0)):  # all of them are overdue at once
        await until(lambda: told)
    assert told == [f"{'delete' if count == 1 else 'deleteBatch'} {' '.join(ids)}"]


async def test_a_back_end_that_does_not_know_the_password_is_told_nothing_and_the_log_says_why(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    async with pushing(tmp_path, told, "RECEIVE_SUCCESS", password="Wrong-Password-2026!") as node:
        await node.file()
        ids: list[str] = []
        async with asyncio.timeout(10):
            while not ids:
                log = (await node.get("/log"))["entries"]
                ids = [one["outcome"] for one in log if one["operation"] == "push.receiveSuccess"]
                await asyncio.sleep(0.02)
    assert told == []
    assert "401" in ids[0]


#: fault of the push: how often a generated back end is told of the message under it, and of another
MET = {
    "push-never": (0, 0),
    "push-duplicate": (2, 0),
    "push-reorder": (1, 0),
    "push-burst": (1, 0),
    "push-unknown-id": (1, 1),
}


def test_every_fault_of_the_push_is_met() -> None:
    pushed = {f"push.{operation}" for operation in OPERATIONS.values()}
    assert set(MET) == {name for name, dish in MENU.items() if dish.operations and dish.operations <= pushed}


@pytest.mark.parametrize("name", MET)
async def test_a_generated_back_end_meets_each_fault_of_the_push(name: str, tmp_path: Path) -> None:
    own, others = MET[name]
    told: list[str] = []
    async with pushing(tmp_path, told, "RECEIVE_SUCCESS") as node:
        fault = await node.arm(name, times=1, seconds=0.3)
        await node.file()
        (message_id,) = await node.nation("fr").pending()
        await until(lambda: len(told) == own + others)
        await asyncio.sleep(0.3)
        assert await node.fired(fault) == 1
    received = named(told, "receiveSuccess")
    assert (received.count(message_id), len(received) - received.count(message_id)) == (own, others)
