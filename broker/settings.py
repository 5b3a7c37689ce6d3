"""The configuration of one node: a TOML file named by HDEU_CONFIG, over it variables HDEU_SECTION__KEY.

All errors are told at once, each with its key. Secrets are SecretStr and are never printed.
"""

from __future__ import annotations

import os
import tomllib
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from broker.errors import ConfigurationError
from broker.setting_names import FILE, unknown, unread

ROLE = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
UNREGISTERED = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"


def _off_as_zero(given: object) -> object:
    """`false` as 0, from TOML and from a variable."""
    return 0.0 if str(given).lower() in {"false", "off", "no"} else given


class Section(BaseModel):
    """A table of the file; a key that nobody reads is an error, not a silent slip."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeSection(Section):
    """Who this node is."""

    name: str = "hdeu-node"
    nation: str = Field(default="FR", pattern="^[A-Z]{2}$")  #: ISO 3166-1 alpha-2
    participant: str = "urn:example:hdab:node"  #: participant id in envelopes
    time_zone: str = "Europe/Paris"  #: in which legal days are counted
    release: str = "d6.4-v0.5"  #: projection of statuses, see schemas/lifecycles/leg.toml
    forms: str = "release-7"  #: what a complete form has, see schemas/completeness/


class DatabaseSection(Section):
    """`sqlite:///path` (embedded) or `postgresql://…`."""

    url: SecretStr = SecretStr("")


class QueueSection(Section):
    """`embedded:` or `amqp://…`; tuning in the query (`?heartbeat=10&reconnect_interval=1`)."""

    url: SecretStr = SecretStr("embedded:")


class ApiSection(Section):
    """API and console."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""  #: as back ends reach it; default http://host:port
    time_budget: float = 5.0  #: seconds of preparing within a request before it answers 202


class OpsSection(Section):
    """Metrics and health."""

    host: str = "127.0.0.1"
    port: int = 8081


class AccessPointSection(Section):
    """The access point, and the ebMS3 header values of its PMode (pilot values as defaults).

    With `kind = "eu-https"` there is none: `url` is then the counterpart itself, `central_party` its name in tokens.
    """

    name: str = "access-point"
    kind: Literal["domibus-ws", "eu-https"] = "domibus-ws"
    counterpart: Literal["platform", "body"] = "platform"  #: eu-https: what the other side is
    jwks_url: str = ""  #: eu-https: the counterpart's public keys; default: `keys` behind `url`
    profile: Literal["eu-r7", "eu-pilot"] = "eu-r7"  #: the wire form that travels as AS4 payload
    url: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    poll: Annotated[float, BeforeValidator(_off_as_zero), Field(ge=0)] = 1.0
    #: seconds between two looks at the pending list; `false` switches them off
    unavailable_after: Annotated[float, Field(gt=0)] = 3600.0
    #: seconds for which a pending message cannot be fetched, until a person is told
    timeout: float = 30.0  #: seconds for one call
    mtom: bool = False  #: submit payloads as MIME parts; answers are read in either form
    roles: bool = True  #: the access point asks for a status in a role (Domibus 5.1 and later)
    tls_ca: str = ""  #: PEM file with the authorities that the access point's certificate is held against
    tls_certificate: str = ""  #: PEM file with our client certificate, where Basic authentication is not enough
    tls_key: str = ""  #: PEM file with its key, if that is not in the same file
    ext_url: str = ""  #: `…/domibus/ext`: signed receipts, restoring what was given up, and the doctor need it
    ext_username: str = ""  #: a plugin user with ROLE_ADMIN; default: `username`
    ext_password: SecretStr = SecretStr("")
    receipt_certificate: str = ""  #: PEM file: who signs receipts; without it they are kept unproven
    push_username: str = ""  #: what the access point's push rule sends as Basic authentication
    push_password: SecretStr = SecretStr("")  #: without it /access-point/push does not exist
    party: str = ""
    party_type: str = UNREGISTERED
    central_party: str = ""
    initiator_role: str = ROLE + "initiator"
    responder_role: str = ROLE + "responder"
    service: str = "bdx:noprocess"
    service_type: str = "tc1"
    action: str = "TC1Leg1"
    original_sender: str = UNREGISTERED + ":C1"
    final_recipient: str = UNREGISTERED + ":C4"


class BackendSection(Section):
    """One national system."""

    kind: Literal["amqp", "webhook", "pull"]
    profile: str
    url: str = ""  #: webhook address
    secret: SecretStr = SecretStr("")  #: signs webhook bodies
    lifecycle: str = ""  #: national chain, a file of schemas/lifecycles
    appeals: Literal["negative", "all"] = "negative"  #: which decisions are appealed (D6.4 §10; D6.3 §7.10)
    completion: Literal["one-window", "anew"] = "one-window"  #: what a second question does to the four weeks
    anchor: Literal["last-item", "confirmed", "received"] = "last-item"  #: since when the period to decide runs
    suspension: Literal["pause", "restart"] = "pause"  #: what a question of the assessment does to that period
    catalogs: tuple[str, ...] = ()  #: catalogue ids routed here
    default: bool = True  #: gets what no catalogue claims
    timeout: float = 10.0
    binding: Path | None = None  #: rems-1: which field of which form has which name; default: the example
    forms: tuple[Path, ...] = ()  #: rems-1: form definitions of the installation, as `/api/forms/<id>` gives them


class HolderSection(Section):
    """A holder of data in the node's directory (`hdeu config holders`)."""

    number: int
    name: str
    role: Literal["affiliated entity", "associated partner", ""] = ""


class ClientSection(Section):
    """A client of /national-dispatcher with an API key, stored hashed."""

    name: str
    key_hash: SecretStr
    backend: str = ""  #: it sees the applications of this back end alone; "" sees all


class TrustSection(Section):
    """Tokens of an outside issuer, accepted beside the node's own."""

    jwks_url: str = ""
    issuer: str = ""


class ScannerSection(Section):
    """A malware scanner for attachments; without an address they are not scanned."""

    url: str = Field(default="", pattern=r"^(tcp://[^/:]+:\d+|unix:///.+)?$")  #: of clamd
    timeout: float = 10.0


class ValidatorSection(Section):
    """A remote validator with the REST API of the Interoperability Test Bed; without an address the schemas judge."""

    url: str = Field(default="", pattern=r"^(https?://.+)?$")  #: of its operation validate
    type: str = ""  #: its validationType
    timeout: float = 5.0


class WorkSection(Section):
    """Seconds and counts of the loops."""

    concurrency: int = 4
    lease: float = 60.0
    backoff_base: float = 2.0
    backoff_cap: float = 900.0
    budget: float = 48 * 3600.0
    sweep: float = 0.5
    seal: float = 1.0
    receipts: float = 1.0
    silence: float = 30.0
    signed_receipts: float = 5.0
    still: float = 120.0  #: a loop that has not come round for this long, and three turns of its own, stands still
    hold: float = 3600.0  #: how long a message waits for the application it speaks of, then it is parked


class Settings(BaseSettings):
    """Everything one node needs to know."""

    model_config = SettingsConfigDict(env_prefix="HDEU_", env_nested_delimiter="__", extra="forbid", frozen=True)

    environment: Literal["development", "test", "production"] = "development"
    data_dir: Path = Path("data")
    node: NodeSection = NodeSection()
    database: DatabaseSection = DatabaseSection()
    queue: QueueSection = QueueSection()
    api: ApiSection = ApiSection()
    ops: OpsSection = OpsSection()
    access_point: AccessPointSection = AccessPointSection()
    backends: dict[str, BackendSection] = {}
    holders: tuple[HolderSection, ...] = ()
    clients: tuple[ClientSection, ...] = ()
    trust: TrustSection = TrustSection()
    scanner: ScannerSection = ScannerSection()
    validator: ValidatorSection = ValidatorSection()
    work: WorkSection = WorkSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, over variables, over the file."""
        return (init_settings, env_settings, InitSettingsSource(settings_cls, _FILE.get({})))

    @property
    def database_url(self) -> str:
        """The database's address; by default a SQLite file in the data directory."""
        return self.database.url.get_secret_value() or f"sqlite:///{self.data_dir / 'broker.sqlite'}"

    @property
    def embedded(self) -> bool:
        """Whether the node needs no service beside itself."""
        return self.database_url.startswith("sqlite")

    @property
    def public_url(self) -> str:
        """The API's address as others reach it."""
        return self.api.public_url or f"http://{self.api.host}:{self.api.port}"

    @model_validator(mode="after")
    def _hold_together(self) -> Settings:
        if self.embedded and not self.queue.url.get_secret_value().startswith("embedded"):
            raise ValueError("queue.url: RabbitMQ needs PostgreSQL (database.url); SQLite goes with `embedded:`")
        if sum(backend.default for backend in self.backends.values()) > 1:
            raise ValueError("backends: only one back end can be the default")
        if problem := self._not_fit_for_eu_https():
            raise ValueError(f"access_point.{problem}")
        if strangers := {client.backend for client in self.clients} - {"", *self.backends}:
            raise ValueError(f"clients: {', '.join(sorted(strangers))} is no back end of this node")
        parties = self.access_point.party + self.access_point.central_party
        if self.environment == "production" and "mock" in parties.lower():
            raise ValueError("access_point: the mock EU node is refused in production")
        if self.environment == "production" and (name := self._in_the_clear()):
            raise ValueError(f"backends.{name}.url: a webhook to another machine needs https:// in production")
        return self

    def _not_fit_for_eu_https(self) -> str:
        """What eu-https still needs; "" if nothing, or if it is off."""
        section = self.access_point
        if section.kind != "eu-https":
            return "counterpart: a body speaks with this node by eu-https only" if section.counterpart == "body" else ""
        if not section.party or not section.central_party or section.party == section.central_party:
            return "party, central_party: eu-https knows each side by a name of its own"
        for name, url in (("url", section.url), ("jwks_url", section.jwks_url)):
            if url and not _is_protected(url):
                return f"{name}: eu-https goes over https:// (http:// only within one machine)"
        if section.counterpart == "body" and section.poll:
            return "poll: a body hands its messages over itself, so set poll = false"
        return ""

    def _in_the_clear(self) -> str:
        """The first back end whose documents, which name people, would cross a network unencrypted; "" if none."""
        for name, backend in self.backends.items():
            address = urlsplit(backend.url)
            if backend.kind == "webhook" and address.scheme == "http" and address.hostname not in LOOPBACK:
                return name
        return ""


def _is_protected(url: str) -> bool:
    """Whether what goes to this address is encrypted, or stays on this machine."""
    address = urlsplit(url)
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)


#: What the file says of the settings that are being made: a class method of theirs asks for it, and takes no argument.
_FILE: Final[ContextVar[dict[str, Any]]] = ContextVar("file")


def _made(file: dict[str, Any]) -> Settings:
    given = _FILE.set(file)
    try:
        return Settings()
    finally:
        _FILE.reset(given)


def _read(path: str, *, by: str) -> dict[str, Any]:
    """The file as TOML. Raises: ConfigurationError, which says `by` what it was named, and where it is wrong."""
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig")) if path else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{by} names {path}, {_trouble(error)}") from None


def _trouble(error: OSError | UnicodeDecodeError | tomllib.TOMLDecodeError) -> str:
    match error:
        case FileNotFoundError():
            return "and there is no such file"
        case IsADirectoryError():
            return "which is a directory: name the file in it"
        case OSError():
            return f"which cannot be read: {error.strerror}"
        case UnicodeDecodeError(object=data, start=start):
            line = data.count(b"\n", 0, start) + 1
            return f"which is not UTF-8 (line {line}): TOML is written in UTF-8"
        case _:
            return f"which is not TOML: {error}"


def load_settings(path: Path | str | None = None) -> Settings:
    """Settings from `path` (the option --config), or from the file that HDEU_CONFIG names, and from variables.

    Raises: ConfigurationError, with one line per wrong key and per variable that nobody reads, or with what is wrong
        with the file itself.
    """
    if path is None:
        file = _read(os.environ.get(FILE, ""), by=FILE)
    elif str(path):
        file = _read(str(path), by="--config")
    else:
        raise ConfigurationError("--config names no file")
    misspelt = unread(os.environ, Settings)
    try:
        settings = _made(file)
    except ValidationError as error:
        raise ConfigurationError("\n".join((*misspelt, *map(_line, error.errors())))) from None
    if misspelt:
        raise ConfigurationError("\n".join(misspelt))
    return settings


def _line(item: ErrorDetails) -> str:
    place = tuple(map(str, item["loc"]))
    said = unknown(place, Settings) if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
    return f"{'.'.join(place)}: {said}" if place else said
