"""Scenario files are read strictly, and every fault of the menu has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.mock_eu import examples, scenario
from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.scenario import BadScenario

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = sorted((examples.folder() / "scenarios").glob("*.toml"))
PUSHED = sorted((examples.folder() / "scenarios" / "pushed").glob("*.toml"))
GOOD = """title = "good"
[[step]]
do = "arm"
name = "slow"
[[end]]
from = "platform"
type = "Reminder"
states = ["DOWNLOADED / DELIVERED"]
[[noted]]
from = "nation"
type = "ApplicationAck"
what = "receipt_kept"
says = ["proven"]
"""
#: Something is asked for again and again while these go on.
ASKED_ON = {"full-list", "retention-ends", "retention-unseen"}


def test_every_fault_of_the_menu_has_a_scenario_of_its_name_that_arms_it() -> None:
    armed = {path.stem: scenario.load(path).faults for path in SHIPPED}
    assert [name for name in MENU if name not in armed.get(name, ())] == []


def test_every_fault_that_a_scenario_arms_is_counted_exactly_where_no_lot_decides() -> None:
    """Only a draw, and what is asked for as often as time permits, may strike an unforeseen number of times."""
    for path in SHIPPED:
        steps = [step.given for step in scenario.load(path).steps if step.do == "arm"]
        assert {given["name"] for given in steps} <= set(MENU), path.stem
        loose = [given for given in steps if given.get("fired") == "some" and "probability" not in given]
        assert not loose or path.stem in ASKED_ON, path.stem


@pytest.mark.parametrize("path", [*SHIPPED, *PUSHED], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_scenario_has_one_exact_state_for_each_message(path: Path) -> None:
    shipped = scenario.load(path)
    assert all(state.count(" / ") == 1 for end in shipped.ends for state in end.states)
    titles = [one.title for one in map(scenario.load, [*SHIPPED, *PUSHED])]
    assert titles.count(shipped.title) == 1


def test_what_ends_otherwise_where_whole_messages_are_pushed_has_a_scenario_of_the_same_name_where_not() -> None:
    assert {path.stem for path in PUSHED} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title", "titel"),
        ('do = "arm"', 'do = "dance"'),
        ("name =", "nom ="),
        ('from = "platform"', 'from = "nobody"'),
        ("states =", "state ="),
        ("what =", "that ="),
        ('says = ["proven"]', ""),
        ("[[end]]", "[[ende]]"),
        ('"good"', "good"),
    ],
)
def test_a_mistake_in_a_scenario_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(GOOD)
    assert scenario.load(path).name == "scenario"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(BadScenario, match=r"scenario\.toml"):
        scenario.load(path)
