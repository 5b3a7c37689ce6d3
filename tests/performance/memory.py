"""`memory.translate-10mb`: what a translation of the largest document needs, as multiple of its size.

Peak resident size of a fresh child less that of the same child on a small document; the floor reads the document with
libxml2 and writes it again. Run as a program (`python -m tests.performance.memory SIDE FILE`) it is the child.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lxml import etree

from adapters.xml.documents import XmlDocuments
from broker.data_files import schemas_dir
from broker.translation.translator import Translator
from tests.performance.applications import EXAMPLE, of_size
from tests.performance.figures import Figure

ROOT = Path(__file__).parents[2]
PROFILE = "fr-hdh-1"
LARGEST = 10 * 1024 * 1024  #: what the parser lets in


def translate(folder: Path) -> Figure:
    """Less is better."""
    large = folder / "eu-1.ApplicationSubmitted.10mb.xml"
    large.write_bytes(of_size(LARGEST))
    peaks = {side: [_peak(side, file) for file in (EXAMPLE, large)] for side in ("ours", "floor")}
    (folder / "peaks.txt").write_text(f"{large.stat().st_size} bytes, peaks in kB: {peaks}\n", encoding="utf-8")
    ours, floor = ((late - early) * 1024 / large.stat().st_size for early, late in peaks.values())
    return Figure(ours, floor, "times the document, less is better")


def _peak(side: str, file: Path) -> int:
    """In kB."""
    command = (sys.executable, "-m", "tests.performance.memory", side, str(file))
    return int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)


def _ours(data: bytes) -> None:
    documents, translator = XmlDocuments(schemas_dir()), Translator.load(schemas_dir(), profiles=[PROFILE])
    done = translator.write(PROFILE, _valid(documents, "eu-1", documents.parse(data)))
    _valid(documents, PROFILE, done.root)
    kept = done.document, done.report.compact(), done.carry
    if not all(kept[:2]):
        raise AssertionError("nothing was written")


def _valid(documents: XmlDocuments, profile: str, root: etree._Element) -> etree._Element:
    if not documents.is_valid(profile, root):
        raise AssertionError(f"the document is not valid {profile}")
    return root


def _floor(data: bytes) -> None:
    etree.tostring(etree.fromstring(data, etree.XMLParser(huge_tree=True)))


if __name__ == "__main__":
    {"ours": _ours, "floor": _floor}[sys.argv[1]](Path(sys.argv[2]).read_bytes())
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage would tell of the parent, too
    sys.stdout.write(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
