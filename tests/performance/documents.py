"""Documents: translate one, validate one. Our side begins and ends with bytes, as the floor does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from lxml import etree

from adapters.xml.documents import ENTRY_SCHEMAS, XmlDocuments
from broker.data_files import schemas_dir
from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.performance.applications import full_size, leaves
from tests.performance.figures import Figure, compare
from tests.performance.floors import Plain, Spelled, Translated, Validated

DATA = Path(__file__).parents[1] / "data"
PIVOT = "eu-1"
REMS = "rems-1"
UNIT = "documents/s"
_CONTEXT = EnvelopeContext(message_id="urn:example:message:1", created_at="2027-03-01T09:30:15Z")


@cache
def _xml() -> XmlDocuments:
    return XmlDocuments(schemas_dir())


@cache
def _translator() -> Translator:
    return Translator.load(schemas_dir())


def _schema(profile: str) -> Path:
    return schemas_dir() / ENTRY_SCHEMAS[profile]


def _input(folder: Path, profile: str) -> bytes:
    """A full-size application; a national one is what becomes of it there."""
    data = _bytes(full_size()) if profile == PIVOT else _written(profile, _bytes(full_size()))
    root = _xml().parse(data)
    _valid(profile, root)
    (folder / f"{profile}.ApplicationSubmitted.xml").write_bytes(data)
    (folder / "leaves.txt").write_text(f"{leaves(root)} leaves, {len(data)} bytes\n", encoding="utf-8")
    return data


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _valid(profile: str, root: etree._Element) -> None:
    if not _xml().is_valid(profile, root):
        raise AssertionError(f"the document is not valid {profile}")


def _document(done: Translation) -> bytes:
    return done.document


def _written(profile: str, data: bytes, *, written: Callable[[Translation], bytes] = _document) -> bytes:
    done = _translator().write(profile, _source(PIVOT, data))
    _valid(profile, done.root)
    _kept(done)
    return written(done)


def _read(profile: str, data: bytes) -> bytes:
    done = _translator().read(profile, _source(profile, data), envelope=_CONTEXT)
    _valid(PIVOT, done.root)
    _kept(done)
    return done.document


def _source(profile: str, data: bytes) -> etree._Element:
    """A valid document; nobody but the translation holds on to it."""
    root = _xml().parse(data)
    _valid(profile, root)
    return root


def _kept(done: Translation) -> tuple[bytes, bytes]:
    """What is kept beside the document: how each leaf fared, and what was not sent."""
    return done.report.compact(), done.carry


def write_national(folder: Path, profile: str) -> Figure:
    """eu-1 into a national profile; compact report and carry included."""
    data = _input(folder, PIVOT)
    result = _written(profile, data)
    (folder / f"{PIVOT}.ApplicationSubmitted.{profile}.xml").write_bytes(result)
    floor = Translated(_schema(PIVOT), _schema(profile), result)
    return compare(lambda: _written(profile, data), lambda: floor(data), unit=UNIT)


@cache
def _rems() -> RemsCodec:
    return RemsCodec.load(schemas_dir())


def write_rems(folder: Path) -> Figure:
    """eu-1 into rems-1 and into its JSON; the floor writes the tree as XML."""
    data, ours = _to_rems(folder)
    floor = Translated(_schema(PIVOT), _schema(REMS), _written(REMS, data))
    return compare(ours, lambda: floor(data), unit=UNIT)


def plain_rems(folder: Path) -> Figure:
    """The same beside the plain way, which writes the tree as XML too."""
    data, ours = _to_rems(folder)
    floor = Plain(_schema(PIVOT), _schema(REMS), _written(REMS, data))
    return compare(ours, lambda: floor(data), unit=UNIT, times=1, rounds=5)


def _to_rems(folder: Path) -> tuple[bytes, Callable[[], bytes]]:
    data = _input(folder, PIVOT)
    ours = partial(_written, REMS, data, written=lambda done: _rems().encode(done.root))
    (folder / f"{PIVOT}.ApplicationSubmitted.{REMS}.json").write_bytes(ours())
    return data, ours


def read_national(folder: Path, profile: str) -> Figure:
    """A national document into eu-1; compact report and carry included."""
    data = _input(folder, profile)
    result = _read(profile, data)
    (folder / f"{profile}.ApplicationSubmitted.{PIVOT}.xml").write_bytes(result)
    floor = Translated(_schema(profile), _schema(PIVOT), result)
    return compare(lambda: _read(profile, data), lambda: floor(data), unit=UNIT)


def plain(folder: Path, source: str, target: str) -> Figure:
    """One translation beside the plain way: decode, dictionary, encode."""
    data = _input(folder, source)
    ours = partial(_written, target, data) if source == PIVOT else partial(_read, source, data)
    floor = Plain(_schema(source), _schema(target), ours())
    return compare(ours, lambda: floor(data), unit=UNIT, times=1, rounds=5)


def expand_report(folder: Path) -> Figure:
    """A kept report spelled out, beside writing the same as JSON."""
    done = _translator().write("fr-hdh-1", _xml().parse(_input(folder, PIVOT)))
    kept = done.report.compact()
    floor = Spelled(done.report.to_bytes())
    return compare(lambda: _translator().report(kept).to_bytes(), floor, unit="reports/s")


def validate_pivot(folder: Path) -> Figure:
    """The hardened parser and the gate, against libxml2 alone."""
    data = _input(folder, PIVOT)
    floor = Validated(_schema(PIVOT))
    return compare(lambda: _valid(PIVOT, _xml().parse(data)), lambda: floor(data), unit=UNIT, times=40)
