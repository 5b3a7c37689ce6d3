"""The National Dispatcher API, as national systems call it today (operations getApplications and getApplication, D6.4).

The list has one row per *version* of an application; the detail is the ZIP as it came from the wire. The shape follows
what a public client of a national test environment reads (mdevalk/open-daams, 2026): names and header included.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from broker.errors import NotFound
from broker.model.cases import Alias
from broker.model.identity import Action
from broker.model.messages import Door, MessageType
from broker.web.auth import IDENTITY, Access, api_key, declare
from broker.web.contents import download
from broker.web.problem import RequestError
from broker.web.services import SERVICES, Services

if TYPE_CHECKING:
    from broker.model.cases import Case
    from broker.model.messages import Message
    from broker.payloads import Payload
    from broker.ports import Transaction

BASE: Final = "/national-dispatcher"
CENTRAL: Final = "cp"  #: alias scheme of the Central Platform's ids
METADATA: Final = "application_metadata.json"
MAX_METADATA: Final = 10_000_000  #: bytes unpacked
REMEMBERED: Final = 2048
PAGE: Final = 100
CARRIERS: Final = frozenset(
    {MessageType.APPLICATION_SUBMITTED, MessageType.APPLICATION_AMENDED, MessageType.ADDITIONAL_INFORMATION}
)
#: The list calls types otherwise than the document does (open-daams `ncp-client.ts`).
TYPE_NAMES: Final = {"DATA_ACCESS_APPLICATION": "application", "DATA_REQUEST_APPLICATION": "request"}
#: What zipfile and json raise for foreign bytes: damaged, encrypted, of unknown compression, too deep.
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    EOFError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the list tells of one version's document."""

    type: str = ""
    title: str = ""
    submitted: str = ""


class Covers:
    """Covers by SHA-256 of kept bytes, which never change; the least recently used one is forgotten first."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._known: OrderedDict[str, Cover] = OrderedDict()

    async def of(self, tx: Transaction, message: Message) -> Cover:
        """The cover of a kept message."""
        if message.sha256 not in self._known:
            self._known[message.sha256] = read_cover(await tx.payload(message.sha256))
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
        self._known.move_to_end(message.sha256)
        return self._known[message.sha256]


COVERS: Final = web.AppKey("covers", Covers)


def add_dispatcher_routes(app: web.Application, services: Services) -> None:
    """Add the API. The application needs the middlewares `problems` and `guard`, in this order."""
    app[SERVICES] = services
    app[COVERS] = Covers()
    access = Access(Action.DISPATCHER_READ, api_key)
    declare(app, "GET", f"{BASE}/applications", access, get_applications)
    declare(app, "GET", f"{BASE}/applications/{{id}}", access, get_application)


def read_cover(archive: Payload) -> Cover:
    """Type, title and date out of the metadata of a wire ZIP; empty where there is none to read."""
    try:
        with zipfile.ZipFile(archive.file()) as outer, outer.open(METADATA) as file:
            found = json.loads(file.read(MAX_METADATA))
    except _UNREADABLE:
        return Cover()
    if not isinstance(found, dict):
        return Cover()
    named = str(found.get("application_type", ""))
    title, submitted = found.get("title"), found.get("dateSubmitted")
    return Cover(
        TYPE_NAMES.get(named, named),
        title if isinstance(title, str) else "",
        submitted if isinstance(submitted, str) else "",
    )


async def get_applications(request: web.Request) -> web.Response:
    """The received applications that the client sees, one row per version, newest case first."""
    rows: list[dict[str, Any]] = []
    services, covers = request.app[SERVICES], request.app[COVERS]
    before = ""
    while True:
        async with services.store.transaction() as tx:
            page = await tx.cases(limit=PAGE, before=before)
            for case in page:
                if await _is_seen(tx, case.key, request[IDENTITY].sees):
                    rows += await _rows(tx, case, services=services, covers=covers)
        if len(page) < PAGE:
            return web.json_response(rows)
        before = page[-1].key


async def _is_seen(tx: Transaction, case_key: str, backend: str) -> bool:
    """What is not for a client's back end is to it as if it were not there."""
    return not backend or await tx.leg(case_key, backend) is not None


async def _rows(tx: Transaction, case: Case, *, services: Services, covers: Covers) -> list[dict[str, Any]]:
    central = next((alias.value for alias in case.aliases if alias.scheme == CENTRAL), "")
    versions = await _versions(tx, case.key) if central else {}
    if not versions:
        return []
    status = await _status(tx, case.key, services)
    rows = []
    for number, message in sorted(versions.items()):
        cover = await covers.of(tx, message)
        rows.append(
            {
                "application_id": central,
                "applicationType": cover.type,
                "status": status,
                "title": cover.title,
                "dateSubmitted": cover.submitted,
                "version": number,
            }
        )
    return rows


async def _versions(tx: Transaction, case_key: str) -> dict[int, Message]:
    """The received applications of a case by version; of two with one version the later counts."""
    return {
        message.version: message
        for message in await tx.messages_of_case(case_key)
        if message.door is Door.ACCESS_POINT and message.type in CARRIERS
    }


async def _status(tx: Transaction, case_key: str, services: Services) -> str:
    """The wire's word for the state of the first leg that has one."""
    words = [services.status(leg.state) for leg in await tx.legs(case_key)]
    return next((word for word in words if word), "SUBMITTED")


async def get_application(request: web.Request) -> web.Response:
    """The ZIP of an application as received: its highest version, or `?version=`."""
    wanted = request.query.get("version", "")
    if wanted and not (wanted.isascii() and wanted.isdigit()):
        raise RequestError("bad-request", "version must be a number", path="version")
    async with request.app[SERVICES].store.transaction() as tx:
        case = await tx.case_by_alias(Alias(CENTRAL, request.match_info["id"]))
        seen = case is not None and await _is_seen(tx, case.key, request[IDENTITY].sees)
        versions = await _versions(tx, case.key) if case and seen else {}
        number = int(wanted[:9]) if wanted else max(versions, default=0)
        if number not in versions:
            raise NotFound("no application of this id and version has been received")
        message = versions[number]
        return download(await tx.payload(message.sha256), message.content_type, message.sha256)
