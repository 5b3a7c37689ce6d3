"""The menu, the page that shows it, and the code that serves it are one."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mock_eu.dishes import MENU, PLACES, rows

ROOT = Path(__file__).parents[3]
SOURCES = {path.stem: path.read_text("utf-8") for path in (ROOT / "adapters" / "mock_eu").glob("*.py")}


def shown() -> list[str]:
    page = (ROOT / "docs" / "mock-eu-node.md").read_text("utf-8")
    table = page.split("| fault | where | what it does |\n|---|---|---|\n", 1)[1]
    return table.split("\n\n", 1)[0].splitlines()


def test_the_page_shows_the_menu_and_nothing_else() -> None:
    assert shown() == rows()


def test_a_dish_that_is_added_shows_on_the_page_or_the_build_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MENU, "planted", MENU["slow"])

    assert shown() != rows()


def test_every_dish_is_served_somewhere_in_the_code() -> None:
    served = "".join(text for name, text in SOURCES.items() if name != "dishes")

    assert [name for name in MENU if f'"{name}"' not in served] == []


def test_every_place_where_a_fault_can_happen_has_a_name_for_people() -> None:
    assert {dish.operations for dish in MENU.values()} <= set(PLACES)
