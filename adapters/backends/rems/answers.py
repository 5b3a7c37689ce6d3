"""What an answer of REMS says. A command that failed is answered by status 200 and `success: false`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from broker.errors import Problem

#: What REMS calls an error, and what a person understands. Source: CSCfi/rems, `t.form.validation`, `t.actions.errors`.
_WORDS: Final = {
    "missing": "A mandatory field has no answer.",
    "required": "A mandatory field has no answer.",
    "invalid-value": "A field has a value that it cannot have.",
    "format-error": "A field has a value that is not written as it should be.",
    "toolong": "A field has a longer text than it takes.",
    "invalid-email": "A field has no e-mail address where one is due.",
    "invalid-phone-number": "A field has no telephone number where one is due.",
    "not-accepted-licenses": "The applicant has not accepted the licences.",
    "licenses-not-accepted": "The applicant has not accepted the licences.",
    "forbidden": "The user of the broker may not do this in the present state of the application.",
    "application-not-found": "REMS has no such application.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a command took effect, what REMS said, and why not if it did not."""

    ok: bool
    body: Any = None
    problems: tuple[Problem, ...] = ()
    retryable: bool = False  #: the same command may work later; after asking whether it took effect


def read_answer(status: int, body: bytes) -> Answer:
    """Judge an answer. A read that gives 200 and no member `success` is good; so is a command that says true."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer(ok=False, problems=(_problem("unavailable", f"REMS answers {status}."),), retryable=True)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return Answer(ok=False, problems=(_problem("not-json", "REMS answers what is not JSON."),))
    if status != HTTPStatus.OK:
        return Answer(ok=False, body=said, problems=(_problem("refused-by-rems", f"REMS answers {status}."),))
    if isinstance(said, dict) and said.get("success", True) is not True:
        return Answer(ok=False, body=said, problems=_errors(said.get("errors")))
    return Answer(ok=True, body=said)


def failures(body: bytes) -> tuple[Problem, ...]:
    """Why what a 2xx answer speaks of failed; nothing for an answer that is not one of REMS."""
    return tuple(problem for problem in read_answer(HTTPStatus.OK, body).problems if problem.code == "refused-by-rems")


def _errors(errors: Any) -> tuple[Problem, ...]:
    """One problem per error; REMS gives a list, and sometimes one object whose `type` is a list."""
    given = errors if isinstance(errors, list) else [errors]
    found = [_error(one) for one in given if isinstance(one, dict)]
    return tuple(found) or (_problem("refused-by-rems", "REMS says that the command failed, and not why."),)


def _error(error: dict[str, Any]) -> Problem:
    said = error.get("type", "")
    kind = " ".join(map(str, said)) if isinstance(said, list) else str(said)
    name = kind.rpartition("/")[2]
    detail = _WORDS.get(name.lower(), "REMS says that the command failed.")
    place = "/".join(str(error[key]) for key in ("form-id", "field-id") if key in error)
    return Problem("refused-by-rems", detail, path=place, rule=kind)


def _problem(code: str, detail: str) -> Problem:
    return Problem(code, detail)
