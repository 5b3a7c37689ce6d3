"""Code lists, read from data."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def load_countries(path: Path) -> dict[str, str]:
    """Every form in which the wire names a country, in upper case, to its ISO 3166-1 alpha-2 code.

    Raises: ConfigurationError.
    """
    rows = _rows(path, "country")
    return {form.upper(): row["iso2"] for row in rows for form in (row["iso2"], row["iso3"], row["wire"], *row["also"])}


def _rows(path: Path, name: str) -> list[dict[str, Any]]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"The code list {path.name} cannot be read: {error}") from error
    return list(rows)
