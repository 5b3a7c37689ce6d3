"""The documents say what the program does: diagrams, settings, codes, commands and links are held equal to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from broker.cli import COMMANDS, parser_for
from broker.settings import BackendSection, ClientSection, HolderSection, Settings
from broker.web.problem import STATUSES
from tests.support import diagrams
from tests.support.problem_codes import Module, Scan, read, scan

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
ELEMENTS = {
    "backends": ("backends.<name>", BackendSection),
    "holders": ("holders", HolderSection),
    "clients": ("clients", ClientSection),
}
NUMBER = re.compile(r"\d+(\.\d+)?")
FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def test_the_state_diagrams_are_those_of_the_tables() -> None:
    assert diagrams.shown(diagrams.PAGE.read_text("utf-8")) == diagrams.blocks()


def test_a_step_that_is_added_to_a_table_shows_in_the_diagram(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {**diagrams.STEPS, diagrams.Direction.INBOUND: {**diagrams.STEPS[diagrams.Direction.INBOUND]}}
    steps[diagrams.Direction.INBOUND][diagrams.FIRST[diagrams.Direction.OUTBOUND]] = ()
    before = diagrams.exchanges(diagrams.Direction.INBOUND)
    steps[diagrams.Direction.INBOUND][diagrams.FIRST[diagrams.Direction.INBOUND]] = (
        diagrams.FIRST[diagrams.Direction.OUTBOUND],
    )
    monkeypatch.setattr(diagrams, "STEPS", steps)

    assert "RECEIVED --> KEPT" in diagrams.exchanges(diagrams.Direction.INBOUND)
    assert "RECEIVED --> KEPT" not in before


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Every key of the configuration, dotted, with its default."""
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if not prefix and name in ELEMENTS:
            place, element = ELEMENTS[name]
            found |= keys_of(element, f"{place}.")
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= keys_of(kind, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.default
    return found


def configuration_told() -> dict[str, str]:
    page = (DOCS / "operators.md").read_text("utf-8")
    section = page.split("## Configure", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]*?) \|", section, re.MULTILINE))


def test_the_operators_page_lists_every_key_of_the_configuration_and_no_other() -> None:
    assert set(configuration_told()) == set(keys_of(Settings))


def test_the_defaults_in_the_operators_page_are_those_of_the_program() -> None:
    known = keys_of(Settings)
    told = {key: text for key, text in configuration_told().items() if NUMBER.fullmatch(text)}

    assert {key: float(text) for key, text in told.items()} == {
        key: float(default)
        for key, default in known.items()
        if isinstance(default, int | float) and not isinstance(default, bool)
    }


def test_the_words_of_the_glossary_are_in_order() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)

    assert len(words) > 30
    assert words == sorted(words, key=str.casefold)


def test_the_integrators_page_lists_every_problem_code_and_no_other() -> None:
    found = scan()

    assert found.lost == [], "these codes cannot be followed to their text"
    page = (DOCS / "integrators.md").read_text("utf-8").split("## Problems", 1)[1].split("\n## ", 1)[0]
    assert set(FIRST_CELL.findall(page)) == found.codes | set(STATUSES) | {"internal-error"}


def test_the_status_beside_each_code_is_the_one_that_is_answered() -> None:
    page = (DOCS / "integrators.md").read_text("utf-8")
    told = {code: int(status) for code, status in re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", page, re.MULTILINE)}

    assert told == {**{code: status for code, (status, _) in STATUSES.items()}, "internal-error": 500}


def planted(tmp_path: Path, text: str) -> Module:
    file = tmp_path / "planted.py"
    file.write_text(text, "utf-8")
    return read(file)


def test_a_code_is_followed_through_a_helper_to_its_callers(tmp_path: Path) -> None:
    text = "def _no(code):\n    raise Refused((Problem(code, 'x'),))\n\n\ndef f(a):\n    _no('one' if a else 'two')\n"

    assert Scan([planted(tmp_path, text)]).run().codes == {"one", "two"}


def test_a_code_that_cannot_be_followed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.problem_codes.ROOT", tmp_path)
    text = "def f(a):\n    return Problem(a['code'], 'x')\n"

    assert Scan([planted(tmp_path, text)]).run().lost == ["planted.py:2: Problem(a['code'], 'x')"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_every_named_file_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    files = re.findall(r"`((?:schemas|config|broker|adapters|docs|tests)/[\w./-]+\.\w+)`", text)

    missing = [link for link in links if link and not (page.parent / link).exists()]
    missing += [file for file in files if not (ROOT / file).exists()]
    assert missing == []


def commands_in(page: Path) -> set[tuple[str, ...]]:
    """Each `hdeu …` that a page tells its reader to type: the words up to the first argument."""
    found = re.findall(r"(?:^|[`(\s/])hdeu ((?:[a-z]+(?:-[a-z]+)* ?)+)", page.read_text("utf-8"), re.MULTILINE)
    known = [text.split() for text in found]
    return {tuple(words[:2]) for words in known if words[0] in COMMANDS}


def test_every_command_that_is_shown_exists() -> None:
    groups = {"messages", "cases", "parked", "audit", "keys", "config"}
    shown = {words for page in PAGES for words in commands_in(page)}

    assert ("keys", "token") in shown
    for words in sorted(shown):
        asked = [*(words if words[0] in groups else words[:1]), "--help"]
        with pytest.raises(SystemExit) as ended:
            parser_for(asked).parse_args(asked)
        assert ended.value.code == 0, words


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = {
        name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }

    assert {"demo", "test"} <= shown <= targets


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "adr" / "README.md").read_text("utf-8")
    records = {file.name for file in (DOCS / "adr").glob("[0-9]*.md")}

    assert set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", index)) == records
    for name in records:
        text = (DOCS / "adr" / name).read_text("utf-8")
        assert re.search(r"^## Context$.*^## Decision$.*^## Consequences$", text, re.MULTILINE | re.DOTALL), name
