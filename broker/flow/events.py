"""Which event of the leg's machine a message is, and which kind of message it is for the flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.model.lifecycle import Event
from broker.model.messages import MessageType as M

if TYPE_CHECKING:
    from broker.model.lifecycle import Lifecycle
    from broker.translation.facts import Facts

#: They carry an application, with a version of its own.
APPLICATIONS: Final = frozenset(
    {M.APPLICATION_SUBMITTED, M.APPLICATION_AMENDED, M.ADDITIONAL_INFORMATION, M.APPLICATION_ORIGINATED}
)
#: They tell what other bodies did (Art. 63(6), 68(5)), or of a date that comes near (D6.4 §8); they never change a leg.
NEWS: Final = frozenset({M.PEER_STATUS, M.PEER_PERMIT, M.DECISION_NOTICE_TO_PEERS, M.PEER_ENFORCEMENT, M.REMINDER})
#: They speak for the body and not for a leg: often about no case at all (Art. 59, 61(4), 63(6), 77).
OF_THE_BODY: Final = frozenset({M.ENFORCEMENT_RECORD, M.RESULT_RECORD, M.BIENNIAL_REPORT, M.DATASET_CUD})
#: They answer a message of ours and are never answered.
ANSWERS: Final = frozenset({M.VALIDATION_RESULT, M.DECISION_ACK})
#: What the Central Platform may send.
FROM_CENTRAL: Final = (
    frozenset(
        {
            M.APPLICATION_SUBMITTED,
            M.APPLICATION_AMENDED,
            M.ADDITIONAL_INFORMATION,
            M.APPLICATION_WITHDRAWN,
            M.APPLICANT_RESPONSE,
            M.APPEAL_NOTIFIED,
            M.FEE_RESPONSE,
            M.AMENDMENT_REQUEST,
            M.EXTENSION_REQUEST,
            M.PERSONS_UPDATE,
        }
    )
    | NEWS
    | ANSWERS
)

#: What another body may send where two nodes speak directly: measures, decisions (Art. 63(6), 68(5)), and answers.
FROM_BODY: Final = frozenset({M.ENFORCEMENT_RECORD, M.DECISION_NOTICE_TO_PEERS}) | ANSWERS

#: They issue a permit or change one: what they name is its newest number.
_OF_A_PERMIT: Final = frozenset({M.PERMIT_ISSUED, M.PERMIT_STATUS_CHANGE})
#: A data request (Art. 69) has other periods than an application (Art. 68).
_REQUEST: Final = {"DATA_REQUEST_APPLICATION": "request"}


def event_of(facts: Facts, lifecycle: Lifecycle) -> Event:
    """The event that a lifecycle table names."""
    variants = {
        M.APPLICATION_SUBMITTED: _REQUEST.get(facts.application_type, ""),
        M.STATUS_UPDATE: facts.status,
        M.APPLICANT_RESPONSE: facts.response,
        M.FEE_RESPONSE: facts.response,
        M.DECISION_ISSUED: lifecycle.group(facts.decision_kind),
        M.NATIONAL_STEP: facts.step,
        M.PERMIT_STATUS_CHANGE: facts.status,
    }
    variant = variants.get(M(facts.type), "")
    event = Event(facts.type, variant, facts.step_outcome, facts.accelerated)
    if event.type in _OF_A_PERMIT:
        ref, base, until = facts.permit_ref, facts.permit_base, facts.permit_until
        return replace(event, permit=ref, permit_base=base, permit_until=until)
    return event
