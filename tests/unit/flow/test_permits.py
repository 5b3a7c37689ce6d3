"""What is decided on a permit that was issued: amended, extended once, revoked; each change is told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from broker.flow.case_views import case_view
from broker.flow.staff import sign_off
from broker.model.exchanges import State
from tests.support.flow_node import Flow, case_in, dossier, eu, partial_grant

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange

BASE, FIRST, SECOND = "urn:example:permit:fr-9", "urn:example:permit:fr-9-v1", "urn:example:permit:fr-9-v2"
DECISION, CHANGE = "Instruction/decision", "Suites/evolutionPermis"


@pytest.fixture
async def granted(flow: Flow) -> Flow:
    """A permit is issued; the body has no national chain, so that the leg alone decides."""
    hdh = replace(flow.node.backends["hdh"], chain="")
    flow = replace(flow, node=replace(flow.node, backends={**flow.node.backends, "hdh": hdh}))
    await case_in(flow, "READY_TO_DECIDE")
    await flow.from_office(partial_grant())
    await flow.from_eu(eu("ApplicantResponse", {"response": "ACCEPT"}))
    permit = "Instruction/permis/convention"
    issued = dossier("PermitIssued", **{f"{permit}/numeroPermis": FIRST, f"{permit}/numeroPermisInitial": BASE})
    digests = await flow.upload(b"%PDF-1.4 permit")
    assert digests
    await flow.from_office(_without_files(issued))
    leg = await flow.leg()
    assert (leg.state, leg.facts["permit"], leg.facts["permit_status"]) == ("GRANTED", FIRST, "GRANTED")
    return flow


def _without_files(document: bytes) -> bytes:
    """Nobody uploaded what the example names."""
    from lxml import etree  # noqa: PLC0415

    root = etree.fromstring(document)
    for digest in list(root.iter("{*}empreinteSha256")):
        holder = digest.getparent()
        assert holder is not None
        above = holder.getparent()
        assert above is not None
        above.remove(holder)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


async def decide(flow: Flow, kind: str, permit: str | None = None) -> Exchange:
    """A decision; what D6.4 cannot say of it is signed off, so that it goes out with what follows from it."""
    changes = {f"{DECISION}/nature": kind, f"{DECISION}/referencePermis": permit}
    message_id = await flow.from_office(_without_files(dossier("DecisionIssued", **changes)))
    first = (await flow.exchanges(message_id))[0]
    if first.state is State.SIGN_OFF:
        await sign_off(flow.node, message_id, actor="tests", reason="the whole decision goes along")
        await flow.run()
    return (await flow.exchanges(message_id))[0]


async def change(flow: Flow, status: str, permit: str, **more: str | None) -> Exchange:
    """The body's own word on the permit, with nothing but its status and number unless more is given."""
    plain: dict[str, str | None] = dict.fromkeys(("numeroPermisInitial", "version", "dateEffet"))
    said = {**plain, "remplace": FIRST, "statut": status, "numeroPermis": permit, "natureDecision": None, **more}
    document = dossier("PermitStatusChange", **{f"{CHANGE}/{name}": text for name, text in said.items()})
    return (await flow.exchanges(await flow.from_office(_without_files(document))))[0]


def statuses(flow: Flow) -> list[tuple[str, str]]:
    return [(one["content"]["status"], one["content"]["permitId"]) for one in flow.told_central("PermitStatusChange")]


async def asked(flow: Flow, kind: str = "AmendmentRequest") -> None:
    [exchange] = await flow.exchanges(await flow.from_eu(eu(kind, {"permitId": FIRST})))
    assert exchange.state is State.ACKNOWLEDGED, exchange


async def axes(flow: Flow) -> tuple[str, str, str]:
    leg = await flow.leg()
    return leg.state, leg.facts["permit_status"], leg.facts.get("change_request", "")


#: What is asked, what is decided, its number; what the platform hears of the decision and of the permit; the leg then.
DECIDED: list[Any] = [
    (
        "AmendmentRequest",
        "MODIFICATION_ACCORDEE",
        SECOND,
        "Positive",
        ("AMENDED", SECOND),
        ("GRANTED", "AMENDED", "AMENDMENT GRANTED"),
    ),
    (
        "AmendmentRequest",
        "MODIFICATION_REFUSEE",
        BASE,
        "Negative",
        ("AMENDMENT_REJECTED", FIRST),
        ("GRANTED", "GRANTED", "AMENDMENT REFUSED"),
    ),
    (
        "ExtensionRequest",
        "PROLONGATION_ACCORDEE",
        SECOND,
        "Positive",
        ("RENEWED", SECOND),
        ("GRANTED", "RENEWED", "EXTENSION GRANTED"),
    ),
    (
        "ExtensionRequest",
        "PROLONGATION_REFUSEE",
        None,
        "Negative",
        ("RENEWAL_REJECTED", FIRST),
        ("GRANTED", "GRANTED", "EXTENSION REFUSED"),
    ),
    ("", "RETRAIT_AUTORISATION", None, "Negative", ("REVOKED", FIRST), ("REVOKED", "REVOKED", "")),
]


@pytest.mark.parametrize(("request_", "kind", "number", "card", "told", "then"), DECIDED)
async def test_a_decision_on_a_permit_is_told_as_decision_as_status_and_to_the_other_bodies(
    granted: Flow, request_: str, kind: str, number: str | None, card: str, told: Any, then: Any
) -> None:
    if request_:
        await asked(granted, request_)
    notices = len(granted.told_central("DecisionNoticeToPeers"))
    exchange = await decide(granted, kind, number)
    assert exchange.state is State.SUBMITTED, exchange
    assert granted.told_central("DecisionIssued")[-1]["content"]["decision"] == card
    assert statuses(granted) == [told]
    assert len(granted.told_central("DecisionNoticeToPeers")) == notices + 1
    assert await axes(granted) == then
    content = granted.told_central("PermitStatusChange")[0]["content"]
    assert content["decisionId"] == "urn:example:decision:fr-1"
    assert content.get("supersedes") == (FIRST if number == SECOND else None)


async def test_a_release_without_a_word_for_a_refused_change_hears_that_the_permit_is_as_it_was(granted: Flow) -> None:
    granted = replace(granted, node=replace(granted.node, release="d6.4-v0.4"))
    await asked(granted)
    await decide(granted, "MODIFICATION_REFUSEE")
    [told] = granted.told_central("PermitStatusChange")
    assert (told["content"]["status"], told["content"]["decisionKind"]) == ("GRANTED", "AMENDMENT_REFUSED")


@pytest.mark.parametrize("kind", ["MODIFICATION_ACCORDEE", "MODIFICATION_REFUSEE", "PROLONGATION_ACCORDEE"])
async def test_nothing_is_decided_that_nobody_asked_for(granted: Flow, kind: str) -> None:
    exchange = await decide(granted, kind, SECOND)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "guard-unmet")
    assert statuses(granted) == []


async def test_a_permit_is_extended_once(granted: Flow) -> None:
    """Art. 68(12), whether the first extension was said by a decision or by the status alone."""
    await change(granted, "RENOUVELE", SECOND)
    await asked(granted, "ExtensionRequest")
    again = await decide(granted, "PROLONGATION_ACCORDEE", "urn:example:permit:fr-9-v3")
    unnumbered = await decide(granted, "PROLONGATION_ACCORDEE")
    assert [(one.state, one.problems[0]["code"]) for one in (again, unnumbered)] == [(State.REFUSED, "guard-unmet")] * 2
    assert (await decide(granted, "PROLONGATION_REFUSEE")).state is State.SUBMITTED


@pytest.mark.parametrize("number", [None, BASE, FIRST])
async def test_no_number_is_made_up_for_the_new_version(granted: Flow, number: str | None) -> None:
    """D6.4 v0.5 R9.3.7: a decision that names none, or the old one, changes no status; the body is told what is due."""
    await asked(granted)
    exchange = await decide(granted, "MODIFICATION_ACCORDEE", number)
    assert [(one["code"], one["value"]) for one in exchange.problems if one["code"] == "still-due"] == [
        ("still-due", "PermitStatusChange")
    ]
    assert (statuses(granted), (await axes(granted))[1:]) == ([], ("GRANTED", "AMENDMENT GRANTED"))
    await change(granted, "MODIFIE", SECOND)
    assert statuses(granted) == [("AMENDED", SECOND)]


async def test_a_status_that_repeats_the_decision_is_on_record_and_not_told_again(granted: Flow) -> None:
    await asked(granted)
    await decide(granted, "MODIFICATION_ACCORDEE", SECOND)
    repeated = await change(granted, "MODIFIE", SECOND)
    assert (repeated.state, repeated.outcome) == (State.ENDED, "recorded")
    assert "already" in repeated.reason
    assert statuses(granted) == [("AMENDED", SECOND)]


async def test_a_status_that_says_more_than_the_decision_goes_out(granted: Flow) -> None:
    """From when the change holds, say: it would be lost."""
    await asked(granted)
    await decide(granted, "MODIFICATION_ACCORDEE", SECOND)
    more = await change(granted, "MODIFIE", SECOND, dateEffet="2027-06-15")
    assert more.state is State.SUBMITTED
    assert granted.told_central("PermitStatusChange")[-1]["content"]["effectiveFrom"] == "2027-06-15"


@pytest.mark.parametrize("number", [None, SECOND])
async def test_a_decision_behind_its_status_is_told_and_the_status_not_again(granted: Flow, number: str | None) -> None:
    await asked(granted, "ExtensionRequest")
    await change(granted, "RENOUVELE", SECOND)
    exchange = await decide(granted, "PROLONGATION_ACCORDEE", number)
    assert (exchange.state, [one["code"] for one in exchange.problems]) == (State.SUBMITTED, [])
    assert statuses(granted) == [("RENEWED", SECOND)]


async def test_who_says_it_by_the_status_alone_needs_no_decision_and_no_request(granted: Flow) -> None:
    for status, word in (("MODIFIE", "AMENDED"), ("RENOUVELE", "RENEWED"), ("RETIRE", "REVOKED")):
        assert (await change(granted, status, SECOND)).state is State.SUBMITTED, status
        assert statuses(granted)[-1] == (word, SECOND)
    assert (await granted.leg()).state == "REVOKED"


async def test_a_revoked_permit_is_not_amended_and_the_other_bodies_are_still_to_be_told(granted: Flow) -> None:
    """Art. 63(6): by the IT tool; the record has what no decision says."""
    await asked(granted)
    exchange = await decide(granted, "RETRAIT_AUTORISATION")
    assert [(one["value"], one["rule"]) for one in exchange.problems if one["code"] == "still-due"] == [
        ("EnforcementRecord", "Art. 63(6)")
    ]
    refused = await decide(granted, "MODIFICATION_ACCORDEE", SECOND)
    assert (refused.state, refused.problems[0]["code"]) == (State.REFUSED, "illegal-step")


async def test_a_revocation_is_appealed_and_the_permit_holds_again_if_that_succeeds(granted: Flow) -> None:
    await decide(granted, "RETRAIT_AUTORISATION")
    await granted.from_eu(eu("AppealNotified"))
    assert (await granted.leg()).state == "REVOKE_APPEALED"
    await granted.from_office(dossier("AppealAck"))
    assert len(granted.told_central("AppealAck")) == 1
    await change(granted, "RECOURS_ADMIS", FIRST)
    assert (await axes(granted))[:2] == ("GRANTED", "GRANTED")


async def test_staff_see_the_permit_and_the_change_that_is_asked_for_side_by_side(granted: Flow) -> None:
    async def seen() -> Any:
        [case] = await granted.cases()
        async with granted.store.transaction() as tx:
            view = await case_view(tx, case.key, date(2026, 1, 1))
        return next(leg["permit"] for leg in view["legs"] if leg["owner"] == "hdh")

    assert await seen() == {"number": FIRST, "status": "GRANTED", "change_request": None}
    await asked(granted)
    assert (await seen())["change_request"] == {"type": "AMENDMENT", "status": "PENDING"}
    await decide(granted, "MODIFICATION_ACCORDEE", SECOND)
    change_request = {"type": "AMENDMENT", "status": "GRANTED"}
    assert await seen() == {"number": SECOND, "status": "AMENDED", "change_request": change_request}


async def terms(flow: Flow) -> list[tuple[str, str]]:
    [case] = await flow.cases()
    async with flow.store.transaction() as tx:
        return [(one.state, one.due_on) for one in await tx.clocks(case.key) if one.clock == "PERMIT_TERM"]


async def test_the_term_of_a_permit_is_the_day_that_it_names_until_it_is_renewed_or_ends(granted: Flow) -> None:
    """Art. 68(12). No message says the last day of a renewed permit, so none is shown."""
    assert await terms(granted) == [("running", "2030-01-31")]
    granted.clock.advance(60)
    await change(granted, "RENOUVELE", SECOND)
    assert await terms(granted) == [("stopped", "2030-01-31"), ("running", "")]
    await decide(granted, "RETRAIT_AUTORISATION")
    assert {state for state, _ in await terms(granted)} == {"stopped"}


async def test_of_a_renewed_permit_staff_see_the_former_last_day_and_how_long_it_may_hold_at_most(
    granted: Flow,
) -> None:
    """Art. 68(12): extended once, for a period which does not exceed ten years."""
    granted.clock.advance(60)
    await change(granted, "RENOUVELE", SECOND)
    [case] = await granted.cases()
    async with granted.store.transaction() as tx:
        view = await case_view(tx, case.key, date(2026, 1, 1))
    hdh = next(leg for leg in view["legs"] if leg["owner"] == "hdh")
    former, renewed = (one for one in hdh["clocks"] if one["clock"] == "PERMIT_TERM")
    assert (former["state"], former["due_on"]) == ("stopped", "2030-01-31")
    assert (renewed["state"], renewed["due_on"]) == ("running", "")
    assert "until the day that the permit names" in former["reason"]
    assert "no message said (at most ten years, and once extended at most ten more)" in renewed["reason"]
