"""What an applicant may start from: whole forms that ship with the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

#: Name → title for people, file below the configuration's folder.
FORMS: Final = {
    "access": ("Access to data for research, two countries", "demo/application_metadata.json"),
    "request": ("Request for an answer in statistics, two countries", "scenarios/data-request.json"),
}


def folder() -> Path:
    """The shipped configurations, in a checkout or in an installed wheel. Raises: FileNotFoundError."""
    root = Path(__file__).resolve().parents[2]
    for found in (root / "config", root / "broker" / "_data" / "config"):
        if (found / "mock-eu.toml").is_file():
            return found
    raise FileNotFoundError("config/mock-eu.toml")


def form(name: str) -> dict[str, Any]:
    """A fresh copy. Raises: KeyError."""
    _, file = FORMS[name]
    return dict(json.loads((folder() / file).read_text("utf-8")))
