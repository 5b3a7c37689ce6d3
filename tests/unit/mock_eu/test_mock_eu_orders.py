"""An order from the menu that makes no sense is refused in plain words; so is a look at what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.orders import MESSAGES, UnknownFault, taken

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode

NATIONS = ("fr", "fi")
#: an order, and words of what is said of it
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({}, "name is missing: GET /faults has the menu"),
    "a slip": ({"name": "dorp"}, "dorp is not on the menu: do you mean drop?"),
    "nothing like it": ({"name": "xyzzy"}, "xyzzy is not on the menu: GET /faults has it"),
    "another member": ({"name": "drop", "often": 1}, "often: a fault has name, nation, type, nth, probability"),
    "a nation that is not there": ({"name": "drop", "nation": "xx"}, "nation xx is not connected: there are fr, fi"),
    "no message type": ({"name": "drop", "type": "Nonsense"}, "type Nonsense is no message type, and drop happens at"),
    "another's operation": (
        {"name": "list-capped", "type": "retrieveMessage"},
        "list-capped happens at listPendingMessages",
    ),
    "a number as text": ({"name": "drop", "nth": "1"}, "nth must be a whole number, 0 or more"),
    "a negative number": ({"name": "drop", "times": -1}, "times must be a whole number, 0 or more"),
    "a truth for a number": ({"name": "drop", "amount": True}, "amount must be a whole number, 0 or more"),
    "a share over one": ({"name": "drop", "probability": 1.5}, "probability must be a number from 0 to 1"),
    "half a seed": ({"name": "drop", "seed": 0.5}, "seed must be a whole number"),
    "for ever": ({"name": "slow", "seconds": float("inf")}, "seconds must be a number of seconds, 0 or more"),
    "a list of nations": ({"name": "drop", "nation": ["fr"]}, "nation must be a text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_order_that_makes_no_sense_is_refused_with_what_is_wrong(name: str) -> None:
    order, words = REFUSED[name]
    with pytest.raises(UnknownFault) as caught:
        taken(order, NATIONS)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", MENU)
def test_every_fault_may_be_ordered_by_each_operation_where_it_happens_and_each_message_type(name: str) -> None:
    for type_ in ("", *MENU[name].operations, *MESSAGES):
        assert taken({"name": name, "type": type_}, NATIONS)["type"] == type_


def test_the_menus_own_values_stand_in_for_what_is_not_given() -> None:
    assert taken({"name": "gzip-bomb"}, NATIONS) == {"name": "gzip-bomb", "seconds": 2.0, "amount": 256}
    assert taken({"name": "gzip-bomb", "amount": 4, "seconds": 0}, NATIONS)["amount"] == 4


async def test_the_rest_refuses_it_too_and_arms_nothing(node: MockNode) -> None:
    async with node.session.post(f"{node.base}/faults", json={"name": "drop", "nation": "xx"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, "unknown-fault")
    assert (await node.get("/faults"))["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("DELETE", "/faults/nope", 404, "no fault nope is armed"),
        ("GET", "/log?operator=x", 400, "operator: there are after, nation, operation, message_id, type, outcome"),
        ("GET", "/access-points/xx/messages", 404, "there are fi, fr"),
        ("POST", "/xx/domibus/services/wsplugin", 404, "no such nation: there are fr, fi"),
    ],
)
async def test_a_look_at_what_is_not_there_says_what_is(
    node: MockNode, method: str, path: str, status: int, words: str
) -> None:
    async with node.session.request(method, node.base + path) as answer:
        assert answer.status == status
        assert words in await answer.text()
