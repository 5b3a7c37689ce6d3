"""A node whose wire form is the pilot's: what that form can say goes through, what it cannot say is parked."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.model.exchanges import State
from broker.settings import Settings, load_settings
from broker.translation.codecs.wires import WIRES
from tests.support.flow_node import DATA, Flow, dossier

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION = (DATA / "eu-pilot-golden" / "apply-permit.payload").read_bytes()


@pytest.fixture
def pilot(flow: Flow) -> Flow:
    wire = replace(flow.node.wire, profile="eu-pilot")
    flow.node = replace(flow.node, wire=wire, codec=WIRES["eu-pilot"](schemas_dir()))
    return flow


async def test_an_application_of_the_pilot_reaches_the_back_end(pilot: Flow) -> None:
    message_id = await pilot.from_eu(APPLICATION, "text/xml")
    exchange = await pilot.exchange(message_id)
    assert (exchange.state, exchange.profile) == (State.ACKNOWLEDGED, "fr-hdh-1")
    assert (await pilot.message(message_id)).profile == "eu-pilot"
    [delivered] = pilot.hdh.of("ApplicationSubmitted")
    assert "Stroke outcomes (example)" in delivered.document.decode()
    assert (await pilot.leg()).state == "RECEIVED"
    assert await pilot.all(type="ValidationResult") == ()  # the pilot has no answers


async def test_what_the_pilot_cannot_say_is_parked_with_the_reason(pilot: Flow) -> None:
    await pilot.from_eu(APPLICATION, "text/xml")
    exchange = await pilot.exchange(await pilot.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "no-wire-form")
    assert pilot.point.sent == {}


async def test_a_bad_payload_of_the_pilot_is_kept_and_refused(pilot: Flow) -> None:
    data = APPLICATION[:-5]
    message_id = await pilot.from_eu(data, "text/xml")
    exchange = await pilot.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "bad-base64")
    assert await pilot.bytes(message_id) == data
    assert await pilot.all(type="ValidationResult") == ()


def packed(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode("ascii")


def entry(application_id: str) -> str:
    """The message of the golden payload, about another application."""
    [message] = json.loads(base64.b64decode(APPLICATION))["messages"]
    said = json.loads(base64.b64decode(message))
    content = json.loads(base64.b64decode(said["content"]))
    content["application"]["application_id"] = application_id
    return packed({**said, "content": packed(content)})


def batch(*messages: str) -> bytes:
    return packed({"type": "dataPermit", "messages": messages, "from": ""}).encode()


async def test_each_message_of_a_batch_goes_its_way_and_a_bad_one_holds_up_no_other(pilot: Flow) -> None:
    ids = [f"6a70b4d104db074a00fd90{number:02}" for number in (1, 2)]
    data = batch(entry(ids[0]), "no base64 !", entry(ids[1]))
    message_id = await pilot.from_eu(data, "text/xml")
    whole = await pilot.exchange(message_id)
    assert (whole.state, whole.outcome) == (State.ACKNOWLEDGED, "recorded")
    assert whole.reason.startswith("it holds 3 messages")
    assert await pilot.bytes(message_id) == data
    delivered = pilot.hdh.of("ApplicationSubmitted")
    assert sorted(one for one in ids for made in delivered if one in made.document.decode()) == ids
    assert len(delivered) == 2
    assert len(await pilot.cases()) == 2
    [bad] = [one for one in await pilot.all() if one.state is State.REFUSED]
    assert bad.problems[0]["code"] == "bad-base64"
    kept = await pilot.message(bad.message_id)
    assert (kept.headers["whole"], kept.headers["entry"]) == (message_id, "2/3")
    assert b"no base64 !" in base64.b64decode(await pilot.bytes(bad.message_id))
    assert await pilot.all(type="ValidationResult") == ()


async def test_a_batch_that_comes_again_is_nothing_new(pilot: Flow) -> None:
    data = batch(entry("6a70b4d104db074a00fd9001"), entry("6a70b4d104db074a00fd9002"))
    await pilot.from_eu(data, "text/xml", message_id="batch@example.org")
    await pilot.from_eu(data, "text/xml", message_id="batch@example.org")
    assert len(pilot.hdh.of("ApplicationSubmitted")) == 2


async def test_a_batch_of_more_than_the_pilot_ever_sent_is_refused_whole(pilot: Flow) -> None:
    message_id = await pilot.from_eu(batch(*["no base64 !"] * 101), "text/xml")
    exchange = await pilot.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "several-messages")
    assert len(await pilot.all()) == 1


def test_the_wire_form_is_a_matter_of_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HDEU_DATA_DIR", str(tmp_path))
    assert Settings().access_point.profile == "eu-r7"
    monkeypatch.setenv("HDEU_ACCESS_POINT__PROFILE", "eu-pilot")
    assert Settings().access_point.profile == "eu-pilot"
    monkeypatch.setenv("HDEU_ACCESS_POINT__PROFILE", "gossip")
    with pytest.raises(ConfigurationError):
        load_settings()
