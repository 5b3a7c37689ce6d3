"""`hdeu validate`: a document on a file, without a node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.xml.documents import ENTRY_SCHEMAS, XmlDocuments
from adapters.xml.parser import Limits, parse
from broker.commands.opening import read_file
from broker.commands.terminal import problems
from broker.data_files import schemas_dir
from broker.errors import Problem, Refused, TranslationError
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.completeness import NEWEST, load_rules, missing
from broker.translation.translator import EnvelopeContext, Translator

if TYPE_CHECKING:
    import argparse

PIVOT: Final = "eu-1"
WIRE: Final = "eu-r7"


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--profile", required=True)
    parser.add_argument(
        "--complete", action="store_true", help="also tell which mandatory fields the form lacks (D6.3 Annexes 7 and 8)"
    )
    parser.add_argument("--release", default=NEWEST, help=f"whose rules of a complete form are meant ({NEWEST})")
    parser.add_argument("file", metavar="FILE", help="`-` for stdin")
    parser.set_defaults(run=_validate)


def _validate(arguments: argparse.Namespace) -> int:
    data = read_file(arguments.file)
    found = asyncio.run(diagnose(arguments.profile, data))
    if not found and arguments.complete:
        found = lacking(arguments.profile, data, arguments.release)
    problems(found)
    return 1 if found else 0


async def diagnose(profile: str, data: bytes) -> tuple[Problem, ...]:
    """Everything wrong with a document; empty where it is valid. A wire form is judged as the eu-1 that it says."""
    if profile == WIRE:
        return await _diagnose_wire(data)
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


def lacking(profile: str, data: bytes, release: str) -> tuple[Problem, ...]:
    """Mandatory fields that the form in a valid document lacks, whatever its profile; the paths are those of eu-1.

    Raises: ConfigurationError, for a release without rules.
    """
    rules = load_rules(schemas_dir() / "completeness", release)
    if profile == WIRE:
        return missing(EuR7Codec.load(schemas_dir()).decode(data, wire_media_type(data)).root, rules)
    document = parse(data, Limits())
    if profile == PIVOT:
        return missing(document, rules)
    translator = Translator.load(schemas_dir(), profiles=[profile])
    return missing(translator.read(profile, document, envelope=EnvelopeContext()).root, rules)


async def _diagnose_wire(data: bytes) -> tuple[Problem, ...]:
    try:
        decoded = EuR7Codec.load(schemas_dir()).decode(data, wire_media_type(data))
    except (Refused, TranslationError) as error:
        return error.problems
    return await diagnose(PIVOT, etree.tostring(decoded.root, encoding="UTF-8"))


def wire_media_type(data: bytes) -> str:
    """ZIP by its first bytes, else JSON."""
    return "application/zip" if data[:2] == b"PK" else "application/json"


def unknown_profile(profile: str) -> Problem:
    """What to say of a profile that this program does not know."""
    hint = f"use one of {', '.join((*ENTRY_SCHEMAS, WIRE))}"
    return Problem("unknown-profile", f"no profile has this name; {hint}", value=profile, hint=hint)
