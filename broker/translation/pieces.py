"""Which pieces a national procedure asks for and a dossier lacks: data per profile, applied to a national document.

What is found is told and refuses nothing: whether a file can be received is for the national office to say. A piece
counts as given when anything stands below it; of pieces that say which they are, the kind must be the one asked for.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Problem
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lxml import etree

MISSING_PIECE: Final = "missing-piece"  #: the code of every hint of this room
_KIND: Final = "nature"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece, and when it is asked for. Paths run below the national message element."""

    what: str
    field: str
    procedures: frozenset[str]
    source: str
    kind: str = ""  #: which of several that stand in one place
    asked: str = ""  #: only if this leaf is given
    values: frozenset[str] = frozenset()  #: only if it has one of these
    always: frozenset[str] = frozenset()  #: procedures that ask for it whatever that leaf says


@dataclass(frozen=True, slots=True)
class PieceRules:
    """The pieces of one profile, and where a document says its event, its form and its procedure."""

    profile: str
    event: str
    events: frozenset[str]
    procedure: str
    otherwise: str
    form: str
    not_of: frozenset[str]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Lack:
    """A piece that is not there, and the procedures that ask for it."""

    piece: Piece
    procedures: frozenset[str]


@lru_cache(maxsize=8)
def shipped_pieces(profile: str) -> PieceRules | None:
    """The pieces that come with the program; None for a profile that asks for none. Raises: ConfigurationError."""
    file = schemas_dir() / "completeness" / f"pieces-{profile}.toml"
    return load_pieces(file) if file.is_file() else None


def load_pieces(file: Path) -> PieceRules:
    """The pieces of one file. Raises: ConfigurationError."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        return PieceRules(
            profile=table["profile"],
            event=table["event"],
            events=frozenset(table["events"]),
            procedure=table["procedure"],
            otherwise=table["otherwise"],
            form=table["form"],
            not_of=frozenset(table["not_of"]),
            pieces=tuple(map(_piece, table["piece"])),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The pieces of {file.stem} cannot be read: {error}") from error


def _piece(row: dict[str, Any]) -> Piece:
    return Piece(
        what=row["what"],
        field=row["field"],
        procedures=frozenset(row["procedures"]),
        source=row["source"],
        kind=row.get("kind", ""),
        asked=row.get("asked", ""),
        values=frozenset(row.get("as", ())),
        always=frozenset(row.get("always", ())),
    )


def lacks_of(document: etree._Element, rules: PieceRules | None) -> tuple[Lack, ...]:
    """What is not there, and which procedures miss it; nothing for a document that speaks of something else."""
    if rules is None or _texts(document, rules.event).isdisjoint(rules.events):
        return ()
    if not _texts(document, rules.form).isdisjoint(rules.not_of):
        return ()
    return tuple(_lacks(document, rules.pieces))


def _lacks(document: etree._Element, pieces: Iterable[Piece]) -> Iterator[Lack]:
    for piece in pieces:
        procedures = piece.procedures if _is_asked(document, piece) else piece.always
        if procedures and not any(_is_given(one, piece) for one in document.iterfind(_steps(piece.field))):
            yield Lack(piece, procedures)


def missing_pieces(lacks: Iterable[Lack], rules: PieceRules | None, procedure: str) -> tuple[Problem, ...]:
    """One hint for each piece that this procedure asks for; "": the one that a file is on unless something is said."""
    if rules is None:
        return ()
    taken = procedure or rules.otherwise
    return tuple(_problem(lack.piece, rules, taken) for lack in lacks if taken in lack.procedures)


def pieces_of(document: etree._Element, profile: str) -> tuple[Problem, ...]:
    """The hints about a document by itself: by the procedure that it names. Raises: ConfigurationError."""
    rules = shipped_pieces(profile)
    if rules is None:
        return ()
    return missing_pieces(lacks_of(document, rules), rules, next(iter(_texts(document, rules.procedure)), ""))


def _problem(piece: Piece, rules: PieceRules, procedure: str) -> Problem:
    named = f"{piece.what} ({piece.kind})" if piece.kind else piece.what
    return Problem(
        code="missing-piece",
        detail=f"The procedure {procedure} asks for a piece that the dossier does not have: {named}.",
        path=piece.field,
        rule=f"{rules.profile} pieces, {procedure}: {piece.source}",
        hint="Add the piece, or ask the applicant for it; nothing is refused for it here.",
    )


def _is_asked(document: etree._Element, piece: Piece) -> bool:
    if not piece.asked:
        return True
    found = _texts(document, piece.asked)
    return not found.isdisjoint(piece.values) if piece.values else bool(found)


def _is_given(element: etree._Element, piece: Piece) -> bool:
    if piece.kind and trimmed(element.findtext(f"{{*}}{_KIND}") or "") != piece.kind:
        return False
    return any(trimmed(one.text or "") for one in element.iter("*") if one.tag.rpartition("}")[2] != _KIND)


def _texts(document: etree._Element, path: str) -> set[str]:
    return {text for one in document.iterfind(_steps(path)) if (text := trimmed(one.text or ""))}


def _steps(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))
