"""`hdeu translate`: a document on a file into another profile, without a node.

The document goes to stdout alone; the report and the carry to the files that are named.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.system import SystemClock
from adapters.xml.documents import ENTRY_SCHEMAS
from adapters.xml.parser import Limits, parse
from broker.commands.documents import PIVOT, WIRE, diagnose, unknown_profile, wire_media_type
from broker.commands.opening import read_file
from broker.commands.terminal import note, raw
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Refused
from broker.translation.codecs.eu_r7 import EuR7Codec, WireFile
from broker.translation.report import Report, chain
from broker.translation.translator import EnvelopeContext, Translator

if TYPE_CHECKING:
    import argparse

    from broker.translation.report import LegalFactLoss

SIGN_OFF_NEEDED: Final = 3


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--from", required=True, dest="source", metavar="PROFILE")
    parser.add_argument("--to", required=True, dest="target", metavar="PROFILE")
    parser.add_argument("--report", metavar="FILE", help="where the fate of every field is written, as JSON")
    parser.add_argument("--carry-out", metavar="FILE", help="where what was not sent is kept")
    parser.add_argument("--carry-in", metavar="FILE", help="what an earlier translation kept")
    parser.add_argument("file", metavar="FILE", help="`-` for stdin")
    parser.set_defaults(run=_translate)


def _translate(arguments: argparse.Namespace) -> int:
    source = read_file(arguments.file)
    for profile in (arguments.source, arguments.target):
        if profile not in (*ENTRY_SCHEMAS, WIRE):
            raise Refused((unknown_profile(profile),))
    if found := asyncio.run(diagnose(arguments.source, source)):
        raise Refused(found)
    carry = read_file(arguments.carry_in) if arguments.carry_in else None
    done = between(arguments.source, arguments.target, source, carry=carry)
    raw(done.document)
    for name, data in ((arguments.report, done.report), (arguments.carry_out, done.carry)):
        if name:
            _write(name, data)
    for loss in done.losses:
        note(f"sign-off {loss}")
    return SIGN_OFF_NEEDED if done.losses else 0


@dataclass(frozen=True, slots=True)
class Done:
    """A translation from one profile to another, over eu-1. `losses` are legal facts that do not arrive whole."""

    document: bytes
    report: bytes
    carry: bytes
    losses: tuple[str, ...]


def between(source: str, target: str, data: bytes, *, carry: bytes | None = None) -> Done:
    """Translate a valid document. Both hops' losses count; the report also names what the wire cannot say.

    Raises:
        TranslationError: the document has no form in the other profile.
    """
    translator, codec = Translator.load(schemas_dir()), EuR7Codec.load(schemas_dir())
    losses: list[LegalFactLoss] = []
    kept, files, report = b"", tuple[WireFile, ...](), Report()
    if source == WIRE:
        decoded = codec.decode(data, wire_media_type(data))
        root, files = decoded.root, decoded.files
    else:
        envelope = EnvelopeContext(
            message_id=f"sha256:{hashlib.sha256(data).hexdigest()}", created_at=SystemClock().now().isoformat()
        )
        read = translator.read(source, parse(data, Limits()), envelope=envelope, carry=carry)
        root, report, kept = read.root, read.report, read.carry
        losses += read.sign_off
    if target == WIRE:
        losses += translator.legal.wire_losses(root, codec)
        whole = chain(report, translator.legal.lossy(root, codec))
        return _done(codec.encode(root, files).data, whole, kept, losses)
    written = translator.write(target, root, carry=carry)
    document = etree.tostring(written.root, encoding="UTF-8", xml_declaration=True)
    if target != PIVOT:
        report, kept = written.report, written.carry
    return _done(document, report, kept, [*losses, *written.sign_off])


def _done(document: bytes, report: Report, carry: bytes, losses: list[LegalFactLoss]) -> Done:
    lines = tuple(f"{loss.id} {loss.path}: {loss.what}" for loss in losses)
    return Done(document, report.to_bytes(), carry, lines)


def _write(name: str, data: bytes) -> None:
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be written: {error.strerror}") from error
