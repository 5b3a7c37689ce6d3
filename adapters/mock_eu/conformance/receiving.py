"""Cases: receiving applications and routing them to the case system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.conformance import example
from adapters.mock_eu.conformance.model import Case, demand, until
from adapters.mock_eu.conformance.neighbour import neighbour_of, report

if TYPE_CHECKING:
    from adapters.mock_eu.conformance.kit import DispatcherKit

_ROW: Final = ("application_id", "applicationType", "status", "title", "dateSubmitted", "version")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})")
_REFUSED: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404


async def _listed(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    (row, *more) = await kit.listed(filed)
    demand(not more, f"getApplications lists one version {1 + len(more)} times")
    missing = [name for name in _ROW if name not in row]
    demand(not missing, f"getApplications: the row has no member {', '.join(missing)}")


async def _row(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    row = (await kit.listed(filed))[0]
    _same("getApplications: title", row.get("title"), filed.content["title"])
    _same("getApplications: version", row.get("version"), 1)
    _same("getApplications: applicationType", row.get("applicationType"), "application")
    demand(isinstance(row.get("status"), str) and row["status"], "getApplications: status is no text")
    at = row.get("dateSubmitted")
    demand(isinstance(at, str) and _MOMENT.fullmatch(at), f"getApplications: dateSubmitted is no moment: {at!r}")


async def _request(kit: DispatcherKit) -> None:
    filed = await kit.world.file(application_type=example.REQUEST)
    _same("getApplications: applicationType", (await kit.listed(filed))[0].get("applicationType"), "request")
    _same(
        "getApplication: application_type", (await kit.fetched(filed)).metadata.get("application_type"), example.REQUEST
    )


async def _metadata(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    metadata = (await kit.fetched(filed)).metadata
    _same("getApplication: application_id", metadata.get("application_id"), filed.id)
    for name in ("title", "application_type", "datasets"):
        _same(f"getApplication: {name}", metadata.get(name), filed.content[name])


async def _form(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    metadata = (await kit.fetched(filed)).metadata
    for name, section in filed.content["form"].items():
        _same(f"getApplication: form.{name}", (metadata.get("form") or {}).get(name), section)
    _same("getApplication: form_translations", metadata.get("form_translations"), filed.content["form_translations"])


async def _attachments(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    files = (await kit.fetched(filed)).files
    demand(set(files) == set(filed.files), f"getApplication: the attachments are called {sorted(files)}")
    for name, data in filed.files.items():
        demand(files[name] == data, f"getApplication: the bytes of {name} are not those that the applicant sent")


async def _validated(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.validated(kit.first(filed))


async def _reference(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    message_id = kit.first(filed)
    _same("ValidationResult: RefToMessageId of the ebMS header", (await kit.verdict(message_id)).ref, message_id)


async def _not_fetched_anew(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    message_id = kit.first(filed)
    await kit.validated(message_id)
    await _downloaded_of(kit, message_id)
    fetched = [entry for entry in await kit.world.log(message_id) if entry["operation"] == "retrieveMessage"]
    demand(len(fetched) == 1, f"retrieveMessage was called {len(fetched)} times for one message")


async def _downloaded(kit: DispatcherKit) -> None:
    await _downloaded_of(kit, kit.first(await kit.world.file()))


async def _downloaded_of(kit: DispatcherKit, message_id: str) -> None:
    async def look() -> bool:
        return not kit.world.is_pending(message_id)

    broken = "listPendingMessages still holds a message: the dispatcher never took it off the access point"
    await until(look, kit.patience, broken)


async def _unknown(kit: DispatcherKit) -> None:
    status, _, _ = await kit.desk.get("/applications/000000000000000000000000")
    demand(status == _NOT_FOUND, f"getApplication of an id that nobody knows: HTTP {status} instead of 404")


async def _without_key(kit: DispatcherKit) -> None:
    for key, what in (("", "without X-API-key"), ("not-the-key-of-anybody", "with a wrong X-API-key")):
        status, _, _ = await kit.desk.get("/applications", key=key)
        demand(status in _REFUSED, f"getApplications {what}: HTTP {status} instead of 401 or 403")


async def _relayed(kit: DispatcherKit) -> None:
    """News of another nation's leg, for an application that both have."""
    other, nation = neighbour_of(kit.world), kit.world.nation
    datasets: list[dict[str, Any]] = [example.dataset(code, example.catalog(code)) for code in (nation, other)]
    filed = await kit.world.file(datasets=datasets)
    before = (await kit.listed(filed))[0].get("status")
    await report(kit.world, other, filed.id, "PRE_SCREENING")

    async def look() -> list[Any]:
        return kit.world.sent(filed.id, "PeerStatus")

    (news, *_) = await until(look, kit.patience, "the kit relayed no status")
    await kit.validated(news.header.message_id)
    after = (await kit.listed(filed))[0].get("status")
    demand(after == before, f"getApplications: another nation's PRE_SCREENING changed the status to {after!r}")


async def _stranger(kit: DispatcherKit) -> None:
    filed = await kit.world.file(fault="wrong-sender")
    behind = await kit.world.file()
    await kit.listed(behind)
    rows = await kit.desk.rows(filed.id)
    demand(not rows, "getApplications lists an application whose ebMS sender is not the central access point")


def _same(what: str, found: Any, expected: Any) -> None:
    demand(found == expected, f"{what} is {found!r} instead of {expected!r}"[:600])


CASES: Final = (
    Case(
        "receiving.listed",
        "an application of the platform is listed once",
        "D6.4 s.7, operation getApplications",
        _listed,
    ),
    Case("receiving.row", "its row says what the applicant filed", "D6.4 s.7, message Application", _row),
    Case(
        "receiving.request",
        "a data request is told from an application",
        "D6.4 s.7, Application: Application_Type",
        _request,
    ),
    Case(
        "receiving.metadata",
        "its document names id, title, type and datasets",
        "D6.4 s.7, message Application",
        _metadata,
    ),
    Case("receiving.form", "form and translations arrive unchanged", "D6.4 s.7, Application: Form translations", _form),
    Case(
        "receiving.attachments", "attachments arrive byte for byte", "D6.4 s.7, Application: Attachments", _attachments
    ),
    Case("receiving.validated", "a valid application is validated", "D7.3 Annex 6 Table 3, Application", _validated),
    Case("receiving.reference", "the answer names its message", "D7.3 s.7.2, steps 8 to 10", _reference),
    Case("receiving.downloaded", "a fetched message leaves the access point", "D7.3 s.7.2, step 11", _downloaded),
    Case("receiving.once", "a message is fetched once", "D7.3 s.7.2, steps 11 and 12", _not_fetched_anew),
    Case("receiving.unknown", "an unknown application is not found", "D6.4 s.7, operation getApplication", _unknown),
    Case("receiving.key", "nobody reads without a key", "D6.4 s.14; observed header X-API-key", _without_key),
    Case(
        "receiving.relayed",
        "another nation's status is validated, and changes nothing of one's own",
        "D7.3 Annex 6 Table 3, row status relayed to the other NCPs",
        _relayed,
    ),
    Case("receiving.sender", "only the central access point brings messages", "D7.3 s.7.2, step 4", _stranger),
)
