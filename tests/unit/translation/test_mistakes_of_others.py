"""Mistakes that other brokers made, by the number in the list of them: none is made here, and each would be found.

Every promise is a function over what it is asked of. It holds for ours, and fails for a stub that makes the mistake.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import AsyncMock

import pytest
from lxml import etree

from adapters.system import SystemClock
from adapters.xml.documents import XmlDocuments
from broker.data_files import schemas_dir
from broker.errors import Problem, Refused
from broker.flow.opinion import opinion
from broker.flow.outcomes import Park
from broker.flow.retry import Breakers
from broker.judges import Verdict
from broker.payloads import Payload
from broker.translation.answers import shipped_questions, unknown_answers
from broker.translation.codecs.codec import Transport
from broker.translation.codecs.eu_pilot import EuPilotCodec
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec
from broker.translation.completeness import missing, shipped_rules
from broker.translation.facts import facts_of
from broker.translation.translator import EnvelopeContext
from tests.fidelity.ways import profile_names, ways
from tests.support.documents import leaves
from tests.unit.eu.conftest import DATA

WIRE, PILOT = EuR7Codec.load(schemas_dir()), EuPilotCodec.load(schemas_dir())
PURPOSE: Final = "content/form/section2/purposeForWhichDataWillBeUsed"
BASIS: Final = "content/form/section5/legalBasis"
KIND: Final = "content/form/section3/legalOrNaturalPerson"


@dataclass(frozen=True)
class Arrived:
    """What is there after a translation into a national profile: its texts, its problems, and eu-1 read from it."""

    texts: frozenset[str]
    problems: tuple[Problem, ...]
    again: etree._Element


def arrived(profile: str, document: etree._Element) -> Arrived:
    translator = ways()[0].translator
    there = translator.write(profile, document)
    back = translator.read(profile, there.root, envelope=EnvelopeContext())
    return Arrived(frozenset(leaves(there.root).values()), there.problems, back.root)


def application(**texts: str | None) -> etree._Element:
    """A full application; `texts` put by path, with `__` for `/`: None takes a leaf away."""
    root = etree.parse(str(DATA / "eu-1/ApplicationSubmitted.xml"), etree.XMLParser(remove_blank_text=True)).getroot()
    for path, text in texts.items():
        for leaf in all_at(root, path.replace("__", "/")):
            if text is None:
                leaf.getparent().remove(leaf)
            else:
                leaf.text = text
    return root


def all_at(root: etree._Element, path: str) -> list[Any]:
    return root.findall("/".join(f"{{*}}{step}" for step in path.split("/")))


def texts_at(root: etree._Element, path: str) -> list[str]:
    return [leaf.text or "" for leaf in all_at(root, path)]


Translate = Callable[[str, etree._Element], Arrived]
Decode = Callable[[bytes, str], Any]


def three_datasets_of_three_holders_all_arrive(translate: Translate) -> None:
    document = application()
    datasets = all_at(document, "content/datasets")
    for extra in datasets[3:]:
        extra.getparent().remove(extra)
    for number, dataset in enumerate(datasets[:3]):
        dataset.find("{*}dataset_id").text = f"urn:example:set-{number}"
        for holder in dataset.iterfind("{*}publisher/{*}name"):
            holder.text = f"Holder {number}"
    for profile in profile_names():
        found = translate(profile, document)
        assert {f"urn:example:set-{number}" for number in range(3)} <= found.texts, profile
        assert texts_at(found.again, "content/datasets/dataset_id") == [f"urn:example:set-{n}" for n in range(3)]


def a_purpose_is_never_replaced(translate: Translate) -> None:
    for profile in profile_names():
        for key in ("f", "zz", None):
            document = application(content__form__section2__purposeForWhichDataWillBeUsed__key=key)
            found = translate(profile, document)
            read = {text for text in texts_at(found.again, f"{PURPOSE}/key") if text}
            assert read <= {key}, (profile, key, read)
            assert key in {*read, *found.texts, None}, (profile, key)
            assert key is None or read or [problem.value for problem in found.problems if problem.value == key]


def a_missing_legal_basis_stays_missing_and_is_reported(translate: Translate) -> None:
    for profile in profile_names():
        bare = {f"content__form__section8__{name}": None for name in BASES}
        document = application(content__form__section5__legalBasis=None, **bare)
        found = translate(profile, document)
        assert texts_at(found.again, BASIS) == []
        told = {problem.path for problem in missing(found.again, shipped_rules())}
        assert f"content/form/section8/{BASES[0]}" in told, profile


BASES: Final = ("legalBasisForProcessingPersonalData", "legalBasisForProcessingApplicationData")


def choices_are_right_whatever_the_language_of_their_labels(translate: Translate) -> None:
    labels = {
        "a": ("Rechtspersoon", "Personne morale", "Νομικό πρόσωπο", "Ikke en natural person"),
        "b": ("Natuurlijk persoon", "Personne physique", "Φυσικό πρόσωπο"),
    }
    for profile in profile_names():
        for key, words in labels.items():
            for label in words:
                kind = {f"{KIND}/key".replace("/", "__"): key, f"{KIND}/value".replace("/", "__"): label}
                assert texts_at(translate(profile, application(**kind)).again, f"{KIND}/key") == [key], label


def a_value_without_a_row_is_named_with_its_table(translate: Translate) -> None:
    found = translate("fr-hdh-1", application(**{f"{KIND}/key".replace("/", "__"): "zz"}))
    problems = [problem for problem in found.problems if problem.path == f"{KIND}/key"]
    assert [(problem.code, problem.value) for problem in problems] == [("unmapped-value", "zz")]
    assert "natures-personne" in problems[0].rule


def broken_bytes_are_refused_by_name(decode: Decode) -> None:
    whole = archive()
    for data, media_type, code in (
        (b"***", "text/xml", "bad-base64"),
        (b'{"envelope": "\xff"}', JSON, "bad-encoding"),
        (whole[: len(whole) // 2], ZIP, "bad-zip"),
    ):
        assert code_of(decode, data, media_type) == code


def an_archive_is_opened_with_care(decode: Decode) -> None:
    for entries, code in (
        ([("1_a.pdf", bytes(40_000_000))], "zip-bomb"),
        ([("../1_a.pdf", b"%PDF")], "zip-path"),
        ([("1_a.pdf", b"%PDF-one"), ("1_a.pdf", b"%PDF-two")], "zip-duplicate"),
    ):
        assert code_of(decode, archive(files=zipped(*entries)), ZIP) == code
    both = decode(archive(files=zipped(("1_a.pdf", b"%PDF-one"), ("2_a.pdf", b"%PDF-two"))), ZIP)
    assert sorted(file.payload.whole() for file in both.files) == [b"%PDF-one", b"%PDF-two"]


def a_value_of_a_newer_release_is_kept_and_flagged(decode: Decode) -> None:
    status = json.loads((DATA / "eu-r7/StatusUpdate.json").read_text(encoding="utf-8"))
    status["content"]["status"] = "RECONSIDERED"
    root = decode(json.dumps(status).encode(), JSON).root
    assert texts_at(root, "content/unknown/field") == ['"RECONSIDERED"']
    assert texts_at(root, "content/status") == []
    assert facts_of(root).unknown_fields == ("/content/status",)
    purpose = [{"key": "g", "value": "Livskvalitet"}]
    root = decode(archive(section2={"purposeForWhichDataWillBeUsed": purpose}), ZIP).root
    assert texts_at(root, f"{PURPOSE}/key") == ["g"]
    assert "g" in [problem.value for problem in unknown_answers(root, shipped_questions())]


def both_verdicts_are_told_where_the_gate_refuses_alone(diagnose: Diagnose) -> None:
    """An address with an open bracket (RFC 3986) is none for libxml2 and one for xmlschema."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "address.xsd").write_text(ADDRESS, encoding="utf-8")
        problems = diagnose(XmlDocuments(Path(folder), entries={"address": "address.xsd"}), b"<at>http://[x</at>")
    assert len(problems) > 1
    assert re.search(r"libxml2 [0-9.]+ refuses .* xmlschema [0-9.]+ accepts", problems[-1].detail)


ADDRESS: Final = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="at" type="xs:anyURI"/></xs:schema>'
)
Diagnose = Callable[[XmlDocuments, bytes], tuple[Problem, ...]]


def both_verdicts_are_told_where_another_refuses_alone(judged: Callable[[Any, Any], Park | None]) -> None:
    """What is valid here waits for a person where the remote validator says no."""
    remote = Verdict("remote 7.1", (Problem("remote-invalid", "not so"),))
    node = SimpleNamespace(
        validator=SimpleNamespace(judge=AsyncMock(return_value=remote)),
        judged_by=XmlDocuments.NAME,
        breakers=Breakers(threshold=3),
        clock=SystemClock(),
        observe=lambda *_: None,
    )
    parked = judged(node, SimpleNamespace(signed_off_at=None, content_type=JSON, id="x-1"))
    assert parked is not None
    assert re.search(r"not valid by remote 7\.1; valid by libxml2 [0-9.]+, .*xmlschema [0-9.]+", parked.reason)


def code_of(decode: Decode, data: bytes, media_type: str) -> str:
    """The code of a refusal; what came instead, if it was none."""
    try:
        return f"no refusal, but {decode(data, media_type)!r:.40}"
    except Refused as refused:
        return refused.problems[0].code


def zipped(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries of one name are meant
        for name, data in entries:
            written.writestr(name, data)
    return buffer.getvalue()


def archive(files: bytes = b"", **sections: Any) -> bytes:
    """An application on the wire; `sections` of its form are changed."""
    metadata = json.loads((DATA / "eu-r7/ApplicationSubmitted.application_metadata.json").read_text(encoding="utf-8"))
    for name, fields in sections.items():
        metadata["form"][name].update(fields)
    envelope = (DATA / "eu-r7/ApplicationSubmitted.envelope.json").read_bytes()
    parts = [("envelope.json", envelope), ("application_metadata.json", json.dumps(metadata).encode())]
    return zipped(*parts, *([("application_file.zip", files)] if files else []))


def decoded(data: bytes, media_type: str) -> Any:
    codec = PILOT if media_type == "text/xml" else WIRE
    return codec.decode(data, media_type, Transport("m-1@example.org", "2026-11-25T12:00:00.000Z"))


def diagnosed(documents: XmlDocuments, data: bytes) -> tuple[Problem, ...]:
    async def asked() -> tuple[Problem, ...]:
        try:
            return await documents.diagnose("address", data)
        finally:
            await documents.close()

    return asyncio.run(asked())


def asked(node: Any, exchange: Any) -> Park | None:
    return asyncio.run(opinion(node, exchange, Payload(b"{}")))


# the mistakes


def first_dataset_only(profile: str, document: etree._Element) -> Arrived:
    for dataset in all_at(document, "content/datasets")[1:]:
        dataset.getparent().remove(dataset)
    return arrived(profile, document)


def five_purposes(profile: str, document: etree._Element) -> Arrived:
    for purpose in all_at(document, f"{PURPOSE}"):
        key = purpose.find("{*}key")
        if key is None:
            key = etree.Element(etree.QName(purpose, "key"))
            purpose.insert(0, key)
        key.text = key.text if key.text in {"a", "b", "c", "d", "e"} else "e"
    return arrived(profile, document)


def not_specified(profile: str, _: etree._Element) -> Arrived:
    return arrived(profile, application(content__form__section5__legalBasis="Not specified"))


def kind_by_label(profile: str, document: etree._Element) -> Arrived:
    for kind in all_at(document, KIND):
        kind.find("{*}key").text = "b" if "natural" in kind.findtext("{*}value").lower() else "a"
    return arrived(profile, document)


def mapping_failed(profile: str, document: etree._Element) -> Arrived:
    return replace(arrived(profile, document), problems=(Problem("error", "The mapping failed."),))


def lenient(data: bytes, media_type: str) -> Any:
    assert media_type == ZIP
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        nested = zipfile.ZipFile(io.BytesIO(opened.read("application_file.zip")))
        return {info.filename: nested.read(info) for info in nested.infolist()}


def known_or_default(data: bytes, media_type: str) -> Any:
    return decoded(data.replace(b"RECONSIDERED", b"PROCESSING"), media_type)


def one_verdict(documents: XmlDocuments, data: bytes) -> tuple[Problem, ...]:
    return diagnosed(documents, data)[:1]


def last_verdict(node: Any, exchange: Any) -> Park | None:
    parked = asked(node, exchange)
    return parked and replace(parked, reason="not valid by remote 7.1")


def whatever_can_be_read(data: bytes, media_type: str) -> Any:
    """Takes what it can get of bytes that are broken, and nothing for an error."""
    with suppress(ValueError, zipfile.BadZipFile):
        if media_type == ZIP:
            return zipfile.ZipFile(io.BytesIO(data)).namelist()
        text = base64.b64decode(data) if media_type == "text/xml" else data
        return json.loads(text.decode(errors="ignore") or "{}")
    return {}


@dataclass(frozen=True)
class Promise:
    """What must hold, of what, and the stub that makes the mistake."""

    number: int
    holds: Callable[[Any], None]
    ours: Any
    mistaken: Any


PROMISES: Final = (
    Promise(3, broken_bytes_are_refused_by_name, decoded, whatever_can_be_read),
    Promise(6, three_datasets_of_three_holders_all_arrive, arrived, first_dataset_only),
    Promise(7, a_purpose_is_never_replaced, arrived, five_purposes),
    Promise(8, a_missing_legal_basis_stays_missing_and_is_reported, arrived, not_specified),
    Promise(9, choices_are_right_whatever_the_language_of_their_labels, arrived, kind_by_label),
    Promise(13, an_archive_is_opened_with_care, decoded, lenient),
    Promise(24, a_value_without_a_row_is_named_with_its_table, arrived, mapping_failed),
    Promise(25, a_value_of_a_newer_release_is_kept_and_flagged, decoded, known_or_default),
    Promise(29, both_verdicts_are_told_where_the_gate_refuses_alone, diagnosed, one_verdict),
    Promise(29, both_verdicts_are_told_where_another_refuses_alone, asked, last_verdict),
)
each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda one: f"{one.number}-{one.holds.__name__}")


@each_promise
def test_a_mistake_of_others_is_not_made_here(promise: Promise) -> None:
    promise.holds(promise.ours)


@each_promise
def test_the_mistake_would_be_found(promise: Promise) -> None:
    with pytest.raises(AssertionError):
        promise.holds(promise.mistaken)
