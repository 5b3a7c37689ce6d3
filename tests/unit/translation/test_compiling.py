"""Compiling looks for no garbage, and the program does so again afterwards, however it ended."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from broker.errors import ConfigurationError
from broker.translation import translator
from broker.translation.loading import nothing_to_collect
from broker.translation.translator import Translator


def test_no_garbage_is_looked_for_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def failing(_: Path) -> None:
        seen.append(gc.isenabled())
        raise ConfigurationError("no schema")

    monkeypatch.setattr(translator, "load_schema", failing)
    with pytest.raises(ConfigurationError):
        Translator.load(Path("nowhere"))
    assert (seen, gc.isenabled()) == ([False], True)


def test_who_looks_for_none_himself_is_left_alone() -> None:
    gc.disable()
    try:
        with nothing_to_collect():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
