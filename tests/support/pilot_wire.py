"""The pilot's nested base64, taken apart with the standard library alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

PILOT = Path(__file__).parents[1] / "data" / "eu-pilot-golden"


def pilot(name: str) -> bytes:
    """A file nested by hand, as it travels."""
    return (PILOT / f"{name}.txt").read_bytes()


def unpacked(data: bytes) -> tuple[str, list[Any]]:
    """Topic and contents."""
    outer = json.loads(base64.b64decode(data))
    inner = [json.loads(base64.b64decode(item)) for item in outer["messages"]]
    assert all(each["type"] == outer["type"] for each in inner)
    return outer["type"], [json.loads(base64.b64decode(each["content"])) for each in inner]
