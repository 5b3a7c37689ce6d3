"""`hdeu translate`: a document on a file into another profile, without a node.

The document goes to stdout alone; report, page and carry to the files that are named.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adapters.system import SystemClock
from adapters.xml.documents import ENTRY_SCHEMAS
from adapters.xml.parser import Limits, parse
from broker.commands.documents import (
    PIVOT,
    PROFILES,
    add_binding,
    diagnose,
    flags,
    missing_of,
    national_codec,
    unknown_profile,
)
from broker.commands.opening import read_file
from broker.commands.page_words import WORDS
from broker.commands.terminal import note, raw, what_next
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, NotFound, Problem, Refused
from broker.payloads import Payload
from broker.translation.between import Between, Tools, translate_between
from broker.translation.codecs.wires import WIRES, media_type_of
from broker.translation.personal import load_personal_fields
from broker.translation.plausibility import hints, shipped_checks
from broker.translation.schema_model import load_schema
from broker.translation.translator import EnvelopeContext, Translator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from lxml import etree

    from broker.commands.page import Side
    from broker.translation.codecs.codec import Codec
    from broker.translation.codecs.national import NationalCodec

SIGN_OFF_NEEDED: Final = 3


def build(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--from", required=True, dest="source", metavar="PROFILE")
    parser.add_argument("--to", required=True, dest="target", metavar="PROFILE")
    parser.add_argument("--report", metavar="FILE", help="where the fate of every field is written, as JSON")
    parser.add_argument("--carry-out", metavar="FILE", help="where what was not sent is kept")
    parser.add_argument("--carry-in", metavar="FILE", help="what an earlier translation kept")
    parser.add_argument("--files", metavar="DIR", help="where the files lie that the document names, by their hash")
    parser.add_argument("--html", metavar="FILE", help="where a page shows source, target and fates side by side")
    parser.add_argument("--show-personal", action="store_true", help="do not mask personal values on the page")
    parser.add_argument("--language", choices=sorted(WORDS), default="en", help="of the page")
    add_binding(parser)
    parser.add_argument("file", metavar="FILE", help="`-` for stdin")
    parser.set_defaults(run=_translate)


def _translate(arguments: argparse.Namespace) -> int:
    source = read_file(arguments.file)
    for profile in (arguments.source, arguments.target):
        if profile not in PROFILES:
            raise Refused((unknown_profile(profile),))
    if found := asyncio.run(diagnose(arguments.source, source, national_codec(arguments.source, arguments.binding))):
        raise Refused(found)
    carry = read_file(arguments.carry_in) if arguments.carry_in else None
    ends, files = (arguments.source, arguments.target), _files(arguments.files) if arguments.files else {}
    done = between(*ends, source, carry=carry, binding=arguments.binding, files=files)
    raw(done.document)
    odd = _hints(arguments.source, source, done)
    report = replace(done, report={**done.report, "hints": [hint.as_dict() for hint in odd]}).report_bytes()
    for name, data in ((arguments.report, report), (arguments.carry_out, done.carry)):
        if name:
            _write(name, data)
    if arguments.html:
        _write(arguments.html, _page(arguments, source, done, odd))
    for flag in (*flags(done.pivot), *done.problems):
        note(f"flag {flag.as_line()}")
    for loss in done.sign_off:
        note(f"sign-off {loss.id} {loss.path}: {loss.what}")
    what_next(done.problems)
    return SIGN_OFF_NEEDED if done.sign_off else 0


def _files(folder: str) -> dict[str, Payload]:
    """Every file below a folder, by its SHA-256. Raises: NotFound."""
    try:
        next(Path(folder).iterdir(), None)  # `rglob` of what is no folder finds nothing, and says nothing
        payloads = [Payload(one.read_bytes()) for one in sorted(Path(folder).rglob("*")) if one.is_file()]
    except OSError as error:
        raise NotFound(f"the folder {folder} cannot be read: {error.strerror}") from error
    return {payload.sha256: payload for payload in payloads}


def between(
    source: str,
    target: str,
    data: bytes,
    *,
    carry: bytes | None = None,
    binding: Path | None = None,
    files: Mapping[str, Payload] | None = None,
) -> Between:
    """Translate a valid document, with one report over the whole way. `files`: bytes by their SHA-256.

    Raises: TranslationError, if the document has no form in the other profile; Refused, if it cannot be read.
    """
    national = frozenset({source, target}) - {PIVOT, *WIRES}
    codecs: dict[str, Codec] = {name: load(schemas_dir()) for name, load in WIRES.items()}
    tools = Tools(
        Translator.load(schemas_dir(), profiles=national),
        codecs["eu-r7"],
        _parse,
        others=codecs,
        national={name: found for name in national if (found := national_codec(name, binding)) is not None},
    )
    return translate_between(
        tools,
        data,
        source=source,
        target=target,
        media_type=media_type_of(source, data),
        envelope=envelope_of(data),
        carry=carry,
        payloads=files,
    )


def _hints(profile: str, data: bytes, done: Between) -> tuple[Problem, ...]:
    """What looks odd in the message, and the pieces that a national source lacks."""
    return (*hints(done.pivot, shipped_checks()), *missing_of(profile, data))


def _page(arguments: argparse.Namespace, data: bytes, done: Between, odd: tuple[Problem, ...]) -> bytes:
    from broker.commands.page import page_of  # noqa: PLC0415 - loads a template engine, for this option alone

    ends = ((arguments.source, data), (arguments.target, done.document))
    source, target = (side_of(name, text, done, national_codec(name, arguments.binding)) for name, text in ends)
    fields = load_personal_fields(schemas_dir() / "codelists/personal-fields.toml")
    return page_of(done, source, target, fields, show=arguments.show_personal, language=arguments.language, hints=odd)


def side_of(profile: str, document: bytes, done: Between, codec: NationalCodec | None = None) -> Side:
    """One end of a translation, as the page shows it."""
    from broker.commands.page import Side  # noqa: PLC0415 - as above

    pivot = profile in (PIVOT, *WIRES)
    model = load_schema(schemas_dir() / ENTRY_SCHEMAS[PIVOT if pivot else profile])
    if pivot:
        return Side(profile, done.pivot, model, pivot)
    return Side(profile, _parse(document) if codec is None else codec.decode(document).root, model, pivot)


def envelope_of(data: bytes) -> EnvelopeContext:
    """What stands in for a transport, unless document or carry say it: the file's hash for a MessageId, and now."""
    message_id = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return EnvelopeContext(message_id=message_id, created_at=SystemClock().now().isoformat(), stand_in=True)


def _parse(data: bytes) -> etree._Element:
    return parse(data, Limits())


def _write(name: str, data: bytes) -> None:
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be written: {error.strerror}") from error
