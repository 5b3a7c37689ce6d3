"""What an answer of the counterpart means to the broker.

Only a problem document of the counterpart's own is its word on a message; whatever a proxy or a login page in between
says stays retryable. A submit whose answer cannot be understood may have taken effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.errors import (
    AlreadySubmitted,
    BrokerError,
    Garbled,
    NotFound,
    OutcomeUnknown,
    Problem,
    Refused,
    Unavailable,
)

if TYPE_CHECKING:
    from adapters.access_point.eu_https.transport import Reply

KEPT: Final = 201
KNOWN: Final = 200
RECEIVED: Final = "RECEIVED"  #: what the counterpart says of a message that it has committed
DONE: Final = frozenset({200, 204})
_NOT_FOUND: Final = 404
_UNAUTHORIZED: Final = frozenset({401, 403})
_OVERLOADED: Final = frozenset({429, 503})  # said before the request is worked on
_ABOUT_THE_MESSAGE: Final = frozenset({409, 413, 415, 422})
_SERVER_ERROR: Final = 500
_REDIRECTED: Final = 300
_OURS: Final = "urn:hdeu:problem:"
_MOST_PROBLEMS: Final = 20
_LONGEST: Final = 500


def of_submit(reply: Reply) -> BrokerError | None:
    """The error that an answer to a submit stands for; None if the message was kept just now."""
    if reply.status == KEPT:
        return None
    if reply.status == KNOWN and _is_known(reply):
        return AlreadySubmitted("the counterpart has this message already")
    if reply.status in _UNAUTHORIZED:
        return _not_us(reply)
    if reply.status in _ABOUT_THE_MESSAGE and (said := problems_of(reply)):
        return Refused(said)
    if reply.status not in _OVERLOADED and (reply.status >= _SERVER_ERROR or reply.status < _REDIRECTED):
        return OutcomeUnknown(f"the counterpart answered HTTP {reply.status}", status=reply.status)
    return Unavailable(f"the counterpart answered HTTP {reply.status}", status=reply.status)


def of_read(reply: Reply) -> BrokerError | None:
    """The error that an answer to any other call stands for."""
    if reply.problem is not None and reply.status in DONE:
        return Garbled(f"the counterpart's answer cannot be read: {reply.problem.detail}", (reply.problem,))
    if reply.status in DONE:
        return None
    if reply.status in _UNAUTHORIZED:
        return _not_us(reply)
    if reply.status == _NOT_FOUND and problems_type(reply) == f"{_OURS}{NotFound.code}":
        return NotFound("the counterpart has no such message")
    return Unavailable(f"the counterpart answered HTTP {reply.status}", status=reply.status)


def problems_of(reply: Reply) -> tuple[Problem, ...]:
    """What the counterpart finds wrong with a message; () where the answer is not its own problem document."""
    kind = problems_type(reply)
    if not kind.startswith(_OURS):
        return ()
    listed = reply.json().get("problems")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    told = tuple(_problem(one) for one in found[:_MOST_PROBLEMS])
    return told or (_problem({"code": kind.removeprefix(_OURS), "detail": reply.json().get("detail")}),)


def problems_type(reply: Reply) -> str:
    """The type of the problem document; "" if it is none."""
    if not reply.content_type.startswith("application/problem+json"):
        return ""
    try:
        return str(reply.json().get("type", ""))
    except Garbled:
        return ""


def _is_known(reply: Reply) -> bool:
    """Whether a 200 is the counterpart's: a login page answers 200 to everything."""
    try:
        return reply.json().get("status") == RECEIVED
    except Garbled:
        return False


def _problem(said: dict[str, object]) -> Problem:
    """The other side's words as ours: the code is theirs, so that both sides find the same one."""

    def text(name: str) -> str:
        return str(said.get(name) or "")[:_LONGEST]

    detail = f"{text('code')}: {text('detail')}"
    return Problem("refused-by-counterpart", detail, path=text("path"), rule=text("rule"), hint=text("hint"))


def _not_us(reply: Reply) -> Unavailable:
    return Unavailable(f"the counterpart refused our credentials: HTTP {reply.status}", status=reply.status)
