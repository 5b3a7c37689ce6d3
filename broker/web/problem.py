"""Every error as `application/problem+json` (RFC 9457), in one place.

Type `urn:hdeu:problem:<code>`; `problems` lists what is wrong with the input: code, path, rule, value, hint. What was
not foreseen is told by an incident id alone, under which the log has the rest.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from broker.errors import BrokerError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

log = structlog.get_logger()
MEDIA_TYPE: Final = "application/problem+json"
UNREADABLE: Final = "The body cannot be unpacked as its Content-Encoding says, or breaks off."
#: Status by code of the error, and what the code means to a reader.
STATUSES: Final[dict[str, tuple[int, str]]] = {
    "idempotency-key-missing": (400, "The header Idempotency-Key is missing"),
    "idempotency-key-invalid": (400, "The header Idempotency-Key cannot be used"),
    "bad-request": (400, "The request cannot be understood"),
    "body-unreadable": (400, "The body is not what its headers say"),
    "unauthenticated": (401, "The caller did not prove who it is"),
    "forbidden": (403, "The caller may not do this"),
    "unknown-backend": (403, "No back end of this name is configured"),
    "not-found": (404, "No such thing is kept here"),
    "method-not-allowed": (405, "This address knows other methods only"),
    "conflict": (409, "The state of the thing does not allow this"),
    "key-reused": (409, "The same key came before with other content"),
    "document-too-large": (413, "The document is too large"),
    "notification-too-large": (413, "The notification is too large"),
    "attachment-too-large": (413, "The attachment is too large"),
    "content-encoding-unsupported": (415, "A body packed so is not taken here"),
    "unsupported-media-type": (415, "This media type is not taken here"),
    "refused": (422, "The message is refused"),
    "hash-mismatch": (422, "The content does not have this hash"),
    "translation": (422, "The message cannot be translated"),
    "unavailable": (503, "A service is not available at the moment"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A problem to answer with; `more` are extension members."""

    code: str
    detail: str
    problems: tuple[Problem, ...] = ()
    instance: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestError(BrokerError):
    """The request itself is wrong, whatever it carries."""

    code = "bad-request"

    def __init__(self, code: str, detail: str, *, hint: str = "", path: str = "", value: str = "") -> None:
        self.code = code
        self.headers: Mapping[str, str] = {}  #: of the answer
        self.problems = (Problem(code, detail, path=path, value=value, hint=hint),)
        super().__init__(detail)


def respond(answer: Answer, *, status: int = 0) -> web.Response:
    """The response; the status follows from the code unless given."""
    known, title = STATUSES.get(answer.code, (500, "The broker met a condition that it could not handle"))
    body = {
        "type": f"urn:hdeu:problem:{answer.code}",
        "title": title,
        "status": status or known,
        "detail": answer.detail,
        "instance": answer.instance,
        "problems": [problem.as_dict() for problem in answer.problems],
        **answer.more,
    }
    return web.Response(
        status=status or known,
        text=json.dumps(body, ensure_ascii=False),
        content_type=MEDIA_TYPE,
        headers=answer.headers,
    )


def from_error(error: BrokerError, *, instance: str) -> Answer:
    """What the caller may know of an error of ours."""
    headers: dict[str, str] = dict(getattr(error, "headers", {}))
    if error.code == "unauthenticated":
        bearer = 'Bearer realm="hdeu", error="invalid_token"'
        headers["WWW-Authenticate"] = str(error.facts.get("challenge", bearer))
    code = error.code if error.code in STATUSES else _family(error)
    if code == "unavailable":
        headers["Retry-After"] = "5"
        return Answer(code, "Try again in a few seconds.", instance=instance, headers=headers)
    return Answer(code, error.detail, getattr(error, "problems", ()), instance, headers=headers)


def _family(error: BrokerError) -> str:
    """The nearest code with a status, up the tree of errors."""
    codes = (getattr(kind, "code", "") for kind in type(error).__mro__)
    return next((code for code in codes if code in STATUSES), "internal-error")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem document. The outermost middleware."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _from_http(request, error)
    except web.RequestPayloadError:
        return _unreadable(request)
    except BrokerError as error:
        answer = from_error(error, instance=request.path)
        if answer.code == "internal-error":
            return _incident(request, error)
        if answer.code == "unavailable":
            log.warning("request.unavailable", route=route_of(request), code=error.code)
        return respond(answer)
    except Exception as error:  # noqa: BLE001 - the last net: nothing of the inside may leave
        return _incident(request, error)


def _unreadable(request: web.Request) -> web.Response:
    """Nobody knows where the next request would begin: nothing more is read of this connection."""
    request.content.feed_eof()
    response = respond(Answer("body-unreadable", UNREADABLE, instance=request.path))
    response.force_close()
    return response


def _from_http(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """The refusals of aiohttp itself (404, 405, 413, …) in our words; redirects stay what they are."""
    if error.status < HTTPStatus.BAD_REQUEST:
        return error
    codes = {404: "not-found", 405: "method-not-allowed", 413: "document-too-large", 415: "unsupported-media-type"}
    code = codes.get(error.status, "bad-request")
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    answer = Answer(code, STATUSES[code][1], instance=request.path, headers=headers)
    return respond(answer, status=error.status)


def _incident(request: web.Request, error: Exception) -> web.Response:
    incident = f"urn:uuid:{uuid.uuid4()}"
    log.error(
        "request.failed", request_id=incident, route=route_of(request), error=type(error).__name__, exc_info=error
    )
    detail = "Something unforeseen happened. Tell the operator of this node the incident's id."
    return respond(Answer("internal-error", detail, instance=incident))


def route_of(request: web.Request) -> str:
    """The route's pattern: what a log may hold, where the path itself may name ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""
