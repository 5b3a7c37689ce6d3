"""A translation as a page for people: source, target and fates side by side, in one file that loads nothing else.

Personal values are masked unless asked for; so are those of which nobody can say whether they are personal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from lxml import etree

from broker.commands.page_words import WORDS
from broker.translation.personal import is_words, sources_of, targets_of, unlinked
from broker.translation.shapes import numbered, shape
from broker.translation.trees import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from broker.errors import Problem
    from broker.translation.between import Between
    from broker.translation.personal import PersonalFields
    from broker.translation.schema_parts import SchemaModel, SimpleType

#: A sign beside the word, for who looks over many rows.
SIGNS: Final = {
    "copied": "=",
    "recoded": "≈",
    "split": "⑂",
    "joined": "+",
    "annex": "¶",
    "carried": "↩",
    "left-out": "✕",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown; None: there is none."""

    text: str | None
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a translation: its profile, its document, and the schema that its paths are of.

    For a wire profile these are those of eu-1, whose names are the wire's.
    """

    profile: str
    root: etree._Element
    model: SchemaModel
    pivot: bool  #: whether the paths are those of eu-1

    def values(self) -> dict[str, tuple[str, SimpleType | None]]:
        """Text and type of every leaf, by numbered path."""
        places = flatten(self.root, shape(self.model, etree.QName(self.root).localname)).items()
        return {numbered(node, where): (text, node.text) for (node, where), text in places if text is not None}


@dataclass(frozen=True, slots=True)
class Masks:
    """Which paths of an end are masked. `show`: none."""

    fields: PersonalFields
    show: bool
    pivot: bool
    known: frozenset[str] = frozenset()  #: personal by what stands at the other end of their hop
    alone: frozenset[str] = frozenset()  #: nothing stands at the other end
    values: Mapping[str, tuple[str, SimpleType | None]] = field(default_factory=dict)

    def cell(self, path: str) -> Cell:
        """The value at a path."""
        text, type_ = self.values.get(path, (None, None))
        personal = self.fields.holds(path) if self.pivot else path in self.known
        masked = personal or (path in self.alone and not self.pivot and is_words(type_))
        return Cell(None, masked=True) if masked and text is not None and not self.show else Cell(text)


def page_of(
    done: Between,
    source: Side,
    target: Side,
    fields: PersonalFields,
    *,
    show: bool = False,
    language: str = "en",
    hints: Iterable[Problem] = (),
) -> bytes:
    """The page, UTF-8."""
    left, right = _masks(done.hops[0], source, fields, show=show), _masks(done.hops[-1], target, fields, show=show)
    words = WORDS[language]
    page = (
        _environment()
        .get_template("translation.html")
        .render(
            language=language,
            word=lambda text: words.get(text, text),
            source=source.profile,
            target=target.profile,
            kind=etree.QName(done.pivot).localname,
            shown=show,
            sign_off=done.sign_off,
            hints=tuple(hints),
            problems=done.problems,
            counts=sorted(Counter(row["fate"] for row in done.report["fields"]).items()),
            rows=[_row(row, left, right) for row in done.report["fields"]],
            others=[
                ("Constants", "Fields of the target without one of the source", _named(done, "constants", right)),
                (
                    "Restored",
                    "What was put back from what an earlier translation kept",
                    _named(done, "restored", right),
                ),
            ],
        )
    )
    return page.encode()


def _masks(hop: dict[str, Any], side: Side, fields: PersonalFields, *, show: bool) -> Masks:
    values = side.values()
    known = sources_of(fields, hop) | targets_of(fields, hop)
    return Masks(fields, show, side.pivot, known, unlinked(hop, values), values)


def _row(row: dict[str, Any], left: Masks, right: Masks) -> dict[str, Any]:
    return {
        "path": row["source"],
        "cell": left.cell(row["source"]),
        "fate": row["fate"],
        "sign": SIGNS[row["fate"]],
        "table": row["table"],
        "reason": row.get("reason", ""),
        "language": row.get("language", ""),
        "mark": row.get("mark", ""),
        "targets": [(path, right.cell(path)) for path in row["target"]],
    }


def _named(done: Between, member: str, right: Masks) -> list[tuple[str, Cell]]:
    return [(path, right.cell(path)) for path in done.report[member]]


def _environment() -> Environment:
    loader = PackageLoader("broker.commands", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
