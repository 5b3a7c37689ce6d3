"""Hints of D6.3 Table 1: what looks odd is told, what is right or does not even try is not, and nothing is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from broker.cli import main
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.translation import plausibility as looks
from broker.translation.schema_model import load_schema

DATA = Path(__file__).parents[2] / "data"
CHECKS = looks.shipped_checks()
APPLICATION = DATA / "eu-1/ApplicationSubmitted.xml"
VAT = CHECKS.vat

RIGHT = {
    looks.is_email: ["a@b.example", "first.last+tag@sub.example.org", "ä@exämple.org"],
    looks.is_phone: ["+33 1 23 45 67 89", "(09) 123-4567", "0100000001"],
    looks.is_iban: ["FI21 1234 5600 0007 85", "GB82WEST12345698765432", "003712345678 (OVT)", ""],
    looks.is_business_id: ["0000000-0", "732 829 320", "73282932000074", "HRB 12345", "KVK 0000"],
    looks.is_peppol: ["0192:991825827", "0009:73282932000074"],
    looks.is_day: ["2026-02-28", "28:02:2026", "28.2.2026", "2024-02-29", "01-01-2019 t/m 31-12-2024", "in spring"],
}
ODD = {
    looks.is_email: ["a@b", "a b@c.example", "@b.example", "a@b.example, c@d.example"],
    looks.is_phone: ["123", "call me", "+1234567890123456", "12345x"],
    looks.is_iban: ["FI21 1234 5600 0007 86", "GB82WEST12345698765433"],
    looks.is_business_id: ["0000000-1", "732 829 321", "73282932000075"],
    looks.is_peppol: ["991825827", "192:991825827", "0192:"],
    looks.is_day: ["2026-02-30", "30:02:2026", "30-02-2026", "2025-02-29", "31.4.2026", "2026-13-01", "00:00:0000"],
}


@pytest.mark.parametrize(("look", "text"), [(look, text) for look, texts in RIGHT.items() for text in texts])
def test_what_is_right_or_of_another_kind_passes(look: Any, text: str) -> None:
    assert look(text)


@pytest.mark.parametrize(("look", "text"), [(look, text) for look, texts in ODD.items() for text in texts])
def test_what_looks_odd_is_seen(look: Any, text: str) -> None:
    assert not look(text)


@pytest.mark.parametrize("text", ["FR 40 303265045", "FI20774740", "NL004495445B01", "EL094259216", "GR094259216"])
def test_a_vat_number_in_the_form_of_its_state_passes(text: str) -> None:
    assert looks.is_vat(text, VAT)


@pytest.mark.parametrize("text", ["FI2077474", "US123456789", "303265045", "FR", "DE12345678X"])
def test_a_vat_number_in_no_known_form_is_seen(text: str) -> None:
    assert not looks.is_vat(text, VAT)


def changed(**texts: str) -> Any:
    root = etree.parse(str(APPLICATION)).getroot()
    for path, text in texts.items():
        found = root.find("/".join(f"{{*}}{step}" for step in ("content", "form", *path.split("__"))))
        assert found is not None, path
        found.text = text
    return root


def told(root: Any) -> list[tuple[str, str]]:
    return [(hint.code, hint.path) for hint in looks.hints(root, CHECKS)]


def test_the_examples_look_well() -> None:
    for file in sorted((DATA / "eu-1").glob("*.xml")):
        assert told(etree.parse(str(file)).getroot()) == [], file.name


def test_each_oddity_is_told_once_with_its_place_and_without_its_value() -> None:
    root = changed(
        section4__email="nobody",
        section4__vatNumber="FI1",
        section8__estimatedStartDatesForDataProcessing="2027-12-31",
        section8__estimatedEndDatesForDataProcessing="2027-02-30",
    )
    second = root.findall("{*}content/{*}form/{*}section8/{*}peopleWhoWillBeProcessingTheData/{*}emailAddress")[1]
    second.text = "planted-odd-value"
    form = "content/form"
    assert told(root) == [
        ("implausible-email", f"{form}/section4/email"),
        ("implausible-email", f"{form}/section8/peopleWhoWillBeProcessingTheData[2]/emailAddress"),
        ("implausible-vat", f"{form}/section4/vatNumber"),
        ("implausible-day", f"{form}/section8/estimatedEndDatesForDataProcessing"),
    ]
    assert "planted-odd-value" not in str(looks.hints(root, CHECKS))
    assert all(hint.hint and hint.rule for hint in looks.hints(root, CHECKS))


@pytest.mark.parametrize(
    ("number", "odd"), [("73282932000074", 0), ("73282932000075", 1), ("0000000-1", 1), ("KVK 0", 0)]
)
def test_a_register_number_of_the_applicant_with_a_wrong_check_digit_is_told_and_kept(number: str, odd: int) -> None:
    root = changed()
    country = root.find("{*}content/{*}form/{*}section3/{*}legalPersonCountry")
    country.addnext(field := etree.Element(country.tag.replace("Country", "BusinessID")))
    field.text = number
    assert told(root) == [("implausible-business-id", "content/form/section3/legalPersonBusinessID")] * odd
    assert [hint.rule for hint in looks.hints(root, CHECKS)] == [
        "Art. 67(2)(a): the applicant's identity; D6.3 Table 1: business identifiers"
    ] * odd
    assert field.text == number


@pytest.mark.parametrize(
    ("first", "last", "odd"),
    [
        ("2028-01-01", "2027-01-01", 1),
        ("\n 2028-01-01 ", "2027-01-01", 1),
        ("2027-01-01", "2027-01-01", 0),
        ("31/12/2028", "2027-01-01", 1),
    ],
)
def test_a_period_that_ends_before_it_begins_is_seen(first: str, last: str, odd: int) -> None:
    names = ("estimatedStartDatesForDataProcessing", "estimatedEndDatesForDataProcessing")
    root = changed(**{f"section8__{name}": day for name, day in zip(names, (first, last), strict=True)})
    assert told(root) == [("implausible-period", "content/form/section8")] * odd


@pytest.mark.parametrize(
    ("period", "codes"),
    [
        *((text, []) for text in ("01-01-2019 t/m 31-12-2024", "2019-01-01/2024-12-31", "1.2.2019-1.2.2019")),
        *((text, []) for text in ("since 2015", "31-12-2024 (earlier: 01-01-2019, 01-01-2018)", "")),
        *((text, ["implausible-period"]) for text in ("31-12-2024 t/m 01-01-2019", "from 31:12:2024 to 2019-01-01")),
        *((text, ["implausible-day"]) for text in ("30-02-2019 t/m 31-12-2024", "du 01/01/2019 au 31/11/2024")),
    ],
)
def test_a_period_in_words_is_looked_at_for_the_days_that_it_names(period: str, codes: list[str]) -> None:
    root = changed(section6__timePeriodOfDataExtraction=period)
    assert told(root) == [(code, "content/form/section6[1]/timePeriodOfDataExtraction") for code in codes]


def test_every_path_of_the_table_is_a_leaf_of_eu_1() -> None:
    model = load_schema(schemas_dir() / "eu/1/eu.xsd")
    known = {leaf.path for kind in model.roots for leaf in model.leaves(kind)}
    for check in CHECKS.checks:
        within = "/".join(step for step in ("content", check.within) if step)
        paths = [f"content/{path}" for path in check.paths]
        paths += [f"{within}/{name}" for name in (check.first, check.last) if name]
        assert set(paths) <= known, check
        assert check.source


def test_a_check_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plausibility.toml").write_text('[vat]\n[[check]]\nkind = "mood"\nsource = "x"\n')
    with pytest.raises(ConfigurationError):
        looks.load_checks(tmp_path / "plausibility.toml")


def test_a_document_that_looks_odd_is_valid_and_the_command_says_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.xml").write_bytes(etree.tostring(changed(section4__email="nobody")))
    assert main(["validate", "--profile", "eu-1", str(tmp_path / "in.xml")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hint implausible-email content/form/section4/email D6.3 Table 1")
    assert "nobody" not in err


def test_the_report_on_a_file_has_the_hints_too(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "in.xml").write_bytes(etree.tostring(changed(section4__email="nobody")))
    report = tmp_path / "report.json"
    words = ["translate", "--from", "eu-1", "--to", "eu-1", "--report", str(report), str(tmp_path / "in.xml")]
    assert main(words) == 0
    assert capfdbinary.readouterr().out
    assert [hint["code"] for hint in json.loads(report.read_text("utf-8"))["hints"]] == ["implausible-email"]
