"""Reports are kept compact; spelled out they say the same."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import TranslationError
from broker.translation.report import Lossy, Report, chain
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


def test_what_the_next_hop_loses_and_what_was_orphaned_is_kept(translator: Translator) -> None:
    report = reports(translator, "fr-hdh-1")[1]
    target = next(target for row in report.fields() for target in row["target"])
    long = chain(report, [Lossy(target, "downgraded"), Lossy("content/kind")])
    whole = replace(long, orphaned=("content/title",))
    shown = json.loads(translator.report(whole.compact()).to_bytes())
    assert shown == whole.as_dict()
    assert [row["lost_at_next_hop"] for row in shown["fields"] if target in row["target"]] == [["downgraded"]]
    assert {"source": "content/title", "what": "orphaned", "reason": "its anchor changed"} in shown["lost"]


@pytest.mark.parametrize("change", [lambda said: said.replace(b'"format":3', b'"format":9'), lambda said: said[:-2]])
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
