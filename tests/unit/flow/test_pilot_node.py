"""A node whose wire form is the pilot's: what that form can say goes through, what it cannot say is parked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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


def test_the_wire_form_is_a_matter_of_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HDEU_DATA_DIR", str(tmp_path))
    assert Settings().access_point.profile == "eu-r7"
    monkeypatch.setenv("HDEU_ACCESS_POINT__PROFILE", "eu-pilot")
    assert Settings().access_point.profile == "eu-pilot"
    monkeypatch.setenv("HDEU_ACCESS_POINT__PROFILE", "gossip")
    with pytest.raises(ConfigurationError):
        load_settings()
