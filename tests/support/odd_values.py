"""Change JSON in ways that nobody expects: another value, another shape, a member more, an item twice."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

ODD: Final[tuple[Any, ...]] = (
    *(None, True, 0, -3, 1.5, 1e30, "", " x ", "a\u0001b", "\ud800", "true", [], {}, [[]], [None], ["x"]),
    *({"key": "a"}, {"value": "v"}, {"value": "v", "more": 1}, {"key": ["a"], "value": "v"}, {"en": "t"}, {"": "t"}),
    [{"key": "a"}, None, "t", {"value": "q", "n": [1, None]}],
)
NAMES: Final = ("new", "x/y", "0", "é", "a b", "~")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a value with each of its keys."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [found for key, below in inner for found in ((value, key), *places(below))]


def make_odd(part: Any, random: Random, values: Sequence[Any] = (), names: Sequence[str] = ()) -> None:
    """Change one place; the member `messageType` stays. `values` and `names` are drawn beside those of everybody."""
    container, key = random.choice([place for place in places(part) if place[1] != "messageType"])
    odd = deepcopy(random.choice((*ODD, *values)))
    match random.randrange(4):
        case 0 if isinstance(container, dict):
            container[random.choice((*NAMES, *names))] = odd
        case 1 if isinstance(container, list):
            container.insert(key, random.choice((odd, deepcopy(container[key]))))
        case 2:
            container[key] = random.choice(([container[key]], {"key": container[key]}, {"value": container[key]}))
        case _:
            container[key] = odd
