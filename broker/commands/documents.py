"""`hdeu validate`: a document on a file, without a node."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.xml.documents import ENTRY_SCHEMAS, XmlDocuments
from adapters.xml.parser import Limits, parse
from broker.commands.opening import read_file
from broker.commands.terminal import note, problems, what_next
from broker.data_files import schemas_dir
from broker.errors import Problem, Refused, TranslationError
from broker.translation.answers import shipped_questions, unknown_answers
from broker.translation.codecs.codec import Transport
from broker.translation.codecs.national import NATIONAL
from broker.translation.codecs.wires import WIRES, media_type_of
from broker.translation.completeness import NEWEST, load_rules, missing
from broker.translation.pieces import pieces_of, shipped_pieces
from broker.translation.plausibility import hints, shipped_checks
from broker.translation.translator import EnvelopeContext, Translator
from broker.translation.unknown import as_sent, unknown_fields

if TYPE_CHECKING:
    import argparse

    from broker.translation.codecs.codec import Codec
    from broker.translation.codecs.national import NationalCodec

PIVOT: Final = "eu-1"
PROFILES: Final = (*ENTRY_SCHEMAS, *WIRES)
#: Stands for what the transport says, where a file is judged that came by none.
_NO_TRANSPORT: Final = Transport("file", "2026-01-01T00:00:00Z")


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--profile", required=True)
    parser.add_argument(
        "--complete",
        action="store_true",
        help="also tell which mandatory fields and pieces the form lacks (D6.3 Annexes 7 and 8)",
    )
    add_binding(parser)
    parser.add_argument("--release", default=NEWEST, help=f"whose rules of a complete form are meant ({NEWEST})")
    parser.add_argument("file", metavar="FILE", help="`-` for stdin")
    parser.set_defaults(run=_validate)


def _validate(arguments: argparse.Namespace) -> int:
    data = read_file(arguments.file)
    codec = national_codec(arguments.profile, arguments.binding)
    found = asyncio.run(diagnose(arguments.profile, data, codec))
    pieces = () if found else missing_of(arguments.profile, data)
    if not found and arguments.complete:
        found = (*lacking(arguments.profile, data, arguments.release, codec), *pieces)
    problems(found)
    what_next(found)
    if found:
        return 1
    pivot = pivot_of(arguments.profile, data, codec)
    for hint in (*hints(pivot, shipped_checks()), *pieces):
        note(f"hint {hint.as_line()}")
    for flag in (*(codec.decode(data).flags if codec else ()), *flags(pivot)):
        note(f"flag {flag.as_line()}")
    return 0


def flags(pivot: etree._Element) -> tuple[Problem, ...]:
    """What nobody here knows of a valid message, and is kept: wire fields, values and answers of no list."""
    return (*unknown_fields(pivot), *unknown_answers(pivot, shipped_questions()))


def add_binding(parser: argparse.ArgumentParser) -> None:
    """Documents of REMS are read and written after the binding of an installation."""
    parser.add_argument("--binding", metavar="FILE", type=Path, help="of a REMS installation; default: the example")


def national_codec(profile: str, binding: Path | None) -> NationalCodec | None:
    """The codec of a national profile whose documents are not XML. Raises: ConfigurationError."""
    return NATIONAL[profile](schemas_dir(), binding) if profile in NATIONAL else None


async def diagnose(profile: str, data: bytes, codec: NationalCodec | None = None) -> tuple[Problem, ...]:
    """Everything wrong with a document; empty where it is valid. A wire form is judged as the eu-1 that it says."""
    if codec is not None:
        return await _diagnose_decoded(profile, data, codec)
    if profile in WIRES:
        return await _diagnose_wire(profile, data)
    if profile not in ENTRY_SCHEMAS:
        return (unknown_profile(profile),)
    documents = XmlDocuments(schemas_dir(), entries={profile: ENTRY_SCHEMAS[profile]})
    try:
        if documents.is_valid(profile, documents.parse(data)):
            return ()
        return await documents.diagnose(profile, data)
    except Refused as refused:
        return refused.problems
    finally:
        await documents.close()


async def _diagnose_decoded(profile: str, data: bytes, codec: NationalCodec) -> tuple[Problem, ...]:
    try:
        read = codec.decode(data)
    except Refused as refused:
        return refused.problems
    return codec.located(await diagnose(profile, etree.tostring(read.root, encoding="UTF-8")), read)


def lacking(profile: str, data: bytes, release: str, codec: NationalCodec | None = None) -> tuple[Problem, ...]:
    """Mandatory fields that the form in a valid document lacks, whatever its profile; the paths are those of eu-1.

    Raises: ConfigurationError, for a release without rules.
    """
    return missing(pivot_of(profile, data, codec), load_rules(schemas_dir() / "completeness", release))


def missing_of(profile: str, data: bytes) -> tuple[Problem, ...]:
    """Pieces that the national procedure asks for, and a valid document lacks."""
    return pieces_of(parse(data, Limits()), profile) if profile in ENTRY_SCHEMAS and shipped_pieces(profile) else ()


def pivot_of(profile: str, data: bytes, codec: NationalCodec | None = None) -> etree._Element:
    """A valid document of any profile, as eu-1."""
    if profile in WIRES:
        return _codec_of(profile).decode(data, media_type_of(profile, data), _NO_TRANSPORT).root
    document = parse(data, Limits()) if codec is None else codec.decode(data).root
    if profile == PIVOT:
        return document
    translator = Translator.load(schemas_dir(), profiles=[profile])
    return translator.read(profile, document, envelope=EnvelopeContext()).root


def _codec_of(profile: str) -> Codec:
    return WIRES[profile](schemas_dir())


async def _diagnose_wire(profile: str, data: bytes) -> tuple[Problem, ...]:
    try:
        root = pivot_of(profile, data)
    except (Refused, TranslationError) as error:
        return error.problems
    unknown = [one.path for one in unknown_fields(root)]
    found = await diagnose(PIVOT, etree.tostring(root, encoding="UTF-8"))
    return tuple(as_sent(problem, unknown) for problem in found)


def unknown_profile(profile: str) -> Problem:
    """What to say of a profile that this program does not know."""
    hint = f"use one of {', '.join(PROFILES)}"
    return Problem("unknown-profile", f"no profile has this name; {hint}", value=profile, hint=hint)
