"""Reads the rules of a node, which are data: `schemas/lifecycles/`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.flow.node import Due
from broker.model.clocks import read_clocks
from broker.model.lifecycle import Lifecycle, read_lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from broker.settings import BackendSection


def rules_of(backends: Iterable[BackendSection]) -> dict[str, Any]:
    """Lifecycle, national chains, clocks and what is due, as a node takes them. Raises: ConfigurationError."""
    folder = schemas_dir() / "lifecycles"
    names = sorted({backend.lifecycle for backend in backends if backend.lifecycle})
    return {
        "lifecycle": _lifecycle(folder / "leg.toml"),
        "chains": {name: _lifecycle(folder / f"{name}.toml") for name in names},
        "clocks": read_clocks(_toml(folder / "clocks.toml")),
        "due": {name: Due(**row) for name, row in _toml(folder / "due.toml")["due"].items()},
    }


def _lifecycle(path: Path) -> Lifecycle:
    if not path.is_file():
        raise ConfigurationError(f"no lifecycle is called {path.stem}: schemas/lifecycles/{path.name} is missing")
    return read_lifecycle(_toml(path))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
