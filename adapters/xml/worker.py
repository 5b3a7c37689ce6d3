"""The process that explains refusals: xmlschema is thorough, slow, and holds the interpreter for itself.

Reads one JSON request per line from standard input (`schema`, `data` in base64, `limit`, `seconds`; without `data` the
schema is compiled and no more), writes one JSON answer per line: the problems, as lists of the fields of `Problem`.
Ends with its input.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import xmlschema
from lxml import etree

from adapters.xml.parser import Limits, parse
from adapters.xml.wording import problems_of

if TYPE_CHECKING:
    from broker.errors import Problem

_DEEP: Final = Limits(document_bytes=1 << 31, depth=200)  #: the caller's own limits have been applied before


@lru_cache(maxsize=32)
def _compiled(path: str) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(path), allow="local", defuse="always")


def explain(schema: str, data: bytes, *, limit: int, seconds: float) -> list[Problem]:
    """The first problems, one per code and place, as many as are found in time."""
    until = time.monotonic() + seconds
    found: dict[tuple[str, str], Problem] = {}
    for error in _compiled(schema).iter_errors(parse(data, _DEEP), use_location_hints=False):
        for problem in problems_of(error):
            found.setdefault((problem.code, problem.path), problem)
        if len(found) >= limit or time.monotonic() > until:
            break
    return list(found.values())[:limit]


def main() -> None:
    """Answer requests until the input ends."""
    _answer({"ready": etree.__version__})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "data" not in request:
            _compiled(request["schema"])
            _answer({"compiled": request["schema"]})
            continue
        data = base64.b64decode(request["data"])
        problems = explain(request["schema"], data, limit=request["limit"], seconds=request["seconds"])
        _answer({"problems": [astuple(problem) for problem in problems]})


def _answer(body: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
