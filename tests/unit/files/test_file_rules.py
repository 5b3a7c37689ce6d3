"""Which files may come, judged by their bytes: each bad one has a code of its own, each good one passes."""

from __future__ import annotations

import io
import random
import time
import zipfile
import zlib

import pytest

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.translation.files.rules import FOR_A_PERSON, MAX_BYTES, load_file_types, shipped_file_rules
from tests.support.files import (
    MACRO_WORD,
    WORD,
    a_compound_file,
    a_doc,
    a_docx,
    a_packed_pdf,
    a_pdf,
    an_archive,
    an_odt,
    an_xls,
    an_xlsx,
)

RULES = shipped_file_rules()


def stored(entries: dict[str, bytes]) -> bytes:
    """An archive of files as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


GOOD = {
    "plan.pdf": a_pdf(),
    "packed.pdf": a_packed_pdf(),
    "PLAN.PDF": a_pdf(pages=3),
    "letter.doc": a_doc(),
    "letter.docx": a_docx(),
    "variables.xls": an_xls(),
    "variables.xlsx": an_xlsx(),
    "summary.odt": an_odt(),
    "no suffix": a_pdf(),
    "Lettre d'éthique — \u05e9\u05dc\u05d5\u05dd e\u0301.pdf": a_pdf(),
}
LARGE = random.Random(1).randbytes(MAX_BYTES + 1)
BOMB = an_archive({"[Content_Types].xml": b"x", "word/document.xml": b"\0" * 5_000_000})
PDF_WITHIN = stored({"a.pdf": a_pdf()})
BAD = {
    "a seventh type": ("notes.txt", b"words", "attachment-type"),
    "a program": ("setup.exe", b"MZ", "attachment-type"),
    "a macro document by its name": ("letter.docm", a_docx(kind=MACRO_WORD), "attachment-type"),
    "no type at all": ("notes", b"words", "attachment-type"),
    "a text named as PDF": ("plan.pdf", b"words", "attachment-mismatch"),
    "a program named as PDF": ("plan.pdf", b"MZ\x90\x00", "attachment-mismatch"),
    "a PDF named as text document": ("plan.docx", a_pdf(), "attachment-mismatch"),
    "a sheet named as text document": ("plan.docx", an_xlsx(), "attachment-mismatch"),
    "an old text named as old sheet": ("plan.xls", a_doc(), "attachment-mismatch"),
    "an archive of something else": ("plan.docx", an_archive({"a.txt": b"x"}), "attachment-mismatch"),
    "an installer in a compound file": ("plan.doc", a_compound_file("Binary.MSI"), "attachment-mismatch"),
    "no bytes": ("plan.pdf", b"", "attachment-empty"),
    "no page": ("plan.pdf", a_pdf(pages=0), "attachment-empty"),
    "over 1 MB": ("plan.pdf", LARGE, "attachment-too-large"),
    "a PDF cut off": ("plan.pdf", a_pdf()[:-40], "attachment-damaged"),
    "an encrypted PDF": ("plan.pdf", a_pdf(trailer="/Encrypt 9 0 R "), "attachment-encrypted"),
    "an encrypted text": ("letter.doc", a_doc(encrypted=True), "attachment-encrypted"),
    "an encrypted sheet": ("variables.xls", an_xls(encrypted=True), "attachment-encrypted"),
    "an encrypted ODT": ("summary.odt", an_odt(manifest=b"<encryption-data/>"), "attachment-encrypted"),
    "a text with macros": ("letter.doc", a_doc(macros=True), "attachment-macros"),
    "a macro document in disguise": ("letter.docx", a_docx(kind=MACRO_WORD), "attachment-macros"),
    "a macro project": ("letter.docx", a_docx(**{"word/vbaProject.bin": b"x"}), "attachment-macros"),
    "a sheet with macros": ("variables.xlsx", an_xlsx(**{"xl/vbaProject.bin": b"x"}), "attachment-macros"),
    "an ODT with macros": ("summary.odt", an_odt(**{"Basic/Standard/Module1.xml": b"x"}), "attachment-macros"),
    "a PDF with a script": (
        "plan.pdf",
        a_pdf(catalog="/OpenAction << /S /JavaScript /JS (x) >> "),
        "attachment-macros",
    ),
    "a macro project under another name": (
        "letter.docx",
        a_docx(kind=f"{WORD} application/vnd.ms-office.vbaProject"),
        "attachment-macros",
    ),
    "a macro document that declares itself in UTF-16": (
        "letter.docx",
        an_archive({"[Content_Types].xml": MACRO_WORD.encode("utf-16"), "word/document.xml": b"x"}),
        "attachment-macros",
    ),
    "a macro document that declares itself in small letters": (
        "letter.docx",
        an_archive({"[content_types].XML": MACRO_WORD.encode(), "word/document.xml": b"x"}),
        "attachment-macros",
    ),
    "a sheet of macros": ("variables.xlsx", an_xlsx(**{"xl/macrosheets/sheet1.xml": b"x"}), "attachment-macros"),
    "a control": ("letter.docx", a_docx(**{"word/activeX/activeX1.bin": b"x"}), "attachment-macros"),
    "a PDF with an archive behind it": ("plan.pdf", a_pdf() + an_archive({"setup.exe": b"MZ"}), "attachment-two-types"),
    "an archive with a PDF in it": ("plan.pdf", PDF_WITHIN, "attachment-two-types"),
    "a program with a PDF behind it": ("plan.pdf", b"MZ" + a_pdf(), "attachment-two-types"),
    "a PDF with an archive behind it, named as text": ("plan.docx", a_pdf() + a_docx(), "attachment-mismatch"),
    "a bomb within a document": ("letter.docx", BOMB, "zip-bomb"),
    "a document that leads out": ("letter.docx", an_archive({"word/../../x": b"x"}), "zip-path"),
    "a broken document": ("letter.docx", a_docx()[:-30], "bad-zip"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_of_one_of_the_six_types_may_come(name: str) -> None:
    assert RULES.problems(name, GOOD[name], path="attachments/1") == ()


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_may_not_come_is_told_by_its_own_code_with_a_place_and_what_to_do(case: str) -> None:
    name, data, code = BAD[case]
    [problem] = RULES.problems(name, data, path="attachments/1")
    assert problem.code == code
    assert problem.path.startswith("attachments/1")
    assert problem.hint or code.startswith(("zip-", "bad-zip"))


def test_what_only_a_person_can_judge_is_told_apart_from_what_breaks_a_rule() -> None:
    told = {code for _, _, code in BAD.values()}
    looked_into = ("encrypted", "macros", "empty", "damaged", "two-types")
    assert told & FOR_A_PERSON == {f"attachment-{what}" for what in looked_into}
    assert FOR_A_PERSON - told == {"attachment-infected"}, "a scanner says so, not the bytes"
    assert {"attachment-type", "attachment-mismatch", "attachment-too-large"} <= told - FOR_A_PERSON


def test_an_encrypted_office_file_is_a_compound_file_under_a_new_name() -> None:
    data = a_compound_file("EncryptionInfo", "EncryptedPackage", "WordDocument")
    [problem] = RULES.problems("letter.doc", data, path="attachments/1")
    assert problem.code == "attachment-encrypted"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("inside", [b"/ObjStm ", b"/ObjStm stream\n", b"/Encrypt ", b"/Encrypt 1"])
def test_a_file_made_to_be_slow_is_not(inside: bytes) -> None:
    body = inside * ((MAX_BYTES - 100) // len(inside))
    started = time.process_time()
    RULES.problems("plan.pdf", b"%PDF-1.5\n" + body + b"\nstartxref\n9\n%%EOF\n", path="attachments/1")
    assert time.process_time() - started < 5


def test_a_bomb_in_the_streams_of_a_pdf_is_not_blown_up() -> None:
    bomb = zlib.compress(b" " * 20_000_000)
    streams = b"".join(b"1 0 obj << /Type /ObjStm >> stream\n" + bomb + b"\nendstream\n" for _ in range(40))
    started = time.process_time()
    [problem] = RULES.problems("plan.pdf", b"%PDF-1.5\n" + streams + b"startxref\n9\n%%EOF\n", path="attachments/1")
    assert problem.code == "attachment-empty"
    assert time.process_time() - started < 3


def test_a_name_says_which_media_type_a_file_claims() -> None:
    assert RULES.media_type("A.B.PDF") == "application/pdf"
    assert RULES.media_type("setup.exe") == "application/octet-stream"


def test_the_table_has_the_six_types_of_the_form() -> None:
    types = load_file_types(schemas_dir() / "codelists/attachment-types.toml")
    assert [one.suffix for one in types] == ["pdf", "doc", "docx", "xls", "xlsx", "odt"]
    with pytest.raises(ConfigurationError):
        load_file_types(schemas_dir() / "codelists/purposes.toml")


def test_the_archives_of_these_tests_are_archives() -> None:
    for data in (a_docx(), an_xlsx(), an_odt()):
        assert zipfile.is_zipfile(io.BytesIO(data))
