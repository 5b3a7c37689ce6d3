"""Which form a message type has on the wire, how sure that is, and what the form cannot carry: a table of data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class Standing(StrEnum):
    """How sure a wire form is."""

    OBSERVED = "observed"  #: seen in working code that talked to the real system
    OURS_PROVISIONAL = "ours-provisional"  #: names as published, envelope ours, until the Commission publishes its own
    IMPOSSIBLE = "impossible"  #: there is no form: the message cannot go out


class Body(StrEnum):
    """What the payload is."""

    JSON = "json"
    ZIP = "zip"
    PILOT = "pilot"  #: nested base64 of JSON
    CARD = "card"  #: JSON whose content is the table of D6.4 alone
    NONE = ""


@dataclass(frozen=True, slots=True)
class WireForm:
    """The wire form of one message type.

    `dates` are leaves written DD:MM:YYYY; `lost` are leaves it cannot carry; `structured`: eu-1 goes along.
    """

    type: str
    standing: Standing
    body: Body
    source: str
    dates: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    structured: bool = False


def load_wire_forms(path: Path, *, types: tuple[str, ...] = ()) -> dict[str, WireForm]:
    """Read the table; its `rest` holds for each of `types` that has no row. Raises: ConfigurationError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        forms = [_form({"type": one, **table["rest"]}) for one in types] + [_form(row) for row in table["form"]]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"The table of wire forms {path.name} cannot be read: {error}") from error
    return {form.type: form for form in forms}


def _form(row: dict[str, object]) -> WireForm:
    return WireForm(
        type=str(row["type"]),
        standing=Standing(str(row["standing"])),
        body=Body(str(row.get("body", ""))),
        source=str(row["source"]),
        dates=_texts(row.get("dates")),
        lost=_texts(row.get("lost")),
        structured=bool(row.get("structured", False)),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
