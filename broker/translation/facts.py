"""What the flow needs to know of an eu-1 message: read from the tree, nothing computed, nothing guessed.

Missing is "" or an empty tuple; `validated` is None where the message says nothing of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.data_files import schemas_dir
from broker.translation.codelists import load_countries
from broker.translation.white_space import collapsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class AttachmentFact:
    """A reference to a file. `size` is -1 where it is not said."""

    id: str
    name: str
    size: int = -1
    media_type: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ErrorFact:
    """What the other side found wrong with a message."""

    code: str
    message: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One message at a glance. `countries` are ISO 3166-1 alpha-2, upper case, in the order of the document."""

    type: str
    message_id: str = ""
    in_reply_to: str = ""
    conversation_id: str = ""
    application_id: str = ""
    national_ids: tuple[tuple[str, str], ...] = ()  #: (scheme, value)
    version: int = 0
    language: str = ""
    original_message_id: str = ""  #: the message that an answer speaks of: content before envelope
    created_at: str = ""
    test: bool = False  #: the sender calls it a test
    leg_id: str = ""
    title: str = ""
    application_type: str = ""
    accelerated: bool | None = None  #: whether the form of an application is one for Art. 68(6); None: there is no form
    status: str = ""  #: of StatusUpdate, PeerStatus, ApplicationAck, AdditionalInfoRequest
    decision_kind: str = ""
    step: str = ""
    step_chain: str = ""
    step_outcome: str = ""
    response: str = ""
    validated: bool | None = None
    errors: tuple[ErrorFact, ...] = ()
    countries: tuple[str, ...] = ()
    unknown_countries: tuple[str, ...] = ()  #: as written, where the code list does not know them
    catalogs: tuple[tuple[str, str], ...] = ()  #: (ISO code, "" where no country is named, catalogue id), of data
    dataset_ids: tuple[str, ...] = ()
    nation: str = ""  #: whose news a PeerStatus, PeerPermit or DecisionNoticeToPeers is
    permit_ref: str = ""
    permit_base: str = ""  #: the number that all versions of the permit share
    permit_until: str = ""  #: the last day of a permit, ISO date
    date: str = ""  #: the day or moment that the content names
    attachments: tuple[AttachmentFact, ...] = ()
    unknown_fields: tuple[str, ...] = ()  #: pointers of the wire fields that the schema does not know


#: Where catalogues stand: in what, beside which country. The pilot names catalogues of no country.
_OF_COUNTRIES: Final = (
    ("content", "country_id", "catalog_ids"),
    ("content/datasets", "country/country_id", "catalog_id"),
    ("content/form/section6", "country_id", "catalog_ids"),
)


def facts_of(root: etree._Element, countries: Mapping[str, str] | None = None) -> Facts:
    """The facts of an eu-1 message. `countries` takes the wire's forms, in upper case, to ISO codes.

    Without it the code list that comes with the program is used. Raises: ConfigurationError, if that is missing.
    """
    codes = _shipped_countries() if countries is None else countries
    known, unknown = _countries(root, codes)
    return Facts(
        type=etree.QName(root).localname,
        message_id=_text(root, "envelope/messageId"),
        in_reply_to=_text(root, "envelope/inReplyTo"),
        conversation_id=_text(root, "envelope/conversationId"),
        application_id=_first(root, "envelope/applicationId", "content/application_id", "content/applicationId"),
        national_ids=tuple((one.get("scheme", ""), _own(one)) for one in _all(root, "envelope/nationalId")),
        version=_number(_first(root, "content/version", "envelope/version"))
        if _is_application(root)
        else _version(root),
        language=_text(root, "envelope/language"),
        original_message_id=_first(root, "content/originalMessageId", "envelope/originalMessageId"),
        created_at=_text(root, "envelope/createdAt"),
        test=_flag(_text(root, "envelope/testFlag")) is True,
        leg_id=_first(root, "envelope/legId", "content/leg"),
        title=_first(root, "content/title", "content/projectTitle"),
        application_type=_first(root, "content/application_type", "content/applicationType"),
        accelerated=_accelerated(root),
        status=_first(root, "content/status", "content/statusId"),
        decision_kind=_first(root, "content/decisionKind", "content/kind"),
        step=_text(root, "content/step"),
        step_chain=_text(root, "content/chain"),
        step_outcome=_text(root, "content/outcome"),
        response=_text(root, "content/response"),
        validated=_flag(_text(root, "content/validated")),
        errors=tuple(_error(one) for one in _all(root, "content/error")),
        countries=known,
        unknown_countries=unknown,
        catalogs=_catalogs(root, codes),
        dataset_ids=_distinct(root, "content/datasets/dataset_id", "content/dataset_id", "content/data/dataset_id"),
        nation=_first(root, "content/nationId", "content/issuingHdab/country"),
        permit_ref=_first(root, "content/permitRef", "content/permitId"),
        permit_base=_text(root, "content/basePermitId"),
        permit_until=_text(root, "content/duration/end"),
        date=_date(root),
        attachments=attachments_of(root),
        unknown_fields=tuple(one.get("path", "") for one in _all(root, "content/unknown/field")),
    )


@lru_cache(maxsize=1)
def _shipped_countries() -> Mapping[str, str]:
    return load_countries(schemas_dir() / "codelists/countries.toml")


def _all(root: etree._Element, path: str) -> Iterator[etree._Element]:
    return root.iterfind(_anywhere(path))


@cache
def _anywhere(path: str) -> str:
    """The same path in whatever namespace; there are as many as this module names."""
    return "/".join(f"{{*}}{name}" for name in path.split("/"))


def _own(element: etree._Element) -> str:
    return collapsed(element.text or "")


def _text(root: etree._Element, path: str) -> str:
    return next((_own(one) for one in _all(root, path)), "")


def _first(root: etree._Element, *paths: str) -> str:
    return next((text for text in (_text(root, path) for path in paths) if text), "")


def _number(text: str) -> int:
    return int(text) if _COUNT(text) else 0


def _is_application(root: etree._Element) -> bool:
    return any(True for name in ("form", "datasets", "application_id") for _ in _all(root, f"content/{name}"))


def _version(root: etree._Element) -> int:
    return _number(_text(root, "envelope/version"))


#: The answer "yes" of both questions (D6.3 Annex 5 section 3), and the purposes of Art. 53(1)(a) to (c).
_YES: Final = "a"
_PUBLIC: Final = frozenset("abc")


def _accelerated(root: etree._Element) -> bool | None:
    """Whether a public body acts within its mandate, for purposes of points (a) to (c) and no other (Art. 68(6)).

    The form asks for the mandate; whether that is one in the field of public health is for the body to judge. A data
    request has no such track.
    """
    form = next(_all(root, "content/form"), None)
    if form is None or _first(root, "content/application_type").startswith("DATA_REQUEST"):
        return None
    asked = ("applyingForDataOnBehalfOfPublicSector", "applyingForDataForCarryingOutTasks")
    purposes = {_own(one) for one in _all(form, "section2/purposeForWhichDataWillBeUsed/key")}
    return all(_text(form, f"section3/{name}/key") == _YES for name in asked) and bool(purposes) and purposes <= _PUBLIC


def _flag(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text)


def _error(element: etree._Element) -> ErrorFact:
    return ErrorFact(_text(element, "code"), _text(element, "message"), _text(element, "path"))


def _distinct(root: etree._Element, *paths: str) -> tuple[str, ...]:
    texts = (_own(one) for path in paths for one in _all(root, path))
    return tuple(dict.fromkeys(text for text in texts if text))


def _countries(root: etree._Element, known: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    said = _distinct(root, "content/form/section6/country_id", "content/datasets/country/country_id")
    found = {text: known.get(text.upper(), "") for text in said}
    codes = dict.fromkeys(code for code in found.values() if code)
    return tuple(codes), tuple(text for text, code in found.items() if not code)


def _catalogs(root: etree._Element, codes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    named = (
        (codes.get(_text(part, country).upper(), ""), _own(one))
        for parts, country, catalog in _OF_COUNTRIES
        for part in _all(root, parts)
        for one in _all(part, catalog)
    )
    pairs = dict.fromkeys(pair for pair in named if pair[1])
    placed = {catalog for country, catalog in pairs if country}
    return tuple((country, catalog) for country, catalog in pairs if country or catalog not in placed)


def _date(root: etree._Element) -> str:
    names = (
        "date",
        "dateSubmitted",
        "dateAcknowledged",
        "dateReceived",
        "issuedAt",
        "dateOfAuthorisation",
        "newDueDate",
        "requestedAt",
        "notifiedAt",
        "decidedAt",
        "offeredAt",
        "dueDate",
        "completedAt",
        "periodEnd",
    )
    return _first(root, *(f"content/{name}" for name in (*names, "dateConfirmed")))


_COUNT: Final = re.compile("[0-9]{1,12}").fullmatch  #: as `Count` of the schema
_FILES: Final = tuple(f"content/{name}" for name in ("attachments", "document", "appendices", "documents", "record"))


def attachments_of(root: etree._Element) -> tuple[AttachmentFact, ...]:
    """The files that an eu-1 message names, each once: one may have no id, and two ids may name the same bytes.

    A form refers by id to what is listed beside it; what it names by its hash is a file of the message as well.
    """
    listed = [element for path in _FILES for element in _all(root, path)]
    found: dict[tuple[str, str], AttachmentFact] = {}
    for fact in map(_attachment, (*listed, *_named_in_form(root))):
        found.setdefault((fact.id, fact.sha256), fact)
    return tuple(found.values())


def unlisted_of(root: etree._Element) -> tuple[etree._Element, ...]:
    """The references of a form that name a file by its hash which content/attachments does not list, each file once."""
    seen = {(fact.id, fact.sha256) for fact in map(_attachment, _all(root, "content/attachments"))}
    found = []
    for element in _named_in_form(root):
        fact = _attachment(element)
        if (fact.id, fact.sha256) not in seen:
            seen.add((fact.id, fact.sha256))
            found.append(element)
    return tuple(found)


def fileless_of(root: etree._Element) -> tuple[AttachmentFact, ...]:
    """What a form refers to by an id alone that content/attachments does not list: nobody can tell which file it is."""
    known = {fact.id for fact in map(_attachment, _all(root, "content/attachments"))}
    references = (_attachment(element) for element in _referred_to(root, "id"))
    return tuple(fact for fact in references if not fact.sha256 and fact.id not in known)


def _named_in_form(root: etree._Element) -> list[etree._Element]:
    return _referred_to(root, "sha256")


def _referred_to(root: etree._Element, by: str) -> list[etree._Element]:
    """The references of a form that have this leaf."""
    leaves = root.iterfind(f"{{*}}content/{{*}}form//{{*}}{by}")
    return [parent for one in leaves if _own(one) and (parent := one.getparent()) is not None]


def _attachment(element: etree._Element) -> AttachmentFact:
    size = _text(element, "size")
    return AttachmentFact(
        id=_text(element, "id"),
        name=_text(element, "name"),
        size=int(size) if _COUNT(size) else -1,
        media_type=_text(element, "mediaType"),
        sha256=_text(element, "sha256"),
    )
