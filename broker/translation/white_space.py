"""White space as XML has it: blank, tab and line ends. Others (a no-break space) are part of a value, and are kept."""

from __future__ import annotations

import re
from typing import Final

_CHARACTERS: Final = " \t\n\r"
_WORDS: Final = re.compile(r"[^ \t\n\r]+").findall


def collapsed(text: str) -> str:
    """The text after `whiteSpace = collapse` (XML Schema 1.1 part 2, section 4.3.6)."""
    return " ".join(text.split() if text.isascii() else _WORDS(text))


def trimmed(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip(_CHARACTERS)
