"""Settings of the mock, from TOML. Every default works on one machine without a file."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTY_TYPE: Final = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"
_ROLES: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
# Domibus's rule for a plugin user: 16 to 32 characters with upper, lower, digit and special.
_PASSWORD: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9]).{16,32}")


class BadSettings(ValueError):
    """The settings cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Nation:
    """One national access point and its plugin user. `code` is the ISO 3166-1 alpha-2 code in lower case."""

    code: str
    user: str
    password: str = field(repr=False)
    party_id: str


@dataclass(frozen=True, slots=True)
class AccessPointStyle:
    """How the access points behave where Domibus versions and operators differ."""

    answers: str = "5.1"  #: or "5.2.1": prefixes change between answers, submitResponse has messageEntityID
    mtom: bool = False  #: answers carry payloads as MIME parts
    list_max: int = 500
    keep_downloaded: bool = True  #: False is PMode retention_downloaded=0
    receipt_seconds: float = 0.2  #: from SEND_ENQUEUED to ACKNOWLEDGED
    message_id_suffix: str = "edelivery.digital"


@dataclass(frozen=True, slots=True)
class PMode:
    """The one process that the mock's access points know: the values of the HealthData@EU pilot."""

    party_type: str = _PARTY_TYPE
    initiator: str = f"{_ROLES}/initiator"
    responder: str = f"{_ROLES}/responder"
    service: str = "bdx:noprocess"
    service_type: str = "tc1"
    action: str = "TC1Leg1"
    original_sender: str = f"{_PARTY_TYPE}:C1"
    final_recipient: str = f"{_PARTY_TYPE}:C4"


def _nation(code: str) -> Nation:
    return Nation(code, code, f"Mock-{code}-Only-2026!", f"hdeu:mock:ap:{code}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole mock. `id_prefix` starts every message id that it makes."""

    host: str = "127.0.0.1"
    port: int = 8090
    data_dir: Path = Path("data/mock-eu")
    id_prefix: str = "hdeu-mock"
    central_party_id: str = "hdeu:mock:ap:central"
    style: AccessPointStyle = field(default_factory=AccessPointStyle)
    pmode: PMode = field(default_factory=PMode)
    nations: Mapping[str, Nation] = field(default_factory=lambda: {code: _nation(code) for code in ("fr", "fi")})

    def __post_init__(self) -> None:
        for nation in self.nations.values():
            if not _PASSWORD.fullmatch(nation.password):
                raise BadSettings(f"nations.{nation.code}.password breaks the rule for Domibus plugin users")
        if self.style.answers not in {"5.1", "5.2.1"}:
            raise BadSettings('access_point.answers is neither "5.1" nor "5.2.1"')


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Defaults, over them the file, over it `overrides` of [server]. Raises: BadSettings, OSError."""
    if os.environ.get("HDEU_ENVIRONMENT") == "production":
        raise BadSettings("HDEU_ENVIRONMENT=production: the mock EU node is for tests only")
    table = _read(path) if path else {}
    server = {**table.pop("server", {}), **(overrides or {})}
    if "data_dir" in server:
        server["data_dir"] = Path(server["data_dir"])
    settings = Settings(**_known("server", server, Settings))
    return _with_tables(settings, table)


def _with_tables(settings: Settings, table: dict[str, Any]) -> Settings:
    style = replace(settings.style, **_known("access_point", table.pop("access_point", {}), AccessPointStyle))
    pmode = replace(settings.pmode, **_known("pmode", table.pop("pmode", {}), PMode))
    nations = {
        code: replace(_nation(code), **_known(f"nations.{code}", values, Nation))
        for code, values in table.pop("nations", {}).items()
    }
    if table:
        raise BadSettings(f"unknown tables: {', '.join(sorted(table))}")
    return replace(settings, style=style, pmode=pmode, nations=nations or settings.nations)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}") from error


def _known(table: str, values: dict[str, Any], kind: type) -> dict[str, Any]:
    unknown = set(values) - {item.name for item in fields(kind)}
    if unknown:
        raise BadSettings(f"unknown keys in [{table}]: {', '.join(sorted(unknown))}")
    return values
