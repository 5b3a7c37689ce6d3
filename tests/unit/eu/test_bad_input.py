"""Bad input by kind: each has a code of its own, a place where there is one, and says what to do next.

What is merely foreign (scripts, signs, free words about time) is no bad input, and comes through unchanged.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from typing import Any

import pytest
from lxml import etree

from adapters.xml import XmlDocuments
from broker.errors import Refused
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec
from broker.translation.codecs.zip_parts import write_zip
from broker.translation.unknown import unknown_fields
from tests.support.bad_input import LAUGHS, OUTSIDE
from tests.support.flow_node import eu
from tests.unit.eu.conftest import DATA

STATUS = (DATA / "eu-1/StatusUpdate.xml").read_bytes()
NAMESPACE = b"urn:hdeu:eu:1"
BARE = STATUS.decode().partition("?>")[2].lstrip()
BOMB = write_zip([("a_x.pdf", b"\0" * 5_000_000)])
RESOLVED = b'<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></x>'


def with_text(name: str, text: bytes) -> bytes:
    return re.sub(rb"(<%s>)[^<]*(</%s>)" % ((name.encode(),) * 2), rb"\g<1>%s\g<2>" % text, STATUS)


XML = {
    "malformed": (STATUS[:-9], "not-xml", "line 28, column"),
    "10,000 levels deep": (b"<a>" * 10_000 + b"</a>" * 10_000, "too-deep", ""),
    "65 attributes on one element": (
        STATUS.replace(b"<content>", b"<content " + b" ".join(b'a%d=""' % n for n in range(65)) + b">"),
        "too-many-attributes",
        "/StatusUpdate/content",
    ),
    "huge": (STATUS.replace(b"</content>", b" " * 11_000_000 + b"</content>"), "document-too-large", ""),
    "an entity bomb": (LAUGHS, "dtd-forbidden", "line 1, column"),
    "an external entity": (OUTSIDE, "dtd-forbidden", "line 1, column"),
    "an external DTD": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "dtd-forbidden", "line 1, column"),
    "an inclusion": (RESOLVED, "wrong-root", "/x"),
    "bytes of another encoding": (STATUS.replace(b"</reason>", b"\xe9</reason>"), "bad-encoding", "line 26"),
    "a NUL": (with_text("reason", b"a\x00b"), "bad-character", "line 26"),
    "a control character": (with_text("reason", b"a\x0bb"), "bad-character", "line 26"),
    "a control character in CDATA": (with_text("reason", b"<![CDATA[a\x0bb]]>"), "bad-character", "line 26"),
    "a control character in an attribute": (
        STATUS.replace(b"<envelope", b'<envelope x="\x01"', 1),
        "bad-character",
        "line 3",
    ),
    "half a surrogate pair by number": (with_text("reason", b"a&#xD800;b"), "bad-character", "line 26"),
    "UTF-16 that does not say so": (BARE.encode("utf-16-le"), "bad-encoding", "line 1"),
    "UTF-32": (BARE.encode("utf-32"), "bad-encoding", ""),
    "UTF-32 without a mark": (BARE.encode("utf-32-be"), "bad-encoding", ""),
    "EBCDIC": (('<?xml version="1.0" encoding="cp037"?>' + BARE).encode("cp037", "ignore"), "bad-encoding", ""),
    "malformed UTF-16": (BARE[:-9].encode("utf-16"), "not-xml", "line 27"),
    "a NUL by number": (with_text("reason", b"a&#0;b"), "bad-character", "line 26"),
    "an element of another namespace": (
        STATUS.replace(b"<status>", b'<status xmlns="urn:other">'),
        "wrong-namespace",
        "/StatusUpdate/content/status",
    ),
    "a root of another namespace": (STATUS.replace(NAMESPACE, b"urn:other"), "wrong-root", "/StatusUpdate"),
    "an unknown element": (STATUS.replace(b"</content>", b"<gossip/></content>"), "unknown-element", "gossip"),
    "an unknown value of a list": (with_text("status", b"ON_GOING"), "bad-value", "/StatusUpdate/content/status"),
    "two values where one is due": (
        STATUS.replace(b"</status>", b"</status><status>PROCESSING</status>"),
        "repeated-element",
        "status",
    ),
    "empty where a value is due": (with_text("status", b""), "bad-value", "/StatusUpdate/content/status"),
    "missing where a value is due": (
        re.sub(rb"<status>[^<]*</status>", b"", STATUS),
        "missing-element",
        "/StatusUpdate/content/status",
    ),
    "a day as D6.4 writes it": (with_text("date", b"28:02:2026"), "bad-value", "/StatusUpdate/content/date"),
    "30 February": (with_text("date", b"2026-02-30T00:00:00Z"), "bad-value", "/StatusUpdate/content/date"),
    "a period": (with_text("date", b"01-01-2019 t/m 31-12-2024"), "bad-value", "/StatusUpdate/content/date"),
}


@pytest.mark.parametrize("case", XML)
async def test_bad_xml_is_told_by_its_own_code_with_a_place_and_what_to_do(documents: XmlDocuments, case: str) -> None:
    data, code, path = XML[case]
    try:
        problems = await documents.diagnose("eu-1", data)
    except Refused as refused:
        problems = refused.problems
    [fitting] = [one for one in problems if one.code == code and path in one.path]
    assert bool(fitting.path) == bool(path)
    assert fitting.hint
    assert fitting.detail


def archive(**parts: bytes) -> bytes:
    known = {name: (DATA / f"eu-r7/ApplicationSubmitted.{name}").read_bytes() for name in NAMES}
    return write_zip({**known, **parts}.items())


NAMES = ("envelope.json", "application_metadata.json")
FILES = "application_file.zip"
WIRE = {
    "malformed": (b'{"envelope": ', JSON, "not-json", ""),
    "10,000 levels deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, JSON, "too-deep", ""),
    "huge": (b" " * 11_000_000, JSON, "document-too-large", ""),
    "another encoding": ('{"envelope": "é"}'.encode("latin-1"), JSON, "bad-encoding", ""),
    "UTF-16": ('{"envelope": {}}'.encode("utf-16"), JSON, "bad-encoding", ""),
    "UTF-16 without a mark": ('{"envelope": {}}'.encode("utf-16-le"), JSON, "bad-encoding", ""),
    "UTF-16 without a mark, big end first": ('{"envelope": {}}'.encode("utf-16-be"), JSON, "bad-encoding", ""),
    "UTF-32": ('{"envelope": {}}'.encode("utf-32"), JSON, "bad-encoding", ""),
    "half an archive": (archive()[:-40], ZIP, "bad-zip", ""),
    "an entry above the folder": (archive(**{FILES: write_zip([("../a_x.pdf", b"x")])}), ZIP, "zip-path", "../a_x"),
    "a bomb within the archive": (archive(**{FILES: BOMB}), ZIP, "zip-bomb", "a_x.pdf"),
    "a bomb within an archive within": (archive(**{FILES: write_zip([("b.zip", BOMB)])}), ZIP, "zip-nested", "b.zip"),
    "an archive in itself": (archive(**{FILES: archive(**{FILES: BOMB})}), ZIP, "zip-nested", FILES),
    "a control character in a file's name": (archive(**{"a_\x01.pdf": b"x"}), ZIP, "bad-character", ""),
    "a file over 1 MB": (
        archive(**{"a_x.pdf": random.Random(1).randbytes(1_100_000)}),
        ZIP,
        "attachment-too-large",
        "x.pdf",
    ),
    "two files of one id": (archive(**{"a_x.pdf": b"x", "a_y.pdf": b"y"}), ZIP, "duplicate-attachment", FILES),
}


@pytest.mark.parametrize("case", WIRE)
def test_bad_wire_forms_are_told_by_their_own_code_with_a_place_and_what_to_do(codec: EuR7Codec, case: str) -> None:
    data, media_type, code, path = WIRE[case]
    with pytest.raises(Refused) as caught:
        codec.decode(data, media_type)
    [problem] = caught.value.problems
    assert problem.code == code
    assert path in problem.path
    assert bool(problem.path) == bool(path)
    assert problem.hint


def test_two_entries_of_one_name_are_told_apart_from_two_files_of_one_name(codec: EuR7Codec) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = write_zip([("a_x.pdf", b"1"), ("a_x.pdf", b"2")])
    with pytest.raises(Refused) as caught:
        codec.decode(archive(**{FILES: twice}), ZIP)
    assert caught.value.problems[0].code == "zip-duplicate"
    files = codec.decode(archive(**{FILES: write_zip([("a_x.pdf", b"1"), ("b_x.pdf", b"2")])}), ZIP).files
    assert [(file.id, file.name, file.payload.whole()) for file in files] == [
        ("a", "x.pdf", b"1"),
        ("b", "x.pdf", b"2"),
    ]


FOREIGN = {
    "right to left": "שלום עולם، مرحبا \u202bRTL\u202c",
    "combining": unicodedata.normalize("NFD", "Ångström é ộ"),
    "composed": unicodedata.normalize("NFC", "Ångström é ộ"),
    "beyond the basic plane": "\U0001d518 👩\u200d⚕️",
    "a line separator": "a\u2028b\u0085c\u00a0d",
    "a non-character": "a\ufffdb",
    "a period": "01-01-2019 t/m 31-12-2024",
    "markup": '<script>&amp;"</script>]]>',
    "spaces": "  two  \t\n spaces ",
    "nothing": "",
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_merely_foreign_comes_through_unchanged(codec: EuR7Codec, case: str) -> None:
    data = eu("StatusUpdate", {"reason": FOREIGN[case]})
    decoded = codec.decode(data, JSON).root
    again = etree.fromstring(etree.tostring(decoded, encoding="UTF-8"))
    assert again.findtext("{*}content/{*}reason") == FOREIGN[case]
    assert json.loads(codec.encode(again).data) == json.loads(data)


KEPT: dict[str, tuple[str, dict[str, Any], str]] = {
    "a value that no list has": ("PeerStatus", {"status": "ON_GOING"}, "/content/status"),
    "two values where one is due": ("PeerStatus", {"hdab": ["A", "B"]}, "/content/hdab"),
    "a NUL": ("PeerStatus", {"hdab": "a\u0000b"}, "/content/hdab"),
    "a control character": ("PeerStatus", {"hdab": "a\u000bb"}, "/content/hdab"),
    "half a surrogate pair": ("PeerStatus", {"hdab": "\ud800"}, "/content/hdab"),
    "a field of a newer release": ("PeerStatus", {"reasonCode": {"key": "x"}}, "/content/reasonCode"),
    "30 February": ("AppealNotified", {"dateReceived": "30:02:2026"}, "/content/dateReceived"),
    "a period": ("AppealNotified", {"dateReceived": "01-01-2019 t/m 31-12-2024"}, "/content/dateReceived"),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_the_schema_has_no_place_for_is_kept_as_it_came_and_flagged(codec: EuR7Codec, case: str) -> None:
    kind, content, pointer = KEPT[case]
    data = eu(kind, content)
    root = codec.decode(data, JSON).root
    [flag] = unknown_fields(root)
    assert (flag.code, flag.path) == ("unknown-field", pointer)
    assert flag.hint
    assert json.loads(codec.encode(root).data) == json.loads(data)


def test_a_day_as_d6_4_writes_it_is_that_day(codec: EuR7Codec) -> None:
    root = codec.decode(eu("AppealNotified", {"dateReceived": "28:02:2026"}), JSON).root
    assert root.findtext("{*}content/{*}dateReceived") == "2026-02-28"
    assert unknown_fields(root) == ()


def test_empty_is_not_missing(codec: EuR7Codec) -> None:
    empty = codec.decode(eu("StatusUpdate", {"reason": ""}), JSON).root
    missing = codec.decode(eu("StatusUpdate", {"reason": None}), JSON).root
    assert empty.find("{*}content/{*}reason") is not None
    assert missing.find("{*}content/{*}reason") is None


def test_moments_keep_their_nanoseconds(codec: EuR7Codec) -> None:
    moment = "2026-08-03T16:06:16.461529238Z"
    data = eu("StatusUpdate", {"date": moment})
    root = codec.decode(data, JSON).root
    assert root.findtext("{*}content/{*}date") == moment
    assert json.loads(codec.encode(root).data) == json.loads(data)
