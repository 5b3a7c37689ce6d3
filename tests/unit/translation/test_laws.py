"""The laws of translation, over documents drawn from the schemas."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from broker.model.messages import MessageType
from broker.translation.translator import EnvelopeContext
from tests.support.documents import Documents, canonical, leaves
from tests.support.edits import edited
from tests.support.sides import Side, side, translator

FR = "fr-hdh-1"
TRANSLATOR = translator()
EU = side("eu/1/eu.xsd")
FR_SIDE = side("fr/1/hdh.xsd")
TYPES = sorted(set(MessageType) - {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE})
EU_VALUES = {
    "key": tuple("abcdefx"),
    "country_id": ("FRANCE", "FINLAND", "fr", "NETHERLANDS"),
    "@scheme": ("hdh", "findata"),
    "dataset_id": ("urn:example:dataset:one", "urn:example:dataset:two", "urn:example:dataset:snds-dcir"),
    "emailAddress": ("a@example.org", "b@example.org"),
    "step": ("AVIS_CESREES", "SEANCE_CNIL", "TRANSMISSION_CNIL", "AUTRE"),
    "outcome": ("FAVORABLE", "TACITE", "inconnu"),
}
NO_ANNEX = frozenset({"AnnexeEU/champ"})
NOTHING = EnvelopeContext()
law = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
seeds = st.integers(0, 2**32)


def eu_document(seed: int) -> etree._Element:
    random = Random(seed)
    name = random.choice(TYPES)
    density = random.choice((0.1, 0.3, 0.5))
    return Documents(EU.model, random, EU_VALUES, density=density).draw(name)


def fr_document(seed: int) -> etree._Element:
    random = Random(seed)
    document = Documents(FR_SIDE.model, random, density=random.choice((0.05, 0.2, 0.4)), drop=NO_ANNEX).draw("Dossier")
    event = document.find("{*}Entete/{*}evenement")
    assert event is not None
    if event.text == "NOUVELLE" and document.find("{*}Nouvelle") is None:
        event.text = "SUIVI"
    return document


def each(path: str) -> str:
    """A path with every step numbered, as the independent walk writes it."""
    return "/".join(step if step.endswith("]") or step.startswith("@") else f"{step}[1]" for step in path.split("/"))


def present(root: etree._Element, side: Side) -> list[str]:
    """Leaves of a document, containers without content left out."""
    name = etree.QName(root).localname
    known = {leaf.path for leaf in side.model.leaves(name)}
    return [path for path in leaves(root) if re.sub(r"\[\d+\]", "", path) in known]


@given(seed=seeds)
@law
def test_a_drawn_document_is_valid(seed: int) -> None:
    assert EU.gate.validate(eu_document(seed)), EU.gate.error_log
    assert FR_SIDE.gate.validate(fr_document(seed)), FR_SIDE.gate.error_log


@given(seed=seeds)
@law
def test_what_is_written_is_valid(seed: int) -> None:
    written = TRANSLATOR.write(FR, eu_document(seed))
    assert FR_SIDE.gate.validate(written.root), FR_SIDE.gate.error_log


@given(seed=seeds)
@law
def test_the_way_home_gives_the_document_back(seed: int) -> None:
    document = eu_document(seed)
    forth = TRANSLATOR.write(FR, document)
    back = TRANSLATOR.read(FR, forth.root, envelope=NOTHING, carry=forth.carry)
    assert back.type == forth.type
    assert canonical(back.root) == canonical(document)


@given(seed=seeds)
@law
def test_a_dossier_comes_home_too(seed: int) -> None:
    document = fr_document(seed)
    back = TRANSLATOR.read(FR, document, envelope=NOTHING)
    forth = TRANSLATOR.write(FR, back.root, carry=back.carry)
    assert canonical(forth.root) == canonical(document)


@given(seed=seeds)
@law
def test_an_edit_survives(seed: int) -> None:
    forth = TRANSLATOR.write(FR, eu_document(seed))
    random = Random(seed)
    changed = edited(forth.root, FR_SIDE.model, FR_SIDE.gate, random, random.randint(1, 12))
    back = TRANSLATOR.read(FR, changed, envelope=NOTHING, carry=forth.carry)
    again = TRANSLATOR.write(FR, back.root, carry=back.carry)
    assert canonical(again.root) == canonical(changed)


@given(seed=seeds)
@law
def test_nothing_is_invented(seed: int) -> None:
    written = TRANSLATOR.write(FR, eu_document(seed))
    traced = Counter(each(path) for row in written.report.fields() for path in row["target"])
    traced.update(each(path) for path in written.report.constants())
    assert traced == Counter(present(written.root, FR_SIDE))


@given(seed=seeds)
@law
def test_a_removed_leaf_adds_nothing(seed: int) -> None:
    document = eu_document(seed)
    before = Counter(plain(present(TRANSLATOR.write(FR, document).root, FR_SIDE)))
    random = Random(seed)
    optional = [element for element in document.iterdescendants() if not len(element) and not is_key(element)]
    chosen = random.choice(optional)
    parent = chosen.getparent()
    assert parent is not None
    parent.remove(chosen)
    if EU.gate.validate(document):
        after = Counter(plain(present(TRANSLATOR.write(FR, document).root, FR_SIDE)))
        assert after <= before


def plain(paths: list[str]) -> list[str]:
    return [re.sub(r"\[\d+\]", "", path) for path in paths]


def is_key(element: etree._Element) -> bool:
    """What another leaf's place depends on: without it, that leaf is shown in the annex instead."""
    return etree.QName(element).localname in ("country_id", "nationalId", "step", "status")


@given(seed=seeds)
@law
def test_the_report_names_each_leaf_once(seed: int) -> None:
    document = eu_document(seed)
    forth = TRANSLATOR.write(FR, document)
    assert Counter(each(row["source"]) for row in forth.report.fields()) == Counter(present(document, EU))
    dossier = fr_document(seed)
    back = TRANSLATOR.read(FR, dossier, envelope=NOTHING)
    assert Counter(each(row["source"]) for row in back.report.fields()) == Counter(present(dossier, FR_SIDE))


@given(seed=seeds)
@law
def test_copied_is_copied_and_recoded_is_looked_up(seed: int) -> None:
    document = eu_document(seed)
    forth = TRANSLATOR.write(FR, document)
    sources, targets = leaves(document), leaves(forth.root)
    families = TRANSLATOR.compiled(FR).profile.families
    for row in forth.report.fields():
        if row["fate"] == "copied":
            assert targets[each(row["target"][0])] == sources[each(row["source"])]
        elif row["fate"] == "recoded":
            family = families[row["version"].partition("/")[2].partition("@")[0]]
            value = sources[each(row["source"])].strip()
            assert family.tables[row["table"]].rows[value] == targets[each(row["target"][0])]


@given(seed=seeds)
@law
def test_the_carry_holds_only_what_was_not_sent(seed: int) -> None:
    forth = TRANSLATOR.write(FR, eu_document(seed))
    sent = {each(row["source"]) for row in forth.report.fields() if row["fate"] not in ("carried", "left-out")}
    kept = {each(row["source"]) for row in forth.report.fields() if row["fate"] in ("carried", "left-out")}
    assert not sent & kept


@pytest.mark.parametrize("name", TYPES)
def test_every_message_is_known_in_both_directions(name: str) -> None:
    document = Documents(EU.model, Random(7), EU_VALUES, density=0.4).draw(name)
    assert TRANSLATOR.write(FR, document).type == name


def test_the_drawn_documents_reach_the_leaves_of_the_schema() -> None:
    hit: set[str] = set()
    for seed in range(12):
        drawn = Documents(EU.model, Random(seed), EU_VALUES, density=0.7, most=2)
        drawn.draw("ApplicationSubmitted")
        hit |= drawn.hit
    known = {leaf.path for leaf in EU.model.leaves("ApplicationSubmitted")}
    assert len(hit & known) >= 0.95 * len(known)
