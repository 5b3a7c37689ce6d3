"""The stage of the demonstration: which node runs where, with which data, behind which office."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.demo.processes import Party, free_port, hdeu

if TYPE_CHECKING:
    from pathlib import Path

SECRET: Final = "demo-only-webhook-secret"  # noqa: S105 -- both ends are started by the demonstration itself
PORTS: Final = {
    "mock-eu": 8090,
    "france": 8080,
    "france.ops": 8081,
    "finland": 8180,
    "finland.ops": 8181,
    "hdh": 8085,
    "findata": 8185,
}


@dataclass(frozen=True, slots=True)
class Land:
    """One member state in the story."""

    node: str
    nation: str
    backend: str
    office: str


FRANCE: Final = Land("france", "fr", "hdh", "french")
FINLAND: Final = Land("finland", "fi", "findata", "finnish")
LANDS: Final = (FRANCE, FINLAND)


@dataclass(frozen=True, slots=True)
class Stage:
    """Folders, ports, and what is set differently from the shipped configuration (`extra`, by node)."""

    folder: Path
    config: Path
    ports: dict[str, int]
    extra: dict[str, dict[str, str]]
    mock_url: str = ""  #: where nodes see the mock, if something stands in between
    amqp: dict[str, tuple[str, str]] | None = None  #: back end → (address, user), where offices speak AMQP
    workers: tuple[Land, ...] = ()  #: nodes that have a second process, `hdeu worker`; needs `<node>.worker` in `ports`

    def url(self, name: str) -> str:
        """Where a party listens."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def node_env(self, land: Land) -> dict[str, str]:
        """The environment of a node and of its command line."""
        mock = self.mock_url or self.url("mock-eu")
        return {
            "HDEU_CONFIG": str(self.config / f"{land.node}.toml"),
            "HDEU_DATA_DIR": str(self.folder / land.node),
            "HDEU_API__PORT": str(self.ports[land.node]),
            "HDEU_OPS__PORT": str(self.ports[f"{land.node}.ops"]),
            "HDEU_ACCESS_POINT__URL": f"{mock}/{land.nation}/domibus/services/wsplugin",
            "HDEU_ACCESS_POINT__EXT_URL": f"{mock}/{land.nation}/domibus/ext",
            f"HDEU_BACKENDS__{land.backend.upper()}__URL": f"{self.url(land.backend)}/{land.backend}",
            f"HDEU_BACKENDS__{land.backend.upper()}__SECRET": SECRET,
            **self._pinned(land),
            **self.extra.get(land.node, {}),
        }

    def pin(self, land: Land) -> Path:
        """Where a node's operator keeps the certificate that receipts are held against."""
        return self.folder / land.node / "central-ap.pem"

    def _pinned(self, land: Land) -> dict[str, str]:
        pin = self.pin(land)
        return {"HDEU_ACCESS_POINT__RECEIPT_CERTIFICATE": str(pin)} if pin.exists() else {}

    def mock(self) -> Party:
        """The mock EU node."""
        place = ["--port", str(self.ports["mock-eu"]), "--data-dir", str(self.folder / "mock-eu")]
        command = [*hdeu("--config", str(self.config / "mock-eu.toml"), "mock-eu"), *place]
        return Party("mock-eu", command, self.log("mock-eu"))

    def node(self, land: Land) -> Party:
        """A member state's node."""
        return Party(land.node, hdeu("serve"), self.log(land.node), self.node_env(land))

    def worker(self, land: Land) -> Party:
        """One more worker of a member state's node."""
        env = {**self.node_env(land), "HDEU_OPS__PORT": str(self.ports[f"{land.node}.worker"])}
        return Party(f"{land.node}-worker", hdeu("worker"), self.log(f"{land.node}-worker"), env)

    def back_end(self, land: Land, token: str) -> Party:
        """A member state's scripted office."""
        command = [sys.executable, "-m", "adapters.demo.backend", "--office", land.office, "--name", land.backend]
        command += ["--dir", str(self.folder / land.backend), "--node", self.url(land.node), "--token", token]
        if self.amqp is not None:
            address, user = self.amqp[land.backend]
            command += ["--amqp", address, "--user", user]
        else:
            command += ["--port", str(self.ports[land.backend]), "--secret", SECRET]
        return Party(land.backend, command, self.log(land.backend))

    def log(self, name: str) -> Path:
        """Where a party logs."""
        return self.folder / "logs" / f"{name}.log"

    def received(self, land: Land, kind: str) -> list[Path]:
        """What an office has on file of one message type, oldest first."""
        return sorted((self.folder / land.backend / "received").glob(f"*-{kind}-*"))


def fixed_ports() -> dict[str, int]:
    """The ports that the documentation names."""
    return dict(PORTS)


def free_ports() -> dict[str, int]:
    """Ports that nobody uses now, for tests beside other nodes."""
    return {name: free_port() for name in PORTS}
