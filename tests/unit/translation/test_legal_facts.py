"""For every fact with legal meaning: a document that loses it asks for a sign-off and names it, another does not."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import pytest
from lxml import etree

from broker.cli import main
from broker.commands import translation
from broker.translation.carry import Carry, Item
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.mapping_file import EU, Line, load_profile
from broker.translation.translator import EnvelopeContext, Translator
from tests.fidelity.ways import ways
from tests.support.documents import Documents
from tests.support.sides import SCHEMAS, side

FACTS: Final = [row["id"] for row in tomllib.loads((SCHEMAS / "codelists/legal-facts.toml").read_text("utf-8"))["fact"]]
FR: Final = "fr-hdh-1"
APPLICANT: Final = "content/form/section3/legalOrNaturalPerson/key"
EU_SIDE: Final = side("eu/1/eu.xsd")
LEGAL: Final = ways()[0].translator.legal
#: The form of a decision on the wire has no place for these.
NO_PLACE: Final = {
    LEGAL.of(path): path for path in EuR7Codec.load(SCHEMAS).lossy_leaves("DecisionIssued") if LEGAL.of(path)
}
#: No shipped form loses these; a national form that did not ask for them would.
NOT_ASKED: Final = [fact for fact in FACTS if fact not in NO_PLACE and fact != "applicant"]
Run = Callable[[etree._Element, str, Translator], tuple[int, list[str]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`hdeu translate` of an eu-1 document: exit status, and the facts that it names."""

    def call(root: etree._Element, target: str, translator: Translator) -> tuple[int, list[str]]:
        file = tmp_path / "document.xml"
        file.write_bytes(etree.tostring(root))
        monkeypatch.setattr(translation.Translator, "load", lambda *_, **__: translator)
        status = main(["translate", "--from", "eu-1", "--to", target, str(file)])
        return status, re.findall(r"^sign-off (\S+) ", capfd.readouterr().err, re.MULTILINE)

    return call


def document(name: str, path: str, **fixed: str) -> etree._Element:
    """A message with what is required, and one leaf; `fixed` texts by path with `__` for `/`."""
    steps = path.split("/")
    drawn = Documents(EU_SIDE.model, Random(1), density=0.0)
    drawn.sure = frozenset("/".join(steps[:count]) for count in range(1, len(steps) + 1))
    drawn.fixed = {key.replace("__", "/"): value for key, value in fixed.items()}
    root = drawn.draw(name)
    assert EU_SIDE.gate.validate(root), EU_SIDE.gate.error_log
    return root


@pytest.fixture(scope="module")
def less(tmp_path_factory: pytest.TempPathFactory) -> tuple[Translator, dict[str, tuple[str, str]]]:
    """The French mapping with one line per fact of `NOT_ASKED` changed into *carried*; message and leaf by fact."""
    schemas = tmp_path_factory.mktemp("less") / "schemas"
    shutil.copytree(SCHEMAS, schemas, ignore=shutil.ignore_patterns("*.lock.json"))
    profile = load_profile(schemas / "mappings" / FR)
    chosen = {}
    for fact in NOT_ASKED:
        family, line = next(
            (name, line)
            for name, found in profile.families.items()
            for line in found.lines
            if is_asked(line, fact, {group.key for group in found.groups})
        )
        not_asked(schemas / "mappings" / FR / f"{family}.toml", line)
        chosen[fact] = (next(rule.type for rule in profile.messages if family in rule.parts), line.leaf)
    return Translator.load(schemas, profiles=[FR]), chosen


def is_asked(line: Line, fact: str, keys: set[str]) -> bool:
    plain = line.kind == "copy" and line.side == EU and not line.text and line.leaf not in keys
    return plain and LEGAL.of(line.leaf) == fact


def not_asked(file: Path, line: Line) -> None:
    """Say in a mapping that neither side of a line is asked for on the other."""
    rows = file.read_text(encoding="utf-8").splitlines()
    said = '{ carried = "not asked for", source = "a test" }'
    rows[line.at.line - 1] = f'"{line.leaf}" = {said}'
    if "[national]" not in rows:
        rows.insert(next(at for at, row in enumerate(rows) if row.startswith("[groups]")), "[national]")
    rows.insert(rows.index("[national]") + 1, f'"{line.others[0]}" = {said}')
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_every_fact_is_looked_at() -> None:
    assert {*NO_PLACE, *NOT_ASKED, "applicant"} == set(FACTS)
    assert len(NO_PLACE) >= 10


@pytest.mark.parametrize("fact", sorted(NO_PLACE))
def test_a_fact_that_the_wire_has_no_place_for_is_named(run: Run, fact: str) -> None:
    kind = "PERMIT_PARTIALLY_GRANTED" if fact == "decision-kind" else "PERMIT_GRANTED"
    decision = document("DecisionIssued", NO_PLACE[fact], content__kind=kind)
    status, named = run(decision, "eu-r7", ways()[0].translator)
    assert (status, set(named)) == (3, {fact})


@pytest.mark.parametrize("fact", sorted(NO_PLACE))
def test_the_same_fact_arrives_where_there_is_a_place(run: Run, fact: str) -> None:
    kind = "PERMIT_PARTIALLY_GRANTED" if fact == "decision-kind" else "PERMIT_GRANTED"
    decision = document("DecisionIssued", NO_PLACE[fact], content__kind=kind)
    assert run(decision, FR, ways()[0].translator) == (0, [])


def test_an_applicant_of_an_unknown_kind_is_named_and_one_of_a_known_kind_is_not(run: Run) -> None:
    for key, expected in (("zz", (3, ["applicant"])), ("a", (0, []))):
        application = document("ApplicationSubmitted", APPLICANT, **{APPLICANT.replace("/", "__"): key})
        assert run(application, FR, ways()[0].translator) == expected


@pytest.mark.parametrize("fact", NOT_ASKED)
def test_a_fact_that_a_national_form_does_not_ask_for_is_named(
    run: Run, less: tuple[Translator, dict[str, tuple[str, str]]], fact: str
) -> None:
    translator, chosen = less
    message = document(*chosen[fact])
    status, named = run(message, FR, translator)
    assert (status, set(named)) == (3, {fact})
    assert run(message, FR, ways()[0].translator) == (0, [])


def test_a_fact_that_was_kept_and_cannot_come_back_asks_for_a_person() -> None:
    french = etree.parse(str(SCHEMAS.parent / "tests/data/fr-hdh-1/ApplicationSubmitted.xml")).getroot()
    purpose, title = (f"content/form/section2/{name}" for name in ("purposeForWhichDataWillBeUsed", "projectName"))
    items = [Item(f"{purpose}[nobody]/key", "e", title, "0" * 16), Item("content/title", "t", title, "0" * 16)]
    carry = Carry("ApplicationSubmitted", "eu-1", items).to_bytes()
    done = ways()[0].translator.read(FR, french, envelope=EnvelopeContext(message_id="m", created_at="x"), carry=carry)
    lost = [loss for loss in done.sign_off if loss.what == "orphaned"]
    assert [(loss.id, loss.path) for loss in lost] == [("purpose", f"{purpose}[nobody]/key")]


@pytest.mark.parametrize(("day", "lost"), [("2026-11-23", 0), ("2026-11-30", 1), ("", 0)])
def test_the_day_of_a_decision_is_lost_on_the_wire_where_the_moment_is_of_another(day: str, lost: int) -> None:
    root = etree.parse(str(SCHEMAS.parent / "tests/data/eu-1/DecisionIssued.xml")).getroot()
    issued, legal = (root.find(f"{{*}}content/{{*}}{name}") for name in ("issuedAt", "legalIssueDate"))
    assert issued is not None
    assert legal is not None
    issued.text = "2026-11-23T10:00:00Z"
    if day:
        legal.text = day
    else:
        legal.getparent().remove(legal)
    losses = LEGAL.wire_losses(root, EuR7Codec.load(SCHEMAS))
    assert [loss.path for loss in losses].count("content/issuedAt") == lost


@pytest.mark.parametrize(
    ("moment", "day"),
    [("\n2026-11-23T10:00:00Z", "2026-11-23"), ("2026-11-23T10:00:00Z", " 2026-11-23\n")],
)
def test_white_space_round_a_day_or_a_moment_asks_nobody_to_sign_off(moment: str, day: str) -> None:
    root = decision(issuedAt=moment, legalIssueDate=day)
    assert "content/issuedAt" not in {loss.path for loss in LEGAL.wire_losses(root, EuR7Codec.load(SCHEMAS))}


@pytest.mark.parametrize(("kind", "lost"), [("\n PERMIT_GRANTED ", []), ("PERMIT_PARTIALLY_GRANTED", ["downgraded"])])
def test_a_kind_that_the_wire_says_in_full_is_no_loss_and_another_is_said_less_exactly(
    kind: str, lost: list[str]
) -> None:
    losses = LEGAL.wire_losses(decision(kind=kind), EuR7Codec.load(SCHEMAS))
    assert [loss.what for loss in losses if loss.path == "content/kind"] == lost


def decision(**texts: str) -> etree._Element:
    """The example of a decision, with other texts in its content."""
    root = etree.parse(str(SCHEMAS.parent / "tests/data/eu-1/DecisionIssued.xml")).getroot()
    for name, text in texts.items():
        leaf = root.find(f"{{*}}content/{{*}}{name}")
        assert leaf is not None
        leaf.text = text
    return root
