"""The applicant's pages and that of the faults: plain forms that do what the REST does."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from adapters.mock_eu.dishes import MENU
from tests.support.mock_node import about, golden

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode


async def page(node: MockNode, path: str) -> Any:
    async with node.session.get(node.base + path) as response:
        assert response.status == 200
        return html.fromstring(await response.text())


async def send(node: MockNode, path: str, **said: str) -> tuple[int, Any]:
    """Submit a form and follow the answer; status and page."""
    async with node.session.post(node.base + path, data=said) as response:
        return response.status, html.fromstring(await response.text())


async def deed(node: MockNode, application_id: str, name: str, **said: str) -> tuple[int, Any]:
    return await send(node, f"/applicant/pages/{application_id}/{name}", **said)


def alerts(root: Any) -> list[str]:
    return [element.text_content() for element in root.xpath("//*[@role='alert']")]


@pytest.mark.parametrize("path", ["/", "/applicant/", "/faults/page", "/log/page"])
async def test_every_page_says_that_this_is_a_mock(node: MockNode, path: str) -> None:
    root = await page(node, path)
    assert "MOCK EU NODE. Not HealthData@EU" in root.xpath("//header")[0].text_content()
    assert root.xpath("//title")[0].text.startswith("MOCK EU node")


async def test_every_field_of_a_form_has_a_label(node: MockNode) -> None:
    application_id = await node.file()
    for path in ("/applicant/", "/faults/page", f"/applicant/pages/{application_id}"):
        root = await page(node, path)
        fields = root.xpath("//input[@type != 'hidden'] | //select | //textarea")
        assert fields
        assert [field.get("name") for field in fields if not field.xpath("ancestor::label")] == []


@pytest.mark.parametrize(
    ("form", "type_"), [("access", "DATA_ACCESS_APPLICATION"), ("request", "DATA_REQUEST_APPLICATION")]
)
async def test_an_example_is_filed_for_the_ticked_nations(node: MockNode, form: str, type_: str) -> None:
    status, root = await send(node, "/applicant/", form=form, title="A title of today", nation="fr")
    assert status == 200
    assert root.xpath("//h1")[0].text == "A title of today"
    (filed,) = (await node.get("/applicant/applications"))["applications"]
    assert list(filed["nations"]) == ["fr"]
    (message_id,) = await node.nation("fr").pending()
    with zipfile.ZipFile(io.BytesIO(await node.nation("fr").fetch(message_id))) as archive:
        assert json.loads(archive.read("application_metadata.json"))["application_type"] == type_
    assert await node.nation("fi").pending() == []


async def test_what_cannot_be_filed_is_said_on_the_page(node: MockNode) -> None:
    status, root = await send(node, "/applicant/", form="access", title="Nowhere")
    assert (status, alerts(root)) == (422, ["datasets must name at least one dataset"])
    status, root = await send(node, "/applicant/", form="poem", nation="fr")
    assert (status, alerts(root)) == (422, ["There is no such example."])


async def test_a_question_is_answered_on_the_page(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    await france.say("question-1", about(application_id, golden("from-nation-additional-info-request")))
    await france.next("ValidationResult")
    shown = (await page(node, f"/applicant/pages/{application_id}")).text_content()
    assert "Préciser le besoin (exemple)." in shown
    await deed(node, application_id, "amend", why="Because of today", in_reply_to="question-1")
    leg = await node.leg(application_id, "fr")
    assert leg["questions"][0]["answered"] is True


async def test_a_decision_is_answered_appealed_and_asked_under(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    status, root = await deed(node, application_id, "decision", nation="fr", response="ACCEPT")
    assert (status, alerts(root)) == (409, ["the nation has sent no decision"])
    for number, name in enumerate(("fee-estimate", "decision-issued", "permit-issued")):
        await france.say(f"news-{number}", about(application_id, golden(f"from-nation-{name}")))
        await france.until_status(f"news-{number}", "ACKNOWLEDGED")
    assert (await deed(node, application_id, "fee_estimate", nation="fr", response="REDUCE"))[0] == 200
    assert (await deed(node, application_id, "decision", nation="fr", response="ACCEPT"))[0] == 200
    assert (await deed(node, application_id, "appeal", nation="fr", text="I do not agree"))[0] == 200
    status, _ = await deed(node, application_id, "ask", nation="fr", kind="amendment", justification="One more analyst")
    assert status == 200
    told = [(await france.next(type_))["content"] for type_ in ("FeeResponse", "AppealNotified", "AmendmentRequest")]
    assert [told[0]["response"], told[1]["text"], told[2]["permitId"]] == [
        "REDUCE",
        "I do not agree",
        "urn:example:permit:1",
    ]


async def test_a_withdrawal_ends_it_and_a_second_one_is_refused_on_the_page(node: MockNode) -> None:
    application_id = await node.file()
    assert (await deed(node, application_id, "withdraw"))[0] == 200
    status, root = await deed(node, application_id, "withdraw")
    assert (status, alerts(root)) == (409, ["no leg of the application is open"])


async def test_what_people_type_is_shown_and_not_run(node: MockNode) -> None:
    application_id = await node.file(title="<script>alert(1)</script>")
    for path in ("/applicant/", f"/applicant/pages/{application_id}"):
        root = await page(node, path)
        assert root.xpath("//script") == []
        assert "<script>alert(1)</script>" in root.text_content()


async def test_messages_and_operations_are_shown_the_newest_first(node: MockNode) -> None:
    assert (await page(node, "/log/page")).text_content().count("None yet.") == 3
    await node.file()
    france = node.nation("fr")
    (came,) = await france.pending()
    await france.submit("mine-1", ("cid:message", "application/json", b"{}"))
    tables = (await page(node, "/log/page")).xpath("//table")
    captions = [table.find("caption").text for table in tables]
    assert captions == ["At the access point of FI", "At the access point of FR", "Operations"]
    rows = [[cell.text_content() for cell in row] for row in tables[1].xpath("./tbody/tr")]
    assert [(row[1], row[3]) for row in rows[-2:]] == [("nation", "mine-1"), ("platform", came)]
    assert rows[-1][4] == "RECEIVED"
    asked = [[cell.text_content() for cell in row] for row in tables[2].xpath("./tbody/tr")]
    assert [row[2] for row in asked][-2:] == ["submitMessage", "listPendingMessages"]


async def test_faults_are_armed_counted_and_put_away_on_the_page(node: MockNode) -> None:
    status, root = await send(node, "/faults/page", name="drop", nation="fr", nth="1", probability="", seconds="0.5")
    assert (status, alerts(root)) == (200, [])
    await node.file()
    (row,) = (await page(node, "/faults/page")).xpath("//tbody/tr")
    assert [cell.text_content() for cell in row] == ["drop", "fr", "", "at 1", "1", "1", "Disarm drop"]
    await send(node, "/faults/page", do="disarm")
    assert (await node.get("/faults"))["faults"] == []


async def test_one_fault_is_put_away_by_the_button_in_its_row(node: MockNode) -> None:
    await node.arm("drop", times=2)
    await node.arm("delay", probability=0.5, seed=7)
    rows = (await page(node, "/faults/page")).xpath("//tbody/tr")
    assert [row[3].text_content() for row in rows] == ["each time, at most 2 times", "probability 0.5, seed 7"]
    (form,) = rows[0].xpath(".//form")
    said = {field.get("name"): field.get("value") for field in form.xpath(".//input")}
    await send(node, form.get("action"), **said)
    assert [fault["name"] for fault in (await node.get("/faults"))["faults"]] == ["delay"]


async def test_the_menu_stands_under_the_places_where_its_faults_happen(node: MockNode) -> None:
    root = await page(node, "/faults/page")
    groups = {group.get("label"): group.xpath("./option/@value") for group in root.xpath("//optgroup")}
    assert groups["AS4, nation to platform"][0] == "send-failure"
    assert [name for names in groups.values() for name in names].count("drop") == 1
    assert sum(map(len, groups.values())) == len(MENU)
    (bomb,) = root.xpath("//option[@value='gzip-bomb']")
    assert bomb.text == "gzip-bomb: Content-Encoding gzip over amount MB of zeros (256)"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"name": "no-such-fault"}, "no-such-fault is not on the menu"),
        ({"name": "drop", "nth": "x"}, "nth must be a whole number"),
        ({"name": "drop", "nth": "-1"}, "nth must be a whole number"),
        ({"name": "drop", "nation": "de"}, "there are fr, fi"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_said_on_the_page_and_what_was_typed_stays(
    node: MockNode, said: dict[str, str], words: str
) -> None:
    status, root = await send(node, "/faults/page", **said, seconds="7")
    assert status == 422
    (alert,) = alerts(root)
    assert words in alert
    assert root.xpath("//input[@name='seconds']/@value") == ["7"]
    assert root.xpath("//select/optgroup/option[@selected]/@value") == [said["name"]][: said["name"] in MENU]


def an_offer(application_id: str) -> dict[str, Any]:
    """Hand-written, in the shape of the golden files."""
    envelope = golden("from-nation-decision-issued")["envelope"] | {"messageType": "ArtSixtyNineOffer"}
    content = {"applicationId": application_id, "offer": "Tables instead of records (example)."}
    return {"envelope": envelope | {"applicationId": application_id}, "content": content}


async def test_an_offer_of_a_statistical_answer_is_accepted_or_rejected_and_each_offer_anew(node: MockNode) -> None:
    application_id = await node.file()
    france = node.nation("fr")
    base = f"/applicant/applications/{application_id}"
    for number, response in enumerate(("REJECT", "ACCEPT")):
        await france.say(f"offer-{number}", an_offer(application_id))
        await france.next("ValidationResult")
        shown = (await page(node, f"/applicant/pages/{application_id}")).text_content()
        assert "Answer offer" in shown
        assert (await node.post(f"{base}/responses", {"nation": "fr", "response": response}))[0] == 202
        said = await france.next("ApplicantResponse")
        assert (said["content"]["response"], said["envelope"]["inReplyTo"]) == (response, f"offer-{number}")
        shown = (await page(node, f"/applicant/pages/{application_id}")).text_content()
        assert "Answer offer" not in shown
