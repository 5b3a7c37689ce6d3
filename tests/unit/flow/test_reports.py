"""What became of every field, as it is shown of what went out: over the whole way, by the names that travelled."""

from __future__ import annotations

import json

from broker.flow.reports import spelled_out
from tests.support.flow_node import Flow, case_in, partial_grant


async def test_the_report_of_what_went_out_names_what_stands_on_the_wire(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    made = await flow.exchange(await flow.from_office(partial_grant()))
    async with flow.store.transaction() as tx:
        kept, pivot = await tx.content(made.report_sha256), await tx.content(made.pivot_sha256)
        wire = json.loads(await tx.content(made.document_sha256))
    whole = json.loads(spelled_out(flow.node, kept, pivot))
    told = {path for row in whole["fields"] for path in row["target"] if path.startswith("content/")}
    assert told == {"content/applicationId", "content/decision", "content/timestamp"} | {
        f"content/user/{name}" for name in wire["content"]["user"]
    }
    assert [row["what"] for row in whole["lost"] if row["source"] == "Instruction/decision/nature"] == ["downgraded"]
    alone = json.loads(spelled_out(flow.node, kept, b""))
    assert "content/kind" in {path for row in alone["fields"] for path in row["target"]}
