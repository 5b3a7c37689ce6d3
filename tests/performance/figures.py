"""What a benchmark gives: a rate beside the rate of its floor, measured in interleaved rounds, as medians."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Times one round over `count` items; returns seconds.
Round = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """Two rates in the same unit; higher is better."""

    value: float
    floor: float
    unit: str

    @property
    def ratio(self) -> float:
        """Which part of the floor's rate is ours."""
        return self.value / self.floor

    def as_dict(self) -> dict[str, float | str]:
        return {
            "value": round(self.value, 3),
            "floor": round(self.floor, 3),
            "ratio": round(self.ratio, 4),
            "unit": self.unit,
        }


def timed(work: Callable[[], object], *, times: int) -> float:
    """Seconds for doing it `times` times."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


def interleaved(ours: Callable[[], float], floor: Callable[[], float], *, rounds: int) -> tuple[float, float]:
    """Medians of both, measured in turn, so that whatever else the machine does hits both. One round warms up."""
    ours(), floor()
    pairs = [(ours(), floor()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def compare(
    ours: Callable[[], object], floor: Callable[[], object], *, unit: str, times: int = 20, rounds: int = 15
) -> Figure:
    """A figure for two calls that do the same for one item."""
    mine, least = interleaved(lambda: timed(ours, times=times), lambda: timed(floor, times=times), rounds=rounds)
    return Figure(times / mine, times / least, unit)


def write(file: Path, figures: Mapping[str, Figure]) -> None:
    """`{"name": {"value", "floor", "ratio", "unit"}}`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    named = {name: figure.as_dict() for name, figure in figures.items()}
    file.write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")


def table(figures: Mapping[str, Figure]) -> Iterable[str]:
    """Lines for a terminal."""
    yield f"{'':<20} {'value':>10} {'floor':>10} {'ratio':>7}  unit"
    for name, figure in figures.items():
        yield f"{name:<20} {figure.value:>10.1f} {figure.floor:>10.1f} {figure.ratio:>7.3f}  {figure.unit}"
