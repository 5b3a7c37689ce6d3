"""What somebody orders from the menu, read strictly: a fault that could never strike is refused, not armed."""

from __future__ import annotations

from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.checks import REQUIRED
from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.letters import TYPES
from adapters.mock_eu.soap import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: Message types of both directions.
MESSAGES: Final = (*TYPES, *(name for name in REQUIRED if name not in TYPES))


class UnknownFault(ValueError):
    """Not on the menu, or with a filter or trigger that makes no sense; the text says which and what there is."""


def _count(value: Any) -> str:
    return "" if type(value) is int and value >= 0 else "must be a whole number, 0 or more"


def _whole(value: Any) -> str:
    return "" if type(value) is int else "must be a whole number"


def _share(value: Any) -> str:
    return "" if type(value) in {int, float} and 0 <= value <= 1 else "must be a number from 0 to 1"


def _seconds(value: Any) -> str:
    fine = type(value) in {int, float} and isfinite(value) and value >= 0
    return "" if fine else "must be a number of seconds, 0 or more"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "must be a text"


#: Member of an order → what is wrong with a value of it, "" for nothing.
MEMBERS: Final[dict[str, Callable[[Any], str]]] = {
    "name": _text,
    "nation": _text,
    "type": _text,
    "nth": _count,
    "probability": _share,
    "seed": _whole,
    "times": _count,
    "seconds": _seconds,
    "amount": _count,
}


def taken(order: Mapping[str, Any], nations: Collection[str]) -> dict[str, Any]:
    """The order, with the menu's own `seconds` and `amount` where none are given. Raises: UnknownFault."""
    if unknown := sorted(set(order) - set(MEMBERS)):
        raise UnknownFault(f"{', '.join(unknown)}: a fault has {', '.join(MEMBERS)}")
    for name, value in order.items():
        if complaint := MEMBERS[name](value):
            raise UnknownFault(f"{name} {complaint}")
    dish = MENU.get(order.get("name", ""))
    if dish is None:
        raise UnknownFault(_not_served(order.get("name", "")))
    if order.get("nation", "") not in {"", *nations}:
        raise UnknownFault(f"nation {order['nation']} is not connected: there are {', '.join(nations)}")
    places = sorted(dish.operations) or list(OPERATIONS.values())
    if order.get("type", "") not in {"", *places, *MESSAGES}:
        raise UnknownFault(f"type {order['type']} is no message type, and {order['name']} happens at {_some(places)}")
    return {"seconds": dish.seconds, "amount": dish.amount, **order}


def _not_served(name: str) -> str:
    if not name:
        return "name is missing: GET /faults has the menu"
    near = get_close_matches(name, MENU, 1)
    return f"{name} is not on the menu" + (f": do you mean {near[0]}?" if near else ": GET /faults has it")


def _some(places: list[str]) -> str:
    return f"{', '.join(places[:-1])} or {places[-1]}" if places[1:] else places[0]
