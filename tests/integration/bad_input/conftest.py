"""One running node for all bad input, and the table of what it said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.announced import announce
from tests.support.bad_input import BUILD, Matrix
from tests.support.running_node import Running, embedded_stage, running

#: A third back end, which is REMS: it pulls what is for it, and puts its events.
REMS_SECRET = "Rems-Only-Tests-2026"
REMS = {
    "HDEU_BACKENDS__REMS__KIND": "pull",
    "HDEU_BACKENDS__REMS__PROFILE": "rems-1",
    "HDEU_BACKENDS__REMS__DEFAULT": "false",
    "HDEU_BACKENDS__REMS__SECRET": REMS_SECRET,
}


@pytest.fixture(scope="package")
def matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    made = Matrix()
    yield made
    text = "\n".join(made.lines())
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bad-input.txt").write_text(text + "\n", "utf-8")
    announce(request.config, text)


#: Tries follow each other as in production, only sooner.
SOONER = {"HDEU_WORK__BACKOFF_BASE": "0.25"}


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(embedded_stage(tmp_path_factory.mktemp("bad-input"), **REMS, **SOONER)) as made:
        made.bring_files()
        yield made


@pytest.fixture(scope="package")
def case(node: Running) -> str:
    """The platform's id of an application whose leg stands at RECEIVED."""
    application = node.file()
    node.arrives(application)
    return application


@pytest.fixture(autouse=True)
def _survives(node: Running) -> Iterator[None]:
    pid = node.pid
    yield
    assert node.pid == pid
