"""The French chain: a road for each procedure, walked along its table together with the leg's."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from broker.model.lifecycle import NONE, Step, advance, off_branch, read_lifecycle
from tests.support.sides import SCHEMAS
from tests.unit.model.test_lifecycle import AT, LEG, STATES, after, allowed, event, guarded, leg, refusal, states_of

CHAIN = read_lifecycle(tomllib.loads((SCHEMAS / "lifecycles/fr-hdh.toml").read_text("utf-8")))
CHAIN_STATES = states_of(CHAIN)
CHAIN_EVENTS = tuple(sorted({step.on for step in CHAIN.steps}))
#: The leg's own steps before and after those of a procedure.
INTAKE = ("ApplicationSubmitted", "ApplicationAck", "StatusUpdate:PRE_SCREENING")
REGISTERED = ("NationalStep:CONFORMITE_DECLAREE", "NationalStep:REPERTOIRE")
COSTS = ("FeeEstimate", "FeeResponse:ACCEPT")
END = ("DecisionIssued:positive", "ApplicantResponse:ACCEPT", "PermitIssued")
STEP = "NationalStep"

#: Each procedure of the dossier: the national steps before its decision, and the states that it passes.
ROADS = {
    "AUTORISATION": (
        (f"{STEP}:AVIS_CESREES:FAVORABLE", f"{STEP}:TRANSMISSION_CNIL", f"{STEP}:SEANCE_CNIL:AUTORISE"),
        ("DEPOSE", "AU_CESREES", "AVIS_RENDU", "A_LA_CNIL", "CNIL_AUTORISE", "DECISION_CNIL"),
    ),
    **dict.fromkeys(
        ("MR-004", "MR-005", "MR-006"),
        (
            REGISTERED,
            ("DEPOSE", "MR_DEPOSE", "MR_A_DECLARER", "CONFORMITE_DECLAREE", "REPERTOIRE", "DECISION_MR"),
        ),
    ),
    **dict.fromkeys(
        ("MR-007", "MR-008"),
        (
            (f"{STEP}:AVIS_CESREES:FAVORABLE", *REGISTERED),
            (
                *("DEPOSE", "MR_SNDS_DEPOSE", "MR_AU_CESREES", "AVIS_EXPRESSEMENT_FAVORABLE"),
                *("CONFORMITE_DECLAREE", "REPERTOIRE", "DECISION_MR"),
            ),
        ),
    ),
    **dict.fromkeys(
        ("MR-001", "MR-003"),
        (
            (f"{STEP}:AVIS_CPP:FAVORABLE", f"{STEP}:CONFORMITE_DECLAREE"),
            ("DEPOSE", "RIPH_DEPOSE", "AU_CPP", "AVIS_CPP_FAVORABLE", "RIPH_CONFORMITE_DECLAREE", "DECISION_MR"),
        ),
    ),
    "EGB": (
        (f"{STEP}:APPROBATION_HDH",),
        ("DEPOSE", "EGB_DEPOSE", "EGB_INSTRUCTION", "EGB_APPROUVE", "DECISION_HDH"),
    ),
    "PERMANENT": (
        (f"{STEP}:INSCRIPTION_LISTES",),
        ("DEPOSE", "PERMANENT_DEPOSE", "PERMANENT_A_INSCRIRE", "PERMANENT_INSCRIT", "DECISION_HDH"),
    ),
}


def road(procedure: str) -> tuple[str, ...]:
    """Every event of a procedure up to the permit."""
    return (*assessed(procedure), *ROADS[procedure][0], *COSTS, *END)


def assessed(procedure: str) -> tuple[str, ...]:
    """Up to the assessment."""
    return (*INTAKE, f"{STEP}:PROCEDURE:{procedure}", "StatusUpdate:PROCESSING")


def test_each_procedure_of_the_dossier_has_its_road() -> None:
    text = (
        (SCHEMAS / "fr/1/types.xsd").read_text("utf-8").partition('name="Procedure"')[2].partition("</xs:simpleType")[0]
    )
    assert {part.partition('"')[0] for part in text.split('enumeration value="')[1:]} == set(ROADS)


@pytest.mark.parametrize("procedure", sorted(ROADS))
def test_each_procedure_leads_over_its_own_steps_to_the_convention(procedure: str) -> None:
    one, seen = leg(), []
    for name in road(procedure):
        one = after(one, name, national=CHAIN)
        seen.append(one.national_state)
    assert (one.state, one.national_state) == ("GRANTED", "CONVENTION_SIGNEE")
    assert list(dict.fromkeys(seen)) == [*ROADS[procedure][1], "CONVENTION_SIGNEE"]


@pytest.mark.parametrize("procedure", sorted(ROADS))
def test_no_procedure_decides_without_its_steps(procedure: str) -> None:
    one = after(leg(), *assessed(procedure), *COSTS, national=CHAIN)
    problem = refusal(one, "DecisionIssued:positive", national=CHAIN)
    assert (problem.code, problem.value) == ("illegal-national-step", one.national_state)
    assert ROADS[procedure][1][-2] in problem.hint
    assert after(one, "DecisionIssued:positive").state == "POSITIVE_DECISION_ISSUED"  # without the chain it is lawful


def test_without_a_word_on_the_procedure_the_file_needs_an_authorisation() -> None:
    one = after(leg(), *INTAKE, "StatusUpdate:PROCESSING", f"{STEP}:AVIS_CESREES:FAVORABLE", national=CHAIN)
    assert one.national_state == "AVIS_RENDU"
    problem = refusal(one, f"{STEP}:CONFORMITE_DECLAREE", national=CHAIN)
    assert (problem.code, problem.value) == ("illegal-national-step", "AVIS_RENDU")


@pytest.mark.parametrize("opinion", ["TACITE_FAVORABLE", "RESERVE", "DEFAVORABLE", ""])
def test_only_an_expressly_favourable_opinion_opens_the_methodology(opinion: str) -> None:
    """CNIL délibération 2023-082: the expiry of the period is worth a favourable opinion, but not an express one."""
    one = after(leg(), *assessed("MR-007"), f"{STEP}:AVIS_CESREES:{opinion}", *COSTS, national=CHAIN)
    assert one.national_state == "MR_FERMEE"
    for closed in (f"{STEP}:CONFORMITE_DECLAREE", "DecisionIssued:positive", "DecisionIssued:negative"):
        assert refusal(one, closed, national=CHAIN).code == "illegal-national-step"
    assert after(one, f"{STEP}:TRANSMISSION_CNIL", "DecisionIssued:positive", national=CHAIN).national_state == (
        "DECISION_CNIL"
    )


def test_recommendations_are_integrated_before_conformity_is_declared() -> None:
    one = after(leg(), *assessed("MR-007"), f"{STEP}:AVIS_CESREES:FAVORABLE_AVEC_RECOMMANDATIONS", national=CHAIN)
    assert refusal(one, f"{STEP}:CONFORMITE_DECLAREE", national=CHAIN).value == "RECOMMANDATIONS_A_INTEGRER"
    one = after(one, f"{STEP}:RECOMMANDATIONS_INTEGREES", f"{STEP}:CONFORMITE_DECLAREE", national=CHAIN)
    assert one.national_state == "CONFORMITE_DECLAREE"


@pytest.mark.parametrize(
    ("procedure", "way", "body", "then"),
    [
        ("AUTORISATION", (), "CESREES", f"{STEP}:AVIS_CESREES"),
        ("MR-007", (), "CESREES", f"{STEP}:AVIS_CESREES:FAVORABLE"),
        ("AUTORISATION", (f"{STEP}:AVIS_CESREES", f"{STEP}:TRANSMISSION_CNIL"), "CNIL", f"{STEP}:SEANCE_CNIL:AUTORISE"),
    ],
)
def test_cesrees_and_the_cnil_renew_their_period_once(
    procedure: str, way: tuple[str, ...], body: str, then: str
) -> None:
    one = after(leg(), *assessed(procedure), *way, national=CHAIN)
    longer = after(one, f"{STEP}:PROLONGATION:{body}", national=CHAIN)
    assert longer.national_state == f"{one.national_state}_PROLONGE"
    assert refusal(longer, f"{STEP}:PROLONGATION:{body}", national=CHAIN).code == "illegal-national-step"
    assert after(longer, then, national=CHAIN).national_state == after(one, then, national=CHAIN).national_state


def test_nobody_renews_the_period_of_another() -> None:
    one = after(leg(), *assessed("AUTORISATION"), national=CHAIN)
    assert refusal(one, f"{STEP}:PROLONGATION:CNIL", national=CHAIN).code == "illegal-national-step"
    assert refusal(one, f"{STEP}:PROLONGATION", national=CHAIN).code == "illegal-national-step"


@pytest.mark.parametrize("procedure", sorted(ROADS))
def test_a_file_is_on_the_road_that_was_chosen_for_it(procedure: str) -> None:
    one = after(leg(), *assessed(procedure), national=CHAIN)
    assert off_branch(one, procedure, CHAIN) == off_branch(one, "", CHAIN) == ()
    other = "EGB" if procedure != "EGB" else "PERMANENT"
    (problem,) = off_branch(one, other, CHAIN)
    assert (problem.code, problem.path, problem.value) == ("branch-contradicted", "Demande/procedure", other)
    assert problem.rule == f"fr-hdh: {procedure}"


def test_before_a_procedure_was_taken_a_dossier_may_name_any() -> None:
    assert off_branch(after(leg(), *INTAKE, national=CHAIN), "EGB", CHAIN) == ()


@pytest.mark.parametrize(
    "way",
    [
        (f"{STEP}:AVIS_CESREES:TACITE_FAVORABLE", f"{STEP}:TRANSMISSION_CNIL"),
        (f"{STEP}:PROCEDURE:AUTORISATION",),
    ],
)
def test_a_file_for_which_the_methodology_closed_is_on_the_road_of_an_authorisation(way: tuple[str, ...]) -> None:
    one = after(leg(), *assessed("MR-007"), *way, national=CHAIN)
    assert off_branch(one, "AUTORISATION", CHAIN) == ()
    assert off_branch(one, "MR-007", CHAIN)[0].rule == "fr-hdh: AUTORISATION"


def test_the_public_interest_may_be_looked_at_before_the_cnil() -> None:
    one = after(leg(), *assessed("AUTORISATION"), f"{STEP}:AVIS_CESREES", f"{STEP}:INTERET_PUBLIC", national=CHAIN)
    assert one.national_state == "INTERET_PUBLIC"
    assert after(one, f"{STEP}:TRANSMISSION_CNIL", national=CHAIN).national_state == "A_LA_CNIL"


def test_the_silence_of_the_cnil_is_no_decision_before_an_explicit_act() -> None:
    heard = (f"{STEP}:AVIS_CESREES", f"{STEP}:TRANSMISSION_CNIL", f"{STEP}:SEANCE_CNIL:TACITE")
    one = after(leg(), *assessed("AUTORISATION"), *heard, *COSTS, national=CHAIN)
    assert refusal(one, "DecisionIssued:positive", national=CHAIN).value == "CNIL_TACITE"
    told = after(one, f"{STEP}:ACTE_EXPLICITE", "DecisionIssued:positive", national=CHAIN)
    assert (told.state, told.national_state) == ("POSITIVE_DECISION_ISSUED", "DECISION_CNIL")


def test_what_the_cnil_said_is_what_may_be_told() -> None:
    heard = (f"{STEP}:AVIS_CESREES", f"{STEP}:TRANSMISSION_CNIL", f"{STEP}:SEANCE_CNIL:REFUS")
    one = after(leg(), *assessed("AUTORISATION"), *heard, *COSTS, national=CHAIN)
    assert refusal(one, "DecisionIssued:positive", national=CHAIN).value == "CNIL_REFUS"
    assert after(one, "DecisionIssued:negative", national=CHAIN).national_state == "REFUS_CNIL"


@pytest.mark.parametrize("procedure", sorted(set(ROADS) - {"AUTORISATION"}))
def test_a_file_for_which_a_procedure_is_closed_is_authorised_one_by_one(procedure: str) -> None:
    early = after(leg(), *INTAKE, f"{STEP}:PROCEDURE:{procedure}", f"{STEP}:PROCEDURE:AUTORISATION", national=CHAIN)
    assert early.national_state == "DEPOSE"
    late = after(leg(), *assessed(procedure), f"{STEP}:PROCEDURE:AUTORISATION", national=CHAIN)
    assert late.national_state == "AU_CESREES"


@pytest.mark.parametrize(
    ("way", "begins", "then"),
    [
        ("CESREES", "AU_CESREES", (f"{STEP}:AVIS_CESREES", f"{STEP}:TRANSMISSION_CNIL")),
        ("CNIL", "A_LA_CNIL", (f"{STEP}:SEANCE_CNIL:AUTORISE",)),
        (
            "MR",
            "MR_AU_CESREES",
            (f"{STEP}:AVIS_CESREES:FAVORABLE", *REGISTERED),
        ),
    ],
)
def test_a_change_of_the_permit_begins_again_with_the_opinion_or_the_cnil(
    way: str, begins: str, then: tuple[str, ...]
) -> None:
    one = after(leg(), *road("AUTORISATION"), "AmendmentRequest", f"{STEP}:MODIFICATION:{way}", national=CHAIN)
    assert (one.state, one.national_state) == ("GRANTED", begins)
    assert after(one, *then, "PermitStatusChange:AMENDED", national=CHAIN).national_state == "CONVENTION_SIGNEE"
    assert after(one, "PermitStatusChange:AMENDMENT_REJECTED", national=CHAIN).national_state == "CONVENTION_SIGNEE"


def test_a_change_refused_by_the_cnil_leaves_the_permit_as_it_was() -> None:
    refused = (f"{STEP}:MODIFICATION:CNIL", f"{STEP}:SEANCE_CNIL:REFUS")
    one = after(leg(), *road("AUTORISATION"), *refused, national=CHAIN)
    assert refusal(one, "PermitStatusChange:AMENDED", national=CHAIN).value == "CNIL_REFUS"
    assert after(one, "PermitStatusChange:REVOKED", national=CHAIN).national_state == "CNIL_REFUS"
    assert after(one, "PermitStatusChange:AMENDMENT_REJECTED", national=CHAIN).national_state == "CONVENTION_SIGNEE"


def expected(state: str, name: str) -> Step | None:
    """The row of the table for an event, said a second time: with its outcome where the state has such a row."""
    wanted = (name, name.rpartition(":")[0]) if name.count(":") > 1 else (name,)
    return next((row for one in wanted for row in CHAIN.steps if row.on == one and allowed(CHAIN, row, state)), None)


@pytest.mark.parametrize("state", sorted(CHAIN_STATES))
def test_every_pair_of_the_chain_is_a_step_or_refused(state: str) -> None:
    for name in CHAIN_EVENTS:
        kind = name.partition(":")[0]
        step = next(step for on in (name, kind) for step in LEG.steps if step.on == on)
        start = next(one for one in sorted(STATES) if allowed(LEG, step, one))
        one = leg(start, national_state=state, facts=guarded(step)["facts"])
        row = expected(state, name)
        if row:
            change = advance(one, event(name), lifecycle=LEG, national=CHAIN, at=AT)
            assert (change.national_step, change.leg.national_state) == (row, state if row.to == "SAME" else row.to)
        else:
            problem = refusal(one, name, national=CHAIN)
            assert problem.code == "illegal-national-step"
            assert problem.hint.startswith("It is possible from: ")


def test_no_two_rows_of_the_chain_claim_the_same_event_in_one_state() -> None:
    claims = [(state, step.on) for step in CHAIN.steps for state in step.sources]
    assert len(claims) == len(set(claims))
    assert {state for state in CHAIN_STATES if state != NONE} == {step.to for step in CHAIN.steps} - {"SAME"}


def test_a_national_step_or_an_outcome_that_the_chain_does_not_know_is_refused() -> None:
    one = leg("PROCESSING", national_state="AU_CESREES")
    problem = refusal(one, f"{STEP}:HOROSCOPE", national=CHAIN)
    assert (problem.code, problem.hint) == ("illegal-national-step", "It is possible from: no state.")
    chosen = refusal(leg("PROCESSING", national_state="DEPOSE"), f"{STEP}:PROCEDURE:MR-999", national=CHAIN)
    assert (chosen.code, "MR-999" in str(chosen)) == ("illegal-national-step", False)
    assert "DEPOSE (MR-007)" in chosen.hint


def test_the_chain_does_not_speak_of_what_it_does_not_name() -> None:
    one = leg("PROCESSING", national_state="AU_CESREES")
    asked = advance(one, event("AdditionalInfoRequest"), lifecycle=LEG, national=CHAIN, at=AT)
    assert (asked.national_step, asked.leg.national_state) == (None, "AU_CESREES")


def test_a_refused_event_leaves_no_trace() -> None:
    one = leg("RECEIVED", facts={"acknowledged": "x"}, national_state="DEPOSE")
    copy = replace(one, facts=dict(one.facts))
    refusal(one, "PermitIssued", national=CHAIN)
    assert one == copy


@pytest.mark.parametrize(
    ("procedure", "clocks"),
    [
        ("AUTORISATION", ["HDH_COMPLETE", "CESREES_1M", "CNIL_2M"]),
        ("MR-004", ["HDH_COMPLETE"]),
        ("MR-007", ["HDH_COMPLETE", "CESREES_1M"]),
        ("EGB", ["HDH_COMPLETE", "EGB_15D"]),
    ],
)
def test_the_periods_of_a_procedure_begin_and_end_with_its_steps(procedure: str, clocks: list[str]) -> None:
    one, started, running = leg(), [], set[str]()
    for name in road(procedure):
        change = advance(one, event(name), lifecycle=LEG, national=CHAIN, at=AT)
        one = change.leg
        for step in change.steps[1:]:
            running -= set(step.stops)
            running |= set(step.starts)
            started += step.starts
    assert (started, running) == (clocks, set())
