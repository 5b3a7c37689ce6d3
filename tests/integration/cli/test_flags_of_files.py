"""What `hdeu validate` and `hdeu translate` tell of a document on a file that nobody refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from broker.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command; status, stdout, stderr."""
    return lambda *words: (main(words), *capfd.readouterr())


def test_what_no_list_and_no_schema_knows_is_told_of_a_valid_wire_message(run: Run, tmp_path: Path) -> None:
    """Kept, flagged, and no reason to refuse (a code of a release that comes after this one)."""
    file, said = tmp_path / "news.json", json.loads((DATA / "eu-r7/PeerStatus.json").read_text("utf-8"))
    said["content"] |= {"status": "OF_RELEASE_9", "fieldOfRelease9": 1}
    file.write_text(json.dumps(said), "utf-8")
    status, out, err = run("validate", "--profile", "eu-r7", str(file))
    assert (status, out) == (0, "")
    flagged = [line.split()[:3] for line in err.splitlines() if line.startswith("flag ")]
    assert flagged == [["flag", "unknown-field", f"/content/{name}"] for name in ("status", "fieldOfRelease9")]
    status, _, err = run("translate", "--from", "eu-r7", "--to", "fr-hdh-1", str(file))
    assert (status, [line.split()[:3] for line in err.splitlines()]) == (0, flagged)


def test_an_answer_that_the_form_does_not_offer_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "application.xml"
    text = (DATA / "eu-1/ApplicationSubmitted.xml").read_text("utf-8")
    file.write_text(re.sub(r"(<extractionMethod>\s*<key>)[^<]*", r"\1z", text, count=1), "utf-8")
    status, out, err = run("validate", "--profile", "eu-1", str(file))
    assert (status, out) == (0, "")
    assert "flag unknown-answer content/form/section6[1]/extractionMethod/key D6.3 Annex 5, section 6.1 z: " in err


def test_a_value_that_no_message_of_the_type_may_have_is_not_called_missing(run: Run, tmp_path: Path) -> None:
    file, said = tmp_path / "measure.json", json.loads((DATA / "eu-r7/PeerEnforcement.json").read_text("utf-8"))
    said["content"]["measure"] = "OF_RELEASE_9"
    file.write_text(json.dumps(said), "utf-8")
    status, out, _ = run("validate", "--profile", "eu-r7", str(file))
    assert (status, out.split()[:2]) == (1, ["bad-value", "/PeerEnforcement/content/measure"])
