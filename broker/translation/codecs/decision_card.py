"""What D6.4 does its own way: the table of a decision, and days written DD:MM:YYYY.

D6.4 section 9 has of a decision the application, `Positive` or `Negative`, the day, and who signs. On the way in that
does not say what kind of decision it was, and no kind is made up: the value stays among the unknown fields.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NoReturn

from broker.errors import ConfigurationError, Problem, TranslationError
from broker.translation.codecs.codec import Retold
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lxml import etree

_WIRE_DAY: Final = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{4})")
_DAY_LENGTH: Final = len("2026-01-01")
#: The text convention of D6.4 for days, and of a decision's two days the one that goes first.
DAYS: Final = "day-colon-month"
_DAYS: Final = ("legalIssueDate", "issuedAt")
_NAMES: Final = ("firstName", "lastName", "jobTitle")


def load_wire_values(path: Path) -> dict[str, str]:
    """Which decision kind is `Positive` or `Negative` on the wire. Raises: ConfigurationError."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["kind"]
        return {str(row["code"]): str(row["wire"]) for row in rows if row.get("wire")}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"The table of decision kinds {path.name} cannot be read: {error}") from error


def fold(content: dict[str, Any], wire_values: Mapping[str, str]) -> dict[str, Any]:
    """The table of D6.4 from the content of a decision.

    Raises: TranslationError, `no-wire-form`, for a kind that is neither positive nor negative.
    """
    kind = content.get("kind")
    if kind is not None and kind not in wire_values:
        _no_form(str(kind))
    day = content.get("legalIssueDate") or str(content.get("issuedAt", ""))[:_DAY_LENGTH]
    table = {
        "applicationId": content.get("applicationId"),
        "decision": wire_values.get(str(kind)),
        "timestamp": _wire_day(day) if day else None,
        "user": content.get("signer"),
    }
    return {name: value for name, value in table.items() if value is not None}


def unfold(table: dict[str, Any]) -> dict[str, Any]:
    """The content of a decision from the table of D6.4. `decision` keeps its name, which eu-1 does not know."""
    renamed = {"user": "signer", "timestamp": "legalIssueDate"}
    day = _iso_day(table.get("timestamp"))
    if day is None:
        renamed.pop("timestamp")
    content = {renamed.get(name, name): value for name, value in table.items()}
    return {**content, "legalIssueDate": day} if day is not None else content


def retold(root: etree._Element, wire_values: Mapping[str, str]) -> dict[str, Retold]:
    """Where the leaves of a decision stand in the table; both its days in one, if they are the same day."""
    said = {name: trimmed(root.findtext(f"{{*}}content/{{*}}{name}") or "") for name in ("kind", *_DAYS)}
    rows = {f"content/signer/{name}": Retold(f"content/user/{name}") for name in _NAMES}
    if said["kind"] in wire_values:
        rows["content/kind"] = Retold("content/decision", "recoded", "decision-kinds")
    days = {name: said[name][:_DAY_LENGTH] for name in _DAYS if said[name]}
    told = [name for name, day in days.items() if day == next(iter(days.values()))]
    fate = "joined" if len(told) > 1 else "recoded"
    return {**rows, **{f"content/{name}": Retold("content/timestamp", fate, DAYS) for name in told}}


def iso_days(content: dict[str, Any], leaves: tuple[str, ...]) -> dict[str, Any]:
    """Days of the content in ISO form; what is not written DD:MM:YYYY, or is no day, stays as it is."""
    names = {leaf.rpartition("/")[2] for leaf in leaves}
    return {name: (_iso_day(value) or value) if name in names else value for name, value in content.items()}


def wire_days(content: dict[str, Any], leaves: tuple[str, ...]) -> dict[str, Any]:
    """Days of the content as D6.4 writes them."""
    names = {leaf.rpartition("/")[2] for leaf in leaves}
    return {name: _wire_day(value) if name in names else value for name, value in content.items()}


def _iso_day(value: Any) -> str | None:
    found = _WIRE_DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return date(int(found[3]), int(found[2]), int(found[1])).isoformat() if found else None
    except ValueError:  # no calendar has it: it stays as it was written
        return None


def _wire_day(day: str) -> str:
    year, month, number = trimmed(day).split("-")
    return f"{number}:{month}:{year}"


def _no_form(kind: str) -> NoReturn:
    detail = "The wire knows positive and negative decisions alone."
    raise TranslationError((Problem("no-wire-form", detail, "/content/kind", value=kind),))
