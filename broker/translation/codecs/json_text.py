"""JSON as it is read from and written to the wire: UTF-8, no duplicate names, no numbers that JSON does not have."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from broker.errors import Problem, Refused
from broker.payloads import Payload

_DEPTH: Final = 64


class _Twice(ValueError):
    """A name stands twice in one object."""


def read(data: bytes | Payload, *, part: str = "", limit: int | None = None) -> Any:
    """The value of a JSON text. `part` names it in problems, for JSON that lies within an archive.

    Raises: Refused, with `document-too-large`, `bad-encoding`, `duplicate-key`, `too-deep` or `not-json`.
    """
    payload = Payload.of(data)
    if limit is not None and payload.size > limit:
        refuse("document-too-large", f"The JSON has {payload.size} bytes; {limit} are allowed.", part)
    value = _parsed(_decoded(payload.whole(), part), part)
    _check_depth(value, part)
    return value


def write(value: Any) -> bytes:
    """The JSON text of a value, compact, UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can say it
        return write_text(value).encode()


def read_text(text: str) -> Any:
    """The value of a JSON text that was kept by `write_text`. Raises: ValueError."""
    return json.loads(text)


def write_text(value: Any) -> str:
    """The JSON text of a value in ASCII, so that it can stand in XML whatever characters it speaks of."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def refuse(code: str, detail: str, path: str = "", *, value: str = "", hint: str = "") -> NoReturn:
    """Raise the refusal of a wire form. Raises: Refused."""
    raise Refused((Problem(code, detail, path, value=value, hint=hint),))


def _decoded(data: bytes, part: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse("bad-encoding", f"JSON is UTF-8; byte {error.start} is not.", part)


def _parsed(text: str, part: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except _Twice as error:
        refuse("duplicate-key", f"The name {error} stands twice in one object.", part)
    except RecursionError:
        refuse("too-deep", f"Values stand within each other more than {_DEPTH} deep.", part)
    except ValueError as error:
        refuse("not-json", f"The text is not JSON: {error}.", part)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(ascii(name))
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{text} is beyond the numbers that are read here")
    return value


def _check_depth(value: Any, part: str) -> None:
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _members(outer)]
        if not level:
            return
    refuse("too-deep", f"Values stand within each other more than {_DEPTH} deep.", part)


def _members(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return list(outer.values()) if isinstance(outer, dict) else outer
