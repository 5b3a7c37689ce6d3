"""The laws over a profile with what no shipped mapping has: texts that are joined, values that are ambiguous alone."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.fidelity.laws import LAWS, Example
from tests.fidelity.ways import Way
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, side

TOY = Path(__file__).parents[2] / "data" / "toy"
PROFILE = "toy-1"
DOCUMENTS = 200
EU = "urn:hdeu:eu:1"
NATIONAL = "urn:example:toy:1"
ENVELOPE = "<envelope><messageId>m</messageId><createdAt>2026-11-23T10:00:00Z</createdAt></envelope>"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    schemas = tmp_path_factory.mktemp("toy") / "schemas"
    shutil.copytree(TOY, schemas)
    for name in ("eu", "codelists"):
        shutil.copytree(SCHEMAS / name, schemas / name)
    return Translator.load(schemas)


def way(toy: Translator, *, forth: bool) -> Way:
    return Way(PROFILE, forth, toy, side("eu/1/eu.xsd"), side(str(TOY / "toy/toy.xsd")))


@pytest.mark.parametrize("forth", [True, False], ids=["to the toy", "from the toy"])
def test_every_law_holds_of_a_profile_with_joins_and_ambiguous_values(toy: Translator, *, forth: bool) -> None:
    there, fates = way(toy, forth=forth), Counter[str]()
    told: set[str] = set()
    for number in range(DOCUMENTS):
        random = Random(number)
        example = Example(there, there.drawn(number, random), random)
        for law in LAWS:
            law(example)
        fates.update(example.there.report.counts())
        told |= {problem.code for problem in example.there.problems}
    assert fates["joined" if forth else "split"] > DOCUMENTS // 10
    assert told >= {"ambiguous-value", "not-convertible", *(() if forth else ("two-values",))}


def read(toy: Translator, element: str, inner: str) -> Translation:
    root = etree.fromstring(f'<{element} xmlns="{NATIONAL}"><head><id>m</id></head>{inner}</{element}>')
    return toy.read(PROFILE, root, envelope=EnvelopeContext())


def write(toy: Translator, element: str, inner: str) -> Translation:
    root = etree.fromstring(f'<{element} xmlns="{EU}">{ENVELOPE}<content>{inner}</content></{element}>')
    return toy.write(PROFILE, root)


def codes(made: Translation) -> list[str]:
    return [problem.code for problem in made.problems]


def test_texts_are_joined_all_or_none(toy: Translator) -> None:
    ids = "<applicationId>a</applicationId><permitId>p</permitId>"
    whole = write(toy, "AmendmentRequest", f"{ids}<basePermitId>b</basePermitId>")
    assert (whole.root.findtext("{*}permit"), codes(whole)) == ("a / p / b", [])
    home = toy.read(PROFILE, whole.root, envelope=EnvelopeContext(), carry=whole.carry)
    assert home.root.findtext("{*}content/{*}permitId") == "p"
    part = write(toy, "AmendmentRequest", ids)
    assert (part.root.findtext("{*}permit"), codes(part)) == (None, ["not-convertible"] * 2)
    back = toy.read(PROFILE, part.root, envelope=EnvelopeContext(), carry=part.carry)
    assert back.root.findtext("{*}content/{*}permitId") == "p"


def test_a_text_that_would_not_come_apart_again_is_not_joined(toy: Translator) -> None:
    made = write(
        toy, "AmendmentRequest", "<originalPermit><permitId>p, of q</permitId><issuer>r</issuer></originalPermit>"
    )
    assert (made.root.find("{*}before"), codes(made)) == (None, ["not-convertible"] * 2)


@pytest.mark.parametrize("said", ["REJECT", "REDUCE"])
def test_what_is_wider_there_is_not_written_for_something_narrower_here(toy: Translator, said: str) -> None:
    made = write(toy, "FeeResponse", f"<response>{said}</response><date>2026-11-23T10:00:00Z</date>")
    assert (made.root.findtext("{*}answer"), codes(made)) == (None, ["ambiguous-value"])
    assert [entry.text for entry in made.root.iterfind("{*}annex[@path='content/response']")] == [said]


def test_a_wider_value_with_no_leaf_beside_it_stops(toy: Translator) -> None:
    made = read(toy, "Answer", "<answer>not-agreed</answer>")
    assert (made.root.findtext("{*}content/{*}response"), codes(made)) == (None, ["ambiguous-value"])
    home = toy.write(PROFILE, made.root, carry=made.carry)
    assert home.root.findtext("{*}answer") == "not-agreed"


@pytest.mark.parametrize(
    ("class_", "exact", "kind", "told"),
    [
        ("people", "", "PERSONNEL", []),
        ("once-more", "", "EXTENSION", []),
        ("machines", "TECHNICAL", "TECHNICAL", []),
        ("rest", "TECHNICAL", "TECHNICAL", []),
        ("rest", "ACCESS_RIGHTS", "ACCESS_RIGHTS", ["two-values"]),
        ("machines", "", None, ["ambiguous-value"]),
        ("longer", "PERSONNEL", "EXTENSION", ["two-values"]),
    ],
)
def test_a_class_is_read_as_what_it_certainly_is(
    toy: Translator, class_: str, exact: str, kind: str | None, told: list[str]
) -> None:
    beside = f"<exact>{exact}</exact>" if exact else ""
    made = read(toy, "Amendment", f"<change><class>{class_}</class>{beside}<words>w</words></change>")
    assert (made.root.findtext("{*}content/{*}change/{*}kind"), codes(made)) == (kind, told)
    home = toy.write(PROFILE, made.root, carry=made.carry)
    change = home.root.find("{*}change")
    assert change is not None
    assert [(etree.QName(leaf).localname, leaf.text) for leaf in change] == [
        row for row in (("class", class_), ("exact", exact), ("words", "w")) if row[1]
    ]


def test_of_two_changes_each_keeps_its_own_class(toy: Translator) -> None:
    inner = "".join(f"<change><class>{name}</class></change>" for name in ("longer", "once-more", "people", "longer"))
    root = etree.fromstring(f'<Amendment xmlns="{NATIONAL}"><head><id>m</id></head>{inner}</Amendment>')
    made = toy.read(PROFILE, root, envelope=EnvelopeContext())
    assert [kind.text for kind in made.root.iterfind("{*}content/{*}change/{*}kind")] == [
        *("EXTENSION", "EXTENSION", "PERSONNEL", "EXTENSION")
    ]
    assert canonical(toy.write(PROFILE, made.root, carry=made.carry).root) == canonical(root)
