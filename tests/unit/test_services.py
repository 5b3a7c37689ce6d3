"""`tests/services.sh`, on an empty root and with an apt-get that only notes what it is asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "services.sh"
NEEDED = (
    "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.0/sbin/rabbitmq-server",
    "usr/lib/postgresql/17/bin/initdb",
    "usr/bin/chromium",
    "usr/bin/soapcpp2",
    "usr/bin/amqp-publish",
    "usr/bin/g++",
    "usr/bin/openssl",
    "usr/bin/node",
    "usr/bin/npm",
    "usr/include/stdsoap2.h",
)
PACKAGES = "rabbitmq-server postgresql chromium gsoap amqp-tools g++ openssl nodejs npm libgsoap-dev"


def executable(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    policy = tmp_path / "usr/sbin/policy-rc.d"
    executable(
        tmp_path / "bin/apt-get", f'echo "$@" >> {tmp_path}/asked; {policy}; echo "policy $?" >> {tmp_path}/asked'
    )
    executable(tmp_path / "bin/id", "echo 0")
    return tmp_path


def run(root: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"SERVICES_ROOT": str(root), "PATH": path or f"{root}/bin:{os.environ['PATH']}"}
    return subprocess.run(["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)


def test_nothing_is_asked_for_where_everything_is_there(root: Path) -> None:
    for name in NEEDED:
        executable(root / name)
    assert run(root).returncode == 0
    assert not (root / "asked").exists()


def test_only_what_is_missing_is_installed_and_no_service_may_start_meanwhile(root: Path) -> None:
    for name in NEEDED[1:2] + NEEDED[3:]:
        executable(root / name)
    assert run(root).returncode == 0
    update, first, install, second = (root / "asked").read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install rabbitmq-server chromium")
    assert first == second == "policy 101"
    assert not (root / "usr/sbin/policy-rc.d").exists()


def test_a_policy_that_is_there_already_stays(root: Path) -> None:
    executable(root / "usr/sbin/policy-rc.d", "exit 101 # theirs")
    assert run(root).returncode == 0
    assert "theirs" in (root / "usr/sbin/policy-rc.d").read_text()


def test_a_failed_installation_says_what_to_install_and_leaves_no_policy(root: Path) -> None:
    executable(root / "bin/apt-get", "exit 100")
    done = run(root)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"run again: {PACKAGES}")
    assert not (root / "usr/sbin/policy-rc.d").exists()


def test_who_may_not_install_is_told_in_one_line_what_to_install(root: Path) -> None:
    executable(root / "bin/id", "echo 1000")
    executable(root / "bin/sudo", "exit 1")
    done = run(root)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert PACKAGES in done.stderr
    assert not (root / "asked").exists()
