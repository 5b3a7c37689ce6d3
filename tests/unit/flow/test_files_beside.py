"""What a message names goes with it: the signed permit, the decision, appendices, each as a part of its own."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from lxml import etree

from broker.flow.fetch import arrival_of
from broker.flow.keep import keep
from broker.flow.staff import sign_off
from broker.model.exchanges import Exchange, State
from broker.ports import Part, UserMessage
from broker.translation.facts import attachments_of
from tests.support.files import a_pdf
from tests.support.flow_node import (
    CENTRAL_PARTY,
    FR,
    Flow,
    altered,
    bring_files,
    case_in,
    dossier,
    eu,
    lodged,
    partial_grant,
    sha256,
)

DECISION = "Instruction/decision"
AGREEMENT = "Instruction/permis/convention"
#: What the table of D6.4 section 9 has a place for, and what it has none for although nothing legal hangs on it.
TABLE = {"referenceEU", "numeroDecision", "nature", "dateHeureDecision", "dateDecision", "signataire"}
UNTOLD = {"referencePermis", "document"}


def naming(data: bytes, place: str) -> dict[str, str | None]:
    """The reference of an example, with what these bytes are."""
    return {f"{place}/empreinteSha256": sha256(data), f"{place}/taille": str(len(data))}


def plain_grant(document: bytes) -> bytes:
    """A grant without anything with legal meaning that the table has no place for."""
    root = etree.fromstring(dossier("DecisionIssued", **naming(document, f"{DECISION}/document")))
    [decision] = root.iter(f"{FR}decision")
    for child in list(decision):
        if etree.QName(child).localname not in TABLE | UNTOLD:
            decision.remove(child)
    return altered(etree.tostring(root), FR, {f"{DECISION}/nature": "AUTORISATION"})


def permit_with(signed: bytes, *appendices: bytes) -> bytes:
    root = etree.fromstring(dossier("PermitIssued", **naming(signed, f"{AGREEMENT}/document")))
    [example] = root.iter(f"{FR}annexe")
    for number, data in enumerate(appendices):
        one = deepcopy(example)
        facts = {"identifiant": f"annexe-{number}", "taille": str(len(data)), "empreinteSha256": sha256(data)}
        for name, text in facts.items():
            found = one.find(f"{FR}{name}")
            assert found is not None
            found.text = text
        example.addprevious(one)
    parent = example.getparent()
    assert parent is not None
    parent.remove(example)
    return etree.tostring(root)


async def accepted(flow: Flow) -> None:
    """The example case, decided, and the applicant agreed."""
    await case_in(flow, "READY_TO_DECIDE")
    await sign_off(flow.node, await flow.from_office(partial_grant()), actor="tests", reason="the rest goes along")
    await flow.run()
    await flow.from_eu(eu("ApplicantResponse"))
    assert (await flow.leg()).state == "POSITIVE_DECISION_ACCEPTED"


async def test_a_decision_its_eu_1_document_and_its_file_are_parts_of_one_message(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    await flow.upload(a_pdf())
    decided = await flow.from_office(dossier("DecisionIssued", **naming(a_pdf(), f"{DECISION}/document")))
    await sign_off(flow.node, decided, actor="tests", reason="the rest goes along")
    await flow.run()
    parts = flow.point.sent[(await flow.exchange(decided)).wire_message_id].parts
    assert [(part.href, part.media_type) for part in parts] == [
        ("cid:message", "application/json"),
        ("cid:structured", "application/xml"),
        (f"cid:file-{sha256(a_pdf())}", "application/pdf"),
    ]
    assert parts[2].data == a_pdf()


async def test_a_plain_grant_goes_with_what_the_table_of_d6_4_has_no_place_for_and_asks_nobody(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    await flow.upload(a_pdf())
    made = await flow.exchange(await flow.from_office(plain_grant(a_pdf())))
    assert (made.state, made.losses) == (State.SUBMITTED, ())
    message, structured, file = flow.point.sent[made.wire_message_id].parts
    told = etree.fromstring(structured.data)
    for name in ("decisionId", "permitRef"):
        text = told.findtext(f"{{*}}content/{{*}}{name}") or "nothing"
        assert text.encode() not in message.data
    assert told.findtext("{*}content/{*}document/{*}sha256") == sha256(file.data) == sha256(a_pdf())


async def test_a_permit_goes_with_its_signed_document_and_every_appendix(flow: Flow) -> None:
    await accepted(flow)
    files = [a_pdf(pages=pages) for pages in (1, 2, 3)]
    await flow.upload(*files)
    made = await flow.exchange(await flow.from_office(permit_with(*files)))
    assert made.state is State.SUBMITTED, made
    message, *beside = flow.point.sent[made.wire_message_id].parts
    assert {part.href: part.data for part in beside} == {f"cid:file-{sha256(data)}": data for data in files}
    assert all(sha256(data).encode() in message.data for data in files)


async def test_bytes_that_are_named_twice_travel_once(flow: Flow) -> None:
    await accepted(flow)
    await flow.upload(a_pdf())
    made = await flow.exchange(await flow.from_office(permit_with(a_pdf(), a_pdf())))
    assert len(flow.point.sent[made.wire_message_id].parts) == 2


async def test_more_files_than_an_access_point_takes_are_refused_before_anything_leaves_the_house(flow: Flow) -> None:
    await accepted(flow)
    files = [a_pdf(comment=str(number).encode()) for number in range(27)]
    await flow.upload(*files)
    refused = await flow.exchange(await flow.from_office(permit_with(*files)))
    assert (refused.state, refused.problems[0]["code"]) == (State.REFUSED, "too-many-attachments")
    assert (await flow.leg()).state == "POSITIVE_DECISION_ACCEPTED"
    await flow.from_office(permit_with(*files[:26]))
    assert max(len(message.parts) for message in flow.point.sent.values()) == 27


def shared(document: bytes) -> bytes:
    """Another body's permit, with its signed document."""
    reference = {"id": "p-1", "name": "permit.pdf", "size": len(document), "sha256": sha256(document)}
    return eu("PeerPermit", {"document": reference})


async def received(flow: Flow, *beside: Part) -> Exchange:
    message = UserMessage("peer-1@example.org", (Part.of("cid:message", "application/json", shared(a_pdf())), *beside))
    kept = await keep(flow.node, arrival_of(flow.point.name, replace(message, from_party=CENTRAL_PARTY)))
    await flow.run()
    return await flow.exchange(kept.message.id)


async def test_the_signed_permit_of_another_body_reaches_the_back_end_as_an_attachment(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    exchange = await received(flow, Part.of(f"cid:file-{sha256(a_pdf())}", "application/pdf", a_pdf()))
    assert exchange.state is State.ACKNOWLEDGED, exchange
    [delivery] = flow.hdh.of("PeerPermit")
    [attachment] = delivery.attachments
    assert (attachment.id, attachment.sha256, attachment.size) == ("p-1", sha256(a_pdf()), len(a_pdf()))
    async with flow.store.transaction() as tx:
        assert await tx.content(attachment.sha256) == a_pdf()


@pytest.mark.parametrize(
    ("href", "data"),
    [
        ("cid:structured", b"<a/>"),
        (f"cid:file-{sha256(b'another')}", b"another"),
        (f"cid:file-{sha256(a_pdf())}", b"another"),
        ("cid:file-1", a_pdf()),
    ],
    ids=["no file", "a file that nobody names", "other bytes than the name says", "a name that is no hash"],
)
async def test_a_part_that_is_no_file_of_the_document_waits_for_a_person(flow: Flow, href: str, data: bytes) -> None:
    await case_in(flow, "RECEIVED")
    exchange = await received(flow, Part.of(href, "application/pdf", data))
    assert (exchange.state, [one["code"] for one in exchange.problems]) == (State.PARKED, ["unread-part"])
    assert flow.hdh.of("PeerPermit") == []


async def test_a_file_beside_the_document_is_looked_at_like_any_other(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    locked = a_pdf(trailer="/Encrypt 9 0 R ")
    message = UserMessage(
        "peer-2@example.org",
        (
            Part.of("cid:message", "application/json", shared(locked)),
            Part.of(f"cid:file-{sha256(locked)}", "application/pdf", locked),
        ),
        from_party=CENTRAL_PARTY,
    )
    kept = await keep(flow.node, arrival_of(flow.point.name, message))
    await flow.run()
    assert [one["code"] for one in (await flow.exchange(kept.message.id)).problems] == ["attachment-encrypted"]


BY_FORM = "7b1f00000000000000000011"  #: the list of variables, which the example names in its form and nowhere else


async def lodged_with_a_list(flow: Flow, data: bytes) -> Exchange:
    await bring_files(flow)
    named = naming(data, "Demande/besoins/expressionBesoins")
    return await flow.exchange(await flow.from_office(altered(lodged("EXEMPLE-2027-7777"), FR, named)))


async def test_a_file_that_a_form_alone_names_goes_with_the_application_and_is_listed(flow: Flow) -> None:
    data = a_pdf(pages=3)
    await flow.upload(data)
    sent = await lodged_with_a_list(flow, data)
    assert sent.state is State.SUBMITTED, sent.problems
    [submission] = flow.point.sent.values()
    document = submission.parts[0]
    came = flow.node.codec.decode(document.data, document.media_type)
    assert [file.payload.whole() for file in came.files if file.id == BY_FORM] == [data]
    listed = [(fact.id, fact.sha256) for fact in attachments_of(came.root)]
    assert listed.count((BY_FORM, sha256(data))) == 1


async def test_a_file_that_a_form_alone_names_is_one_that_its_sender_may_name(flow: Flow) -> None:
    data = a_pdf(pages=4)
    await flow.upload(data, office="findata")
    for named in (data, b"of nobody"):
        refused = await lodged_with_a_list(flow, named)
        assert (refused.state, flow.point.sent) == (State.REFUSED, {})
        [problem] = refused.problems
        assert (problem["code"], problem["path"]) == ("not-uploaded", f"attachments/{BY_FORM}")


async def test_a_file_that_a_form_names_by_an_id_alone_is_missed(flow: Flow) -> None:
    """Nobody could tell which bytes are meant, and the application would go without them."""
    await bring_files(flow)
    unnamed: dict[str, str | None] = {"Demande/besoins/expressionBesoins/empreinteSha256": None}
    lodging = altered(lodged("EXEMPLE-2027-7778"), FR, unnamed)
    refused = await flow.exchange(await flow.from_office(lodging))
    assert (refused.state, flow.point.sent) == (State.REFUSED, {})
    [problem] = refused.problems
    assert (problem["code"], problem["value"]) == ("missing-attachment", BY_FORM)
