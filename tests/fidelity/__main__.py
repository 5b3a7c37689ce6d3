"""The long run: N documents drawn from a seed, over every profile and both directions, and every law over each.

Exit 1, if a law is broken, a mapping does not hold, or too few leaves were met. Writes `build/fidelity.json`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from broker.errors import ConfigurationError
from tests.fidelity.laws import Example
from tests.fidelity.tally import ENOUGH, Tally
from tests.fidelity.ways import Way, ways
from tests.support.sides import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK = 20
_LINES = 20  #: lines of progress in a log
Done = tuple[int, Tally]  #: number of the way, what was seen of it
Task = tuple[int, range, int]  #: number of the way, numbers of its documents, how many it has in all


def main(arguments: Sequence[str]) -> int:
    """Run; the exit code."""
    asked = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        found = ways(asked.schemas)
    except ConfigurationError as error:
        console.print(f"A mapping does not hold:\n{error}", markup=False, soft_wrap=True)
        return 1
    began = time.monotonic()
    tallies = _run(asked, found, console)
    result = _result(asked, found, tallies, time.monotonic() - began)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _tell(result, console)
    return 0 if result["ok"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--schemas", type=Path, default=SCHEMAS)
    parser.add_argument("--out", type=Path, default=Path("build/fidelity.json"))
    return parser


def _run(asked: argparse.Namespace, found: tuple[Way, ...], console: Console) -> list[Tally]:
    tallies = [Tally(way.name) for way in found]
    work = partial(_chunk, asked.schemas, asked.seed)
    with multiprocessing.Pool(asked.processes) as pool:
        done = pool.imap_unordered(work, _tasks(asked.examples, len(found)))
        for number, tally in _followed(done, asked.examples, console):
            tallies[number].add(tally)
    return tallies


def _followed(done: Iterator[Done], total: int, console: Console) -> Iterator[Done]:
    """What is done, with a bar for a terminal, and for a log a line whenever another twentieth is through."""
    columns = (TextColumn("documents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    through = broken = told = 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("documents", total=total)
        for number, tally in done:
            yield number, tally
            through += len(tally.leaves)
            broken += len(tally.shown)
            progress.advance(bar, len(tally.leaves))
            if not console.is_terminal and through * _LINES // total > told:
                told = through * _LINES // total
                console.print(f"{through} of {total} documents, laws broken: {broken}", highlight=False)


def _tasks(examples: int, count: int) -> Iterator[Task]:
    for number in range(count):
        share = examples // count + (number < examples % count)
        for start in range(0, share, _CHUNK):
            yield number, range(start, min(start + _CHUNK, share)), share


def _chunk(schemas: Path, seed: int, task: Task) -> Done:
    place, numbers, share = task
    way = ways(schemas)[place]
    tally = Tally(way.name)
    for number in numbers:
        random = Random(f"{seed}:{way.name}:{number}")
        tally.take(Example(way, way.drawn(number, random, share), random), number)
    return place, tally


def _result(asked: argparse.Namespace, found: tuple[Way, ...], tallies: list[Tally], seconds: float) -> dict[str, Any]:
    figures = {way.name: tally.figures(way) for way, tally in zip(found, tallies, strict=True)}
    broken = [item for tally in tallies for item in tally.shown]
    thin = [name for name, row in figures.items() if row["share"] < ENOUGH]
    return {
        "seed": asked.seed,
        "examples": sum(row["examples"] for row in figures.values()),
        "distinct": sum(row["distinct"] for row in figures.values()),
        "seconds": round(seconds, 1),
        "ways": figures,
        "too_few_leaves": thin,
        "broken": broken,
        "ok": not broken and not thin,
    }


def _tell(result: dict[str, Any], console: Console) -> None:
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    say(f"{result['examples']} examples, {result['distinct']} distinct, seed {result['seed']}, {result['seconds']} s")
    for name, row in result["ways"].items():
        leaves = row["leaves"]
        say(
            f"{name:<24} examples {row['examples']}  distinct {row['distinct']}  leaves median {leaves['median']:g}"
            f" largest {leaves['largest']}  optional leaves hit {row['hit']} of {row['optional']} ({row['share']:.1%})"
        )
    for name in result["too_few_leaves"]:
        say(f"FAILED: {name}: under {ENOUGH:.0%} of the optional leaves were hit; draw more documents")
    for item in result["broken"]:
        say(f"FAILED: {item['way']}: {item['law']} (document {item['number']}): {item['detail']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
