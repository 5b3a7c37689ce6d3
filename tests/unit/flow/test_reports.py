"""What became of every field, as it is shown of what went out: over the whole way, by the names that travelled."""

from __future__ import annotations

import json

from lxml import etree

from broker.flow.reports import spelled_out
from tests.support.flow_node import FR, Flow, case_in, dossier, eu_application, partial_grant


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


async def test_the_report_of_a_reply_tells_what_the_dispatcher_says_in_place_of_the_back_end(flow: Flow) -> None:
    received = await flow.from_eu(eu_application(), "application/zip")
    [delivery] = [one for one in await flow.exchanges(received) if one.addressee == "hdh"]
    root = etree.fromstring(dossier("ApplicationAck"))
    head = root.find(f"{FR}Entete/{FR}dateEvenement")
    assert head is not None
    reply = etree.Element(f"{FR}enReponseA")
    reply.text = delivery.id
    head.addnext(reply)
    made = await flow.exchange(await flow.from_office(etree.tostring(root)))
    async with flow.store.transaction() as tx:
        kept, pivot = await tx.content(made.report_sha256), await tx.content(made.pivot_sha256)
        wire = json.loads(await tx.content(made.document_sha256))
    whole = json.loads(spelled_out(flow.node, kept, pivot))
    assert wire["envelope"]["inReplyTo"] not in ("", delivery.id)
    [row] = [one for one in whole["fields"] if one["source"] == "Entete/enReponseA"]
    assert (row["fate"], row["target"]) == ("left-out", [])
    assert "Entete/enReponseA" in {one["source"] for one in whole["lost"]}
    told = [path for one in whole["fields"] for path in one["target"]]
    written = {f"envelope/{name}" for name, value in wire["envelope"].items() if not isinstance(value, (dict, list))}
    named = {path for path in (*told, *whole["constants"]) if path.startswith("envelope/") and "/" not in path[9:]}
    assert named >= written
    assert not {path for path in told if path in whole["constants"]}
