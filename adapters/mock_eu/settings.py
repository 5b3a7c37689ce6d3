"""Settings of the mock, from TOML. Every default works on one machine without a file."""

from __future__ import annotations

import errno
import os
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.retention import BadRetention, Retention

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_PARTY_TYPE: Final = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"
_ROLES: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
# Domibus's rule for a plugin user: 16 to 32 characters with upper, lower, digit and special.
_PASSWORD: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9]).{16,32}")


WIRE_FORMS: Final = ("eu-r7", "eu-pilot")
#: Values of `wsplugin.push.rules.NAME.type`.
PUSH_TYPES: Final = (
    "RECEIVE_SUCCESS",
    "RECEIVE_FAIL",
    "SEND_SUCCESS",
    "SEND_FAILURE",
    "MESSAGE_STATUS_CHANGE",
    "SUBMIT_MESSAGE",
    "DELETED",
    "DELETED_BATCH",
)
#: Type of a setting → what TOML may write there, and that for people. Others are read by hand.
_WRITTEN: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "str": ((str,), "a text in quotes"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}
_RETRY: Final = re.compile(r"(\d+(?:\.\d+)?);(\d+);(CONSTANT|SEND_ONCE)")


class BadSettings(ValueError):
    """The settings cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Domibus's retry rule: so many tries within so many seconds."""

    seconds: float
    tries: int

    @classmethod
    def of(cls, text: str) -> Retry:
        """From `minutes;tries;CONSTANT` or `…;SEND_ONCE`. Raises: BadSettings."""
        found = _RETRY.fullmatch(text)
        if found is None or not int(found[2]):
            raise BadSettings(f"retry {text!r} is not minutes;tries;CONSTANT or minutes;tries;SEND_ONCE")
        return cls(float(found[1]) * 60, 1 if found[3] == "SEND_ONCE" else int(found[2]))

    @property
    def interval(self) -> float:
        """Seconds between two tries."""
        return self.seconds / self.tries


@dataclass(frozen=True, slots=True)
class Rule:
    """A push rule: `wsplugin.push.rules.NAME` with its `.endpoint`, `.recipient`, `.type` and `.retry`."""

    name: str
    endpoint: str
    types: tuple[str, ...]
    recipient: str = ""  #: a finalRecipient; empty takes all
    retry: str = "60;5;CONSTANT"  #: minutes;tries;CONSTANT or SEND_ONCE


@dataclass(frozen=True, slots=True)
class Push:
    """How a nation's access point notifies its back end. Without a rule nothing is pushed, as in a new Domibus."""

    rules: tuple[Rule, ...] = ()
    mark_as_downloaded: bool = True  #: after a SUBMIT_MESSAGE that was delivered
    user: str = ""
    password: str = field(default="", repr=False)
    cron_seconds: float = 60.0  #: how often the worker looks for what must be pushed again
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Nation:
    """One national access point and its plugin user. `code` is the ISO 3166-1 alpha-2 code in lower case."""

    code: str
    user: str
    password: str = field(repr=False)
    party_id: str
    original_user: str = ""  #: of a plugin user without ROLE_ADMIN: sees only what has this finalRecipient
    wire: str = "eu-r7"  #: the form of its payloads, or "eu-pilot"
    jwks: str = ""  #: where it publishes its keys for eu-https; without it the nation speaks only to the WS plugin
    push: Push = field(default_factory=Push)
    retention: Mapping[str, Any] = field(default_factory=dict)  #: what differs from the retention of all access points


@dataclass(frozen=True, slots=True)
class AccessPointStyle:
    """How the access points behave where Domibus versions and operators differ."""

    answers: str = "5.1"  #: or "5.2.1": prefixes change between answers, submitResponse has messageEntityID
    auth: bool = True  #: False is domibus.auth.unsecureLoginAllowed=true
    mtom: bool = False  #: answers carry payloads as MIME parts
    mtom_in: bool = True  #: requests may carry them so
    schema_validation: bool = False  #: wsplugin.schema.validation.enabled
    payload_profile: tuple[str, ...] = ()  #: the parts that the PMode's leg lets pass; empty: it has no profile
    list_max: int = 500
    retention: Retention = field(default_factory=Retention)  #: of every nation that has none of its own
    retention_seconds: float = 1.0  #: how often the retention worker runs; Domibus's runs each minute
    receipt_seconds: float = 0.2  #: from SEND_ENQUEUED to ACKNOWLEDGED
    send_tries: int = 4  #: the PMode's count: failed tries until SEND_FAILURE
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
    durable: bool = True  #: False waits for no disk: survives SIGKILL, not a power cut
    id_prefix: str = "hdeu-mock"
    central_party_id: str = "hdeu:mock:ap:central"
    style: AccessPointStyle = field(default_factory=AccessPointStyle)
    pmode: PMode = field(default_factory=PMode)
    nations: Mapping[str, Nation] = field(default_factory=lambda: {code: _nation(code) for code in ("fr", "fi")})

    def __post_init__(self) -> None:
        for nation in self.nations.values():
            if not _PASSWORD.fullmatch(nation.password):
                raise BadSettings(
                    f"nations.{nation.code}.password must have 16 to 32 characters, upper, lower, digit and special"
                )
            if nation.wire not in WIRE_FORMS:
                raise BadSettings(f"nations.{nation.code}.wire is none of {', '.join(WIRE_FORMS)}")
            for rule in nation.push.rules:
                _check_rule(nation.code, rule)
            self.retention_of(nation.code)
        if self.style.answers not in {"5.1", "5.2.1"}:
            raise BadSettings('access_point.answers is neither "5.1" nor "5.2.1"')

    def retention_of(self, code: str) -> Retention:
        """A nation's, as configured. Raises: BadSettings."""
        return _retention(f"nations.{code}.retention", self.nations[code].retention, self.style.retention)


def _check_rule(code: str, rule: Rule) -> None:
    Retry.of(rule.retry)
    unknown = [name for name in rule.types if name not in PUSH_TYPES]
    if unknown or not rule.types:
        raise BadSettings(f"nations.{code}.push.rules.{rule.name}: types must be some of {', '.join(PUSH_TYPES)}")


def access_points(settings: Settings) -> dict[str, str]:
    """By nation, what its back end must be told; the password stands in the configuration."""
    return {
        code: f"http://{settings.host}:{settings.port}/{code}/domibus/services/wsplugin, user {nation.user}, "
        f"party {nation.party_id}, central party {settings.central_party_id}"
        for code, nation in settings.nations.items()
    }


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that every verb of the mock has."""
    parser.add_argument("--config", metavar="FILE", help="the mock's configuration (TOML); without it the defaults")


def plain(error: Exception) -> str:
    """What went wrong, and what to do where the port is somebody else's."""
    taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    return f"{error}: stop what listens there, or choose another --port" if taken else str(error)


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
    said = _known("access_point", table.pop("access_point", {}), AccessPointStyle)
    if "payload_profile" in said:
        said["payload_profile"] = _cids(said["payload_profile"])
    if "retention" in said:
        said["retention"] = _retention("access_point.retention", said["retention"], settings.style.retention)
    style = replace(settings.style, **said)
    pmode = replace(settings.pmode, **_known("pmode", table.pop("pmode", {}), PMode))
    nations = {
        code: replace(_nation(code), **_nation_values(code, values))
        for code, values in table.pop("nations", {}).items()
    }
    if table:
        raise BadSettings(f"unknown tables: {', '.join(sorted(table))}")
    return replace(settings, style=style, pmode=pmode, nations=nations or settings.nations)


def _nation_values(code: str, values: dict[str, Any]) -> dict[str, Any]:
    known = _known(f"nations.{code}", values, Nation)
    return {**known, "push": _push(code, known["push"])} if "push" in known else known


def _push(code: str, values: dict[str, Any]) -> Push:
    """`[nations.fr.push]` with one table `[nations.fr.push.rules.NAME]` per rule."""
    known = _known(f"nations.{code}.push", values, Push)
    rules = []
    for name, rule in known.pop("rules", {}).items():
        given = _known(f"nations.{code}.push.rules.{name}", rule, Rule)
        if not {"endpoint", "types"} <= given.keys():
            raise BadSettings(f"nations.{code}.push.rules.{name}: endpoint and types are required")
        rules.append(Rule(**{**given, "name": name, "types": tuple(given["types"])}))
    return Push(**known, rules=tuple(rules))


def _retention(table: str, values: Mapping[str, Any], base: Retention) -> Retention:
    try:
        return Retention.of(values, base)
    except BadRetention as error:
        raise BadSettings(f"{table}: {error}") from error


def _cids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(cid, str) and cid for cid in value):
        raise BadSettings('access_point.payload_profile must be a list of parts, as ["cid:message"]')
    return tuple(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}") from error


def _known(table: str, values: dict[str, Any], kind: type) -> dict[str, Any]:
    unknown = set(values) - {item.name for item in fields(kind)}
    if unknown:
        raise BadSettings(f"unknown keys in [{table}]: {', '.join(sorted(unknown))}")
    for item in fields(kind):
        types, told = _WRITTEN.get(str(item.type), ((), ""))
        if types and item.name in values and type(values[item.name]) not in types:
            raise BadSettings(f"{table}.{item.name} must be {told}")
    return values
