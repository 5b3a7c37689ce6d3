"""XML elements as text: what a request needs of XML, without a tree that is thrown away at once."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile("[ !#-%'-;=?-~]*").fullmatch  # printable ASCII without the characters that mean something
_FORBIDDEN: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search  # XML 1.0, section 2.2
_ESCAPES: Final = str.maketrans(
    # As references, so that no reader normalises the white space away.
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def element(name: str, /, *children: str, text: str = "", **attributes: str) -> str:
    """An element; attributes without a value are left out.

    `name` and `children` stand as they are. Raises: ValueError, if a value has a character that XML does not know.
    """
    given = "".join([f' {key}="{escaped(value)}"' for key, value in attributes.items() if value])
    return f"<{name}{given}>{escaped(text)}{''.join(children)}</{name}>"


def escaped(text: str) -> str:
    """A value as it may stand in an element and in an attribute. Raises: ValueError."""
    if _PLAIN(text):
        return text
    if _FORBIDDEN(text):
        raise ValueError("a character that XML does not know")
    return text.translate(_ESCAPES)
