"""A permit's status and the change that is asked for are two things: what any order of events may come to."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Refused
from broker.model.cases import Leg
from broker.model.lifecycle import Event, advance, read_lifecycle

SCHEMAS = Path(__file__).parents[3] / "schemas"
LEG = read_lifecycle(tomllib.loads((SCHEMAS / "lifecycles/leg.toml").read_text("utf-8")))
WORDS = tomllib.loads((SCHEMAS / "codelists/permit-statuses.toml").read_text("utf-8"))["status"]
KINDS = {
    row["code"]: row.get("wire")
    for row in tomllib.loads((SCHEMAS / "codelists/decision-kinds.toml").read_text())["kind"]
}
AT = datetime(2029, 3, 2, 9, tzinfo=UTC)
ISSUED = Leg("case-1", "hdh", "GRANTED", AT, AT, facts={"permit": "v1", "permit_status": "GRANTED"})
OF_A_PERMIT = sorted({step.on for step in LEG.steps if "GRANTED" in step.sources})
STATUSES = {"GRANTED", "AMENDED", "RENEWED", "REVOKED", "EXPIRED"}


def taken(names: list[str]) -> list[tuple[str, Leg]]:
    """The events that are lawful, each with the leg after it."""
    one, found = ISSUED, []
    for name in names:
        kind, _, variant = name.partition(":")
        try:
            one = advance(one, Event(kind, variant, permit="v2"), lifecycle=LEG, national=None, at=AT).leg
        except Refused:
            continue
        found.append((name, one))
    return found


EVENTS = st.lists(st.sampled_from(OF_A_PERMIT), max_size=60)


@given(EVENTS)
def test_a_permit_is_renewed_once_however_it_is_said(names: list[str]) -> None:
    """Art. 68(12)."""
    said = Counter(name for name, _ in taken(names))
    assert said["PermitStatusChange:RENEWED"] <= 1
    assert said["DecisionIssued:EXTENSION_GRANTED"] <= 1


@given(EVENTS)
def test_no_more_is_granted_than_was_asked(names: list[str]) -> None:
    said: Counter[str] = Counter()
    for name, _ in taken(names):
        said[name] += 1
        assert said["DecisionIssued:AMENDMENT_GRANTED"] <= said["AmendmentRequest"]
        assert said["DecisionIssued:AMENDMENT_REFUSED"] <= said["AmendmentRequest"]
        assert said["DecisionIssued:EXTENSION_REFUSED"] <= said["ExtensionRequest"]
        assert said["DecisionIssued:EXTENSION_GRANTED"] <= said["ExtensionRequest"]


@given(EVENTS)
def test_the_leg_is_granted_as_long_as_the_permit_holds(names: list[str]) -> None:
    for name, one in taken(names):
        status = one.facts["permit_status"]
        assert status in STATUSES
        assert (one.state in {"REVOKED", "REVOKE_APPEALED"}) == (status == "REVOKED"), name
        assert (one.state == "EXPIRED") == (status == "EXPIRED"), name


@given(EVENTS)
def test_only_a_permit_that_holds_is_decided_on_but_for_its_revocation(names: list[str]) -> None:
    before = ISSUED
    for name, one in taken(names):
        if name.startswith("DecisionIssued") and name != "DecisionIssued:REVOCATION":
            assert before.state in {"GRANTED", "PERMIT_APPEALED"}
        before = one


@pytest.mark.parametrize("release", ["v0.4", "v0.5"])
def test_a_release_is_told_the_statuses_that_it_has_and_no_other(release: str) -> None:
    for row in WORDS:
        known = release in row["releases"]
        assert LEG.permit_status(f"d6.4-{release}", row["code"], "AMENDED") == (row["code"] if known else "AMENDED")
    assert set(LEG.permit_words[f"d6.4-{release}"]) == {row["code"] for row in WORDS}


def test_every_decision_on_a_permit_has_a_step_a_word_on_the_wire_and_a_status() -> None:
    grouped = {kind for kinds in LEG.groups.values() for kind in kinds}
    rows = {step.on.partition(":")[2]: step for step in LEG.steps if step.on.startswith("DecisionIssued:")}
    of_a_permit = set(KINDS) - grouped
    assert len(of_a_permit) == 5
    for kind in of_a_permit:
        assert KINDS[kind] in {"Positive", "Negative"}
        assert rows[kind].implies in {row["code"] for row in WORDS}
        assert rows[kind].emits == ("self", "PermitStatusChange", "DecisionNoticeToPeers")
        assert f"PermitStatusChange:{rows[kind].implies}" in {step.on for step in LEG.steps}


@pytest.mark.parametrize("kind", ["AMENDMENT", "EXTENSION"])
def test_a_refusal_can_be_reversed_and_not_repeated(kind: str) -> None:
    """After an appeal, say: the body decides again on the same request."""
    asked = {"AMENDMENT": "AmendmentRequest", "EXTENSION": "ExtensionRequest"}[kind]
    refused, granted = f"DecisionIssued:{kind}_REFUSED", f"DecisionIssued:{kind}_GRANTED"
    assert [name for name, _ in taken([asked, refused, refused, granted, refused])] == [asked, refused, granted]
