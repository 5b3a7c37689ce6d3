"""The hardened parser, the gate, and the explanation of refusals."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from lxml import etree

from adapters.xml import Limits, XmlDocuments
from adapters.xml.parser import parse
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Refused
from tests.unit.eu.conftest import DATA

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
STATUS = (DATA / "eu-1/StatusUpdate.xml").read_bytes()
ENTRIES = {"eu-1": "eu/1/eu.xsd"}


def code_of(data: Any, limits: Any = None) -> Any:
    with pytest.raises(Refused) as caught:
        parse(data, limits)
    (problem,) = caught.value.problems
    return problem.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-document"),
        (b" \r\n\t", "empty-document"),
        (b'{"a": 1}', "not-xml"),
        (b"\x00\x01\x02", "not-xml"),
        (b"%PDF-1.4", "not-xml"),
        (b"<a>", "not-xml"),
        (b"<a/><b/>", "not-xml"),
        (b"<a>&nothing;</a>", "not-xml"),
        (b"<a>&#0;</a>", "bad-character"),
        (b"<x:a/>", "not-xml"),
        (b"<!-- no element -->", "not-xml"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a>\xe9t\xe9</a>', "bad-encoding"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "bad-encoding"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "bad-encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "bad-encoding"),
        (b"<!DOCTYPE a><a/>", "dtd-forbidden"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', "dtd-forbidden"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "dtd-forbidden"),
        ("<!DOCTYPE a><a>é</a>".encode("utf-16"), "dtd-forbidden"),
        (f'<!DOCTYPE a [<!ENTITY l0 "x">{LAUGHS}]><a b="&l9;">&l9;</a>'.encode(), "dtd-forbidden"),
        (b"<a>" * 65 + b"</a>" * 65, "too-deep"),
        (b"<a>" * 100_000, "too-deep"),
    ],
)
def test_a_bad_document_is_refused_with_a_code_of_its_own(data: Any, code: Any) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"<a>\n  <b>\n</a>", "line 3, column 5"),
        (b"good morning", "line 1, column 1"),
        (b"<?xml version='1.0'?>\n <!DOCTYPE a>\n<a/>", "line 2, column"),
        (b"<a>\n&nothing;</a>", "line 2, column"),
    ],
)
def test_the_place_where_a_document_breaks_is_told(data: bytes, place: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(data)
    assert caught.value.problems[0].path.startswith(place)


def test_a_document_beyond_the_limit_is_refused_before_it_is_read() -> None:
    assert code_of(b"<a>" + b"x" * 100, Limits(document_bytes=100)) == "document-too-large"


def test_as_deep_as_allowed_is_allowed() -> None:
    assert parse(b"<a>" * 64 + b"</a>" * 64).tag == "a"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_common_encodings_are_read(encoding: Any) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>café</a>'
    assert parse(text.encode(encoding)).text == "café"


def test_a_comment_does_not_cut_a_text() -> None:
    assert parse(b"<a>one <!-- no --><?pi no?>two<![CDATA[<3]]></a>").text == "one two<3"


def test_layout_between_tags_is_left_out_and_every_blank_of_a_text_is_kept() -> None:
    said = parse(b"<?xml version='1.0'?>\n<a>\n  <b> </b>\n  <c> ! ? </c>\n  <d>&#32; </d>\n</a>")
    assert etree.tostring(said) == b"<a><b> </b><c> ! ? </c><d>  </d></a>"


@pytest.mark.parametrize("cut", ["<!-- c -->", "<?p i?>", "<![CDATA[ x]]>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1"])
def test_a_blank_before_what_cuts_a_text_is_kept(cut: str, encoding: str) -> None:
    named = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16"}.get(encoding, encoding)
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    data = f"{mark}<?xml version='1.0' encoding='{named}'?><a>  {cut} </a>".encode(encoding)
    assert parse(data).text == ("   " if "CDATA" not in cut else "   x ")


async def test_a_valid_document_has_no_problems(documents: XmlDocuments) -> None:
    assert documents.is_valid("eu-1", documents.parse(STATUS))
    assert await documents.diagnose("eu-1", STATUS) == ()


async def test_a_type_from_outside_the_schema_is_forbidden(documents: XmlDocuments) -> None:
    xsi = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="LanguageText" lang="fr"'
    (problem,) = await documents.diagnose("eu-1", STATUS.replace(b"<reason>", b"<reason " + xsi + b">"))
    assert (problem.code, problem.path) == ("forbidden-type", "/StatusUpdate/content/reason/@xsi:type")


XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" '


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        (b'xsi:type="xs:string"', "forbidden-type", "/StatusUpdate/content/@xsi:type"),
        (b'xsi:nil="true"', "unknown-attribute", "/StatusUpdate/content/@xsi:nil"),
    ],
)
async def test_what_a_document_says_of_the_schema_itself_is_called_so(
    documents: XmlDocuments, said: bytes, code: str, path: str
) -> None:
    told = await documents.diagnose("eu-1", STATUS.replace(b"<content>", b"<content " + XSI + said + b">"))
    assert (told[0].code, told[0].path) == (code, path)


async def test_a_root_of_another_namespace_is_named(documents: XmlDocuments) -> None:
    (problem,) = await documents.diagnose("eu-1", b'<StatusUpdate xmlns="urn:other"/>')
    assert (problem.code, problem.value) == ("wrong-root", "urn:other")


async def test_at_most_fifty_problems_are_told_and_values_are_short(documents: XmlDocuments) -> None:
    wrong = b'<error note="1"><code>a</code><message>m</message></error>' * 80
    data = (DATA / "eu-1/ValidationResult.xml").read_bytes().replace(b"<applicationId>", wrong + b"<applicationId>", 2)
    problems = await documents.diagnose("eu-1", data)
    assert len(problems) == 50
    assert all(len(problem.value) <= 80 for problem in problems)


async def test_a_profile_without_schema_is_a_matter_of_configuration(documents: XmlDocuments) -> None:
    with pytest.raises(ConfigurationError):
        await documents.diagnose("eu-2", STATUS)


async def test_explaining_does_not_block_the_loop(documents: XmlDocuments) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await documents.diagnose("eu-1", STATUS.replace(b"PROCESSING", b"x"))
    ticking.cancel()
    assert ticks > 5


async def test_a_dead_worker_is_replaced_and_a_refusal_still_explained(documents: XmlDocuments) -> None:
    broken = STATUS.replace(b"PROCESSING", b"x")
    await documents.diagnose("eu-1", broken)
    (worker,) = documents._workers._idle
    worker.process.kill()
    await worker.process.wait()
    (first,) = await documents.diagnose("eu-1", broken)
    (second,) = await documents.diagnose("eu-1", broken)
    assert first.code == second.code == "bad-value"
    assert second.path == "/StatusUpdate/content/status"


async def test_a_document_that_takes_too_long_is_still_explained_in_time() -> None:
    documents = XmlDocuments(schemas_dir(), entries=ENTRIES)
    await documents.diagnose("eu-1", STATUS.replace(b"PROCESSING", b"x"))
    error = b"<error><code>a</code><message>m</message></error>"
    source = (DATA / "eu-1/ValidationResult.xml").read_bytes()
    large = source.replace(b"</error>", b"</error>" + error * 120_000, 1).replace(b"</content>", b"<x/></content>")
    started = time.monotonic()
    problems = await documents.diagnose("eu-1", large)
    assert problems
    assert time.monotonic() - started < 8
    await documents.close()


async def test_closing_leaves_no_process_behind() -> None:
    documents = XmlDocuments(schemas_dir(), entries=ENTRIES)
    await documents.diagnose("eu-1", STATUS.replace(b"PROCESSING", b"x"))
    (worker,) = documents._workers._idle
    await documents.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker.process.pid, 0)
