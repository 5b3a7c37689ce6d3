"""Paths as reports, annexes and an independent walk write them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\[\d+\]")
_SELECTOR = re.compile(r"\[[^\[\]]*\]")


def plain(path: str) -> str:
    return _NUMBER.sub("", path)


def each(path: str) -> str:
    """A path with every step numbered, as the independent walk writes it."""
    return "/".join(step if step.endswith("]") or step.startswith("@") else f"{step}[1]" for step in path.split("/"))


def unlabelled(path: str) -> str:
    """An annex path without the keys of the instances on its way."""
    return _SELECTOR.sub("", path)


def beside(label: str) -> list[str]:
    """Where the choice of a label may stand."""
    return [f"{label.rpartition('/')[0]}/{name}[1]" for name in ("key", "country_id")]
