"""Documents of REMS as trees and back: nothing is lost, nothing crashes, and places are told in the sender's terms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from broker.errors import Refused
from broker.translation.codecs.rems import comment
from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.codecs.rems.events import Events, Rule
from broker.translation.codecs.rems.facts import flat, grow
from broker.translation.codecs.rems.members import put_application
from broker.translation.codecs.rems.reading import Read
from tests.support.documents import Documents, canonical
from tests.support.sides import Side

SAMPLES = Path(__file__).parents[2] / "data" / "rems-samples" / "events"
ANSWERS = sorted(SAMPLES.parent.glob("wiremock/*.json"))
BODIES = sorted(SAMPLES.glob("*.json"))
VALUES = {
    "application/applicationType": ("DATA_ACCESS_APPLICATION", "DATA_REQUEST_APPLICATION", "of another kind"),
    "@scheme": ("rems", "rems-external", "hdh"),
    "number": ("14", "014", "2026/14"),
    "step": ("reviewed", "decided", "voted", "submitted", "own"),
    "country": ("FINLAND", "FRANCE", "fr"),
    "section/field/name": ("inclusionCriteria", "projectName", "an odd name"),
    "eventType": ("application.event/approved", "application.event/of-tomorrow"),
}


def texts(read: Read) -> dict[str, str]:
    """Texts by name of their element; the last one, where it repeats."""
    return {etree.QName(element).localname: element.text or "" for element in read.root.iter() if not len(element)}


def event(kind: str, said: str | None = None, **members: Any) -> bytes:
    body = {"event/id": 7, "event/type": f"application.event/{kind}", "event/time": "2026-11-23T10:00:00Z"}
    comment = {} if said is None else {"application/comment": said}
    return json.dumps({**body, "application/id": 14, **comment, **members}).encode()


def application(*answers: dict[str, Any], form: int = 1, **members: Any) -> dict[str, Any]:
    return {"application/forms": [{"form/id": form, "form/fields": list(answers)}], **members}


def answer(identifier: str, value: Any, kind: str = "text") -> dict[str, Any]:
    return {"field/id": identifier, "field/type": kind, "field/title": {"en": "?"}, "field/value": value}


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_a_sample_body_comes_home_and_every_event_is_known(codec: RemsCodec, path: Path) -> None:
    read = codec.decode(path.read_bytes())
    assert json.loads(codec.encode(read.root)) == json.loads(path.read_bytes())
    assert not read.flags


def test_all_bodies_of_the_samples_are_read_as_the_messages_they_are(codec: RemsCodec) -> None:
    kinds = Counter(etree.QName(codec.decode(path.read_bytes()).root).localname for path in BODIES)
    native = {"ApplicationOriginated": 2, "AdditionalInfoRequest": 1, "DecisionIssued": 3, "NationalStep": 27}
    assert kinds == native


@pytest.mark.parametrize("block", range(8))
def test_a_drawn_tree_comes_home(codec: RemsCodec, rems: Side, block: int) -> None:
    names = sorted(rems.model.roots)
    for seed in range(block * 25, block * 25 + 25):
        random, name = Random(seed), names[seed % len(names)]
        drawn = Documents(rems.model, random, VALUES, density=random.choice((0.1, 0.3, 0.5))).draw(name)
        declared = rems.model.roots[name]
        document = grow(rems.model.namespace, declared, flat(drawn, declared))  # without empty instances
        assert canonical(codec.decode(codec.encode(document)).root) == canonical(document), seed


def applications() -> list[dict[str, Any]]:
    """Application objects among the recorded answers of the API."""
    bodies = [json.loads(path.read_text("utf-8"))["response"].get("jsonBody") for path in ANSWERS]
    found = [one for body in bodies for one in (body if isinstance(body, list) else [body])]
    return [one for one in found if isinstance(one, dict) and "application/state" in one]


@pytest.mark.parametrize("number", range(len(applications())))
def test_an_application_of_the_api_comes_home(codec: RemsCodec, number: int) -> None:
    found = applications()[number]
    read = codec.decode(json.dumps(found).encode())
    assert json.loads(codec.encode(read.root)) == found
    assert not read.flags


def test_there_are_applications_among_the_answers() -> None:
    assert len(applications()) >= 4


def test_a_member_with_another_kind_of_value_than_rems_gives_is_kept_and_flagged(codec: RemsCodec) -> None:
    body = event("approved", **{"event/id": -7, "event/actor": {"userid": "x"}, "application/request-id": None})
    read = codec.decode(body)
    said = [(flag.code, flag.path) for flag in read.flags]
    assert said == [("not-convertible", "/event~1id"), ("not-convertible", "/event~1actor")]
    assert json.loads(codec.encode(read.root)) == json.loads(body)


def test_an_event_of_tomorrow_is_kept_and_flagged(codec: RemsCodec) -> None:
    body = event("of-tomorrow", **{"tomorrow/member": {"a": [1, None, 2.5]}})
    read = codec.decode(body)
    assert [(flag.code, flag.path) for flag in read.flags] == [("unknown-event", "/event~1type")]
    assert texts(read)["step"] == "of-tomorrow"
    assert json.loads(codec.encode(read.root)) == json.loads(body)


def test_an_answer_with_an_option_that_is_not_bound_is_kept_and_flagged_and_never_read_as_ours(
    codec: RemsCodec,
) -> None:
    field = answer("s2-purposeForWhichDataWillBeUsed", "a scientific-research", "multiselect")
    body = event("submitted", **{"event/application": application(field)})
    read = codec.decode(body)
    pointer = "/event~1application/application~1forms/0/form~1fields/0/field~1value"
    assert [(flag.code, flag.path) for flag in read.flags] == [("not-convertible", pointer)]
    assert "purposeForWhichDataWillBeUsed" not in texts(read)
    assert json.loads(codec.encode(read.root)) == json.loads(body)


def test_options_tables_and_files_of_a_form_are_read_by_the_binding(codec: RemsCodec) -> None:
    people = [[{"column": "fullName", "value": "A. Example"}, {"column": "emailAddress", "value": ""}]]
    fields = (
        answer("s2-purposeForWhichDataWillBeUsed", "scientific-research statistics", "multiselect"),
        answer("s8-peopleWhoWillBeProcessingTheData", people, "table"),
        answer("s9-additionalAttachment", "3,5", "attachment"),
        answer("s2-projectName", ""),
    )
    files = [{"attachment/id": number, "attachment/filename": f"{number}.pdf"} for number in (3, 4)]
    body = event("submitted", **{"event/application": application(*fields, **{"application/attachments": files})})
    read = codec.decode(body)
    found = flat(read.root, codec_roots(codec)["ApplicationOriginated"])
    form = {path.removeprefix("application.form."): text for path, text in found.items() if ".form." in path}
    assert form == {
        "section2.purposeForWhichDataWillBeUsed[1]": "e",
        "section2.purposeForWhichDataWillBeUsed[2]": "c",
        "section8.peopleWhoWillBeProcessingTheData[1].fullName": "A. Example",
        "section9.additionalAttachment[1].id": "3",
        "section9.additionalAttachment[2].id": "5",
    }
    assert found["application.attachment[1].name"] == "3.pdf"
    assert "4.pdf" not in texts(read).values(), "a file that no answer names may have been removed (REMS #3376)"


def codec_roots(codec: RemsCodec) -> Any:
    return codec.by.model.roots


def test_what_the_broker_lodged_comes_back_as_an_acknowledgement_and_anything_else_was_lodged_in_rems(
    codec: RemsCodec,
) -> None:
    ours = event("submitted", **{"event/application": application(answer("hdeu-ref", "CP-2026-7 v2"))})
    read = codec.decode(ours)
    assert etree.QName(read.root).localname == "ApplicationAck"
    assert {"applicationId": "CP-2026-7", "version": "2", "statusId": "SUBMITTED"}.items() <= texts(read).items()
    assert json.loads(codec.encode(read.root)) == json.loads(ours)
    theirs = event("submitted", **{"event/application": application(answer("hdeu-ref", ""))})
    assert etree.QName(codec.decode(theirs).root).localname == "ApplicationOriginated"


@pytest.mark.parametrize(
    ("kind", "form", "outcome"),
    [
        ("approved", 1, "permit-approved"),
        ("rejected", 1, "permit-rejected"),
        ("approved", 2, "request-approved"),
        ("rejected", 2, "request-rejected"),
        ("revoked", 1, "permit-revoked"),
    ],
)
def test_what_was_decided_follows_from_event_and_form(codec: RemsCodec, kind: str, form: int, outcome: str) -> None:
    read = codec.decode(event(kind, **{"event/application": application(form=form)}))
    assert texts(read)["outcome"] == outcome
    assert (texts(read)["decisionId"], texts(read)["issuedAt"]) == ("7", "2026-11-23T10:00:00Z")


def test_no_decision_is_made_up_where_the_kind_of_application_is_not_known(codec: RemsCodec, rems: Side) -> None:
    read = codec.decode(event("approved", **{"event/application": application(form=99)}))
    assert "outcome" not in texts(read)
    assert not rems.gate.validate(read.root)


def test_an_opinion_or_a_closing_is_a_step_and_no_decision(codec: RemsCodec) -> None:
    decided = codec.decode(event("decided", **{"application/decision": "approved"}))
    assert etree.QName(decided.root).localname == "NationalStep"
    assert (texts(decided)["step"], texts(decided)["outcome"]) == ("decided", "approved")
    assert etree.QName(codec.decode(event("closed", "Done.")).root).localname == "NationalStep"


def test_a_return_asks_by_section_country_and_field(codec: RemsCodec) -> None:
    said = (
        "Please complete.\n[section6.FINLAND.inclusionCriteria] Which years?\n  And which ages?\n"
        "[section6.FINLAND.exclusionCriteria] None?\n[section2.projectName] Too long"
    )
    read = codec.decode(event("returned", said))
    found = flat(read.root, codec_roots(codec)["AdditionalInfoRequest"])
    assert found["said.comment"] == "Please complete."
    assert found["said.form.section[1].country"] == "FINLAND"
    assert found["said.form.section[1].field[1].comment"] == "Which years?\nAnd which ages?"
    assert found["said.form.section[1].field[2].name"] == "exclusionCriteria"
    assert found["said.form.section[2].number"] == "2"
    assert json.loads(codec.encode(read.root))["application/comment"] == said


HANDLED = {"application/user-roles": {"h": ["handler"], "r": ["past-reviewer", "reviewer"], "a": ["applicant"]}}


@pytest.mark.parametrize("actor", ["r", "a", "somebody", 7])
@pytest.mark.parametrize("kind", ["remarked", "closed", "reviewed"])
def test_nobody_but_a_handler_can_name_the_message_that_an_event_is(codec: RemsCodec, kind: str, actor: Any) -> None:
    said = "[message] DecisionIssued\n[outcome] permit-approved"
    body = event(kind, said, **{"event/actor": actor, "event/application": HANDLED})
    read = codec.decode(body)
    assert etree.QName(read.root).localname == "NationalStep"
    assert json.loads(codec.encode(read.root)) == json.loads(body)


def test_a_remark_can_name_the_message_that_it_is(codec: RemsCodec, rems: Side) -> None:
    said = "The holder needs more time.\n[message] ExtensionNotice\n[newDueDate] 2027-02-01"
    read = codec.decode(event("remarked", said, **{"event/actor": "h", "event/application": HANDLED}))
    assert etree.QName(read.root).localname == "ExtensionNotice"
    assert rems.gate.validate(read.root), rems.gate.error_log
    assert json.loads(codec.encode(read.root))["application/comment"] == said


def test_a_line_that_only_looks_like_a_fact_stays_in_the_comment(codec: RemsCodec) -> None:
    document = codec.decode(event("approved", "Fine.\n[see annex] B\n\\[outcome] is meant")).root
    assert texts(Read(document))["comment"] == "Fine.\n[see annex] B\n[outcome] is meant"
    again = json.loads(codec.encode(document))["application/comment"]
    assert again == "Fine.\n[see annex] B\n\\[outcome] is meant"


def test_what_the_form_has_no_field_for_is_shown_and_comes_back(codec: RemsCodec, rems: Side) -> None:
    text = etree.tostring(codec.decode(event("submitted", **{"event/application": application()})).root)
    bound = b"<reference>CP-1</reference>"
    root = etree.fromstring(text.replace(b"<applicationType>", bound + b"<applicationType>"))
    annex = etree.SubElement(root, f"{{{rems.model.namespace}}}annex")
    etree.SubElement(annex, f"{{{rems.model.namespace}}}entry", path="content/catalog_ids").text = "urn:example:c"
    document = json.loads(codec.encode(root))
    fields = {
        one["field/id"]: one["field/value"]
        for one in document["event/application"]["application/forms"][0]["form/fields"]
    }
    rows = [[{"column": "path", "value": "content/catalog_ids"}, {"column": "value", "value": "urn:example:c"}]]
    assert fields == {"hdeu-ref": "CP-1", "hdeu-annex": rows}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"[]", "bad-shape", ""),
        (b"{}", "unknown-message-type", "/event~1type"),
        (b'{"event/type": 7}', "unknown-message-type", "/event~1type"),
        (b'{"event/id": 1, "event/id": 2}', "duplicate-key", ""),
        (b"{", "not-json", ""),
        (b'{"event/type": "\xff"}', "bad-encoding", ""),
        (b'{"event/type": "application.event/closed", "a\\u0000": 1}', "bad-character", ""),
        (b'{"event/type": "application.event/closed", "a": ' + b"[" * 70 + b"]" * 70 + b"}", "too-deep", ""),
    ],
)
def test_what_is_no_document_is_refused_by_name(codec: RemsCodec, body: bytes, code: str, path: str) -> None:
    with pytest.raises(Refused) as refused:
        codec.decode(body)
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, path)]


def test_text_that_xml_cannot_hold_is_kept_where_it_was(codec: RemsCodec) -> None:
    body = event("rejected", "No.\x00", **{"event/actor": "\x0b", "event/application": {}})
    assert json.loads(codec.encode(codec.decode(body).root)) == json.loads(body)


def test_an_indented_line_of_the_comment_goes_on_with_no_fact_above_it() -> None:
    said = comment.read("[date] 2026-11-23\nTo do:\n  the cohort", lambda _: True)
    assert said == ("To do:\n  the cohort", [("date", "2026-11-23")])


def test_a_section_that_is_named_again_is_another_one() -> None:
    asked = comment.questions_of([("section6.FINLAND.a", "x"), ("section6.FINLAND", None), ("section6.FINLAND.b", "y")])
    assert asked["form.section[1].field[1].name"] == "a"
    assert asked["form.section[2].field[1].name"] == "b"


def test_an_event_of_what_the_broker_lodged_alone_is_a_step_where_it_lodged_nothing() -> None:
    events = Events({"Ack": Rule("Ack", events=("e",), with_reference=True)}, (), frozenset())
    assert (events.message("e", lodged=True), events.message("e", lodged=False)) == ("Ack", "NationalStep")


def test_two_titles_in_one_language_are_not_made_one() -> None:
    stem = "application.resource[1].title"
    facts = {f"{stem}[1]": "a", f"{stem}[1]@lang": "en", f"{stem}[2]": "b", f"{stem}[2]@lang": "en"}
    left, made = dict(facts), dict[str, Any]()
    put_application(made, left)
    assert left == facts
    assert made == {}, "a row of which nothing can be said is not written"
