"""A private RabbitMQ node on free ports; the system's own node is never touched.

`TEST_AMQP_URL` names a server to use instead, for tests that need neither kill nor users.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 90.0
ADMIN = "guest"
#: A quorum queue declared shortly before SIGKILL may come back without a leader: its registration had not reached disk.
SETTLE_SECONDS = 8.0


class MissingServiceError(RuntimeError):
    """A server that the tests need is not installed."""


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _scripts() -> Path:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found:
        raise MissingServiceError(
            "RabbitMQ is not installed: run `apt-get install rabbitmq-server` (tests/services.sh)"
        )
    return found[-1].parent


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class RabbitNode:
    """One node: `start`, `kill` (SIGKILL), `restart`, `stop`; users and vhosts through its management API."""

    def __init__(self) -> None:
        self.scripts = _scripts()
        self.version = self.scripts.parent.name.rpartition("-")[2]
        self.home = Path(tempfile.mkdtemp(prefix="hdeu-rabbit-"))
        self.port, self.http_port, self._dist_port, self._epmd_port = _free_ports(4)
        self.name = f"hdeu-{self.port}@localhost"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files()

    def _write_files(self) -> None:
        (self.home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.http_port}\n"
            "disk_free_limit.absolute = 10MB\nlog.console = false\n",
        )
        (self.home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        cookie = self.home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)

    @property
    def environment(self) -> dict[str, str]:
        """Everything a node reads, private to this one."""
        own = {
            "HOME": str(self.home),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "none.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server: its pid is the one to kill
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "LANG": "C.UTF-8",
        }
        return {"PATH": os.environ["PATH"], **own}

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it takes connections."""
        log = (self.home / "console.log").open("ab")
        self._process = subprocess.Popen(
            [self.scripts / "rabbitmq-server"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.close()
        end = time.monotonic() + START_SECONDS
        while not (_answers(self.port) and self._healthy()):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"RabbitMQ did not start:\n{(self.home / 'console.log').read_text()[-3000:]}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.api("GET", "/api/overview"))
        return False

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=30)

    def restart(self) -> None:
        """Start again on the same data, after `kill`."""
        assert self._process is not None
        assert self._process.poll() is not None, "kill it first"
        self.start()

    def pause(self) -> None:
        """SIGSTOP: the connections stay, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it, its port mapper, and its data."""
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.kill()
        subprocess.run(
            ["epmd", "-port", str(self._epmd_port), "-kill"], env=self.environment, capture_output=True, check=False
        )
        shutil.rmtree(self.home, ignore_errors=True)

    def url(self, user: str = ADMIN, vhost: str = "/", password: str = "") -> str:
        """An AMQP address; without a password it is the user's name, as `add_user` sets it."""
        return f"amqp://{user}:{password or user}@127.0.0.1:{self.port}/{urllib.parse.quote(vhost, safe='')}"

    def ctl(self, *args: str) -> str:
        """Run rabbitmqctl against this node; its output."""
        done = subprocess.run(
            [self.scripts / "rabbitmqctl", "-n", self.name, *args],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {args}: {done.stdout}{done.stderr}"
        return done.stdout

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the management API as administrator."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(f"{ADMIN}:{ADMIN}".encode()).decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            text = answer.read()
        return json.loads(text) if text else None

    def add_vhost(self, name: str) -> None:
        quoted = urllib.parse.quote(name, safe="")
        self.api("PUT", f"/api/vhosts/{quoted}")
        self.allow(ADMIN, name)

    def delete_vhost(self, name: str) -> None:
        self.api("DELETE", f"/api/vhosts/{urllib.parse.quote(name, safe='')}")

    def add_user(self, name: str) -> None:
        """A user whose password is its name, without any permission yet."""
        self.api("PUT", f"/api/users/{name}", {"password": name, "tags": ""})

    def allow(self, user: str, vhost: str, *, configure: str = ".*", write: str = ".*", read: str = ".*") -> None:
        quoted = urllib.parse.quote(vhost, safe="")
        self.api("PUT", f"/api/permissions/{quoted}/{user}", {"configure": configure, "write": write, "read": read})

    def import_definitions(self, path: Path) -> None:
        self.ctl("import_definitions", str(path))


@contextlib.contextmanager
def own_rabbit() -> Iterator[RabbitNode]:
    """A server that nobody shares, for tests that kill or stop it."""
    node = RabbitNode()
    try:
        node.start()
        yield node
    finally:
        node.stop()
