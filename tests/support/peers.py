"""Peers that nobody here wrote: C++ that gSOAP generates from our WSDLs, a Python of their own, npm's amqplib.

`make peers` installs them (Debian packages by tests/services.sh). One that is missing fails the test that needs it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "peers"
SCHEMAS = ROOT / "schemas" / "domibus"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
NODE_MODULES = ROOT / "build" / "peers" / "node_modules"
SECONDS = 60.0


class MissingPeerError(RuntimeError):
    """A peer is not installed."""


@dataclass(frozen=True)
class Peer:
    """A program from a WSDL of ours: the WSDL, what gSOAP calls its binding, and our source beside the generated."""

    name: str
    wsdl: str
    schemas: tuple[str, ...]
    generated: str
    side: str  #: soapcpp2's option for server or client code

    def key(self) -> str:
        """Changes with everything that the program is made from."""
        digest = hashlib.sha256(f"{_version('soapcpp2')}{_version('g++')}".encode())
        for path in (SCHEMAS / self.wsdl, *(SCHEMAS / name for name in self.schemas), SOURCES / f"{self.name}.cpp"):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


DOMIBUS = Peer(
    "domibus",
    "wsplugin.wsdl",
    ("wsplugin-body.xsd", "ebms-header.xsd"),
    "soapWebServicePluginBindingService.cpp",
    "-S",
)
BACKEND = Peer("backend", "backend.wsdl", ("backend.xsd",), "soapBackendServiceBindingService.cpp", "-S")
PUSHER = Peer("pusher", "backend.wsdl", ("backend.xsd",), "soapBackendServiceBindingProxy.cpp", "-C")


def program(peer: Peer) -> Path:
    """The compiled program; built once for each state of its sources."""
    folder = ROOT / "build" / "peers" / f"{peer.name}-{peer.key()}"
    made = folder / peer.name
    if not made.exists():
        with _building(folder) as work:
            _build(peer, work)
    return made


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one that takes its name once everything worked; two may build at once."""
    work = folder.with_suffix(f".{os.getpid()}")
    work.mkdir(parents=True)
    try:
        yield work
        if not folder.exists():
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build(peer: Peer, work: Path) -> None:
    for path in (SCHEMAS / peer.wsdl, *(SCHEMAS / name for name in peer.schemas), SOURCES / f"{peer.name}.cpp"):
        shutil.copy(path, work)
    _run(work, "wsdl2h", "-P", "-c++11", "-o", "service.h", peer.wsdl)
    _run(work, "soapcpp2", "-2", "-j", "-x", "-L", peer.side, "-c++11", "-I/usr/share/gsoap/import", "service.h")
    code = (f"{peer.name}.cpp", "soapC.cpp", peer.generated)
    _run(work, "g++", "-std=c++11", "-O0", "-w", "-DWITH_PURE_VIRTUAL", "-o", peer.name, *code, "-lgsoap++")


def _run(work: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def _version(command: str) -> str:
    if shutil.which(command) is None:
        raise MissingPeerError(f"{command} is not installed: run `make services` (gsoap, libgsoap-dev, g++)")
    option = "-V" if command == "soapcpp2" else "--version"
    done = subprocess.run(
        [command, option], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def domibus(form: str, user: str, password: str) -> Iterator[str]:
    """The loop-back Domibus in C++, answering in `form` (inline or mtom); its address."""
    port = free_port()
    command = [program(DOMIBUS), str(port), form, user, password]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == "listening"
            yield f"http://127.0.0.1:{port}/domibus/services/wsplugin"
            assert process.poll() is None, f"the peer died: {process.returncode}"
        finally:
            process.kill()


@contextmanager
def backend(user: str, password: str, told: list[str]) -> Iterator[str]:
    """The back end in C++; its address. Each line that it prints is added to `told`."""
    port = free_port()
    command = [program(BACKEND), str(port), user, password]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "listening"
        lines = process.stdout
        reader = threading.Thread(target=lambda: told.extend(iter(lambda: lines.readline().strip(), "")), daemon=True)
        reader.start()
        try:
            yield f"http://127.0.0.1:{port}/backend"
            assert process.poll() is None, f"the peer died: {process.returncode}"
        finally:
            process.kill()
            reader.join(10)


def pushed(url: str, user: str, password: str, *orders: str, form: str = "inline") -> list[str]:
    """Push in C++; per order `ok`, or what gSOAP says of the answer."""
    command = [program(PUSHER), url, user, password, form, *orders]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout.splitlines()


def in_python(script: str, order: dict[str, Any]) -> Any:
    """Run a script of tests/peers in the peers' own Python: JSON in, JSON out."""
    if not PYTHON.exists():
        raise MissingPeerError("the peers' Python is not installed: run `make peers`")
    return _talk([str(PYTHON), "-I", str(SOURCES / script)], order, {})


def in_node(script: str, order: dict[str, Any]) -> Any:
    """Run a script of tests/peers in node, with npm's amqplib: JSON in, JSON out."""
    if shutil.which("node") is None or not (NODE_MODULES / "amqplib").is_dir():
        raise MissingPeerError("npm's amqplib is not installed: run `make peers`")
    return _talk(["node", str(SOURCES / script)], order, {"NODE_PATH": str(NODE_MODULES)})


def _talk(command: list[str], order: dict[str, Any], more: dict[str, str]) -> Any:
    environment = {**os.environ, **more}
    done = subprocess.run(
        command,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}: {done.stderr[-4000:]}"
    return json.loads(done.stdout)
