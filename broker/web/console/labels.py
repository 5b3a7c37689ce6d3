"""What codes are called on the pages: states, types, steps, clocks. Codes without a name are shown as they are.

Texts are English; `N_` marks them for the catalogues. Every state says what a person should know of it: where
the message stands, and who must act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from broker.model.exchanges import FINAL, WAITING_FOR_A_PERSON, Outcome, State
from broker.model.messages import Door, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping


def N_(text: str) -> str:  # noqa: N802  # the name that gettext's tools know
    """Mark a text for translation; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class StateLabel:
    """A state for people. `tone` picks shape and colour: moving, waiting, act, done, stopped."""

    name: str
    tone: str
    meaning: str
    actor: str


_BROKER: Final = N_("Nobody: the broker goes on by itself")
_NOBODY: Final = N_("Nobody: this is over")
_OPERATOR: Final = N_("An operator or a caseworker of this node")

STATES: Final[Mapping[str, StateLabel]] = {
    State.KEPT: StateLabel(N_("Kept"), "moving", N_("The message is kept and about to be read and checked."), _BROKER),
    State.REFUSED: StateLabel(
        N_("Refused"),
        "stopped",
        N_("The message broke a rule. It must be corrected and sent again as a new message."),
        N_("The sender"),
    ),
    State.SIGN_OFF: StateLabel(
        N_("Waits for sign-off"),
        "act",
        N_("Facts with legal meaning cannot be carried to the addressee. A person must agree before it leaves."),
        N_("A caseworker of this node"),
    ),
    State.QUEUED: StateLabel(N_("Queued"), "moving", N_("The document is written and waits for its turn."), _BROKER),
    State.SUBMITTING: StateLabel(N_("Being sent"), "moving", N_("The document is on its way."), _BROKER),
    State.SUBMITTED: StateLabel(
        N_("Sent"),
        "waiting",
        N_("The access point has it. What the other side owes has not all come yet."),
        N_("The other side"),
    ),
    State.ENDED: StateLabel(N_("Ended"), "done", N_("Nothing more is due."), _NOBODY),
    State.SEND_FAILED: StateLabel(
        N_("Sending failed"), "act", N_("The access point gave up. It must be sent again or cancelled."), _OPERATOR
    ),
    State.PRESUMED_FAILED: StateLabel(
        N_("Presumed failed"),
        "act",
        N_("No answer came in time. A late answer still counts; without one it must be sent again or cancelled."),
        _OPERATOR,
    ),
    State.PARKED: StateLabel(N_("Parked"), "act", N_("The broker cannot go on by itself."), _OPERATOR),
    State.CANCELLED: StateLabel(N_("Cancelled"), "stopped", N_("A person ended this exchange."), _NOBODY),
    State.RECEIVED: StateLabel(
        N_("Received"), "moving", N_("The message came in and is about to be read and checked."), _BROKER
    ),
    State.HELD: StateLabel(N_("Held"), "waiting", N_("It waits for the message that must come before it."), _BROKER),
    State.READY: StateLabel(N_("Ready"), "moving", N_("The document is ready for the back end."), _BROKER),
    State.DELIVERED: StateLabel(
        N_("Delivered"), "waiting", N_("The back end has it and has not acknowledged it yet."), N_("The back end")
    ),
    State.ACKNOWLEDGED: StateLabel(N_("Acknowledged"), "done", N_("The back end has taken it."), _NOBODY),
}

#: Groups of states that the filter offers first.
GROUPS: Final[Mapping[str, tuple[str, frozenset[State]]]] = {
    "person": (N_("A person must act"), WAITING_FOR_A_PERSON),
    "open": (N_("Under way"), frozenset(State) - FINAL - WAITING_FOR_A_PERSON),
    "refused": (N_("Refused or cancelled"), frozenset({State.REFUSED, State.CANCELLED})),
    "over": (N_("Ended well"), frozenset({State.ENDED, State.ACKNOWLEDGED})),
}

DIRECTIONS: Final[Mapping[str, str]] = {"outbound": N_("To the EU"), "inbound": N_("To a back end")}

DOORS: Final[Mapping[str, str]] = {
    Door.ACCESS_POINT: N_("Access point"),
    Door.AMQP: N_("Message queue"),
    Door.HTTP: N_("Web interface"),
    Door.CLI: N_("Command line"),
    Door.REMS: N_("REMS"),
    Door.RULE: N_("Rule of a case"),
}

OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.ACCEPTED: N_("accepted"),
    Outcome.REJECTED: N_("rejected"),
    Outcome.DELIVERED: N_("delivered"),
    Outcome.RECORDED: N_("recorded"),
    "validated": N_("validated"),
    "not-validated": N_("not validated"),
    "done": N_("done"),
    "later": N_("try again later"),
    "refused": N_("refused"),
    "parked": N_("parked"),
}

RECEIPTS: Final[Mapping[str, str]] = {
    "": "",
    "kept": N_("kept; nobody said who signs it"),
    "signed": N_("signed by the other access point"),
    "proven": N_("signed by the other access point, for exactly what was sent"),
}

TYPES: Final[Mapping[str, str]] = {
    MessageType.APPLICATION_SUBMITTED: N_("Application submitted"),
    MessageType.APPLICATION_AMENDED: N_("Application amended"),
    MessageType.ADDITIONAL_INFORMATION: N_("Additional information"),
    MessageType.APPLICATION_WITHDRAWN: N_("Application withdrawn"),
    MessageType.DECISION_ACK: N_("Decision acknowledged"),
    MessageType.APPLICANT_RESPONSE: N_("Applicant's response"),
    MessageType.APPEAL_NOTIFIED: N_("Appeal notified"),
    MessageType.PEER_STATUS: N_("Status of another body"),
    MessageType.PEER_PERMIT: N_("Permit of another body"),
    MessageType.VALIDATION_RESULT: N_("Validation result"),
    MessageType.FEE_RESPONSE: N_("Fee response"),
    MessageType.APPLICATION_ACK: N_("Application acknowledged"),
    MessageType.STATUS_UPDATE: N_("Status update"),
    MessageType.ADDITIONAL_INFO_REQUEST: N_("Request for additional information"),
    MessageType.EXTENSION_NOTICE: N_("Extension notice"),
    MessageType.ADDITIONAL_INFO_ACK: N_("Additional information acknowledged"),
    MessageType.FEE_ESTIMATE: N_("Fee estimate"),
    MessageType.DECISION_ISSUED: N_("Decision issued"),
    MessageType.PERMIT_ISSUED: N_("Permit issued"),
    MessageType.DECISION_NOTICE_TO_PEERS: N_("Decision notice to other bodies"),
    MessageType.APPEAL_ACK: N_("Appeal acknowledged"),
    MessageType.APPLICATION_ORIGINATED: N_("Application lodged here"),
    MessageType.WITHDRAWAL_CONFIRMED: N_("Withdrawal confirmed"),
    MessageType.PEER_ENFORCEMENT: N_("Measure of another body"),
    MessageType.REMINDER: N_("Reminder"),
    MessageType.AMENDMENT_REQUEST: N_("Request for an amendment"),
    MessageType.EXTENSION_REQUEST: N_("Request for an extension"),
    MessageType.PERSONS_UPDATE: N_("Update of the persons"),
    MessageType.PERMIT_STATUS_CHANGE: N_("Permit changed"),
    MessageType.ENFORCEMENT_RECORD: N_("Enforcement record"),
    MessageType.RESULT_RECORD: N_("Results"),
    MessageType.BIENNIAL_REPORT: N_("Biennial report"),
    MessageType.DATASET_CUD: N_("Dataset record"),
    MessageType.ART_SIXTY_NINE_OFFER: N_("Offer of a statistical answer"),
    MessageType.NATIONAL_STEP: N_("National step"),
    MessageType.ERROR_NOTICE: N_("Error notice"),
    MessageType.OUTCOME_NOTICE: N_("Outcome notice"),
}

#: What the timeline tells, by the last part of a journal action or the name of a dated fact.
EVENTS: Final[Mapping[str, str]] = {
    "kept": N_("Kept"),
    "signed-off": N_("Signed off"),
    "sign_off": N_("Waits for sign-off"),
    "queued": N_("Queued"),
    "submitting": N_("Being sent"),
    "submitted": N_("Handed to the access point"),
    "receipt": N_("Received by the other access point"),
    "validation": N_("Validation came"),
    "answer": N_("Answer came"),
    "answered": N_("Answer recorded"),
    "delivered": N_("Delivered to the back end"),
    "acknowledged": N_("Acknowledged by the back end"),
    "attempt": N_("Attempt"),
    "next-attempt": N_("Next attempt"),
    "received": N_("Received"),
    "ready": N_("Ready"),
    "refused": N_("Refused"),
    "parked": N_("Parked"),
    "held": N_("Held"),
    "ended": N_("Ended"),
    "cancelled": N_("Cancelled"),
    "send_failed": N_("Sending failed"),
    "presumed_failed": N_("Presumed failed"),
    "opened": N_("Case opened"),
    "stepped": N_("Leg stepped on"),
    "retried": N_("Tried again by a person"),
    "restored": N_("Given to the access point once more by a person"),
    "closed": N_("Closed by a person"),
    "settled": N_("Settled by itself"),
    "receipt_kept": N_("Signed receipt kept"),
    "apart": N_("Taken apart: it held several messages"),
    "read": N_("Read"),
}

STEPS: Final[Mapping[str, str]] = {"prepare": N_("Prepare"), "deliver": N_("Deliver")}

#: States of a leg (law-and-forms section 10.1, D6.4 v0.5 Table 1).
LEGS: Final[Mapping[str, str]] = {
    "ORIGINATED": N_("Lodged here"),
    "RECEIVED": N_("Received"),
    "PRE_SCREENING": N_("Pre-screening"),
    "AWAITING_INFO": N_("Awaiting additional information"),
    "PROCESSING": N_("Being assessed"),
    "AT_TDH": N_("With the trusted data holder"),
    "FEE_PENDING": N_("Fee estimate with the applicant"),
    "OFFER_PENDING": N_("Offer with the applicant"),
    "POSITIVE_DECISION_ISSUED": N_("Positive decision issued"),
    "NEGATIVE_DECISION_ISSUED": N_("Negative decision issued"),
    "POSITIVE_DECISION_ACCEPTED": N_("Positive decision accepted"),
    "POSITIVE_DECISION_REJECTED": N_("Positive decision rejected by the applicant"),
    "NEGATIVE_DECISION_ACCEPTED": N_("Negative decision accepted"),
    "NEGATIVE_DECISION_APPEALED": N_("Negative decision under appeal"),
    "POSITIVE_DECISION_APPEALED": N_("Positive decision under appeal"),
    "ACCEPTED_DECISION_APPEALED": N_("Accepted decision under appeal"),
    "PERMIT_APPEALED": N_("Permit under appeal"),
    "APPEAL_APPROVED": N_("Appeal approved"),
    "APPEAL_REJECTED": N_("Appeal rejected"),
    "GRANTED": N_("Permit granted"),
    "EXPIRED": N_("Permit expired"),
    "REVOKED": N_("Permit revoked"),
    "REVOKE_APPEALED": N_("Revocation under appeal"),
    "NOT_ISSUED_INCOMPLETE": N_("Not issued: incomplete"),
    "WITHDRAWN": N_("Withdrawn"),
}
_LEG_TONES: Final[Mapping[str, str]] = {
    "GRANTED": "done",
    "POSITIVE_DECISION_ACCEPTED": "done",
    "POSITIVE_DECISION_ISSUED": "waiting",
    "NEGATIVE_DECISION_ISSUED": "waiting",
    "AWAITING_INFO": "waiting",
    "FEE_PENDING": "waiting",
    "OFFER_PENDING": "waiting",
    "AT_TDH": "waiting",
    "NEGATIVE_DECISION_ACCEPTED": "stopped",
    "POSITIVE_DECISION_REJECTED": "stopped",
    "APPEAL_REJECTED": "stopped",
    "EXPIRED": "stopped",
    "REVOKED": "stopped",
    "NOT_ISSUED_INCOMPLETE": "stopped",
    "WITHDRAWN": "stopped",
}

#: Clocks of schemas/lifecycles/clocks.toml.
CLOCKS: Final[Mapping[str, str]] = {
    "PUBLISH_APP": N_("Publish the application"),
    "PRESCREEN_TARGET": N_("Pre-screening"),
    "COMPLETE_4W": N_("The applicant completes the application"),
    "DECIDE": N_("Issue or refuse the permit"),
    "TDH_ASSESS": N_("The trusted holder assesses"),
    "TDH_DECIDE": N_("Decide after the trusted holder's assessment"),
    "REQ_ASSESS": N_("Assess the data request"),
    "REQ_RESPOND": N_("Answer the data request, where possible"),
    "INFO_IN_ASSESSMENT": N_("The applicant answers a question"),
    "HDH_COMPLETE": N_("The Health Data Hub passes the complete file on"),
    "CESREES_1M": N_("CESREES gives its opinion"),
    "INTERET_PUBLIC_1M": N_("The Health Data Hub looks at the public interest"),
    "CNIL_2M": N_("The CNIL decides"),
    "EGB_15D": N_("The Health Data Hub approves access to the sample"),
    "APPLICANT_28D": N_("The applicant accepts, rejects or appeals"),
    "PUBLISH_DEC": N_("Publish the decision"),
    "FEE_AGREE_1M": N_("Holder and user agree on fees"),
    "EXTRACT_REQUEST": N_("Request the data from the holders"),
    "PERMIT_TERM": N_("The permit holds"),
    "HOLDER_3M": N_("The holder hands over the data"),
}
CLOCK_STATES: Final[Mapping[str, StateLabel]] = {
    "running": StateLabel(N_("Running"), "moving", "", ""),
    "paused": StateLabel(N_("Paused"), "waiting", "", ""),
    "stopped": StateLabel(N_("Stopped"), "done", "", ""),
    "expired": StateLabel(N_("Expired"), "act", "", ""),
}
_UNKNOWN_TONE: Final = "moving"
#: What settled itself instead of being ended by a person.
SETTLED: Final[Mapping[str, StateLabel]] = {
    "came": StateLabel(N_("Settled"), "done", N_("It settled by itself: the message came after all."), _NOBODY),
    "gone": StateLabel(
        N_("Settled"), "stopped", N_("It settled by itself: the message is gone, and stands here as such."), _NOBODY
    ),
}


def state_label(state: str, outcome: str = "", settled: str = "") -> StateLabel:
    """The label of an exchange's state; one that ended rejected is not shown as well done, nor ours as a person's."""
    if settled in SETTLED:
        return SETTLED[settled]
    label = STATES.get(state) or StateLabel(state, _UNKNOWN_TONE, "", "")
    if state == State.ENDED and outcome == Outcome.REJECTED:
        return StateLabel(N_("Ended: rejected"), "stopped", N_("The other side refused it."), _NOBODY)
    return label


def receipt(verdict: str) -> str:
    """What was found of a signed receipt."""
    return RECEIPTS.get(verdict, N_("does not hold: the other side must be asked"))


def leg_label(state: str) -> StateLabel:
    """The label of a leg's state."""
    return StateLabel(LEGS.get(state, state), _LEG_TONES.get(state, _UNKNOWN_TONE), "", "")


def clock_label(state: str) -> StateLabel:
    """The label of a clock's state."""
    return CLOCK_STATES.get(state) or StateLabel(state, _UNKNOWN_TONE, "", "")
