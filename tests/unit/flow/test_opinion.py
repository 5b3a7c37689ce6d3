"""The remote validator in the flow: asked before a message goes out; a dispute is a person's, silence is nobody's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from broker.errors import Conflict, Problem, Unavailable
from broker.flow.retry import Breakers
from broker.flow.staff import sign_off
from broker.judges import Verdict
from broker.model.exchanges import State
from tests.support.flow_node import Flow, bring_files, case_in, dossier, lodged, pre_screening


class FakeValidator:
    """Says what it is told; silent while `away`."""

    def __init__(self, *problems: Problem) -> None:
        self.problems, self.away, self.asked = problems, False, 0
        self.seen: list[dict[str, Any]] = []

    async def judge(self, data: bytes) -> Verdict:
        self.asked += 1
        if self.away:
            raise Unavailable("The remote validator does not answer.")
        self.seen.append(json.loads(data))
        return Verdict("the validator at example.org, report of today", self.problems)

    async def ping(self) -> None:
        return


ODD = Problem("remote-invalid", "status is not one of the list", "status:3:0", "enum")


async def acknowledged(flow: Flow, validator: FakeValidator) -> str:
    flow.node = replace(flow.node, validator=validator, judged_by="libxml2 1.2.3")
    return await flow.from_office(dossier("ApplicationAck"))


@pytest.fixture
async def case(flow: Flow) -> Flow:
    await case_in(flow, "RECEIVED")
    flow.point.sent.clear()
    return flow


async def test_what_both_validators_accept_goes_out(case: Flow) -> None:
    validator = FakeValidator()
    exchange = await case.exchange(await acknowledged(case, validator))
    assert (exchange.state, validator.asked) == (State.SUBMITTED, 1)


async def test_two_verdicts_that_differ_are_both_shown_with_versions_and_nothing_leaves(case: Flow) -> None:
    exchange = await case.exchange(await acknowledged(case, FakeValidator(ODD)))
    assert exchange.state is State.PARKED
    assert "not valid by the validator at example.org, report of today" in exchange.reason
    assert "valid by libxml2 1.2.3" in exchange.reason
    assert dict(exchange.problems[0])["path"] == "status:3:0"
    assert case.point.sent == {}


async def test_a_person_settles_it_and_the_message_goes_as_it_is(case: Flow) -> None:
    validator = FakeValidator(ODD)
    message_id = await acknowledged(case, validator)
    assert await sign_off(case.node, message_id, actor="tests", reason="their list is older") == State.QUEUED
    await case.run()
    assert (await case.exchange(message_id)).state is State.SUBMITTED
    assert len(case.told_central("ApplicationAck")) == 1
    assert validator.asked == 1
    [entry] = await case.journal("exchange.signed_off")
    assert entry.actor == "tests"


async def test_a_message_parked_for_something_else_cannot_be_signed_off(case: Flow) -> None:
    message_id = await case.from_eu(b"{}", from_party="urn:example:stranger")
    with pytest.raises(Conflict):
        await sign_off(case.node, message_id, actor="tests", reason="never mind")


async def test_silence_holds_nothing_up_and_after_some_of_it_nobody_is_asked(case: Flow) -> None:
    validator = FakeValidator(ODD)
    validator.away = True
    case.node = replace(case.node, breakers=Breakers(threshold=2, rest=15.0))
    sent = [await acknowledged(case, validator)]
    sent += [await case.from_office(document) for document in (pre_screening(), dossier("StatusUpdate"))]
    assert [(await case.exchange(message_id)).state for message_id in sent] == [State.SUBMITTED] * 3
    assert validator.asked == 2


@pytest.mark.parametrize(("said", "state"), [((), State.SUBMITTED), ((ODD,), State.PARKED)], ids=["valid", "not valid"])
async def test_of_an_application_the_document_in_the_archive_is_judged(
    flow: Flow, said: tuple[Problem, ...], state: State
) -> None:
    validator = FakeValidator(*said)
    flow.node = replace(flow.node, validator=validator)
    await bring_files(flow)
    exchange = await flow.exchange(await flow.from_office(lodged("EXEMPLE-2027-7777")))
    assert (exchange.type, exchange.content_type) == ("ApplicationOriginated", "application/zip")
    assert (exchange.state, validator.asked) == (state, 1)
    [document] = validator.seen
    assert document["title"] == "Devenir après un AVC en France et en Finlande (exemple)"
    assert set(document["form"]) >= {"section2", "section8"}
