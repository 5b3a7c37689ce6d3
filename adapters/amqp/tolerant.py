"""Read what any publisher can send, instead of losing the connection over it.

pamqp raises for a time stamp beyond year 9999, for short strings that are not UTF-8 and for headers nested too deep;
aiormq then closes the whole connection, the message is delivered again, and so on for ever: one message of one back
end could stop a node.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pamqp import decode

if TYPE_CHECKING:
    from datetime import datetime

#: Stands where bytes were no UTF-8.
REPLACEMENT = "\ufffd"

_strict_timestamp, _strict_table = decode.timestamp, decode.field_table


def timestamp(value: bytes) -> tuple[int, datetime | None]:
    """As pamqp's; None for a time that no calendar has."""
    try:
        return _strict_timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, None


def short_string(value: bytes) -> tuple[int, str]:
    """As pamqp's, with U+FFFD for what is not UTF-8."""
    length = value[0]
    return length + 1, value[1 : length + 1].decode("utf-8", "replace")


def table(value: bytes) -> tuple[int, dict[str, Any]]:
    """As pamqp's; empty if it cannot be read."""
    try:
        return _strict_table(value)
    except (ValueError, RecursionError):
        return int(struct.unpack(">I", value[:4])[0]) + 4, {}


def install() -> None:
    """Put these in pamqp's place, for the whole process; again changes nothing."""
    decode.METHODS |= {"timestamp": timestamp, "shortstr": short_string, "table": table}
    decode.TABLE_MAPPING[b"T"] = timestamp
