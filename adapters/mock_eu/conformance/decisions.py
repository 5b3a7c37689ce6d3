"""Cases in which the case system behind the dispatcher acts: questions, decisions, responses, dataset publication.

`--on-step` is told what to do; what reaches the platform is what counts.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from adapters.mock_eu.conformance.model import Case, Failed, demand, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.mock_eu.conformance.kit import DispatcherKit
    from adapters.mock_eu.conformance.world import Filed, Said


async def _filed(kit: DispatcherKit) -> Filed:
    filed = await kit.world.file()
    await kit.listed(filed)
    return filed


async def _acknowledged(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await kit.cue("acknowledge", application_id=filed.id)
    await kit.accepted("ApplicationAck", filed)


async def _status(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await kit.cue("change-status", application_id=filed.id)
    said = await kit.accepted("StatusUpdate", filed)
    status = (await kit.world.leg(filed.id))["status"]
    demand(status == said.content.get("status"), f"StatusUpdate: the platform shows {status!r}: {said.content}")


async def _asked(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await kit.cue("request-info", application_id=filed.id)
    await kit.accepted("AdditionalInfoRequest", filed)
    questions = (await kit.world.leg(filed.id))["questions"]
    demand(questions and questions[0]["sections"], "AdditionalInfoRequest: no section of the form is asked about")


async def _answered(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await kit.cue("request-info", application_id=filed.id)
    asked = await kit.accepted("AdditionalInfoRequest", filed)
    title = f"{filed.content['title']}, answered"
    await kit.world.amend(filed.id, title=title, in_reply_to=asked.message_id)
    await kit.validated(kit.first(filed, "AdditionalInformation"))
    await kit.listed(filed, versions=2)
    found = (await kit.desk.archive(filed.id)).metadata.get("title")
    demand(found == title, f"getApplication: the answer to a question is not there: title {found!r}")


async def _decide(kit: DispatcherKit, filed: Filed, decision: str) -> None:
    """Have it decided, while the applicant accepts the fees that may be asked for first (Art. 62(5))."""
    paying = asyncio.create_task(_pay(kit, filed))
    try:
        await kit.cue("decide", application_id=filed.id, decision=decision)
    finally:
        paying.cancel()


async def _pay(kit: DispatcherKit, filed: Filed) -> None:
    async def look() -> bool:
        return bool((await kit.world.leg(filed.id))["fee_estimate"])

    with suppress(Failed):  # a body that asks for no fees is asked for no answer
        await until(look, kit.patience, "no fees were asked for")
        await kit.world.respond(filed.id, "fee-responses", response="ACCEPT")


def _decided(decision: str, status: str) -> Callable[[DispatcherKit], Awaitable[None]]:
    async def run(kit: DispatcherKit) -> None:
        filed = await _filed(kit)
        await _decide(kit, filed, decision)
        said = await kit.accepted("DecisionIssued", filed)
        told = said.content.get("decision")
        demand(told == decision, f"DecisionIssued: decision is {told!r} instead of {decision!r}")
        shown = (await kit.world.leg(filed.id))["status"]
        demand(shown == status, f"DecisionIssued: the platform shows {shown!r} instead of {status!r}")
        await _taken(kit, filed, "DecisionAck")

    return run


async def _accepted(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await _decide(kit, filed, "Positive")
    await kit.accepted("DecisionIssued", filed)
    await kit.world.respond(filed.id, "responses", response="ACCEPT")
    await kit.validated(kit.first(filed, "ApplicantResponse"))


async def _rejected(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await _decide(kit, filed, "Positive")
    await kit.accepted("DecisionIssued", filed)
    await kit.world.respond(filed.id, "responses", response="REJECT")
    await kit.validated(kit.first(filed, "ApplicantResponse"))


async def _appealed(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await _decide(kit, filed, "Negative")
    await kit.accepted("DecisionIssued", filed)
    await kit.world.respond(filed.id, "appeals", text="The purpose was misread (example).")
    await kit.validated(kit.first(filed, "AppealNotified"))


async def _extended(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await kit.cue("extend", application_id=filed.id)
    said = await kit.accepted("ExtensionNotice", filed)
    demand((await kit.world.leg(filed.id))["extension"], f"ExtensionNotice: the platform shows none: {said.content}")


async def _permit(kit: DispatcherKit) -> None:
    filed = await _filed(kit)
    await _decide(kit, filed, "Positive")
    await kit.accepted("DecisionIssued", filed)
    await kit.world.respond(filed.id, "responses", response="ACCEPT")
    await kit.validated(kit.first(filed, "ApplicantResponse"))
    await kit.cue("issue-permit", application_id=filed.id)
    await kit.accepted("PermitIssued", filed)


async def _taken(kit: DispatcherKit, filed: Filed, kind: str) -> None:
    """A message that wants no answer leaves the access point."""

    async def look() -> bool:
        return any(not held.pending for held in kit.world.sent(filed.id, kind))

    await until(look, kit.patience, f"listPendingMessages still holds the {kind}")


def _published(*operations: str) -> Callable[[DispatcherKit], Awaitable[None]]:
    """These operations on one dataset, one after the other; the platform validates each."""

    async def run(kit: DispatcherKit) -> None:
        dataset = f"urn:example:dataset:kit-{secrets.token_hex(6)}"
        for number, operation in enumerate(operations, 1):
            await kit.cue("publish-dataset", operation=operation, dataset_id=dataset)
            await _record(kit, dataset, number, operation)

    return run


async def _record(kit: DispatcherKit, dataset: str, number: int, operation: str) -> None:
    async def look() -> list[Said]:
        found = [said for said in kit.world.said("DatasetCUD") if said.content.get("dataset_id") == dataset]
        return found if len(found) >= number else []

    said: Said = (await until(look, kit.patience, "no DatasetCUD about the dataset reached the platform"))[-1]
    told = said.content.get("operation")
    demand(told == f"{operation}Dataset", f"DatasetCUD: operation is {told!r} instead of '{operation}Dataset'")
    await kit.judged(said)


_DATASETS: Final = "D7.3 Annex 6 Table 3, row dataset record"
CASES: Final = (
    Case(
        "questions.asked", "a request for information reaches the platform", "D6.4 s.7, operation requestInfo", _asked
    ),
    Case(
        "questions.answered",
        "its answer reaches the case system",
        "D6.4 s.7, message Additional information",
        _answered,
    ),
    Case("decisions.acknowledged", "the receipt is acknowledged", "D6.4 s.7, message Application ACK", _acknowledged),
    Case("decisions.status", "a status reaches the platform", "D6.4 s.7.6, operation changeStatus", _status),
    Case(
        "decisions.extension",
        "more time is asked for, with the reasons",
        "D6.4 s.8, operation setDueDates; Art. 68(4)",
        _extended,
    ),
    Case(
        "decisions.positive",
        "a positive decision reaches the platform",
        "D6.4, operation updateApplicationDecision",
        _decided("Positive", "POSITIVE_DECISION_ISSUED"),
    ),
    Case(
        "decisions.negative",
        "a negative decision reaches the platform",
        "D6.4, operation updateApplicationDecision",
        _decided("Negative", "NEGATIVE_DECISION_ISSUED"),
    ),
    Case("responses.accepted", "the applicant's acceptance is validated", "D6.3 s.6.6; D6.4 v0.5, response", _accepted),
    Case("responses.rejected", "the applicant's refusal is validated", "D6.3 s.6.6; D6.4 v0.5, response", _rejected),
    Case("responses.appealed", "an appeal is validated", "D6.4 s.10, message Appeal to issued decision", _appealed),
    Case("responses.permit", "a granted permit reaches the platform", "D7.3 Annex 6 Table 3, row permits", _permit),
    Case("datasets.create", "a new dataset record reaches the platform", _DATASETS, _published("create")),
    Case("datasets.update", "a changed dataset record reaches it", _DATASETS, _published("create", "update")),
    Case("datasets.delete", "a deleted dataset record reaches it", _DATASETS, _published("create", "delete")),
)
