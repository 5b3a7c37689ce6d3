"""A node before the Central Platform of a pilot without eDelivery: it polls and submits over eu-https alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.stage import FRANCE, Stage, free_ports
from tests.support.pusher import operations
from tests.support.running_node import DATA, EMBEDDED, ROOT, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLE = "6a70b4d104db074a00fd905d"


def pilot(folder: Path) -> Stage:
    """The shipped configuration, but for the two lines that a pilot needs on either side."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    stage = Stage(folder, config, free_ports(), {})
    mock = config / "mock-eu.toml"
    keys = f'user = "fr"\njwks = "{stage.url(FRANCE.node)}/eu-https/keys"\n'
    mock.write_text(mock.read_text("utf-8").replace('user = "fr"\n', keys), "utf-8")
    stage.extra[FRANCE.node] = {
        **EMBEDDED,
        "HDEU_ACCESS_POINT__KIND": "eu-https",
        "HDEU_ACCESS_POINT__URL": f"{stage.url('mock-eu')}/fr/eu-https",
    }
    return stage


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(pilot(tmp_path_factory.mktemp("pilot"))) as made:
        yield made


def test_an_application_comes_in_and_what_the_office_says_of_it_goes_out(node: Running) -> None:
    application = node.file()
    node.arrives(application)
    [listed] = {entry["message_id"] for entry in operations(node, "retrieveMessage")}
    assert node.verdict(listed)["validated"] is True
    acknowledged = (DATA / "fr-hdh-1" / "ApplicationAck.xml").read_text("utf-8").replace(EXAMPLE, application)
    message_id = node.post(acknowledged.encode()).json["id"]

    def ended() -> Any:
        return [one for one in node.message(message_id)["exchanges"] if one["state"] == "ENDED"]

    [exchange] = node.until(ended)
    assert (exchange["outcome"], exchange["validation"]) == ("accepted", "validated")
    [told] = node.told("ApplicationAck")
    assert told["applicationId"] == application
    assert operations(node, "markMessageAsDownloaded")
    assert node.call("POST", "/access-point/push", b"<x/>").status == 404, "nobody pushes SOAP here"
