"""A run names the servers that it started, in whichever process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
import pytest
from tests.support.announced import Announcer, announce

def pytest_configure(config):
    config.pluginmanager.register(Announcer())

@pytest.fixture(scope="session")
def server(request):
    announce(request.config, "Server 1.2 on private port 4711")
"""


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["in one process", "in a worker"])
def test_the_servers_stand_at_the_end_of_the_log(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text("def test_it(server): ...\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", tmp_path, *options, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Server 1.2 on private port 4711" in done.stdout
