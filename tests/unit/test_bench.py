"""What benchmarks write, and what floors are made of; nothing here is timed."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest
from lxml import etree

from adapters.xml.documents import XmlDocuments
from broker.data_files import schemas_dir
from tests.performance import applications, floors
from tests.performance.__main__ import BENCHES
from tests.performance.figures import Figure, compare, interleaved, table, write

MEMBERS = {"value", "floor", "ratio", "unit"}
FLOORS_MAY_USE = {"aio_pika", "aiohttp", "lxml", "pika", "psycopg", "xmlschema"} | set(sys.stdlib_module_names)


def test_the_file_has_value_floor_ratio_and_unit_for_each_name(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    write(file, {"translate.eu-fr": Figure(150.0, 600.0, "documents/s"), "validate.eu-1": Figure(2.0, 1.0, "x")})
    said = json.loads(file.read_text("utf-8"))
    assert set(said) == {"translate.eu-fr", "validate.eu-1"}
    assert all(set(figure) == MEMBERS for figure in said.values())
    assert said["translate.eu-fr"] == {"value": 150.0, "floor": 600.0, "ratio": 0.25, "unit": "documents/s"}


def test_the_table_has_a_line_for_each_figure() -> None:
    head, line = table({"exchange.outbound": Figure(30.0, 90.0, "messages/s")})
    assert "ratio" in head
    assert line.split() == ["exchange.outbound", "30.0", "90.0", "0.333", "messages/s"]


def test_the_named_benchmarks_are_there() -> None:
    assert {"exchange.outbound", "translate.eu-fr", "validate.eu-1"} <= set(BENCHES)


def test_rounds_are_interleaved_and_the_warm_up_does_not_count() -> None:
    seen: list[str] = []
    times = {"ours": iter((99.0, 3.0, 1.0, 2.0)), "floor": iter((99.0, 0.1, 0.3, 0.2))}

    def side(name: str) -> float:
        seen.append(name)
        return next(times[name])

    assert interleaved(lambda: side("ours"), lambda: side("floor"), rounds=3) == (2.0, 0.2)
    assert seen == ["ours", "floor"] * 4


def test_both_sides_are_called_equally_often() -> None:
    calls = {"ours": 0, "floor": 0}

    def call(name: str) -> None:
        calls[name] += 1

    compare(lambda: call("ours"), lambda: call("floor"), unit="x", times=2, rounds=3)
    assert calls == {"ours": 8, "floor": 8}


def test_floors_import_nothing_of_ours() -> None:
    tree = ast.parse(Path(floors.__file__).read_text("utf-8"))
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in named} <= FLOORS_MAY_USE


@pytest.mark.parametrize("name", ["nothing.such"])
def test_an_unknown_benchmark_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.performance.__main__ import main  # noqa: PLC0415 - as the command line runs it

    monkeypatch.setattr(sys, "argv", ["performance", name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_the_full_size_application_is_valid_and_always_the_same() -> None:
    root = applications.full_size()
    paths = ("{*}datasets", "{*}form/{*}section6", "{*}form/{*}section8/{*}peopleWhoWillBeProcessingTheData")
    assert [len(root[1].findall(path)) for path in paths] == [5, 3, 20]
    assert applications.share(root) > 0.99
    assert etree.tostring(root) == etree.tostring(applications.full_size())
    assert XmlDocuments(schemas_dir()).is_valid("eu-1", root)


def test_an_application_of_a_size_is_hardly_smaller() -> None:
    data = applications.of_size(1_000_000)
    assert 950_000 < len(data) <= 1_000_000
