"""A validator of the Interoperability Test Bed by its REST API: content in base64, a TAR report as JSON.

The answer's `result` is SUCCESS, WARNING, FAILURE or UNDEFINED; `reports.error` lists what is wrong, each with
`description`, `location` and `test`. Warnings refuse nothing.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from broker.errors import Problem, Unavailable
from broker.judges import Verdict

_ANSWER_BYTES: Final = 1024 * 1024
_PROBLEMS: Final = 50
_TEXT: Final = 300
_PASSES: Final = frozenset({"SUCCESS", "WARNING"})
_NOTHING: Final = b"{}"


class ItbValidator:
    """Implements `broker.judges.Validator`. `url` is that of the operation validate, `kind` its validationType."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, kind: str = "", seconds: float = 5.0) -> None:
        self._session, self._url, self._kind = session, url, kind
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def judge(self, data: bytes) -> Verdict:
        """Its verdict. Raises: Unavailable, where it is silent, answers otherwise than it should, or cannot tell."""
        report = _report(await self._ask(data))
        result, said_at = str(report.get("result", "")), str(report.get("date", ""))[:40]
        by = f"the validator at {urlsplit(self._url).hostname}" + (f", report of {said_at}" if said_at else "")
        if result in _PASSES:
            return Verdict(by)
        if result != "FAILURE":
            raise Unavailable(f"The remote validator cannot tell: {result[:40] or 'no result'}.")
        return Verdict(by, tuple(map(_problem, _errors(report)[:_PROBLEMS])) or (_problem({}),))

    async def ping(self) -> None:
        """Any answer in the form of a report shows that it is there. Raises: Unavailable."""
        _report(await self._ask(_NOTHING))

    async def _ask(self, data: bytes) -> bytes:
        asked = {"contentToValidate": base64.b64encode(data).decode("ascii"), "embeddingMethod": "BASE64"}
        body = {**asked, "validationType": self._kind} if self._kind else asked
        headers = {"Accept": "application/json"}
        post = self._session.post(self._url, json=body, headers=headers, timeout=self._timeout, allow_redirects=False)
        try:
            async with post as answer:
                if answer.status != 200:  # noqa: PLR2004 -- HTTP's number for OK
                    raise Unavailable(f"The remote validator answers {answer.status}.")
                return await _limited(answer)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"The remote validator does not answer: {type(error).__name__}.") from error


async def _limited(answer: aiohttp.ClientResponse) -> bytes:
    read = b""
    async for piece in answer.content.iter_chunked(64 * 1024):
        read += piece
        if len(read) > _ANSWER_BYTES:
            raise Unavailable("The remote validator answers more than is read here.")
    return read


def _report(data: bytes) -> dict[str, Any]:
    try:
        report = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unavailable("The remote validator does not answer in JSON.") from error
    if not isinstance(report, dict) or "result" not in report:
        raise Unavailable("The remote validator does not answer with a report.")
    return report


def _errors(report: dict[str, Any]) -> list[dict[str, Any]]:
    listed = report.get("reports")
    errors = listed.get("error", []) if isinstance(listed, dict) else []
    return [one for one in (errors if isinstance(errors, list) else [errors]) if isinstance(one, dict)]


def _problem(error: dict[str, Any]) -> Problem:
    detail = str(error.get("description") or "The remote validator says that the document is not valid.")[:_TEXT]
    hint = "If the local verdict is right, sign the message off with a reason; else mend the mapping and retry."
    location, test = str(error.get("location") or "")[:_TEXT], str(error.get("test") or "")[:_TEXT]
    return Problem("remote-invalid", detail, location, test, hint=hint)
