"""What looks odd or is unknown goes its way, flagged where people look: the view, and the report."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from broker.data_files import schemas_dir
from broker.flow.views import message_view, with_hints
from broker.model.exchanges import State
from tests.support.flow_node import DATA, Flow, eu_application


async def test_what_looks_odd_goes_its_way_and_stands_in_the_view_and_in_the_report(flow: Flow) -> None:
    form = json.loads(eu_metadata())["form"]
    form["section4"]["email"] = "nobody"
    exchange = await flow.exchange(
        await flow.from_eu(eu_application(content={"form": form, "newField": 1}), "application/zip")
    )
    assert exchange.state is State.ACKNOWLEDGED
    told = {problem["code"]: problem["path"] for problem in exchange.problems}
    assert told == {
        "unknown-field": "/content/newField",
        "implausible-email": "content/form/section4/email",
        "review-due": "content/form/section2/purposeForWhichDataWillBeUsed[2]/key",
    }
    async with flow.store.transaction() as tx:
        view = await message_view(tx, exchange.message_id)
        kept = flow.node.translator.report(await tx.content(exchange.report_sha256)).to_bytes()
    report = json.loads(with_hints(kept, exchange))
    assert [problem["code"] for problem in view["problems"]] == list(told)
    assert [hint["code"] for hint in report["hints"]] == ["implausible-email"]
    schema = json.loads((schemas_dir() / "report.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(report)


def eu_metadata() -> str:
    return (DATA / "eu-r7" / "ApplicationSubmitted.application_metadata.json").read_text("utf-8")
