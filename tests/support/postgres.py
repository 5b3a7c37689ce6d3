"""A private PostgreSQL for tests: Debian's binaries, an own directory, a free port. Never one that already runs."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from adapters.store.sql import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = Path("/usr/lib/postgresql")
START_SECONDS = 30


class ServerMissingError(Exception):
    """PostgreSQL cannot be started here."""


def find_binaries() -> Path:
    found = sorted(BINARIES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise ServerMissingError(
            f"PostgreSQL is missing under {BINARIES}: install Debian's `postgresql` package, or set TEST_DATABASE_URL"
        )
    return found[-1].parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: the account to change to, None where we are none."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerMissingError("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`")


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def _send(pid: int, number: signal.Signals) -> None:
    """A process that ended meanwhile needs no signal."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@dataclass
class Postgres:
    """One server. `start`, `kill` and `stop` may be called again and again."""

    folder: Path
    port: int
    fsync: bool = True
    binaries: Path = field(default_factory=find_binaries)
    user: str | None = field(default_factory=_unprivileged)
    process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        if self.user:
            shutil.chown(self.folder, self.user)
        arguments = [
            "-D",
            str(self.folder / "data"),
            "-U",
            "test",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "-N",
        ]
        made = subprocess.run(
            [self.binaries / "initdb", *arguments], user=self.user, cwd=self.folder, capture_output=True, check=False
        )
        if made.returncode:
            raise ServerMissingError(f"initdb failed: {made.stderr.decode(errors='replace').strip()[-300:]}")

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "on" if self.fsync else "off",
            "max_connections": 60,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", *options],
                user=self.user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process and self.process.poll() is None:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=1).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        last = (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
        self.stop()
        raise ServerMissingError(f"PostgreSQL did not start within {START_SECONDS} s: {last}")

    def kill(self) -> None:
        """SIGKILL the server and each of its processes, as a crash of its machine would."""
        process, self.process = self.process, None
        if process is None:
            return
        _send(process.pid, signal.SIGSTOP)  # else it starts new ones for those that die
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            _send(pid, signal.SIGKILL)
        process.wait(START_SECONDS)
        until = time.monotonic() + START_SECONDS
        while any(_runs(pid) for pid in family) and time.monotonic() < until:
            time.sleep(0.01)  # while one of them runs, its shared memory keeps the next server from starting

    def freeze(self) -> None:
        """SIGSTOP each of its processes: connections stay open, and nobody answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        if self.process:
            for pid in [self.process.pid, *_children(self.process.pid)]:
                _send(pid, number)

    def stop(self) -> None:
        """End at once, without waiting for clients; also if it is frozen."""
        if self.process is None or self.process.poll() is not None:
            return
        self.thaw()
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def url(self, database: str) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"


@dataclass
class Databases:
    """Fresh databases on one server, each a copy of a migrated template."""

    admin_url: str
    counter: Iterator[int] = field(default_factory=itertools.count)
    template: str = field(default_factory=lambda: f"hdeu_template_{os.getpid()}")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        base, _, query = self.admin_url.partition("?")
        return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    def prepare(self) -> None:
        self._run(f"CREATE DATABASE {self.template}")
        migrate(self._url(self.template))

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database that is dropped afterwards."""
        name = f"hdeu_test_{os.getpid()}_{next(self.counter)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self.template if migrated else 'template0'}")
        try:
            yield self._url(name)
        finally:
            self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def drop(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self.template} WITH (FORCE)")


@contextmanager
def private_server(*, fsync: bool = True) -> Iterator[Postgres]:
    """A server of our own, gone afterwards with all its files."""
    folder = Path(tempfile.mkdtemp(prefix="hdeu-postgres-"))
    try:
        server = Postgres(folder, free_port(), fsync=fsync)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_version(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else ""
