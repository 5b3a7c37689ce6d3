"""JSON as it comes from others."""

from __future__ import annotations

import json
from typing import Any


def json_of(data: bytes) -> Any:
    """JSON in UTF-8. Raises: ValueError, also for a lone surrogate, for NaN, and for bottomless nesting."""
    text = data.decode("utf-8")
    try:
        value = json.loads(text, parse_constant=_refuse)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a character cannot be kept, nor sent on
    except RecursionError as error:
        raise ValueError("too deep") from error
    return value


def _refuse(name: str) -> float:
    raise ValueError(name)
