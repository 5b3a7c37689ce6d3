"""A French office says which procedure its file takes, and what it may tell hangs on it: every step is a message."""

from __future__ import annotations

import pytest

from broker.model.exchanges import Outcome, State
from tests.support.flow_node import DATA, FR, Flow, altered, case_in, dossier

#: Where MR-007 asks for a piece that the snapshot, which says little of the request, does not have.
_SHOWN = {"Demande/pieces/piece", "Demande/pieces/aipd", "Demande/besoins/expressionBesoins"}
SNAPSHOT = (DATA / "fr-hdh-1/procedures/MR-007.xml").read_bytes()


def step(event: str, **changes: str) -> bytes:
    """The dossier of MR-007 at one of its events."""
    return altered(SNAPSHOT, FR, {"Entete/evenement": event, **changes})


async def told(flow: Flow, *documents: bytes) -> list[tuple[State, Outcome | str, str]]:
    """What became of each: state, outcome, and where the chain is then."""
    found = []
    for document in documents:
        exchange = await flow.exchange(await flow.from_office(document))
        found.append((exchange.state, exchange.outcome, (await flow.leg()).national_state))
    return found


@pytest.fixture
async def chosen(flow: Flow) -> Flow:
    """A case that is assessed under MR-007."""
    await case_in(flow, "PRE_SCREENING")
    assert await told(flow, step("CHOIX_PROCEDURE")) == [(State.ENDED, Outcome.RECORDED, "MR_SNDS_DEPOSE")]
    await flow.from_office(dossier("StatusUpdate"))
    return flow


async def test_opinion_declaration_and_record_lead_to_a_decision_without_the_cnil(chosen: Flow) -> None:
    sent = len(chosen.point.sent)
    states = await told(chosen, step("AVIS_CESREES"), step("CONFORMITE_DECLAREE"), step("REPERTOIRE"))
    assert [state for _, _, state in states] == ["AVIS_EXPRESSEMENT_FAVORABLE", "CONFORMITE_DECLAREE", "REPERTOIRE"]
    assert len(chosen.point.sent) == sent  # steps of the chain stay in the state


async def test_a_tacit_opinion_closes_the_methodology_and_the_office_is_told_what_is_left(chosen: Flow) -> None:
    tacit = step("AVIS_CESREES", **{"Instruction/avisCESREES/resultat": "TACITE_FAVORABLE"})
    assert (await told(chosen, tacit))[0][2] == "MR_FERMEE"
    exchange = await chosen.exchange(await chosen.from_office(step("CONFORMITE_DECLAREE")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "illegal-national-step")
    assert "AVIS_EXPRESSEMENT_FAVORABLE" in exchange.problems[0]["hint"]
    assert (await chosen.leg()).national_state == "MR_FERMEE"


async def contradictions(flow: Flow, document: bytes) -> list[tuple[str, str, str]]:
    exchange = await flow.exchange(await flow.from_office(document))
    assert exchange.state in {State.ENDED, State.QUEUED, State.SUBMITTED}, exchange
    told = [problem for problem in exchange.problems if problem["code"] == "branch-contradicted"]
    return [(problem["path"], problem["value"], problem["rule"]) for problem in told]


async def test_a_dossier_that_names_another_procedure_than_the_one_taken_is_flagged_and_goes_its_way(
    chosen: Flow,
) -> None:
    other = {"Demande/procedure": "MR-004"}
    told = ("Demande/procedure", "MR-004", "fr-hdh: MR-007")
    assert await contradictions(chosen, step("AVIS_CESREES", **other)) == [told]
    assert (await chosen.leg()).national_state == "AVIS_EXPRESSEMENT_FAVORABLE"
    assert await contradictions(chosen, step("CONFORMITE_DECLAREE")) == []


async def test_what_goes_out_of_the_state_is_flagged_too(chosen: Flow) -> None:
    """The example dossier speaks of an authorisation, whatever procedure its file is on."""
    told = ("Demande/procedure", "AUTORISATION", "fr-hdh: MR-007")
    assert await contradictions(chosen, dossier("FeeEstimate")) == [told]


async def test_the_choice_of_a_procedure_that_the_dossier_itself_does_not_name_is_flagged(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")
    choice = step("CHOIX_PROCEDURE", **{"Demande/procedure": "EGB"})
    assert await contradictions(flow, choice) == [("Demande/procedure", "EGB", "fr-hdh: MR-007")]


async def lacking(flow: Flow, document: bytes) -> set[str]:
    exchange = await flow.exchange(await flow.from_office(document))
    assert exchange.state in {State.ENDED, State.QUEUED, State.SUBMITTED}, exchange
    return {problem["path"] for problem in exchange.problems if problem["code"] == "missing-piece"}


@pytest.mark.parametrize("procedure", ["MR-007", "MR-004"])
async def test_the_choice_of_a_procedure_tells_the_pieces_that_it_asks_for_and_goes_its_way(
    flow: Flow, procedure: str
) -> None:
    await case_in(flow, "PRE_SCREENING")
    choice = {"Demande/procedure": procedure, "Instruction/choixProcedure/resultat": procedure}
    told = await lacking(flow, step("CHOIX_PROCEDURE", **choice))
    assert told == ({"Demande/pieces/protocole", *_SHOWN} if procedure == "MR-007" else set())
    assert (await flow.leg()).facts["branch"] == procedure


async def test_a_dossier_that_names_no_procedure_is_held_against_the_one_that_its_file_is_on(chosen: Flow) -> None:
    supplement = altered(SNAPSHOT, FR, {"Entete/evenement": "CHOIX_PROCEDURE", "Demande/procedure": None})
    again = altered(supplement, FR, {"Instruction/choixProcedure/resultat": "AUTORISATION"})
    exchange = await chosen.exchange(await chosen.from_office(again))
    told = [problem["rule"] for problem in exchange.problems if problem["code"] == "missing-piece"]
    assert {rule.partition(":")[0] for rule in told} == {"fr-hdh-1 pieces, AUTORISATION"}
