"""Reports are kept compact; spelled out they say the same."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import TranslationError
from broker.translation.report import Report, with_anew
from broker.translation.translator import EnvelopeContext, Translator

DATA = Path(__file__).parents[2] / "data"
NATIONAL = ("fr-hdh-1", "fi-findata-1")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(schemas_dir())


def reports(translator: Translator, profile: str) -> list[Report]:
    """Of a full application, written and read."""
    pivot = etree.parse(str(DATA / "eu-1" / "ApplicationSubmitted.xml")).getroot()
    national = etree.parse(str(DATA / profile / "ApplicationSubmitted.xml")).getroot()
    read = translator.read(profile, national, envelope=EnvelopeContext(message_id="urn:example:m"))
    return [translator.write(profile, pivot).report, read.report]


@pytest.mark.parametrize("profile", NATIONAL)
def test_a_kept_report_spells_out_to_what_it_said(translator: Translator, profile: str) -> None:
    for report in reports(translator, profile):
        assert len(list(report.rows())) > 100
        assert translator.report(report.compact()).to_bytes() == report.to_bytes()


@pytest.mark.parametrize("profile", NATIONAL)
def test_a_kept_report_takes_a_tenth_of_the_room(translator: Translator, profile: str) -> None:
    for report in reports(translator, profile):
        assert len(report.compact()) * 10 < len(report.to_bytes())


def test_what_was_orphaned_is_kept(translator: Translator) -> None:
    whole = replace(reports(translator, "fr-hdh-1")[1], orphaned=("content/title",))
    shown = json.loads(translator.report(whole.compact()).to_bytes())
    assert shown == whole.as_dict()
    lost = {"source": "content/title", "what": "orphaned", "reason": "what it hung on was changed or is gone"}
    assert lost in shown["lost"]


def test_what_the_flow_said_itself_is_not_told_as_copied_but_as_a_constant(translator: Translator) -> None:
    report = reports(translator, "fr-hdh-1")[1]
    anew = "envelope/applicationId"
    [before] = [row for row in report.fields() if anew in row["target"]]
    shown = translator.report(with_anew(report.compact(), [anew, "envelope/conversationId"])).as_dict()
    [after] = [row for row in shown["fields"] if row["source"] == before["source"]]
    assert (after["fate"], after["target"]) == ("left-out", [])
    assert after["reason"].startswith("the dispatcher says it itself")
    assert shown["constants"] == [*report.constants(), anew, "envelope/conversationId"]
    assert {"source": before["source"], "what": "left-out", "reason": after["reason"]} in shown["lost"]
    others = [row for row in shown["fields"] if row is not after]
    assert others == [row for row in report.fields() if row is not before]


def test_a_kept_report_that_was_cut_short_is_refused(translator: Translator) -> None:
    kept = reports(translator, "fr-hdh-1")[1].compact()
    for data in (kept[:-2], with_anew(kept, ["envelope/messageId"])[:-2]):
        with pytest.raises(TranslationError) as refused:
            translator.report(data)
        assert [problem.code for problem in refused.value.problems] == ["report-unreadable"]


def test_a_report_of_the_format_before_is_still_read(translator: Translator) -> None:
    for report in reports(translator, "fr-hdh-1"):
        head, _, packed = zlib.decompress(report.compact()).partition(b"\n")
        said = json.loads(head)
        del said["code"], said["annex"]
        wide = struct.pack(f"<{len(packed) // 2}i", *struct.unpack(f"<{len(packed) // 2}h", packed))
        before = zlib.compress(json.dumps(said | {"format": 3}).encode() + b"\n" + wide)
        assert translator.report(before).to_bytes() == report.to_bytes()


def test_numbers_that_are_too_large_for_the_narrow_form_are_kept(translator: Translator) -> None:
    report = reports(translator, "fr-hdh-1")[0]
    large = replace(report, numbers=(*report.numbers, 1 << 20))
    assert translator.report(large.compact()).numbers == large.numbers


@pytest.mark.parametrize("change", [lambda said: said.replace(b'"format":4', b'"format":9'), lambda said: said[:-2]])
def test_a_report_that_cannot_be_read_is_refused(translator: Translator, change: Callable[[bytes], bytes]) -> None:
    kept = zlib.decompress(reports(translator, "fr-hdh-1")[0].compact())
    with pytest.raises(TranslationError) as refused:
        translator.report(zlib.compress(change(kept)))
    assert [problem.code for problem in refused.value.problems] == ["report-unreadable"]


def test_a_report_of_another_state_of_the_mapping_is_refused_and_not_misread(translator: Translator) -> None:
    report = reports(translator, "fr-hdh-1")[0]
    assert report.plan is not None
    kept = zlib.decompress(report.compact()).replace(report.plan.steps.digest.encode(), b"0" * 16)
    with pytest.raises(TranslationError) as refused:
        translator.report(zlib.compress(kept))
    assert [problem.code for problem in refused.value.problems] == ["report-unreadable"]
