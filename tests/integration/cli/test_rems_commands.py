"""The command line with documents of REMS: validate, translate there and back, and a binding of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from broker.cli import main
from broker.errors import ConfigurationError
from broker.translation.codecs.national import load_national
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS

DATA = Path(__file__).parents[2] / "data"
SHIPPED = SCHEMAS / "rems/1/binding.toml"
UNKNOWN = "flag unknown-event /event~1type application.event/of-tomorrow"
FORMS = sorted((DATA / "rems-1" / "forms").glob("*.json"))


def test_a_document_of_rems_is_valid_and_a_near_miss_is_told_by_json_pointer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["validate", "--profile", "rems-1", str(DATA / "rems-1" / "DecisionIssued.json")]) == 0
    assert capsys.readouterr().out == ""
    assert main(["validate", "--profile", "rems-1", str(DATA / "rems-samples/events/RejectedEvent.json")]) == 1
    assert capsys.readouterr().out.startswith("missing-element /event~1type ")


def test_an_event_that_nobody_knows_is_valid_and_flagged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text('{"event/type": "application.event/of-tomorrow", "event/time": "2026-11-23T10:00:00Z"}', "utf-8")
    assert main(["validate", "--profile", "rems-1", str(file)]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()[-1].split(":")[0]) == ("", UNKNOWN)


def test_an_application_goes_to_rems_and_comes_home_with_its_carry(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    european, report, carry = DATA / "eu-1/ApplicationSubmitted.xml", tmp_path / "report.json", tmp_path / "carry"
    words = ["--report", str(report), "--carry-out", str(carry), str(european)]
    assert main(["translate", "--from", "eu-1", "--to", "rems-1", *words]) == 0
    there = tmp_path / "there.json"
    there.write_bytes(capsysbinary.readouterr().out)
    assert json.loads(there.read_bytes())["event/type"] == "application.event/submitted"
    assert {row["fate"] for row in json.loads(report.read_bytes())["fields"]} == {"copied", "annex"}
    assert main(["translate", "--from", "rems-1", "--to", "eu-1", "--carry-in", str(carry), str(there)]) == 0
    home = etree.fromstring(capsysbinary.readouterr().out)
    parser = etree.XMLParser(remove_blank_text=True)
    assert canonical(home) == canonical(etree.parse(str(european), parser).getroot())


def test_an_installation_reads_and_writes_by_its_own_binding(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.read_text("utf-8").replace('field = "s2-projectName"', 'field = "fld7"'), "utf-8")
    european = str(DATA / "eu-1/ApplicationSubmitted.xml")
    assert main(["translate", "--from", "eu-1", "--to", "rems-1", "--binding", str(own), european]) == 0
    form = json.loads(capsys.readouterr().out)["event/application"]["application/forms"][0]
    named = {one["field/id"]: one["field/value"] for one in form["form/fields"]}
    assert named["fld7"].startswith("Devenir")
    assert "s2-projectName" not in named


def test_a_binding_that_cannot_be_read_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.read_text("utf-8").replace('"section2.projectName"', '"section2.title"', 1), "utf-8")
    document = str(DATA / "rems-1" / "DecisionIssued.json")
    assert main(["validate", "--profile", "rems-1", "--binding", str(own), document]) == 1
    line = next(n for n, text in enumerate(own.read_text("utf-8").splitlines(), 1) if '"section2.title"' in text)
    assert capsys.readouterr().err.startswith(f"configuration: own.toml:{line}: 'section2.title': no field")


def node(folder: Path, *forms: Path) -> str:
    config = folder / "node.toml"
    paths = ", ".join(f'"{path}"' for path in forms)
    backend = f'[backends.rems]\nkind = "pull"\nprofile = "rems-1"\nforms = [{paths}]\n'
    config.write_text(f'data_dir = "{folder}"\n{backend}', "utf-8")
    return str(config)


def bindings(capsys: pytest.CaptureFixture[str], config: str) -> dict[str, object]:
    main(["--config", config, "doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    return next(check for check in checks if check["check"] == "bindings")


def test_the_doctor_holds_the_binding_against_the_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    agreed = bindings(capsys, node(tmp_path, *FORMS))
    assert (agreed["ok"], agreed["detail"]) == (True, "as the forms are")
    unseen = bindings(capsys, node(tmp_path))
    assert (unseen["ok"], str(unseen["detail"]).endswith("rems")) == (True, True)
    found = bindings(capsys, node(tmp_path, FORMS[0]))
    assert (found["ok"], "form 2: REMS has no form with this id" in str(found["detail"])) == (False, True)


@pytest.mark.parametrize("text", ["", "[]", "[" * 99_999])
def test_a_form_definition_that_is_none_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "form-1.json"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"^form-1\.json: "):
        load_national("rems-1", SCHEMAS, forms=[file])
