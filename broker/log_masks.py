"""What a line of the log may hold, decided here and not at each call.

A key that is not in `SAFE_KEYS`, or whose value does not have the shape that the table gives it, is written as
`<masked>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from datetime import date
from typing import Any, Final

EventDict = MutableMapping[str, Any]
Shape = Callable[[str], bool]

MASKED: Final = "<masked>"
UNNAMED: Final = "log.unnamed"
_MAX_ITEMS: Final = 50


def _shape(pattern: str) -> Shape:
    return lambda text, match=re.compile(pattern, re.ASCII).fullmatch: match(text) is not None  # type: ignore[misc]  # the default argument binds the compiled pattern


#: A broker id (UUID), a SHA-256, or the first digits of one.
_ID = _shape(r"(?:[0-9a-fA-F]{1,64}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
#: An AS4 message id: a UUID (ours) or any `left@right` of which nothing is written out in words.
_WIRE_ID = _shape(r"[0-9a-fA-F-]{8,64}(?:@[a-z0-9.-]{1,100})?")
#: A stable code of ours or of the configuration: lower case, digits, dots, dashes, underscores.
_CODE = _shape(r"[a-z0-9][a-z0-9._:-]{0,79}")
#: A name out of our own tables: a message type, a state, a class.
_WORD = _shape(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")
#: A route template, a file of the program, a version.
_PLACE = _shape(r"[A-Za-z0-9_./{}<>:+-]{1,200}")
_NEVER = _shape(r"(?!)")

SAFE_KEYS: Final[Mapping[str, Shape]] = {
    # what the log itself adds
    **dict.fromkeys(("level", "request_id", "trace_id", "span_id"), _CODE),
    **dict.fromkeys(("logger", "where", "file", "function", "exception_type"), _PLACE),
    # ids
    **dict.fromkeys(
        (
            "message_id",
            "exchange_id",
            "case_key",
            "case",
            "id",
            "subject",
            "work_id",
            "entry_id",
            "sha256",
            "causation_id",
        ),
        _ID,
    ),
    **dict.fromkeys(("wire_message_id", "ref_to_message_id"), _WIRE_ID),
    # codes and names of ours
    **dict.fromkeys(
        (
            "access_point",
            "action",
            "addressee",
            "backend",
            "check",
            "clock",
            "code",
            "codes",
            "command",
            "destination",
            "door",
            "environment",
            "error_code",
            "exchange",
            "kind",
            "key_id",
            "leg",
            "loop",
            "mode",
            "nation",
            "node",
            "outcome",
            "owner",
            "party",
            "profile",
            "queue",
            "role",
            "routing_key",
            "step",
            "target",
            "task",
            "validation",
            "worker",
        ),
        _CODE,
    ),
    **dict.fromkeys(
        (
            "type",
            "state",
            "before",
            "after",
            "direction",
            "method",
            "signal",
            "error",
            "error_type",
            "national_state",
            "release",
        ),
        _WORD,
    ),
    **dict.fromkeys(("route", "version", "host", "program"), _PLACE),
    # numbers, truth values and times need no shape: see `_clean`
    **dict.fromkeys(
        (
            "attempt",
            "attempts",
            "bytes",
            "checkpoint",
            "count",
            "delay",
            "deliveries",
            "due",
            "due_at",
            "due_on",
            "duration_ms",
            "age",
            "line",
            "messages",
            "next_attempt_at",
            "number",
            "parts",
            "pid",
            "port",
            "problems",
            "ready",
            "resend",
            "seconds",
            "size",
            "status",
            "until",
        ),
        _NEVER,
    ),
}


class Literal(str):
    """A text known to stand in a program's source: it quotes no value."""

    __slots__ = ()


_EVENT = _shape(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
_STRUCTURE: Final = frozenset({"event", "timestamp", "exception"})
_NUMBERS: Final = (bool, int, float)
_SEVERAL: Final = (list, tuple, set, frozenset)


def _clean(key: str, value: Any) -> Any:
    """The value if the table allows it under this key, else `MASKED`."""
    if isinstance(value, str):
        return str(value) if not value or SAFE_KEYS[key](value) else MASKED
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, _SEVERAL):
        return [_clean(key, item) for item in list(value)[:_MAX_ITEMS]]
    return MASKED


def keep_safe_keys(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: mask every key and value that `SAFE_KEYS` does not allow."""
    name = event.get("event")
    kept: EventDict = {"event": name if isinstance(name, str) and _EVENT(name) else UNNAMED}
    for key, value in event.items():
        if key in _STRUCTURE:
            kept.setdefault(key, value)
        elif key in SAFE_KEYS:
            kept[key] = _clean(key, value)
        elif isinstance(value, Literal):
            kept[key] = str(value)
        elif _WORD(key):
            kept[key] = MASKED
    return kept
