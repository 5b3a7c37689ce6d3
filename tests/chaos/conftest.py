"""`--chaos-moments N --chaos-seed S`: how often a party is killed, and which draw says when."""

from __future__ import annotations

import pytest

MOMENTS, SEED = 20, 1
PER_STORY = 7


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-moments", type=int, default=MOMENTS, help="SIGKILLs in all")
    parser.addoption("--chaos-seed", type=int, default=SEED, help="the draw of victims and moments")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per story, `PER_STORY` moments each."""
    if "chapter" in metafunc.fixturenames:
        # A run of all tests meets these options too late to parse them, and takes their defaults.
        moments = metafunc.config.getoption("--chaos-moments", default=MOMENTS)
        counts = [min(PER_STORY, moments - start) for start in range(0, moments, PER_STORY)]
        metafunc.parametrize("chapter", list(enumerate(counts)), ids=[f"story-{at}" for at in range(len(counts))])


@pytest.fixture(scope="session")
def chaos_seed(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--chaos-seed", default=SEED))
