"""Small files of every type that the form takes, and their bad relatives, made by the rules of each format."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
MACRO_WORD = "application/vnd.ms-word.document.macroEnabled.main+xml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
#: What every scanner takes for malware and nothing runs (EICAR), in halves so that no scanner takes this file for it.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


def a_pdf(*, pages: int = 1, catalog: str = "", trailer: str = "", comment: bytes = b"") -> bytes:
    """A whole PDF with that many empty pages; `comment` is any text without a line end."""
    kids = " ".join(f"{3 + number} 0 R" for number in range(pages))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog}>>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        *(["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] >>"] * pages),
    ]
    data, places = b"%PDF-1.4\n%" + comment + b"\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    tail = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer}>>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + head.encode() + tail.encode()


def a_packed_pdf() -> bytes:
    """One whose pages stand in a compressed object stream, as PDF 1.5 allows."""
    inner = b"2 0 3 40 << /Type /Pages /Kids [3 0 R] /Count 1 >> << /Type /Page /Parent 2 0 R >>"
    packed = zlib.compress(inner)
    stream = b"1 0 obj\n<< /Type /ObjStm /N 2 /First 9 /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed)
    return b"%PDF-1.5\n" + stream + packed + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"


def an_archive(entries: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def a_docx(*, kind: str = WORD, **more: bytes) -> bytes:
    types = f'<Types><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    return an_archive({"[Content_Types].xml": types.encode(), "word/document.xml": b"<document/>", **more})


def an_xlsx(**more: bytes) -> bytes:
    return an_archive({"[Content_Types].xml": SHEET.encode(), "xl/workbook.xml": b"<workbook/>", **more})


def an_odt(*, manifest: bytes = b"<manifest/>", **more: bytes) -> bytes:
    mimetype = b"application/vnd.oasis.opendocument.text"
    parts = {"mimetype": mimetype, "content.xml": b"<office/>", "META-INF/manifest.xml": manifest}
    return an_archive({**parts, **more})


def a_compound_file(*streams: str, body: bytes = b"") -> bytes:
    """An OLE compound file: header sector, a sector of `body`, a sector with the names of its streams."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHH", 0x3E, 3, 0xFFFE)
    directory = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *streams))
    return header.ljust(512, b"\0") + body.ljust(512, b"\0") + directory


def a_doc(*, encrypted: bool = False, macros: bool = False) -> bytes:
    fib = b"\xec\xa5\xc1\x00" + bytes(7) + (b"\x01" if encrypted else b"\x00")
    return a_compound_file("WordDocument", "1Table", *(["Macros", "_VBA_PROJECT"] if macros else []), body=fib)


def an_xls(*, encrypted: bool = False) -> bytes:
    begin = b"\x09\x08\x10\x00\x00\x06\x05\x00".ljust(20, b"\0")
    return a_compound_file("Workbook", body=begin + (b"\x2f\x00" if encrypted else b"\xe1\x00"))
