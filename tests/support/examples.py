"""Drawn documents for tests of the laws: as many as each law is held over, for every profile and both directions."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from lxml import etree

from tests.fidelity.laws import Example, plain
from tests.fidelity.ways import Way, profile_names, ways
from tests.support.documents import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.sides import Side

WAYS = [f"{one} to {other}" for name in profile_names() for one, other in (("eu-1", name), (name, "eu-1"))]
EXAMPLES = 200
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
seeds = st.integers(0, 2**32)
each_way = pytest.mark.parametrize("name", WAYS)


def unsaid(side: Side, name: str, examples: Iterable[Path]) -> set[str]:
    """Leaves of a message that none of its examples has."""
    roots = [etree.parse(str(path)).getroot() for path in examples]
    said = {plain(path) for root in roots if etree.QName(root).localname == name for path in leaves(root)}
    return set(side.paths(name) - said)


def way_of(name: str) -> Way:
    """Raises: StopIteration, if there is no such way."""
    return next(way for way in ways() if way.name == name)


def held(name: str, seed: int, *checks: Callable[[Example], None]) -> None:
    """Draw one document and hold laws over it."""
    random = Random(seed)
    way = way_of(name)
    example = Example(way, way.drawn(random.randrange(1_000_000), random), random)
    for check in checks:
        check(example)
