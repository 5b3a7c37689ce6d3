"""The French dossier: every message, in both directions, on its examples."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from lxml import etree

from broker.errors import TranslationError
from broker.model.messages import MessageType
from broker.translation.between import Tools, translate_between
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.translator import EnvelopeContext, Party
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, side, translator

FR = "fr-hdh-1"
DATA = Path(__file__).parents[2] / "data"
TYPES = sorted(set(MessageType) - {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE})
APPLICATIONS = {"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"}
MISSES = tomllib.loads((DATA / FR / "near-misses/index.toml").read_text(encoding="utf-8"))["near-miss"]
CONTEXT = EnvelopeContext(
    message_id="urn:example:message:new", sender=Party("urn:example:participant:hdab-fr", "HDAB", "FR")
)
TR = translator()
GATE, EU_GATE = side("fr/1/hdh.xsd").gate, side("eu/1/eu.xsd").gate
TOOLS = Tools(TR, EuR7Codec.load(SCHEMAS), etree.fromstring)


def example(profile: str, name: str) -> etree._Element:
    return etree.parse(str(DATA / profile / f"{name}.xml"), etree.XMLParser(remove_blank_text=True)).getroot()


def find(root: etree._Element, path: str) -> etree._Element:
    found = root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    assert found is not None, path
    return found


def text(root: etree._Element, path: str) -> str:
    return find(root, path).text or ""


@pytest.mark.parametrize("name", TYPES)
def test_each_example_is_valid_and_is_read_as_its_message(name: str) -> None:
    dossier = example(FR, name)
    assert GATE.validate(dossier), GATE.error_log
    back = TR.read(FR, dossier, envelope=CONTEXT)
    assert back.type == name
    assert EU_GATE.validate(back.root), EU_GATE.error_log
    assert not back.problems
    assert not back.sign_off


@pytest.mark.parametrize("name", sorted(set(TYPES) - APPLICATIONS - {"NationalStep"}))
def test_each_example_says_what_the_european_one_says(name: str) -> None:
    back = TR.read(FR, example(FR, name), envelope=CONTEXT)
    assert canonical(find(back.root, "content")) == canonical(find(example("eu-1", name), "content"))


@pytest.mark.parametrize("name", TYPES)
def test_each_european_example_comes_home(name: str) -> None:
    document = example("eu-1", name)
    forth = TR.write(FR, document)
    assert GATE.validate(forth.root), GATE.error_log
    assert not forth.sign_off
    back = TR.read(FR, forth.root, envelope=EnvelopeContext(), carry=forth.carry)
    assert canonical(back.root) == canonical(document)


@pytest.mark.parametrize("miss", MISSES, ids=lambda miss: str(miss["file"]))
def test_a_near_miss_is_refused_by_the_gate(miss: dict[str, str]) -> None:
    assert not GATE.validate(etree.parse(str(DATA / FR / "near-misses" / miss["file"])))


def test_each_message_has_three_near_misses() -> None:
    assert sorted(miss["file"] for miss in MISSES) == sorted(f"{name}-{n}.xml" for name in TYPES for n in (1, 2, 3))


def test_a_deposit_without_european_id_is_lodged_here() -> None:
    dossier = example(FR, "ApplicationSubmitted")
    assert TR.read(FR, dossier, envelope=CONTEXT).type == "ApplicationSubmitted"
    number = find(dossier, "Entete/identifiantEU")
    find(dossier, "Entete").remove(number)
    assert TR.read(FR, dossier, envelope=CONTEXT).type == "ApplicationOriginated"


def test_a_tacit_opinion_stays_a_step() -> None:
    dossier = example(FR, "NationalStep")
    find(dossier, "Instruction/avisCESREES/resultat").text = "TACITE_FAVORABLE"
    back = TR.read(FR, dossier, envelope=CONTEXT)
    assert back.type == "NationalStep"
    assert text(back.root, "content/outcome") == "TACITE_FAVORABLE"


@pytest.mark.parametrize("name", TYPES)
def test_no_event_but_decision_is_a_decision(name: str) -> None:
    assert (TR.read(FR, example(FR, name), envelope=CONTEXT).type == "DecisionIssued") == (name == "DecisionIssued")


def test_the_needs_of_other_countries_are_read_in_the_annex() -> None:
    dossier = TR.write(FR, example("eu-1", "ApplicationSubmitted")).root
    paths = [entry.get("chemin", "") for entry in find(dossier, "AnnexeEU")]
    assert "content/form/section6[FINLAND]/country_id" in paths
    assert not any(path.startswith("content/form/section6[FRANCE]/inclusionCriteria") for path in paths)
    assert text(dossier, "Demande/besoins/pays") == "FRANCE"


def test_the_social_security_base_is_recoded_and_other_datasets_keep_their_id() -> None:
    dossier = TR.write(FR, example("eu-1", "ApplicationSubmitted")).root
    sets = find(dossier, "Demande/jeuxDeDonnees")
    assert [element.text for element in sets.iterfind(".//{*}composanteSNDS")] == ["BASE_PRINCIPALE"]
    assert "urn:example:dataset:fr-avc" in [element.text for element in sets.iterfind("{*}jeu/{*}identifiant")]


def test_an_unknown_purpose_is_kept_flagged_and_never_replaced() -> None:
    document = example("eu-1", "ApplicationSubmitted")
    find(document, "content/form/section2/purposeForWhichDataWillBeUsed/key").text = "zz"
    forth = TR.write(FR, document)
    unknown = [(problem.code, problem.value) for problem in forth.problems if problem.code != "review-due"]
    assert unknown == [("unmapped-value", "zz")]
    assert "finalites" in forth.problems[0].rule
    assert {loss.id for loss in forth.sign_off} == {"purpose"}
    back = TR.read(FR, forth.root, envelope=EnvelopeContext(), carry=forth.carry)
    assert canonical(back.root) == canonical(document)


def test_purposes_keep_their_letters() -> None:
    document = example("eu-1", "ApplicationSubmitted")
    for letter in "abcdef":
        find(document, "content/form/section2/purposeForWhichDataWillBeUsed/key").text = letter
        forth = TR.write(FR, document)
        back = TR.read(FR, forth.root, envelope=CONTEXT)
        assert text(back.root, "content/form/section2/purposeForWhichDataWillBeUsed/key") == letter


def test_a_missing_legal_basis_stays_missing() -> None:
    document = example("eu-1", "ApplicationSubmitted")
    section = find(document, "content/form/section5")
    section.remove(find(section, "legalBasis"))
    dossier = TR.write(FR, document).root
    assert dossier.find("{*}Demande/{*}basesLegales/{*}fondement") is None


def test_a_label_whose_choice_was_changed_is_orphaned_not_put_back() -> None:
    forth = TR.write(FR, example("eu-1", "ApplicationSubmitted"))
    find(forth.root, "Demande/rt/adresse/pays").text = "BE"
    back = TR.read(FR, forth.root, envelope=CONTEXT, carry=forth.carry)
    country = find(back.root, "content/form/section3/legalPersonCountry")
    assert [element.text for element in country] == ["BE"]
    assert [problem.path for problem in back.problems] == ["content/form/section3/legalPersonCountry/value"]
    assert back.problems[0].code == "orphaned"


def test_what_hangs_on_a_dataset_that_was_removed_is_orphaned() -> None:
    forth = TR.write(FR, example("eu-1", "ApplicationSubmitted"))
    sets = find(forth.root, "Demande/jeuxDeDonnees")
    sets.remove(find(sets, "jeu"))
    back = TR.read(FR, forth.root, envelope=CONTEXT, carry=forth.carry)
    assert any(
        "datasets[urn:example:dataset:fr-avc]" in problem.path or "AnnexeEU" in problem.path
        for problem in back.problems
    )
    assert "urn:example:dataset:fr-avc" not in [
        element.text for element in back.root.iterfind("{*}content/{*}datasets/{*}dataset_id")
    ]


def test_the_context_fills_what_the_dossier_does_not_say_and_nothing_else() -> None:
    dossier = example(FR, "StatusUpdate")
    back = TR.read(
        FR,
        dossier,
        envelope=EnvelopeContext(message_id="m-1", application_id="other", created_at="2030-01-01T00:00:00Z"),
    )
    assert text(back.root, "envelope/messageId") == "m-1"
    assert text(back.root, "envelope/applicationId") == text(dossier, "Entete/identifiantEU")
    assert text(back.root, "envelope/createdAt") == text(dossier, "Entete/dateEvenement")
    assert back.report.constants() == ["envelope/messageId"]


def test_what_a_snapshot_repeats_is_carried_and_never_sent() -> None:
    back = TR.read(FR, example(FR, "DecisionIssued"), envelope=CONTEXT)
    repeated = [
        row for row in back.report.fields() if row["source"].startswith(("Demande/", "Instruction/avisCESREES"))
    ]
    assert len(repeated) > 200
    assert {row["fate"] for row in repeated} == {"carried"}
    assert not back.sign_off


def test_a_partial_grant_loses_facts_on_the_wire_and_each_is_named() -> None:
    result = translate_between(TOOLS, (DATA / FR / "DecisionIssued.xml").read_bytes(), source=FR, target="eu-r7")
    lost = {loss.id for loss in result.sign_off}
    assert {"decision-kind", "refused-datasets", "conditions"} <= lost
    assert ("decision-kind", "content/kind", "downgraded") in {
        (loss.id, loss.path, loss.what) for loss in result.sign_off
    }
    row = next(
        row
        for row in result.report["fields"]
        if row["source"] == "Instruction/decision/perimetreRefuse/jeuRefuse[1]/identifiantJeu"
    )
    assert (row["fate"], row["target"]) == ("left-out", [])


def test_a_full_grant_says_all_on_the_wire_but_its_number_which_the_eu_1_document_beside_it_has() -> None:
    dossier = example(FR, "DecisionIssued")
    decision = find(dossier, "Instruction/decision")
    plain = {"referenceEU", "numeroDecision", "nature", "dateHeureDecision", "dateDecision", "signataire"}
    for child in list(decision):
        if etree.QName(child).localname not in plain:
            decision.remove(child)
    find(decision, "nature").text = "AUTORISATION"
    result = translate_between(TOOLS, etree.tostring(dossier), source=FR, target="eu-r7")
    assert result.sign_off == ()
    said = {child: text(decision, child) for child in ("referenceEU", "dateDecision")}
    year, month, day = said["dateDecision"].split("-")
    assert json.loads(result.document)["content"] == {
        "applicationId": said["referenceEU"],
        "decision": "Positive",
        "timestamp": f"{day}:{month}:{year}",
        "user": {
            "firstName": text(decision, "signataire/prenom"),
            "lastName": text(decision, "signataire/nomFamille"),
            "jobTitle": text(decision, "signataire/fonction"),
        },
    }
    here = "Instruction/decision/"
    lost = {row["source"]: row["what"] for row in result.report["lost"] if row["source"].startswith(here)}
    assert lost == {f"{here}numeroDecision": "dropped"}
    assert TOOLS.codec.beside("DecisionIssued").structured
    assert text(result.pivot, "content/decisionId") == text(decision, "numeroDecision")


def test_the_permit_is_the_union_of_decision_and_convention() -> None:
    dossier = example(FR, "PermitIssued")
    back = TR.read(FR, dossier, envelope=CONTEXT).root
    assert text(back, "content/decisionId") == text(dossier, "Instruction/permis/decision/numeroDecision")
    assert text(back, "content/permitId") == text(dossier, "Instruction/permis/convention/numeroPermis")
    assert text(back, "content/authorisedPersons/fullName") == text(
        dossier, "Instruction/permis/convention/annexe2Utilisateur/nom"
    )


def test_an_unknown_profile_event_or_element_is_refused_with_its_code() -> None:
    dossier = example(FR, "PeerStatus")
    with pytest.raises(TranslationError, match="no mapping") as unknown:
        TR.read("xx-1", dossier, envelope=CONTEXT)
    assert unknown.value.problems[0].code == "unknown-profile"
    dossier.remove(find(dossier, "Nouvelle"))
    with pytest.raises(TranslationError) as eventless:
        TR.read(FR, dossier, envelope=CONTEXT)
    assert eventless.value.problems[0].code == "unknown-message"
    etree.SubElement(find(example(FR, "StatusUpdate"), "Entete"), "x")
    strange = example(FR, "StatusUpdate")
    etree.SubElement(strange, "{urn:example:other}autre")
    with pytest.raises(TranslationError) as element:
        TR.read(FR, strange, envelope=CONTEXT)
    assert element.value.problems[0].code == "unexpected-element"


def test_a_carry_that_is_no_carry_is_refused() -> None:
    with pytest.raises(TranslationError) as caught:
        TR.write(FR, example("eu-1", "StatusUpdate"), carry=b"{}")
    assert caught.value.problems[0].code == "carry-unreadable"


def test_the_annex_of_an_application_repeated_in_a_decision_is_context() -> None:
    dossier = example(FR, "DecisionIssued")
    annex = find(TR.write(FR, example("eu-1", "ApplicationSubmitted")).root, "AnnexeEU")
    dossier.append(annex)
    assert GATE.validate(dossier), GATE.error_log
    back = TR.read(FR, dossier, envelope=CONTEXT)
    assert not back.problems
    assert not back.sign_off
    again = TR.write(FR, back.root, carry=back.carry)
    assert canonical(again.root) == canonical(dossier)


@pytest.mark.parametrize("name", TYPES)
def test_each_report_is_what_its_schema_says(name: str) -> None:
    check = Draft202012Validator(json.loads((SCHEMAS / "report.schema.json").read_text(encoding="utf-8")))
    forth = TR.write(FR, example("eu-1", name))
    back = TR.read(FR, example(FR, name), envelope=CONTEXT, carry=forth.carry)
    check.validate(forth.report.as_dict())
    check.validate(json.loads(back.report.to_bytes()))
    if name != "NationalStep":
        data = (DATA / FR / f"{name}.xml").read_bytes()
        check.validate(translate_between(TOOLS, data, source=FR, target="eu-1", envelope=CONTEXT).report)


def test_a_report_over_two_hops_names_the_first_source_and_the_last_target() -> None:
    data = (DATA / FR / "StatusUpdate.xml").read_bytes()
    result = translate_between(TOOLS, data, source=FR, target="eu-r7", envelope=CONTEXT)
    row = next(row for row in result.report["fields"] if row["source"] == "Instruction/suivi/statut")
    assert (row["fate"], row["table"], row["target"]) == ("recoded", "statuts", ["content/status"])
    assert json.loads(result.document)["content"]["status"] == "PROCESSING"


def test_there_and_back_between_two_profiles_keeps_the_document() -> None:
    data = (DATA / "eu-1/ApplicationSubmitted.xml").read_bytes()
    forth = translate_between(TOOLS, data, source="eu-1", target=FR)
    back = translate_between(TOOLS, forth.document, source=FR, target="eu-1", carry=forth.carry)
    parser = etree.XMLParser(remove_blank_text=True)
    assert canonical(etree.fromstring(back.document, parser)) == canonical(etree.fromstring(data, parser))


@pytest.mark.parametrize("number", ["0000.000.000", "0000000-0", "123 456 789"])
def test_a_register_number_of_another_country_is_no_siret_and_stands_beside_it(number: str) -> None:
    document = example("eu-1", "ApplicationSubmitted")
    country = find(document, "content/form/section3/legalPersonCountry")
    identifier = etree.Element(f"{{{etree.QName(country).namespace}}}legalPersonBusinessID")
    country.addnext(identifier)
    identifier.text = number
    forth = translator().write(FR, document)
    assert {problem.code for problem in forth.problems} <= {"review-due"}
    assert not forth.sign_off
    assert forth.root.find("{*}Demande/{*}rt/{*}siret") is None
    assert text(forth.root, "Demande/rt/autreIdentifiant") == number
    back = translator().read(FR, forth.root, envelope=EnvelopeContext(), carry=forth.carry)
    assert canonical(back.root) == canonical(document)


@pytest.mark.parametrize(
    ("siret", "other", "codes"),
    [
        ("00000000000000", "", []),
        ("", "0000.000.000", []),
        ("", "00000000000000", []),
        ("00000000000000", "00000000000000", []),
        ("00000000000000", "0000.000.000", ["two-values"]),
    ],
)
def test_a_register_number_comes_home_to_where_it_stood(siret: str, other: str, codes: list[str]) -> None:
    dossier = example(FR, "ApplicationOriginated")
    first = find(dossier, "Demande/rt/siret")
    second = etree.Element(f"{{{etree.QName(first).namespace}}}autreIdentifiant")
    first.addnext(second)
    for element, said in ((first, siret), (second, other)):
        element.text = said
        if not said:
            element.getparent().remove(element)
    assert GATE.validate(dossier), GATE.error_log
    told = translator().read(FR, dossier, envelope=CONTEXT)
    assert [problem.code for problem in told.problems] == codes
    assert text(told.root, "content/form/section3/legalPersonBusinessID") == siret or other
    home = translator().write(FR, told.root, carry=told.carry)
    assert canonical(home.root) == canonical(dossier)
