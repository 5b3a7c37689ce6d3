"""`python -m tests.performance [NAME…]`: measure, print a table, write `build/bench.json` and the inputs beside it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.performance import access_point, documents, memory, outbound, pushed, through
from tests.performance.figures import Figure, table, write

BUILD = Path(__file__).parents[2] / "build"
BENCHES: dict[str, Callable[[Path], Figure]] = {
    "translate.eu-fr": partial(documents.write_national, profile="fr-hdh-1"),
    "translate.fr-eu": partial(documents.read_national, profile="fr-hdh-1"),
    "translate.eu-fi": partial(documents.write_national, profile="fi-findata-1"),
    "translate.fi-eu": partial(documents.read_national, profile="fi-findata-1"),
    "translate.eu-rems": documents.write_rems,
    "translate.eu-fr.plain": partial(documents.plain, source="eu-1", target="fr-hdh-1"),
    "translate.fr-eu.plain": partial(documents.plain, source="fr-hdh-1", target="eu-1"),
    "translate.eu-fi.plain": partial(documents.plain, source="eu-1", target="fi-findata-1"),
    "translate.eu-rems.plain": documents.plain_rems,
    "report.expand": documents.expand_report,
    "memory.translate-10mb": memory.translate,
    "validate.eu-1": documents.validate_pivot,
    "exchange.outbound": outbound.exchange,
    "access-point.submit": access_point.submit,
    "access-point.fetch": access_point.fetch,
    "memory.attachment-30mb": access_point.memory,
    "memory.push-30mb": pushed.memory,
    "memory.through-30mb": through.memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.performance")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(BENCHES)}")
    wanted = parser.parse_args().names or list(BENCHES)
    if unknown := [name for name in wanted if name not in BENCHES]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    sys.stdout.write(f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors\n")
    figures = {name: _measured(name) for name in wanted}
    write(BUILD / "bench.json", figures)
    sys.stdout.write("".join(f"{line}\n" for line in table(figures)))


def _measured(name: str) -> Figure:
    folder = BUILD / "bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return BENCHES[name](folder)


if __name__ == "__main__":
    main()
