"""`hdeu translate --html`: source, target and fates side by side, in one file, with personal values masked."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from broker.cli import main
from broker.commands.page import page_of
from broker.commands.page_words import FRENCH
from broker.commands.translation import envelope_of, side_of
from broker.data_files import schemas_dir
from broker.translation import plausibility, wording
from broker.translation.between import Between, Tools, translate_between
from broker.translation.codecs.wires import WIRES
from broker.translation.personal import load_personal_fields
from broker.translation.report import LegalFactLoss
from broker.translation.schema_model import load_schema
from broker.translation.shapes import numbered, shape
from broker.translation.translator import Translator
from broker.translation.trees import flatten
from tests.support.documents import canonical

DATA = Path(__file__).parents[2] / "data"
FIELDS = load_personal_fields(schemas_dir() / "codelists/personal-fields.toml")
MODEL = load_schema(schemas_dir() / "eu/1/eu.xsd")


def planted(kind: str) -> tuple[bytes, list[str]]:
    """The example of a type with a word of its own in every personal leaf that takes words."""
    root = etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()
    words: list[str] = []
    for (node, where), text in flatten(root, shape(MODEL, kind)).items():
        path = numbered(node, where)
        if text is None or not FIELDS.holds(path) or node.is_attribute or not node.text.fits("planted-0"):
            continue
        steps = [re.sub(r"^(\w+)", r"{*}\1", step) for step in path.split("/")]
        [element] = root.findall("/".join(steps))
        words.append(f"planted-{kind}-{len(words)}-")
        element.text = words[-1]
    return etree.tostring(root), words


@pytest.fixture(scope="module")
def tools() -> Tools:
    codecs = {name: load(schemas_dir()) for name, load in WIRES.items()}
    return Tools(Translator.load(schemas_dir()), codecs["eu-r7"], etree.fromstring, others=codecs)


def page(tools: Tools, source: str, target: str, data: bytes, **more: Any) -> tuple[str, Between]:
    """The page as the command makes it, without loading every mapping anew."""
    done = translate_between(tools, data, source=source, target=target, envelope=envelope_of(data))
    sides = [side_of(profile, document, done) for profile, document in ((source, data), (target, done.document))]
    return page_of(done, *sides, FIELDS, **more).decode(), done


@pytest.mark.parametrize(("kind", "target"), [("ApplicationSubmitted", "fr-hdh-1"), ("PermitIssued", "fi-findata-1")])
def test_no_personal_value_is_on_the_page_unless_asked_for(tools: Tools, kind: str, target: str) -> None:
    data, words = planted(kind)
    assert len(words) > 5
    hidden, done = page(tools, "eu-1", target, data)
    assert [word for word in words if word in hidden] == []
    shown, _ = page(tools, "eu-1", target, data, show=True)
    assert [word for word in words if word not in shown] == []
    back, _ = page(tools, target, "eu-1", done.document)
    assert [word for word in words if word in back] == []


def test_the_table_of_personal_fields_has_the_name_of_every_file() -> None:
    """Whoever adds a file to eu-1, and not to the table, would have its name shown."""
    leaves = {kind: {leaf.path for leaf in MODEL.leaves(kind)} for kind in MODEL.roots}
    names = {path for paths in leaves.values() for path in paths if path.replace("/name", "/size") in paths - {path}}
    assert len(names) > 20
    assert sorted(name for name in names if not FIELDS.holds(name)) == []


def test_who_is_sanctioned_and_why_is_not_on_the_page(tools: Tools) -> None:
    text = (DATA / "eu-1/EnforcementRecord.xml").read_text("utf-8")
    for name in ("subjectId", "subjectName", "reasons"):
        text = re.sub(rf"<{name}>[^<]*", f"<{name}>planted-{name}", text)
    hidden, _ = page(tools, "eu-1", "fi-findata-1", text.encode())
    assert "planted-" not in hidden


@pytest.mark.parametrize("target", ["fr-hdh-1", "fi-findata-1"])
def test_what_stands_in_for_a_transport_is_not_put_over_what_the_carry_brings_home(tools: Tools, target: str) -> None:
    data = (DATA / "eu-1/ApplicationSubmitted.xml").read_bytes()
    there = translate_between(tools, data, source="eu-1", target=target, envelope=envelope_of(data))
    way_back = {"source": target, "target": "eu-1", "envelope": envelope_of(there.document)}
    home = translate_between(tools, there.document, carry=there.carry, **way_back)
    assert canonical(home.pivot) == canonical(etree.fromstring(data, etree.XMLParser(remove_blank_text=True)))


def test_a_dossier_on_a_file_gets_a_message_id_that_stands_in(tools: Tools) -> None:
    data = (DATA / "fr-hdh-1/ApplicationAck.xml").read_bytes()
    made = translate_between(tools, data, source="fr-hdh-1", target="eu-1", envelope=envelope_of(data))
    assert made.pivot.findtext("{*}envelope/{*}messageId") == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_the_command_writes_the_page_and_it_says_what_the_report_says(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = ["--html", str(tmp_path / "page.html"), "--report", str(tmp_path / "report.json")]
    source = str(DATA / "fr-hdh-1/StatusUpdate.xml")
    assert main(["translate", "--from", "fr-hdh-1", "--to", "eu-r7", *files, "--language", "fr", source]) == 0
    assert json.loads(capfdbinary.readouterr().out)["content"]["status"] == "PROCESSING"
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    document = html.fromstring((tmp_path / "page.html").read_text("utf-8"))
    table = next(one for one in document.iter("table") if "devenu" in one.findtext("caption"))
    rows = [(row.findtext("th/code"), [one.text for one in row.findall("td/ul/li/code")]) for row in table.iter("tr")]
    assert rows[1:] == [(row["source"], row["target"]) for row in report["fields"]]
    fates = Counter(row["fate"] for row in report["fields"])
    counts = next(one for one in document.iter("table") if "chaque sort" in one.findtext("caption"))
    shown = [int(row.findtext("td")) for row in counts.iter("tr") if row.find("td") is not None]
    assert shown == [count for _, count in sorted(fates.items())]


def test_the_page_says_which_fields_speak_the_language_of_their_readers_and_how_far_to_trust_them(tools: Tools) -> None:
    root = etree.parse(str(DATA / "eu-1/ApplicationSubmitted.xml")).getroot()
    root.find("{*}envelope/{*}language").text = "nl"
    root.find("{*}content/{*}form_translations/{*}translation").set("lang", "fr")
    text, _ = page(tools, "eu-1", "fr-hdh-1", etree.tostring(root), language="fr")
    rows = {row.findtext("th/code"): row for row in html.fromstring(text).iter("tr")}
    taken = rows["content/form_translations/translation[1]/section2/summaryOfTheProject"]
    assert "dans la langue de ses lecteurs fr, traduction automatique" in taken.text_content()
    assert taken.findtext("td/ul/li/code") == "Demande/resume"
    original = rows["content/form/section2/summaryOfTheProject"]
    assert "dans la langue" not in original.text_content()
    assert "AnnexeEU/champ[" in original.findtext("td/ul/li/code")


def test_what_a_person_must_agree_to_stands_first(tools: Tools) -> None:
    text, _ = page(tools, "eu-1", "eu-r7", without_file("DecisionIssued"))
    heads = [head.text for head in html.fromstring(text).iter("h2")]
    assert heads[0] == "A person must agree"
    assert "refused-datasets" in text


def without_file(kind: str) -> bytes:
    root = etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()
    for element in root.findall("{*}content/{*}document"):
        element.getparent().remove(element)
    return etree.tostring(root)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_loads_nothing_and_can_be_read_without_eyes(tools: Tools, language: str) -> None:
    data = (DATA / "fr-hdh-1/StatusUpdate.xml").read_bytes()
    text, _ = page(tools, "fr-hdh-1", "eu-1", data, language=language)
    document = html.fromstring(text)
    assert document.get("lang") == language
    assert document.findtext("head/title")
    assert not document.xpath("//*[@src or @href or @onclick or self::script]")
    assert "default-src 'none'" in document.xpath("//meta[@http-equiv]/@content")[0]
    assert all(table.findtext("caption") for table in document.iter("table"))
    assert all(head.get("scope") in {"row", "col"} for head in document.iter("th"))
    assert len(document.xpath("//main//h1")) == 1
    assert ("Chaque champ" in text) == (language == "fr")


def test_markup_in_a_value_stays_text(tools: Tools) -> None:
    root = etree.parse(str(DATA / "eu-1/StatusUpdate.xml")).getroot()
    root.find("{*}content/{*}reason").text = "<script>alert('x')</script>"
    text, _ = page(tools, "eu-1", "eu-r7", etree.tostring(root))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_every_personal_field_is_one_of_eu_1() -> None:
    known = {leaf.path for kind in MODEL.roots for leaf in MODEL.leaves(kind)}
    for path in FIELDS.paths:
        assert any(leaf == path or leaf.startswith((f"{path}/",)) for leaf in known), path


def test_what_looks_like_a_person_in_eu_1_is_in_the_table_or_known_not_to_be() -> None:
    names = re.compile(r"(?i)(fullName|firstName|lastName|PersonName|ProviderName|e-?mail|phone)")
    known = {leaf.path for kind in MODEL.roots for leaf in MODEL.leaves(kind)}
    suspicious = {path for path in known if names.search(path)} - {path for path in known if FIELDS.holds(path)}
    assert {path.rpartition("/")[2] for path in suspicious} == {"legalPersonName"}  # an organisation


def test_the_words_for_what_happens_to_a_fact_are_french_too() -> None:
    assert {"carried", "dropped", "downgraded", "orphaned"} <= set(FRENCH)
    assert LegalFactLoss("a", "b", "dropped").what in FRENCH


def with_purpose(key: str) -> bytes:
    root = etree.parse(str(DATA / "eu-1/ApplicationSubmitted.xml")).getroot()
    purpose = root.find("{*}content/{*}form/{*}section2/{*}purposeForWhichDataWillBeUsed/{*}key")
    assert purpose is not None
    purpose.text = key
    return etree.tostring(root)


@pytest.mark.parametrize(
    ("language", "told", "fact"),
    [
        ("en", "The table has no row for this value; it was kept, and not replaced.", "purpose"),
        ("fr", "La table n'a pas de ligne pour cette valeur : elle a été gardée, et non remplacée.", "finalité"),
    ],
)
def test_what_a_line_could_not_do_is_on_the_page_with_what_to_do(
    tools: Tools, language: str, told: str, fact: str
) -> None:
    text, _ = page(tools, "eu-1", "fr-hdh-1", with_purpose("zz"), language=language)
    shown = html.fromstring(text)
    [row] = [one for one in shown.xpath("//tr") if "unmapped-value" in one.text_content()]
    assert told in row.text_content()
    assert "purposeForWhichDataWillBeUsed[1]/key" in row.text_content()
    assert fact in [one.text for one in shown.xpath("//h2[1]/following-sibling::table[1]//th")]


def test_what_a_line_could_not_do_is_told_on_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "application.xml"
    file.write_bytes(with_purpose("zz"))
    assert main(["translate", "--from", "eu-1", "--to", "fr-hdh-1", str(file)]) == 3
    told = capfd.readouterr().err.splitlines()
    assert any(line.startswith("flag unmapped-value content/form/section2/purpose") for line in told), told
    assert "next: Correct the value, or add a row." in told


def test_whatever_a_translation_tells_is_french_on_a_french_page() -> None:
    sentences = {text for pair in wording.WORDS.values() for text in pair if text.endswith(".")}
    facts = {row["id"] for row in tomllib.loads((schemas_dir() / "codelists/legal-facts.toml").read_text())["fact"]}
    assert sentences | facts | {*plausibility.SAYINGS.values()} <= FRENCH.keys()
