"""A document within the limit of bytes that has far too many of one thing is judged in time, and told of in short."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from adapters.xml import Limits, XmlDocuments
from adapters.xml.parser import parse
from adapters.xml.passing import is_large
from broker.data_files import schemas_dir
from broker.errors import Refused
from tests.performance.applications import full_size
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from broker.errors import Problem

SECONDS = 20  #: far above what it takes on a slow machine, far below what it took
STATUS = (DATA / "eu-1/StatusUpdate.xml").read_bytes()
RESULT = (DATA / "eu-1/ValidationResult.xml").read_bytes()
EMPTY = RESULT.replace(b"</error>", b"</error>" + b"<error/>" * 1_000_000, 1)
ODD = RESULT.replace(b"</error>", b"</error>" + b"<error a='' b='' c='' d='' e='' f='' g='' h=''/>" * 9_900, 1)
NAMES = [b"xmlns:p%d='urn:example:%d'" % (n, n) for n in range(100_000)]


def within(start: bytes, data: bytes) -> bytes:
    return STATUS.replace(b"<content>", b"<content" + start + b">" + data, 1)


GOOD = {
    "100,000 namespaces on an element": within(b" " + b" ".join(NAMES), b""),
    "a million comments": within(b"", b"<!---->" * 1_000_000),
    "a million processing instructions": within(b"", b"<?p?>" * 1_000_000),
    "a text of nine million characters": STATUS.replace(b"</reason>", b"x" * 9_000_000 + b"</reason>"),
    "a text in a million pieces": STATUS.replace(b"</reason>", b"x<!---->" * 1_000_000 + b"</reason>"),
    "a million characters by number": STATUS.replace(b"</reason>", b"&#x61;" * 1_000_000 + b"</reason>"),
    "150,000 good siblings": RESULT.replace(
        b"</error>", b"</error>" + b"<error><code>a</code><message>m</message></error>" * 150_000, 1
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_says_nothing_or_much_is_read_and_accepted_in_time(documents: XmlDocuments, case: str) -> None:
    started = time.monotonic()
    assert documents.is_valid("eu-1", documents.parse(GOOD[case]))
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("data", [EMPTY, ODD], ids=["a million elements", "eight attributes each on 9,900 elements"])
def test_siblings_that_all_break_a_rule_are_refused_in_time(documents: XmlDocuments, data: bytes) -> None:
    root = documents.parse(data)
    started = time.monotonic()
    assert not documents.is_valid("eu-1", root)
    assert time.monotonic() - started < SECONDS


def test_a_document_is_large_that_has_far_more_elements_than_a_full_form() -> None:
    assert is_large(parse(ODD))
    assert is_large(parse(RESULT.replace(b"</error>", b"</error>" + b"<error/>" * 3_000, 1)))
    assert not is_large(full_size())


async def test_of_a_large_document_the_first_problem_is_told_in_time_with_its_place(documents: XmlDocuments) -> None:
    started = time.monotonic()
    problems = await documents.diagnose("eu-1", EMPTY)
    assert time.monotonic() - started < SECONDS
    assert problems[0].path
    assert problems[0].hint


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_where_nobody_explains_it_better_the_line_and_column_are_those_of_the_tags_end(encoding: str) -> None:
    good = "<error><code>a</code><message>é</message></error>" * 20_000
    text = RESULT.decode().partition("?>")[2].replace("</error>", f"</error>\n{good}\n{good}<error/>{good}", 1)
    text = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
    before = text[: text.index("<error/>") + len("<error/>")].split("\n")
    column = "" if encoding == "utf-16" else f", column {len(before[-1])}"
    [problem] = libxml2_says(text.encode(encoding))
    assert (problem.code, problem.path) == ("schema-violation", f"line {len(before)}{column}")


def libxml2_says(data: bytes) -> tuple[Problem, ...]:
    gate = XmlDocuments(schemas_dir(), entries={"eu-1": "eu/1/eu.xsd"})._gate
    return gate.problems("eu-1", parse(data), data, limit=50)


@pytest.mark.parametrize("count", [1, 30_000])
@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"</content>", b"<x/></content>"),
        (b"<content>", b"<content a=''>"),
        (b"<code>", b"<code></code><code>"),
        (b"</envelope>", b"</envelope>text"),
        (b'xmlns="urn:hdeu:eu:1"', b'xmlns="urn:example:other"'),
    ],
)
def test_a_large_document_gets_the_verdict_of_a_small_one(
    documents: XmlDocuments, count: int, was: bytes, becomes: bytes
) -> None:
    data = RESULT.replace(b"</error>", b"</error>" + b"<error><code>a</code><message>m</message></error>" * count, 1)
    at = data.rindex(was)
    assert documents.is_valid("eu-1", documents.parse(data))
    assert not documents.is_valid("eu-1", documents.parse(data[:at] + becomes + data[at + len(was) :]))
    assert libxml2_says(data) == ()


@pytest.mark.parametrize(
    ("start", "inside", "code"),
    [
        (b"", b"<" + b"x" * 49_000 + b"/>", "unknown-element"),
        (b" " + b"x" * 49_000 + b"=''", b"", "unknown-attribute"),
        (b"", b"<status xmlns='urn:" + b"x" * 9_000_000 + b"'/>", "wrong-namespace"),
    ],
)
async def test_a_long_name_is_not_told_at_length(
    documents: XmlDocuments, start: bytes, inside: bytes, code: str
) -> None:
    problems = await documents.diagnose("eu-1", within(start, inside))
    assert problems[0].code == code
    assert problems[0].path.endswith(("x…", "/status", "/status[1]"))
    assert all(len(problem.as_line()) < 1_000 for problem in problems)


def test_a_name_that_no_parser_takes_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a>\n<" + b"x" * 60_000 + b"/></a>")
    [problem] = caught.value.problems
    assert (problem.code, problem.path.startswith("line 2, column")) == ("not-xml", True)


def test_as_many_attributes_as_allowed_are_allowed_and_one_more_is_told_with_its_element() -> None:
    def document(count: int) -> bytes:
        return b"<a><b/><b " + b" ".join(b'a%d=""' % n for n in range(count)) + b"/></a>"

    assert parse(document(16)).tag == "a"
    assert parse(document(20), Limits(attributes=20)).tag == "a"
    with pytest.raises(Refused) as caught:
        parse(document(17))
    [problem] = caught.value.problems
    assert (problem.code, problem.path, problem.detail) == (
        "too-many-attributes",
        "/a/b[2]",
        "The element has 17 attributes; 16 are allowed.",
    )


def test_no_element_of_a_schema_has_nearly_as_many_attributes_as_are_allowed() -> None:
    kind = "{http://www.w3.org/2001/XMLSchema}"
    counts = [
        sum(1 for _ in declared.iter(f"{kind}attribute"))
        for path in schemas_dir().rglob("*.xsd")
        for declared in etree.parse(str(path)).getroot().iter(f"{kind}complexType")
    ]
    assert 0 < max(counts) <= 8 < Limits().attributes


_PEAK = """
import resource, sys
from adapters.xml import XmlDocuments
from broker.data_files import schemas_dir
from tests.unit.eu.test_many_of_a_kind import RESULT

documents = XmlDocuments(schemas_dir(), entries={"eu-1": "eu/1/eu.xsd"})
named = b" ".join(b"%c%c=''" % (97 + n // 8, 97 + n % 8) for n in range(16))
root = documents.parse(RESULT.replace(b"</error>", b"</error>" + (b"<error " + named + b"/>") * 20_000, 1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not documents.is_valid("eu-1", root)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_hundreds_of_thousands_of_breaches_take_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _PEAK], env={**os.environ}, capture_output=True, check=True)
    assert int(done.stdout) < 200, "MB"
