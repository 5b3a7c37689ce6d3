"""The long run: what it counts, and that a planted fault makes it fail."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import write_lock
from tests.fidelity.__main__ import main
from tests.fidelity.ways import profile_names
from tests.support.sides import copied_schemas

MAPPING = "mappings/fr-hdh-1"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return copied_schemas(tmp_path)


def run(out: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, f"--out={out}", "--processes=2"])
    return code, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def test_as_many_documents_as_asked_for_are_drawn_from_the_seed(tmp_path: Path) -> None:
    drawn = {}
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        _, found = run(tmp_path / f"{name}.json", "--examples=4", f"--seed={seed}")
        assert (found["examples"], found["distinct"], found["seed"]) == (4, 4, seed)
        drawn[name] = [row["drawn"] for row in found["ways"].values()]
    assert len(drawn["first"]) == 2 * len(profile_names())
    assert drawn["first"] == drawn["again"] != drawn["other"]


def test_a_run_that_meets_too_few_leaves_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run(tmp_path / "few.json", "--examples=5")
    assert code == 1
    assert found["broken"] == []
    assert found["too_few_leaves"]
    assert "under 95%" in capsys.readouterr().err


def test_a_mapping_that_puts_a_label_beside_another_choice_fails(tmp_path: Path, schemas: Path) -> None:
    file = schemas / MAPPING / "application.toml"
    text = re.sub(r'(label of the choice[^\n]*), anchor = "[^"]*"', r"\1", file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    write_lock(load_profile(schemas / MAPPING), schemas / MAPPING)
    code, found = run(tmp_path / "found.json", "--examples=24", "--seed=3", f"--schemas={schemas}")
    assert code == 1
    assert {(item["way"], item["law"]) for item in found["broken"]} == {
        ("eu-1 to fr-hdh-1", "a_label_goes_with_its_choice")
    }


def test_two_targets_swapped_fail_with_file_and_line(
    tmp_path: Path, schemas: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = schemas / MAPPING / "decision.toml"
    text = file.read_text(encoding="utf-8")
    one, other = '"Instruction/decision/competence"', '"Instruction/decision/motifs"'
    file.write_text(text.replace(one, "\0").replace(other, one).replace("\0", other), encoding="utf-8")
    code, found = run(tmp_path / "found.json", "--examples=4", f"--schemas={schemas}")
    assert (code, found) == (1, {})
    line = text[: text.index(one)].count("\n") + 1
    assert f"fr-hdh-1/decision.toml:{line}: " in capsys.readouterr().err
