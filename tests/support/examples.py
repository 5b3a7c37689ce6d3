"""Drawn documents for tests of the laws: as many as each law is held over, for every profile and both directions."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.fidelity.laws import Example
from tests.fidelity.ways import Way, profile_names, ways

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = [f"{one} to {other}" for name in profile_names() for one, other in (("eu-1", name), (name, "eu-1"))]
EXAMPLES = 200
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
seeds = st.integers(0, 2**32)
each_way = pytest.mark.parametrize("name", WAYS)


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
