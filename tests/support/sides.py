"""A profile's schema as tests look at it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lxml import etree

from broker.translation.schema_model import load_schema
from broker.translation.schema_parts import SchemaModel
from broker.translation.translator import Translator

SCHEMAS = Path(__file__).parents[2] / "schemas"


@dataclass(frozen=True, repr=False)
class Side:
    """A schema, as a model and as the gate."""

    model: SchemaModel
    gate: etree.XMLSchema
    _paths: dict[str, frozenset[str]] = field(default_factory=dict)

    def paths(self, name: str) -> frozenset[str]:
        """Paths of all leaves below a global element, without numbers."""
        if name not in self._paths:
            self._paths[name] = frozenset(leaf.path for leaf in self.model.leaves(name))
        return self._paths[name]


@cache
def translator() -> Translator:
    """Every profile, compiled once for all tests of a process."""
    return Translator.load(SCHEMAS, profiles=["fr-hdh-1"])


@cache
def side(entry: str) -> Side:
    """The schema with this entry point below schemas/."""
    return Side(load_schema(SCHEMAS / entry), etree.XMLSchema(etree.parse(str(SCHEMAS / entry))))


def copied_schemas(folder: Path, *, locked: bool = True) -> Path:
    """The schemas and mappings, to be changed by a test; without `locked`, none of them counts as published."""
    copy = folder / "schemas"
    shutil.copytree(SCHEMAS, copy)
    for lock in () if locked else copy.glob("mappings/*/*.lock.json"):
        lock.unlink()
    return copy
