"""What acts, guidance and national procedures list, written down from them: schemas and tables have just that.

`tests/data/table-rows.csv` says of each row what it means. Here stand whole lists: a value that a schema and its table
lack alike is missing in both, and only the source tells.
"""

from __future__ import annotations

import tomllib

import pytest

from broker.translation.mapping_file import load_profile
from tests.support.sides import SCHEMAS, side

#: Enumerations of the national schemas: type, values, source.
FRENCH = [
    (
        "Procedure",
        "AUTORISATION MR-001 MR-003 MR-004 MR-005 MR-006 MR-007 MR-008 EGB PERMANENT",
        "LIL art. 66; CNIL MR-001 to MR-008; délibération of 16 July 2020; CSP art. R.1461-12",
    ),
    (
        "AvisCesrees",
        "FAVORABLE FAVORABLE_AVEC_RECOMMANDATIONS RESERVE DEFAVORABLE TACITE_FAVORABLE",
        "décret 2019-536 art. 90; arrêté of 5 May 2021",
    ),
    ("ResultatCnil", "AUTORISE REFUS TACITE", "LIL art. 66 V"),
    ("TypeRmo", "LABO BE RT", "arrêté of 17 July 2017"),
    ("TypeAppariement", "AUCUN DIRECT INDIRECT", "SNDS: directly by NIR, or indirectly"),
    ("TypeSupport", "PORTAIL_CNAM HDH SYSTEME_FILS AUTRE", "starter kit 4.2.2; arrêté of 22 March 2017"),
    (
        "ComposanteSNDS",
        "DCIR PMSI_MCO PMSI_SSR PMSI_HAD PMSI_RIM_P CEPIDC MDPH EGB ESND SI_DEP VACCIN_COVID DATAMARTS BASE_PRINCIPALE",
        "SNDS documentation; the main base by itself as MR-007 and MR-008 name it",
    ),
    (
        "NaturePiece",
        (
            "DPI_RESPONSABLE_TRAITEMENT DPI_RESPONSABLE_MISE_EN_OEUVRE DPI_LABORATOIRE_OU_BUREAU_ETUDES "
            "FORMULAIRE_CNIL RESUME_TYPE LISTE_FINANCEURS ATTESTATION_SECURITE_SNDS AVIS_COMITE AUTRE"
        ),
        "HDH starter kit; protocol, letter and AIPD have places of their own",
    ),
]
#: Lists of eu-1: file, table and column, values, source.
EUROPEAN = [
    (
        "decision-kinds.toml",
        ("kind", "code"),
        (
            "PERMIT_GRANTED PERMIT_PARTIALLY_GRANTED PERMIT_REFUSED REFUSED_WITH_STATISTICAL_RESPONSE REQUEST_APPROVED "
            "REQUEST_PARTIALLY_APPROVED REQUEST_REFUSED ACCESS_APPROVAL_GRANTED ACCESS_APPROVAL_REFUSED "
            "MUTUAL_RECOGNITION_GRANT NOT_ISSUED_INCOMPLETE AMENDMENT_GRANTED AMENDMENT_REFUSED EXTENSION_GRANTED "
            "EXTENSION_REFUSED REVOCATION"
        ),
        "Art. 54, 57(1)(j), 63(3), 68(3), (4), (5), (12), (13), 69; D6.3 section 6.6",
    ),
    (
        "application-statuses.toml",
        ("status", "code"),
        (
            "SUBMITTED PRE_SCREENING PROCESSING AWAITING_ADDITIONAL_INFORMATION DECISION_ISSUED WITHDRAWN "
            "POSITIVE_DECISION_ISSUED NEGATIVE_DECISION_ISSUED POSITIVE_DECISION_ACCEPTED NEGATIVE_DECISION_ACCEPTED "
            "POSITIVE_DECISION_REJECTED NEGATIVE_DECISION_APPEALED APPEAL_APPROVED APPEAL_REJECTED"
        ),
        "D6.4 v0.4 section 7.6, v0.5 Table 1 (a), (b)",
    ),
    (
        "permit-statuses.toml",
        ("status", "code"),
        (
            "GRANTED AMENDED RENEWED REVOKED EXPIRED RENEWAL_REQUESTED RENEWAL_REJECTED AMENDMENT_REQUESTED "
            "AMENDMENT_REJECTED REVOKE_APPEALED APPEAL_APPROVED APPEAL_REJECTED"
        ),
        "D6.4 v0.4 section 9.2, v0.5 section 9.3 Table 3",
    ),
    (
        "enforcement-measures.toml",
        ("measure", "code"),
        "REVOCATION STOP_PROCESSING EXCLUSION COMPLIANCE_ORDER PERIODIC_PENALTY FINE",
        "Art. 63(3), (4), (5), 64",
    ),
    (
        "enforcement-statuses.toml",
        ("status", "code"),
        "ACTIVE SUSPENDED_ON_APPEAL OVERTURNED COMPLIED CLOSED",
        "D4.1 section 8.6",
    ),
    ("purposes.toml", ("purpose", "key"), "a b c d e f", "Art. 53(1)"),
    (
        "health-categories.toml",
        ("category", "code"),
        "EHRS DIOH NRPE RPDG HRAD HGPD HPML PGEH WELA IDHP PHDR MRMR EHCT EMRD RMMD RQSH EINS",
        "Art. 51(1)(a) to (q); HealthDCAT-AP Release 8",
    ),
]
#: The seven purposes of Finland, and the points of Art. 53(1) that each may be (Act 552/2019 section 2).
FINNISH_PURPOSES = {
    "tieteellinen-tutkimus": "e",
    "tilastointi": "c",
    "opetus": "d",
    "viranomaisen-suunnittelu-ja-selvitys": "b",
    "kehittamis-ja-innovaatiotoiminta": "e",
    "tietojohtaminen": "bf",
    "ohjaus-ja-valvonta": "b",
}
#: Points of Art. 53(1) with a French purpose; d has none in research on the SNDS, f is a person's to look at.
FRENCH_PURPOSES = {
    "VEILLE_ET_SECURITE_SANITAIRES": "a",
    "POLITIQUES_PUBLIQUES": "b",
    "STATISTIQUE_PUBLIQUE": "c",
    "RECHERCHE_ETUDE_EVALUATION": "e",
}
#: Words of the French chain and of Findata for what D6.4 has a status for: profile, table, EU value, national word.
STATES = [
    ("fr-hdh-1", "statuts", "SUBMITTED", "DEPOSE"),
    ("fr-hdh-1", "statuts", "AWAITING_ADDITIONAL_INFORMATION", "INCOMPLET"),
    ("fr-hdh-1", "natures-decision", "PERMIT_GRANTED", "AUTORISATION"),
    ("fr-hdh-1", "natures-decision", "PERMIT_REFUSED", "REFUS"),
    ("fi-findata-1", "decision-kinds", "PERMIT_GRANTED", "myonteinen"),
    ("fi-findata-1", "decision-kinds", "PERMIT_REFUSED", "kielteinen"),
    ("fi-findata-1", "decision-kinds", "NOT_ISSUED_INCOMPLETE", "raukeava"),
    ("fi-findata-1", "application-types", "DATA_ACCESS_APPLICATION", "tietolupa"),
    ("fi-findata-1", "application-types", "DATA_REQUEST_APPLICATION", "tietopyynto"),
]
#: Answers of the forms (D6.3 Annexes 5, 6) in the words of either national schema, in the order of their keys.
ANSWERS = [
    ("fr-hdh-1", "oui-non", "OUI NON"),
    ("fi-findata-1", "yes-no", "kylla ei"),
    ("fr-hdh-1", "natures-personne", "PERSONNE_MORALE PERSONNE_PHYSIQUE"),
    ("fi-findata-1", "applicant-kinds", "organisaatio luonnollinen-henkilo"),
    ("fr-hdh-1", "types-facture", "PAPIER ELECTRONIQUE"),
    ("fi-findata-1", "invoice-types", "paperilasku verkkolasku"),
    (
        "fr-hdh-1",
        "tranches-financement",
        "MOINS_DE_10_K DE_10_A_50_K DE_50_A_100_K DE_100_A_500_K DE_500_K_A_1_M PLUS_DE_1_M",
    ),
    (
        "fi-findata-1",
        "funding-ranges",
        "alle-10000 10000-50000 50000-100000 100000-500000 500000-1000000 yli-1000000",
    ),
    ("fr-hdh-1", "formats-donnees", "ANONYMISEES PSEUDONYMISEES"),
    ("fi-findata-1", "data-formats", "anonymisoitu pseudonymisoitu"),
    ("fr-hdh-1", "constitutions-cohorte", "PAR_CRITERES COHORTE_EXISTANTE COMBINAISON POPULATION_ENTIERE"),
    ("fi-findata-1", "cohort-formation", "kriteerien-perusteella aiempi-kohortti yhdistelma koko-vaesto"),
    ("fr-hdh-1", "precisions-nombre", "ESTIMATION EXACT"),
    ("fi-findata-1", "size-precision", "arvio tarkka"),
    ("fr-hdh-1", "methodes-extraction", "ALEATOIRE EXHAUSTIVE AUTRE"),
    ("fi-findata-1", "extraction-methods", "satunnaisotanta kaikki muu"),
    ("fr-hdh-1", "frequences-extraction", "UNIQUE MULTIPLE"),
    ("fi-findata-1", "extraction-frequency", "kerran toistuvasti"),
    ("fr-hdh-1", "periodicites", "ANNUELLE SEMESTRIELLE TRIMESTRIELLE AUTRE"),
    ("fi-findata-1", "extraction-intervals", "vuosi puoli-vuotta vuosineljannes muu"),
    ("fr-hdh-1", "echeances-donnees", "DES_QUE_POSSIBLE PLUS_TARD"),
    ("fi-findata-1", "when-needed", "heti-kun-mahdollista myohemmin"),
]


def tables_of(profile: str) -> dict[str, dict[str, frozenset[str]]]:
    """By table and national word: the EU values that it may stand for."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for family in load_profile(SCHEMAS / "mappings" / profile).families.values():
        for name, table in family.tables.items():
            words: dict[str, frozenset[str]] = {word: frozenset({eu}) for eu, word in table.rows.items()}
            words |= {word: frozenset({eu}) for eu, several in table.several.items() for word in several}
            found[name] = words | {word: frozenset(values) for word, values in table.ambiguous.items()}
    return found


def enumerated(entry: str, name: str) -> set[str]:
    """The values of a named type."""
    found = {leaf.type.name: leaf.type.enumeration for root in side(entry).model.roots for leaf in _leaves(entry, root)}
    return set(found[name])


def _leaves(entry: str, root: str) -> tuple[object, ...]:
    return tuple(side(entry).model.leaves(root))


@pytest.mark.parametrize(("name", "values", "source"), FRENCH, ids=[row[0] for row in FRENCH])
def test_a_french_list_has_what_its_source_lists_and_nothing_else(name: str, values: str, source: str) -> None:
    assert enumerated("fr/1/hdh.xsd", name) == set(values.split()), source


@pytest.mark.parametrize(("file", "where", "values", "source"), EUROPEAN, ids=[row[0] for row in EUROPEAN])
def test_a_list_of_eu_1_has_what_its_source_lists_and_nothing_else(
    file: str, where: tuple[str, str], values: str, source: str
) -> None:
    table, column = where
    rows = tomllib.loads((SCHEMAS / "codelists" / file).read_text("utf-8"))[table]
    assert [row[column] for row in rows if row[column] not in values.split()] == [], source
    assert {row[column] for row in rows} == set(values.split()), source


@pytest.mark.parametrize(
    ("profile", "table", "purposes"),
    [("fi-findata-1", "purposes", FINNISH_PURPOSES), ("fr-hdh-1", "finalites", FRENCH_PURPOSES)],
)
def test_each_national_purpose_is_the_points_that_it_may_be(profile: str, table: str, purposes: dict[str, str]) -> None:
    assert tables_of(profile)[table] == {word: frozenset(points) for word, points in purposes.items()}


@pytest.mark.parametrize(("profile", "table", "eu", "word"), STATES)
def test_a_word_of_a_national_procedure_is_the_status_that_it_is(profile: str, table: str, eu: str, word: str) -> None:
    assert tables_of(profile)[table][word] == {eu}


@pytest.mark.parametrize(("profile", "table", "words"), ANSWERS, ids=[f"{row[0]} {row[1]}" for row in ANSWERS])
def test_each_key_of_the_form_has_the_word_of_its_answer(profile: str, table: str, words: str) -> None:
    assert tables_of(profile)[table] == {
        word: frozenset(key) for key, word in zip("abcdef", words.split(), strict=False)
    }
