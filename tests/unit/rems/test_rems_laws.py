"""The laws of translation, over documents drawn from the schemas, for the Finnish profile."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from broker.model.messages import MessageType
from broker.translation.translator import EnvelopeContext, Translator
from tests.support.documents import Documents, canonical, leaves
from tests.support.edits import edited
from tests.support.sides import Side

FI = "rems-1"
NOT_FINNISH = {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE}
TYPES = sorted(set(MessageType) - NOT_FINNISH)
EU_VALUES = {
    "key": tuple("abcdefx"),
    "country_id": ("FRANCE", "FINLAND", "fi", "NETHERLANDS"),
    "content/form/section/country": ("FINLAND", "FRANCE", "ATLANTIS"),
    "@scheme": ("hdh", "rems"),
    "dataset_id": ("urn:example:dataset:one", "urn:example:dataset:two", "urn:example:dataset:fi-hilmo"),
    "application_type": ("DATA_ACCESS_APPLICATION", "DATA_REQUEST_APPLICATION", "unknown"),
}
NO_ANNEX = frozenset({"annex/entry"})
NOTHING = EnvelopeContext()
law = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
seeds = st.integers(0, 2**32)


def eu_document(eu: Side, seed: int) -> etree._Element:
    random = Random(seed)
    name = random.choice(TYPES)
    return Documents(eu.model, random, EU_VALUES, density=random.choice((0.1, 0.3, 0.5))).draw(name)


def fi_document(fi: Side, seed: int) -> etree._Element:
    random = Random(seed)
    name = random.choice(sorted(fi.model.roots))
    return Documents(fi.model, random, density=random.choice((0.1, 0.3, 0.5)), drop=NO_ANNEX).draw(name)


def each(path: str) -> str:
    """A path with every step numbered, as the independent walk writes it."""
    return "/".join(step if step.endswith("]") or step.startswith("@") else f"{step}[1]" for step in path.split("/"))


def present(root: etree._Element, side: Side) -> list[str]:
    """Leaves of a document, containers without content left out."""
    known = {leaf.path for leaf in side.model.leaves(etree.QName(root).localname)}
    return [path for path in leaves(root) if re.sub(r"\[\d+\]", "", path) in known]


@given(seed=seeds)
@law
def test_what_is_written_for_rems_is_valid(rems: Translator, eu: Side, fi: Side, seed: int) -> None:
    written = rems.write(FI, eu_document(eu, seed))
    assert fi.gate.validate(written.root), fi.gate.error_log


@given(seed=seeds)
@law
def test_what_is_read_from_rems_is_valid(rems: Translator, eu: Side, fi: Side, seed: int) -> None:
    told = EnvelopeContext(message_id="urn:example:message:1", created_at="2026-09-01T08:00:00Z")
    back = rems.read(FI, fi_document(fi, seed), envelope=told)
    assert eu.gate.validate(back.root) or says_nothing(back.root), eu.gate.error_log


def says_nothing(root: etree._Element) -> bool:
    """A document of optional fields that gives none of them: there is no content to send."""
    return root.find("{*}content") is None


@given(seed=seeds)
@law
def test_an_eu_document_comes_home_from_rems(rems: Translator, eu: Side, seed: int) -> None:
    document = eu_document(eu, seed)
    forth = rems.write(FI, document)
    back = rems.read(FI, forth.root, envelope=NOTHING, carry=forth.carry)
    assert back.type == forth.type
    assert canonical(back.root) == canonical(document)


@given(seed=seeds)
@law
def test_a_document_of_rems_comes_home(rems: Translator, fi: Side, seed: int) -> None:
    document = fi_document(fi, seed)
    back = rems.read(FI, document, envelope=NOTHING)
    forth = rems.write(FI, back.root, carry=back.carry)
    assert canonical(forth.root) == canonical(document)


@given(seed=seeds)
@law
def test_an_edit_of_rems_survives(rems: Translator, eu: Side, fi: Side, seed: int) -> None:
    forth = rems.write(FI, eu_document(eu, seed))
    changed = edited_but_for_the_annex(forth.root, fi, Random(seed))
    back = rems.read(FI, changed, envelope=NOTHING, carry=forth.carry)
    again = rems.write(FI, back.root, carry=back.carry)
    assert canonical(again.root) == canonical(changed)


def edited_but_for_the_annex(root: etree._Element, fi: Side, random: Random) -> etree._Element:
    """What officers change is the form; the annex is theirs to read."""
    annex = root.find("{*}annex")
    if annex is not None:
        root.remove(annex)
    changed = edited(root, fi.model, fi.gate, random, random.randint(1, 12))
    if annex is not None:
        changed.append(annex)
    return changed


@given(seed=seeds)
@law
def test_nothing_is_invented_for_rems(rems: Translator, eu: Side, fi: Side, seed: int) -> None:
    written = rems.write(FI, eu_document(eu, seed))
    traced = Counter(each(path) for row in written.report.fields() for path in row["target"])
    traced.update(each(path) for path in written.report.constants())
    assert traced == Counter(present(written.root, fi))


@given(seed=seeds)
@law
def test_the_rems_report_names_each_leaf_once(rems: Translator, eu: Side, fi: Side, seed: int) -> None:
    document = eu_document(eu, seed)
    forth = rems.write(FI, document)
    assert Counter(each(row["source"]) for row in forth.report.fields()) == Counter(present(document, eu))
    lodged = fi_document(fi, seed)
    back = rems.read(FI, lodged, envelope=NOTHING)
    assert Counter(each(row["source"]) for row in back.report.fields()) == Counter(present(lodged, fi))


@given(seed=seeds)
@law
def test_copied_is_copied_and_recoded_is_looked_up_for_rems(rems: Translator, eu: Side, seed: int) -> None:
    document = eu_document(eu, seed)
    forth = rems.write(FI, document)
    sources, targets = leaves(document), leaves(forth.root)
    families = rems.compiled(FI).profile.families
    for row in forth.report.fields():
        if row["fate"] == "copied":
            assert targets[each(row["target"][0])] == sources[each(row["source"])]
        elif row["fate"] == "recoded":
            family = families[row["version"].partition("/")[2].partition("@")[0]]
            value = sources[each(row["source"])].strip()
            assert family.tables[row["table"]].rows[value] == targets[each(row["target"][0])]


@pytest.mark.parametrize("name", TYPES)
def test_every_message_reaches_rems_in_a_form_of_its_own(rems: Translator, eu: Side, fi: Side, name: str) -> None:
    document = Documents(eu.model, Random(7), EU_VALUES, density=0.4).draw(name)
    written = rems.write(FI, document)
    assert written.type == name
    assert rems.read(FI, written.root, envelope=NOTHING).type == name
    assert etree.QName(written.root).localname in fi.model.roots
