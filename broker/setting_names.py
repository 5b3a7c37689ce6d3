"""The names of settings: which there are, which ones nobody reads, and which was meant.

A misspelt setting must not leave the default in force unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final, get_args

from pydantic import BaseModel

PREFIX: Final = "HDEU_"
#: Names the file, and is no setting itself.
FILE: Final = "HDEU_CONFIG"
ANY: Final = "*"  #: stands for a name that the operator chose, or a place in a list
_SERVICE: Final = re.compile(r"HDEU(_\w+)?_SERVICE_(HOST|PORT(_\w+)?)|HDEU(_\w+)?_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")

Path = tuple[str, ...]


def names_of(model: type[BaseModel], above: Path = ()) -> Iterator[Path]:
    """Every name below a model, with `*` for what has no fixed name."""
    for name, field in model.model_fields.items():
        here = (*above, name)
        section, below = _section_of(field.annotation)
        if section is None:
            yield here
        else:
            yield from names_of(section, (*here, *below))


def _section_of(kind: object) -> tuple[type[BaseModel] | None, Path]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, ()
    sections = [one for one in get_args(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
    return (sections[0], (ANY,)) if sections else (None, ())


def unread(variables: Mapping[str, str], model: type[BaseModel]) -> tuple[str, ...]:
    """A sentence for each `HDEU_…` variable that the model does not begin to read.

    What Kubernetes sets for services whose names begin with hdeu is passed over.
    """
    given = {name.upper(): value for name, value in variables.items() if name.upper().startswith(PREFIX)}
    names = tuple(names_of(model))
    return tuple(
        f"{name}: {_meant(_path(name), names, _as_variable)}"
        for name, value in sorted(given.items())
        if name != FILE and _path(name)[0] not in model.model_fields and not _of_kubernetes(name, value)
    )


def unknown(place: Path, model: type[BaseModel]) -> str:
    """What to say of a key that its section does not have."""
    return _meant(place, tuple(names_of(model)), ".".join)


def _of_kubernetes(name: str, value: str) -> bool:
    address = name.endswith("_PORT") and bool(_SERVICE_ADDRESS.match(value))
    return address or bool(_SERVICE.fullmatch(name))


def _path(variable: str) -> Path:
    return tuple(variable.removeprefix(PREFIX).lower().split("__"))


def _as_variable(path: Path) -> str:
    return PREFIX + "__".join(path).upper()


def _meant(place: Path, names: Iterable[Path], shown: Callable[[Path], str]) -> str:
    written = {_sounds(filled): filled for filled in (_filled(name, place) for name in names)}
    near = get_close_matches(_sounds(place), written, n=1, cutoff=0.75)
    return "no setting is called so" + (f"; the nearest is {shown(written[near[0]])}" if near else "")


def _filled(name: Path, place: Path) -> Path:
    """The name with what the operator chose in its free places."""
    return tuple(place[n] if part == ANY and n < len(place) else part for n, part in enumerate(name))


def _sounds(path: Path) -> str:
    return "_".join(path)
