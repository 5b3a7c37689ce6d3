"""Every recode table, whole, written down from its sources: a row that was changed is named, whatever was published.

The lists of `test_lists_of_the_sources.py` follow the keys of the form; here stand those whose values are words on both
sides. Together they leave out no table, and none of them was read from a mapping or from `tests/data/table-rows.csv`.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import check_lock, write_lock
from tests.fidelity.ways import profile_names
from tests.support.sides import SCHEMAS
from tests.unit.translation.test_lists_of_the_sources import ANSWERS

if TYPE_CHECKING:
    from pathlib import Path

    from broker.translation.mapping_file import Profile

#: D7.3 section 6, Art. 55, 75: the parties.
ROLES = "HDAB NCP CENTRAL_PLATFORM AUTHORISED_PARTICIPANT UNION_SERVICE"
#: D6.3 section 7.11: what an amendment changes.
CHANGES = "PERSONNEL EXTENSION ACCESS_RIGHTS TECHNICAL OTHER"
#: Art. 63(3) to (5), 64.
MEASURES = "REVOCATION STOP_PROCESSING EXCLUSION COMPLIANCE_ORDER PERIODIC_PENALTY FINE"
#: D4.1 section 8.6.
MEASURE_STATUSES = "ACTIVE SUSPENDED_ON_APPEAL OVERTURNED COMPLIED CLOSED"
#: D6.4 v0.4 section 7.6, v0.5 Table 1 (a), (b).
STATUSES = (
    "SUBMITTED PRE_SCREENING PROCESSING AWAITING_ADDITIONAL_INFORMATION DECISION_ISSUED WITHDRAWN "
    "POSITIVE_DECISION_ISSUED NEGATIVE_DECISION_ISSUED POSITIVE_DECISION_ACCEPTED NEGATIVE_DECISION_ACCEPTED "
    "POSITIVE_DECISION_REJECTED NEGATIVE_DECISION_APPEALED APPEAL_APPROVED APPEAL_REJECTED"
)
#: D6.4 v0.5 section 9.3 Table 3.
PERMIT_STATUSES = (
    "GRANTED RENEWAL_REQUESTED RENEWED RENEWAL_REJECTED EXPIRED AMENDMENT_REQUESTED AMENDED AMENDMENT_REJECTED REVOKED "
    "REVOKE_APPEALED APPEAL_APPROVED APPEAL_REJECTED"
)
#: Art. 54, 61(1), 63(3), 68(3) to (5), (12), (13), 69; D6.3 section 6.6.
DECISIONS = (
    "PERMIT_GRANTED PERMIT_PARTIALLY_GRANTED PERMIT_REFUSED REFUSED_WITH_STATISTICAL_RESPONSE REQUEST_APPROVED "
    "REQUEST_PARTIALLY_APPROVED REQUEST_REFUSED ACCESS_APPROVAL_GRANTED ACCESS_APPROVAL_REFUSED "
    "MUTUAL_RECOGNITION_GRANT NOT_ISSUED_INCOMPLETE AMENDMENT_GRANTED AMENDMENT_REFUSED EXTENSION_GRANTED "
    "EXTENSION_REFUSED REVOCATION"
)
#: ISO 3166-1: the member states and the EEA, by English name and alpha-2, as the wire and Findata write them.
COUNTRIES = (
    "BELGIUM BE, BULGARIA BG, CZECHIA CZ, DENMARK DK, GERMANY DE, ESTONIA EE, IRELAND IE, GREECE GR, SPAIN ES, "
    "FRANCE FR, CROATIA HR, ITALY IT, CYPRUS CY, LATVIA LV, LITHUANIA LT, LUXEMBOURG LU, HUNGARY HU, MALTA MT, "
    "NETHERLANDS NL, AUSTRIA AT, POLAND PL, PORTUGAL PT, ROMANIA RO, SLOVENIA SI, SLOVAKIA SK, FINLAND FI, SWEDEN SE, "
    "ICELAND IS, LIECHTENSTEIN LI, NORWAY NO"
)
#: Components of the SNDS (SNDS documentation), behind the identifiers of the examples.
COMPONENTS = "dcir pmsi-mco pmsi-ssr pmsi-had pmsi-rim-p cepidc mdph egb esnd si-dep vaccin-covid datamarts"

#: Profile, table, values of eu-1 and national words in the same order.
WHOLE = [
    (
        "fi-findata-1",
        "countries",
        *(" ".join(column) for column in zip(*(c.split() for c in COUNTRIES.split(", ")), strict=True)),
    ),
    # Regulation (EU) 2016/679 Art. 6(1): consent, contract, legal obligation, vital interests, public interest, and
    # legitimate interests
    (
        "fi-findata-1",
        "gdpr-article-6",
        "1 2 3 4 5 6",
        "suostumus sopimus lakisaateinen-velvoite elintarkeat-edut yleinen-etu oikeutettu-etu",
    ),
    (
        "fi-findata-1",
        "participant-roles",
        ROLES,
        "tietolupaviranomainen kansallinen-yhteyspiste keskusalusta valtuutettu-osallistuja unionin-palvelu",
    ),
    ("fi-findata-1", "change-kinds", CHANGES, "henkilot jatkoaika kayttooikeudet tekninen muu"),
    ("fr-hdh-1", "natures-modification", CHANGES, "PERSONNES PROLONGATION DROITS_ACCES TECHNIQUE AUTRE"),
    ("fi-findata-1", "applicant-responses", "ACCEPT REJECT", "hyvaksyy hylkaa"),
    ("fr-hdh-1", "reponses-demandeur", "ACCEPT REJECT", "ACCEPTE DECLINE"),
    ("fi-findata-1", "fee-responses", "ACCEPT REJECT REDUCE", "hyvaksyy hylkaa supistaa"),
    ("fr-hdh-1", "reponses-couts", "ACCEPT REJECT REDUCE", "ACCEPTE REFUSE REDUIT"),
    ("fi-findata-1", "application-types", "DATA_ACCESS_APPLICATION DATA_REQUEST_APPLICATION", "tietolupa tietopyynto"),
    ("fi-findata-1", "dataset-operations", "createDataset updateDataset deleteDataset", "lisays muutos poisto"),
    ("fr-hdh-1", "operations-notice", "createDataset updateDataset deleteDataset", "CREATION MISE_A_JOUR SUPPRESSION"),
    ("fi-findata-1", "subject-kinds", "USER HOLDER", "tiedon-hyodyntaja tiedonhaltija"),
    ("fr-hdh-1", "natures-sujet", "USER HOLDER", "UTILISATEUR DETENTEUR"),
    (
        "fi-findata-1",
        "enforcement-measures",
        MEASURES,
        "luvan-peruuttaminen kasittelyn-keskeyttaminen kielto maarays uhkasakko seuraamusmaksu",
    ),
    ("fr-hdh-1", "mesures", MEASURES, "RETRAIT_PERMIS ARRET_TRAITEMENT EXCLUSION INJONCTION ASTREINTE AMENDE"),
    (
        "fi-findata-1",
        "enforcement-statuses",
        MEASURE_STATUSES,
        "voimassa keskeytetty-muutoksenhaun-vuoksi kumottu noudatettu paatetty",
    ),
    ("fr-hdh-1", "statuts-mesure", MEASURE_STATUSES, "EN_VIGUEUR SUSPENDUE_PAR_RECOURS ANNULEE EXECUTEE CLOSE"),
    (
        "fi-findata-1",
        "application-statuses",
        STATUSES,
        (
            "saapunut esitarkastuksessa kasittelyssa odottaa-lisaselvitysta paatetty rauennut "
            "myonteinen-paatos-annettu kielteinen-paatos-annettu myonteinen-paatos-hyvaksytty "
            "kielteinen-paatos-hyvaksytty myonteinen-paatos-hylatty kielteisesta-paatoksesta-valitettu "
            "valitus-hyvaksytty valitus-hylatty"
        ),
    ),
    (
        "fr-hdh-1",
        "statuts",
        STATUSES,
        (
            "DEPOSE EXAMEN_RECEVABILITE EN_INSTRUCTION INCOMPLET DECISION_RENDUE RETIRE DECISION_FAVORABLE "
            "DECISION_DEFAVORABLE DECISION_FAVORABLE_ACCEPTEE DECISION_DEFAVORABLE_ACCEPTEE "
            "DECISION_FAVORABLE_DECLINEE RECOURS_FORME RECOURS_ADMIS RECOURS_REJETE"
        ),
    ),
    (
        "fi-findata-1",
        "permit-statuses",
        PERMIT_STATUSES,
        (
            "voimassa jatkoa-haettu jatkettu jatko-hylatty paattynyt muutosta-haettu muutettu muutos-hylatty "
            "peruutettu peruutuksesta-valitettu valitus-hyvaksytty valitus-hylatty"
        ),
    ),
    (
        "fr-hdh-1",
        "statuts-permis",
        PERMIT_STATUSES,
        (
            "ACCORDE RENOUVELLEMENT_DEMANDE RENOUVELE RENOUVELLEMENT_REFUSE EXPIRE MODIFICATION_DEMANDEE MODIFIE "
            "MODIFICATION_REFUSEE RETIRE RETRAIT_CONTESTE RECOURS_ADMIS RECOURS_REJETE"
        ),
    ),
    (
        "fi-findata-1",
        "decision-kinds",
        DECISIONS,
        (
            "myonteinen osittain-myonteinen kielteinen kielteinen-tilastovastauksin tietopyynto-myonteinen "
            "tietopyynto-osittain-myonteinen tietopyynto-kielteinen kayttohyvaksynta-myonteinen "
            "kayttohyvaksynta-kielteinen vastavuoroinen-tunnustaminen raukeava muutoslupa-myonteinen "
            "muutoslupa-kielteinen jatkolupa-myonteinen jatkolupa-kielteinen luvan-peruuttaminen"
        ),
    ),
    (
        "fr-hdh-1",
        "natures-decision",
        DECISIONS,
        (
            "AUTORISATION AUTORISATION_PARTIELLE REFUS REFUS_AVEC_REPONSE_STATISTIQUE REQUETE_APPROUVEE "
            "REQUETE_PARTIELLEMENT_APPROUVEE REQUETE_REFUSEE ACCES_APPROUVE ACCES_REFUSE RECONNAISSANCE_MUTUELLE "
            "SANS_SUITE_INCOMPLET MODIFICATION_ACCORDEE MODIFICATION_REFUSEE PROLONGATION_ACCORDEE "
            "PROLONGATION_REFUSEE RETRAIT_AUTORISATION"
        ),
    ),
    # CSCfi/rems: application.event/approved, rejected, revoked, and the line [outcome] of the comment
    (
        "rems-1",
        "outcomes",
        DECISIONS,
        (
            "permit-approved permit-partly-approved permit-rejected permit-rejected-with-statistics request-approved "
            "request-partly-approved request-rejected access-approved access-rejected permit-recognised "
            "closed-incomplete amendment-approved amendment-rejected extension-approved extension-rejected "
            "permit-revoked"
        ),
    ),
    (
        "fr-hdh-1",
        "composantes-snds",
        " ".join(
            ("urn:example:dataset:fr-snds", *(f"urn:example:dataset:fr-snds-{one}" for one in COMPONENTS.split()))
        ),
        " ".join(("BASE_PRINCIPALE", COMPONENTS.upper().replace("-", "_"))),
    ),
    # The seven purposes of Act 552/2019 section 2; those that may be two points of Art. 53(1) have no row
    (
        "fr-hdh-1",
        "finalites",
        "a b c e",
        "VEILLE_ET_SECURITE_SANITAIRES POLITIQUES_PUBLIQUES STATISTIQUE_PUBLIQUE RECHERCHE_ETUDE_EVALUATION",
    ),
    *((profile, table, " ".join("abcdef"[: len(words.split())]), words) for profile, table, words in ANSWERS),
]
#: What a Finnish purpose may be has its own test, which knows that one may be two points of Art. 53(1).
ELSEWHERE = {("fi-findata-1", "purposes")}
SAID = {(profile, table): dict(zip(eu.split(), words.split(), strict=True)) for profile, table, eu, words in WHOLE}


def wrong_rows(profile: Profile) -> list[str]:
    """File and line of each table with a row that its sources do not have, or without one that they have; and which."""
    tables = {name: table for family in profile.families.values() for name, table in family.tables.items()}
    return [
        f"{tables[name].at}: {eu} = {tables[name].rows.get(eu, '-')}; its sources say {rows.get(eu, '-')}"
        for (owner, name), rows in SAID.items()
        if owner == profile.name
        for eu in sorted({*rows, *tables[name].rows})
        if tables[name].rows.get(eu) != rows.get(eu)
    ]


@pytest.mark.parametrize("name", profile_names())
def test_every_row_of_every_table_is_as_its_sources_have_it(name: str) -> None:
    assert wrong_rows(load_profile(SCHEMAS / "mappings" / name)) == []


@pytest.mark.parametrize("name", profile_names())
def test_no_table_is_without_a_list_that_was_written_from_its_sources(name: str) -> None:
    families = load_profile(SCHEMAS / "mappings" / name).families.values()
    assert {(name, table) for family in families for table in family.tables} - SAID.keys() - ELSEWHERE == set()


@pytest.mark.parametrize(
    ("profile", "table"), sorted(SAID), ids=[f"{profile} {table}" for profile, table in sorted(SAID)]
)
def test_two_rows_that_are_swapped_and_published_anew_are_named_with_file_and_line(
    tmp_path: Path, profile: str, table: str
) -> None:
    copy = tmp_path / profile
    shutil.copytree(SCHEMAS / "mappings" / profile, copy)
    one, other = list(SAID[profile, table].values())[:2]
    file = copy / "tables" / f"{table}.toml"
    words = {f'"{one}"': f'"{other}"', f'"{other}"': f'"{one}"'}
    swapped = re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], file.read_text(encoding="utf-8"))
    file.write_text(swapped, encoding="utf-8")
    changed = load_profile(copy)
    write_lock(changed, copy)
    assert not list(check_lock(load_profile(copy), copy)), "published: the lock says nothing"
    told = wrong_rows(changed)
    assert len(told) == 2
    assert all(re.match(rf"{profile}/tables/{table}\.toml:\d+: ", fault) for fault in told), told
