"""`--scenario-count N --scenario-seed S`: how many of the mock's shipped scenarios are played, and which draw."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu import examples, scenario
from adapters.mock_eu.dishes import MENU

if TYPE_CHECKING:
    from pathlib import Path

COUNT, SEED = 10, 1
#: Played behind the newer access point, too, if not all are: the way in, by parts sound and damaged, and the way out.
NEWER = ("good-day", "mtom-part-missing", "mtom-start-bare", "submit-timeout-after-accept", "wrong-signature")
FETCH = "retrieveMessage"
FOLDER = examples.folder() / "scenarios"

#: They speak of notifications by id, or of a message that nobody was handed: not of one that is pushed whole.
BY_ID = frozenset(
    {
        "deleted-before-retrieve",
        "push-burst",
        "push-duplicate",
        "push-never",
        "push-reorder",
        "push-unknown-id",
        "retention-ends",
        "retention-unseen",
        "storm",
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--scenario-count", type=int, default=COUNT, help="shipped scenarios to play, 0 plays all")
    parser.addoption("--scenario-seed", type=int, default=SEED, help="the draw of scenarios")


def by_id(path: Path) -> bool:
    """Whether it cannot be played where whole messages are pushed: those are never fetched."""
    armed = [step.given for step in scenario.load(path).steps if step.do == "arm"]
    fetched = any(given.get("type") == FETCH or MENU[given["name"]].operations == {FETCH} for given in armed)
    return path.stem in BY_ID or (fetched and not (FOLDER / "pushed" / path.name).exists())


def newer(name: str) -> Path:
    """The file to play where whole messages are pushed: one of its own, where it ends in another way there."""
    own = FOLDER / "pushed" / f"{name}.toml"
    return own if own.exists() else FOLDER / f"{name}.toml"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per drawn scenario, in the order of their names."""
    if "newer_path" in metafunc.fixturenames:
        count = metafunc.config.getoption("--scenario-count", default=COUNT)
        names = NEWER if count else [path.stem for path in sorted(FOLDER.glob("*.toml")) if not by_id(path)]
        metafunc.parametrize("newer_path", [newer(name) for name in names], ids=names)
    if "scenario_path" in metafunc.fixturenames:
        # A run of all tests meets these options too late to parse them, and takes their defaults.
        count = metafunc.config.getoption("--scenario-count", default=COUNT)
        seed = metafunc.config.getoption("--scenario-seed", default=SEED)
        paths = sorted(FOLDER.glob("*.toml"))
        drawn = sorted(random.Random(seed).sample(paths, min(count, len(paths)) or len(paths)))
        metafunc.parametrize("scenario_path", drawn, ids=[path.stem for path in drawn])
