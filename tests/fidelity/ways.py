"""A way: one national profile in one direction, with documents drawn for it. The list comes from the mappings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from lxml import etree

from broker.translation.schema_model import load_schema
from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.fidelity.lookups import Lookups
from tests.fidelity.readers import mirrored, spoken
from tests.fidelity.unsent import mark
from tests.fidelity.values import offered
from tests.support.documents import Documents
from tests.support.sides import SCHEMAS, Side

if TYPE_CHECKING:
    from broker.translation.mapping_file import MessageRule
    from broker.translation.translator import CompiledProfile

NOTHING = EnvelopeContext()
#: What the flow knows of a message from a national system, so that eu-1 has its required envelope.
TOLD = EnvelopeContext(message_id="urn:example:message:1", created_at="2026-09-01T08:00:00Z")
#: What stands in for it where nobody knows it.
STAND_IN = replace(TOLD, message_id="urn:example:message:stand-in", stand_in=True)
#: So many leaves are made sure of in one document where nobody minds when all are met, and else one of these at least.
_SLICE, _FEWEST = 48, (16, 48, 160)
_LEAVES_A_TURN = 100  #: a message has one turn a round, and one more for so many leaves above the least


def profile_names(schemas: Path = SCHEMAS) -> list[str]:
    """Every national profile that has a mapping."""
    return sorted(file.parent.name for file in schemas.glob("mappings/*/messages.toml"))


@dataclass(frozen=True, eq=False)
class Way:
    """Into a national profile (`forth`), or out of it."""

    profile: str
    forth: bool
    translator: Translator
    eu: Side
    national: Side
    _free: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"eu-1 to {self.profile}" if self.forth else f"{self.profile} to eu-1"

    @property
    def source(self) -> Side:
        return self.eu if self.forth else self.national

    @property
    def target(self) -> Side:
        return self.national if self.forth else self.eu

    @property
    def compiled(self) -> CompiledProfile:
        return self.translator.compiled(self.profile)

    @cached_property
    def lookups(self) -> Lookups:
        return Lookups(self.compiled.profile, self.forth)

    def free_texts(self, name: str) -> frozenset[str]:
        """The leaves below a message element of the source that take any text, and have no part in where others go."""
        if name not in self._free:
            leaves = self.source.model.leaves(name)
            free = (leaf.path for leaf in leaves if not leaf.is_attribute and leaf.type.fits(mark(0)))
            self._free[name] = frozenset(free) - self.lookups.special
        return self._free[name]

    @cached_property
    def frozen(self) -> frozenset[str]:
        """What nobody edits in a result: which message it is, and the paths of the annex."""
        return self._national_frozen if self.forth else frozenset()

    @cached_property
    def frozen_here(self) -> frozenset[str]:
        """The same of a document of the source."""
        return frozenset() if self.forth else self._national_frozen

    @cached_property
    def _national_frozen(self) -> frozenset[str]:
        profile = self.compiled.profile
        return _spine(list(profile.conditions), {}) | ({profile.annex.entry} if profile.annex else set())

    def there(self, document: etree._Element, carry: bytes = b"", told: EnvelopeContext = NOTHING) -> Translation:
        """The document on the other side."""
        return self._translated(document, carry, told, forth=self.forth)

    def home(self, document: etree._Element, carry: bytes = b"", told: EnvelopeContext = NOTHING) -> Translation:
        """A document of the other side on this one."""
        return self._translated(document, carry, told, forth=not self.forth)

    def _translated(self, document: etree._Element, carry: bytes, told: EnvelopeContext, *, forth: bool) -> Translation:
        if forth:
            return self.translator.write(self.profile, document, carry=carry)
        return self.translator.read(self.profile, document, envelope=told, carry=carry)

    @cached_property
    def rules(self) -> tuple[MessageRule, ...]:
        return self.compiled.profile.messages

    @cached_property
    def round(self) -> tuple[tuple[MessageRule, int], ...]:
        """The messages that documents are drawn for, in turn, and how often each has been drawn in this round.

        What has many leaves comes more often: applications are a few of many messages.
        """
        leaves = [len(self.source.paths(self.element(rule))) for rule in self.rules]
        often = [
            (rule, 1 + (one - min(leaves)) // _LEAVES_A_TURN) for rule, one in zip(self.rules, leaves, strict=True)
        ]
        return tuple((rule, turn) for turn in range(max(n for _, n in often)) for rule, n in often if turn < n)

    def element(self, rule: MessageRule) -> str:
        """The message element of the source."""
        return rule.type if self.forth else rule.element

    @cached_property
    def values(self) -> dict[str, tuple[str, ...]]:
        return offered(self.compiled.profile, forth=self.forth)

    @cached_property
    def values_there(self) -> dict[str, tuple[str, ...]]:
        return offered(self.compiled.profile, forth=not self.forth)

    def drawn(self, number: int, random: Random, share: int = 0) -> etree._Element:
        """A valid document. `number` says of which message, and which leaves are sure to be in it.

        `share`: after so many documents of this way all leaves have been met; 0: never mind.
        """
        (rule, earlier), rounds = self.round[number % len(self.round)], number // len(self.round)
        name = self.element(rule)
        often = sum(1 for other, _ in self.round if other is rule)
        slices = max(1, share * often // len(self.round)) if share else 0
        wanted = rule.when_eu if self.forth else rule.when
        documents = Documents(self.source.model, random, self.values, density=random.choice(_DENSITIES))
        documents.sure = _spine(self._slice(name, rounds * often + earlier, slices, random), wanted)
        documents.fixed = {path: value for path, value in wanted.items() if isinstance(value, str)}
        documents.drop = frozenset(path for path, value in wanted.items() if value is False)
        drawn = documents.draw(name)
        if self.forth:
            mirrored(drawn, self.compiled.profile, random)
        else:
            spoken(drawn, self.compiled.profile, random)
        return drawn

    def _slice(self, name: str, turn: int, slices: int, random: Random) -> list[str]:
        paths = sorted(self.source.paths(name))
        Random(name).shuffle(paths)
        share = -(-len(paths) // slices) if slices else _SLICE
        size = min(len(paths), max(share, random.choice(_FEWEST)) if slices else share)
        start = turn * share % len(paths)
        return (paths + paths)[start : start + size]


_DENSITIES = (0.03, 0.1, 0.2, 0.35, 0.6)


def _spine(leaves: list[str], wanted: dict[str, str | bool]) -> frozenset[str]:
    """The leaves, and all that stands above them."""
    paths = [*leaves, *(path for path, value in wanted.items() if value is not False)]
    return frozenset(
        "/".join(steps[:count]) for steps in (path.split("/") for path in paths) for count in range(1, len(steps) + 1)
    )


@cache
def ways(schemas: Path = SCHEMAS) -> tuple[Way, ...]:
    """Every profile in both directions. Raises: ConfigurationError, where a mapping does not hold."""
    translator = Translator.load(schemas)
    eu = _side(schemas / "eu/1/eu.xsd")
    found = []
    for profile in profile_names(schemas):
        entry = tomllib.loads((schemas / "mappings" / profile / "messages.toml").read_text(encoding="utf-8"))["schema"]
        national = _side(schemas / entry)
        found += [Way(profile, forth, translator, eu, national) for forth in (True, False)]
    return tuple(found)


def _side(xsd: Path) -> Side:
    return Side(load_schema(xsd), etree.XMLSchema(etree.parse(str(xsd))))
