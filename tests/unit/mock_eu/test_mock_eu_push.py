"""The mock's access point notifies a back end as a Domibus does, retry rule and all."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from adapters.mock_eu.retention import Retention
from adapters.mock_eu.settings import Rule
from tests.support.mock_backend import EMPTY, listening_backend
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.mock_backend import Backend
    from tests.support.mock_node import MockNode

PART = ("cid:message", "application/json", b"{}")
FAULT = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Receiver'
    '</s:Value></s:Code><s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>'
)
LIST = "<w:listPushFailedMessagesRequest/>"
AGAIN = "<w:rePushFailedMessagesRequest>{}</w:rePushFailedMessagesRequest>"


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[Backend]:
    async with listening_backend() as listening:
        yield listening


@asynccontextmanager
async def pushing(folder: Path, backend: Backend, *types: str, **more: Any) -> AsyncIterator[MockNode]:
    async with mock_node(folder, france={"push": backend.push(*types, **more)}) as node:
        yield node


async def test_a_message_that_came_is_told_by_its_id_and_stays_pending(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS", user="domibus", password="Secret") as node:
        await node.file()
        await backend.until(lambda: bool(backend.came))
        (message_id,) = await node.nation("fr").pending()
    assert backend.pairs() == [("receiveSuccess", message_id)]
    assert backend.came[0].authorization == "Basic " + base64.b64encode(b"domibus:Secret").decode()
    assert backend.came[0].element[0].tag == "messageID", "children are in no namespace"


async def test_the_way_of_a_submit_is_told_step_by_step(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SEND_SUCCESS", "MESSAGE_STATUS_CHANGE") as node:
        await node.nation("fr").submit("told-1", PART)
        await backend.until(lambda: len(backend.came) == 2)
    assert {each.operation for each in backend.came} == {"sendSuccess", "messageStatusChange"}
    changed = next(each for each in backend.came if each.operation == "messageStatusChange")
    assert changed.element.findtext("messageStatus") == "ACKNOWLEDGED"


async def test_a_failure_to_send_is_told(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SEND_FAILURE") as node:
        await node.arm("send-failure")
        await node.nation("fr").submit("failed-1", PART)
        await backend.until(lambda: bool(backend.came))
    assert backend.pairs() == [("sendFailure", "failed-1")]


async def test_a_whole_message_is_pushed_and_then_marked(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SUBMIT_MESSAGE") as node:
        await node.file()
        await backend.until(lambda: bool(backend.came))
        for _ in range(100):
            if not await node.nation("fr").pending():
                break
            await asyncio.sleep(0.02)
        assert await node.nation("fr").pending() == []
    (came,) = backend.came
    assert came.operation == "submitRequest"
    assert base64.b64decode(came.element.findtext("payload/value")).startswith(b"PK")
    message = came.root.find(".//{eu.domibus}Messaging/UserMessage")
    assert message.findtext("PartyInfo/From/PartyId") == "hdeu:mock:ap:central", "unqualified down to the leaves"


@pytest.mark.parametrize(
    ("fault", "sections", "start"),
    [
        ("", 2, "root@hdeu-mock"),
        ("mtom-answer", 2, '"<root@hdeu-mock>"'),
        ("mtom-start-bare", 2, '"root@hdeu-mock"'),
        ("mtom-part-missing", 1, "root@hdeu-mock"),
        ("mtom-part-doubled", 3, "root@hdeu-mock"),
    ],
)
async def test_a_whole_message_goes_by_mtom_and_its_parts_can_be_damaged(
    tmp_path: Path, backend: Backend, fault: str, sections: int, start: str
) -> None:
    push = backend.push("SUBMIT_MESSAGE")
    async with mock_node(tmp_path, france={"push": push}, mtom=not fault) as node:
        armed = await node.arm(fault, times=1) if fault else ""
        await node.file()
        await backend.until(lambda: bool(backend.came))
        assert not armed or await node.fired(armed) == 1
    (came,) = backend.came
    assert came.operation == "submitRequest"
    assert came.element.find("payload/value/{http://www.w3.org/2004/08/xop/include}Include") is not None
    assert start in came.content_type
    assert [b"\r\n\r\nPK" in section for section in came.sections] == [False, True, True][:sections]


async def test_a_whole_message_that_is_no_base64(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SUBMIT_MESSAGE") as node:
        await node.arm("corrupt-base64", times=1)
        await node.file()
        await backend.until(lambda: bool(backend.came))
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(backend.came[0].element.findtext("payload/value"), validate=True)


async def test_a_whole_message_stays_pending_where_the_operator_wants_it(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SUBMIT_MESSAGE", mark_as_downloaded=False) as node:
        await node.file()
        await backend.until(lambda: bool(backend.came))
        await asyncio.sleep(0.1)
        assert len(await node.nation("fr").pending()) == 1


async def test_everything_but_success_counts_as_failure_and_is_tried_again(tmp_path: Path, backend: Backend) -> None:
    backend.answers.extend([(400, ""), (200, FAULT), (200, "")])
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        await node.file()
        await backend.until(lambda: len(backend.came) == 3)
        await asyncio.sleep(0.5)
        assert len(backend.came) == 3, "an empty 200 is a success"
        assert (await node.nation("fr").operation(LIST)).ids == []
        outcomes = [entry["outcome"] for entry in (await node.get("/log?operation=push.receiveSuccess"))["entries"]]
    assert outcomes == ["HTTP 400", "a SOAP fault", "sent"]
    assert len(set(backend.pairs())) == 1


async def test_after_the_last_try_the_push_is_given_up_listed_and_pushed_again_by_hand(
    tmp_path: Path, backend: Backend
) -> None:
    backend.answers.extend([(503, "")] * 3)
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        await node.file()
        france = node.nation("fr")
        await backend.until(lambda: len(backend.came) == 3)
        await asyncio.sleep(0.4)
        assert len(backend.came) == 3
        (message_id,) = (await france.operation(LIST)).ids
        assert (
            await france.operation(
                LIST.replace("/>", "><messageId>other</messageId></w:listPushFailedMessagesRequest>")
            )
        ).ids == []
        one = f"<messageID>{message_id}</messageID>"
        refused = await france.operation(AGAIN.format(one + "<messageID>nobody</messageID>"))
        assert refused.fault is not None
        assert len(backend.came) == 3, "all or none"
        again = await france.operation(AGAIN.format(one))
        assert again.status == 200
        assert len(again.root[0]) == 0, "the answer's body is empty"
        await backend.until(lambda: len(backend.came) == 4)
        for _ in range(100):
            if not (await france.operation(LIST)).ids:
                break
            await asyncio.sleep(0.02)
        assert (await france.operation(LIST)).ids == []


async def test_send_once_means_once(tmp_path: Path, backend: Backend) -> None:
    backend.answers.append((500, ""))
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS", retry="60;5;SEND_ONCE") as node:
        await node.file()
        await backend.until(lambda: bool(backend.came))
        await asyncio.sleep(0.3)
        assert len((await node.nation("fr").operation(LIST)).ids) == 1
    assert len(backend.came) == 1


async def test_the_first_rule_for_the_recipient_that_names_the_type_wins(tmp_path: Path, backend: Backend) -> None:
    push = backend.push("RECEIVE_SUCCESS")
    other = Rule("other", backend.url + "/nowhere", ("RECEIVE_SUCCESS",), recipient="somebody else")
    async with mock_node(tmp_path, france={"push": replace(push, rules=(other, *push.rules))}) as node:
        await node.file()
        await backend.until(lambda: bool(backend.came))


async def test_nothing_is_pushed_where_no_rule_names_it(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SEND_FAILURE") as node:
        await node.file()
        await node.nation("fr").submit("quiet-1", PART)
        await asyncio.sleep(0.3)
    assert backend.came == []


async def test_a_push_never_and_a_push_of_an_unknown_id(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        never = await node.arm("push-never", nth=1)
        unknown = await node.arm("push-unknown-id", nth=1)
        await node.file()
        await node.file()
        await backend.until(lambda: len(backend.came) == 2)
        first, second = await node.nation("fr").pending()
        assert (await node.fired(never), await node.fired(unknown)) == (1, 1)
    assert backend.pairs()[1] == ("receiveSuccess", second)
    assert backend.pairs()[0][1] not in {first, second}


async def test_one_notification_five_times_at_once(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        await node.arm("push-duplicate", amount=4)
        await node.file()
        await backend.until(lambda: len(backend.came) == 5)
    assert len(set(backend.pairs())) == 1


async def test_a_notification_overtaken_by_the_next(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        await node.arm("push-reorder", nth=1, seconds=0.3)
        await node.file()
        await node.file()
        await backend.until(lambda: len(backend.came) == 2)
        ids = await node.nation("fr").pending()
    assert [id_ for _, id_ in backend.pairs()] == ids[::-1]


async def test_twenty_notifications_together(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_SUCCESS") as node:
        fault = await node.arm("push-burst", seconds=1)
        for _ in range(20):
            await node.file()
        await backend.until(lambda: len(backend.came) >= 20)
        assert await node.fired(fault) == 20
        ids = set(await node.nation("fr").pending())
    assert {id_ for _, id_ in backend.pairs()} == ids


async def test_the_success_of_a_submit_is_told_before_its_answer(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "SEND_SUCCESS") as node:
        await node.arm("push-before-answer", seconds=5)
        answer = await node.nation("fr").submit("early-1", PART)
        answered = asyncio.get_running_loop().time()
    assert answer.ids == ["early-1"]
    assert backend.came[0].at < answered


async def test_what_waits_to_be_pushed_survives_a_restart(tmp_path: Path, backend: Backend) -> None:
    backend.answers.append((500, ""))
    slow = backend.push("RECEIVE_SUCCESS", retry="0.05;3;CONSTANT")
    async with mock_node(tmp_path, france={"push": slow}) as node:
        await node.file()
        await backend.until(lambda: len(backend.came) == 1)
    async with mock_node(tmp_path, france={"push": slow}):
        await backend.until(lambda: len(backend.came) == 2)
    assert len(set(backend.pairs())) == 1
    assert EMPTY, "the second answer was a success"


async def test_what_the_retention_takes_is_told_one_by_one_or_as_a_batch(tmp_path: Path, backend: Backend) -> None:
    push = {"push": backend.push("DELETED", "DELETED_BATCH")}
    soon = {"retention": Retention(undownloaded=0.2 / 60), "retention_seconds": 0.05}
    async with mock_node(tmp_path / "one", france=push, **soon) as node:
        await node.file()
        (message_id,) = await node.nation("fr").pending()
        await backend.until(lambda: bool(backend.came))
    assert backend.pairs() == [("delete", message_id)]
    backend.came.clear()
    async with mock_node(tmp_path / "many", france=push) as node:
        await asyncio.gather(*(node.file() for _ in range(3)))
        ids = await node.nation("fr").pending()
    await asyncio.sleep(0.25)  # the youngest is older than the retention as well: all are taken at once
    async with mock_node(tmp_path / "many", france=push, **soon):
        await backend.until(lambda: bool(backend.came))
    (came,) = backend.came
    assert came.operation == "deleteBatch"
    assert [element.text for element in came.element.iterfind("messageIds")] == ids


async def test_a_message_that_could_not_be_received_is_told_and_never_listed(tmp_path: Path, backend: Backend) -> None:
    async with pushing(tmp_path, backend, "RECEIVE_FAIL", "RECEIVE_SUCCESS") as node:
        fault = await node.arm("receive-failure", nation="fr", nth=1)
        await node.file()
        await node.file()
        await backend.until(lambda: len(backend.came) == 2)
        (second,) = await node.nation("fr").pending()
        assert await node.fired(fault) == 1
    first = next(each for each in backend.came if each.operation == "receiveFailure")
    assert first.message_id != second
    assert ("receiveSuccess", second) in backend.pairs()
