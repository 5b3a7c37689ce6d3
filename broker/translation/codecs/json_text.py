"""JSON as it is read from and written to the wire: UTF-8, no duplicate names, no numbers that JSON does not have.

A number stays as it was spelled: what a float would round (`12345678901234567.10`), overflow (`1e400`) or spell in
another way (`2400.00`) is a `Number`.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from broker.errors import Problem, Refused
from broker.payloads import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEPTH: Final = 64
_SHORT: Final = 80  #: characters of a name in a pointer
_DIGITS: Final = 4000  #: of a whole number; Python turns no longer text into one (`sys.set_int_max_str_digits`)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?").fullmatch  #: RFC 8259 section 6
_NEGATIVE_ZERO: Final = "-0"  #: no whole number of Python keeps its sign
#: How UTF-16 and UTF-32 begin, with and without a byte order mark: a text of JSON begins with two ASCII characters.
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\0")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that no float says as it is spelled."""

    text: str


class _Twice(ValueError):
    """A name stands twice in one object."""


class _Members(list[tuple[str, Any]]):
    """An object as it was written: its members, those of one name each for itself."""


def read(data: bytes | Payload, *, part: str = "", limit: int | None = None) -> Any:
    """The value of a JSON text. `part` names it in problems, for JSON that lies within an archive.

    Raises: Refused, with `empty-document`, `document-too-large`, `bad-encoding`, `duplicate-key`, `too-deep` or
    `not-json`.
    """
    payload = Payload.of(data)
    if limit is not None and payload.size > limit:
        refuse("document-too-large", f"The JSON has {payload.size} bytes; {limit} are allowed.", part)
    text = _decoded(payload.whole(), part)
    if not text.strip():
        refuse("empty-document", "There is no JSON, only white space or nothing.", part)
    value = _parsed(text, part)
    _check_depth(value, part)
    return value


def write(value: Any) -> bytes:
    """The JSON text of a value, compact, UTF-8."""
    try:
        return _text(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can say it
        return write_text(value).encode()


def read_text(text: str) -> Any:
    """The value of a JSON text that was kept by `write_text`. Raises: ValueError."""
    return json.loads(text, parse_float=number, parse_int=whole_number)


def write_text(value: Any) -> str:
    """The JSON text of a value in ASCII, so that it can stand in XML whatever characters it speaks of."""
    return _text(value, ensure_ascii=True)


def number(text: str) -> float | Number:
    """A number that is written again as it is spelled. Raises: ValueError, if JSON cannot spell it so."""
    if _NUMBER(text) is None:
        raise ValueError(f"{text[:80]} is not a JSON number")
    value = float(text)
    return value if repr(value) == text else Number(text)


def whole_number(text: str) -> int | Number:
    """A whole number, however long it is."""
    return int(text) if len(text) <= _DIGITS and text != _NEGATIVE_ZERO else Number(text)


def refuse(code: str, detail: str, path: str = "", *, value: str = "", hint: str = "") -> NoReturn:
    """Raise the refusal of a wire form. Raises: Refused."""
    raise Refused((Problem(code, detail, path, value=value, hint=hint),))


def _text(value: Any, *, ensure_ascii: bool) -> str:
    def dumps(one: Any) -> str:
        return json.dumps(one, ensure_ascii=ensure_ascii, allow_nan=False, separators=(",", ":"))

    try:
        return dumps(value)
    except TypeError:  # the encoder of the standard library knows no `Number`
        return _spelled(value, dumps)


def _spelled(value: Any, dumps: Callable[[Any], str]) -> str:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(name)}:{_spelled(inner, dumps)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_spelled(inner, dumps) for inner in value) + "]"
    return dumps(value)


def _decoded(data: bytes, part: str) -> str:
    if data.startswith(_WIDE) or data[1:2] == b"\0":
        refuse("bad-encoding", "JSON is UTF-8; these bytes are UTF-16 or UTF-32.", part)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse("bad-encoding", f"JSON is UTF-8; byte {error.start} is not.", part)


def _parsed(text: str, part: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=number, parse_int=whole_number
        )
    except _Twice as error:
        refuse("duplicate-key", f"The name {error} stands twice in one object.", f"{part}{_where_twice(text)}")
    except RecursionError:
        refuse("too-deep", f"Values stand within each other more than {_DEPTH} deep.", part)
    except ValueError as error:
        refuse("not-json", f"The text is not JSON: {error}.", part)


def _where_twice(text: str) -> str:
    """JSON Pointer (RFC 6901) of the first object in which a name stands twice; "" is the whole."""
    try:
        return next(_twice(json.loads(text, object_pairs_hook=_Members), ""), "")
    except (ValueError, RecursionError):  # something else is wrong further on: no place is said
        return ""


def _twice(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, _Members):
        seen = set()
        for name, inner in value:
            if name in seen:
                yield pointer
            seen.add(name)
            yield from _twice(inner, f"{pointer}/{_step(name)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _twice(inner, f"{pointer}/{index}")


def _step(name: str) -> str:
    """One step of a JSON Pointer, in characters that every log and header takes."""
    return ascii(name)[1:-1].replace("~", "~0").replace("/", "~1")[:_SHORT]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(ascii(name))
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _check_depth(value: Any, part: str) -> None:
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _members(outer)]
        if not level:
            return
    refuse("too-deep", f"Values stand within each other more than {_DEPTH} deep.", part)


def _members(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return list(outer.values()) if isinstance(outer, dict) else outer
