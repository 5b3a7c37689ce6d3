"""The files of a message on their way: refused, parked until a person agrees, scanned; their bytes are kept always."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from broker.errors import Conflict, Unavailable
from broker.flow.staff import retry, sign_off
from broker.model.exchanges import State
from broker.translation.codecs.zip_parts import write_zip
from tests.support.files import a_docx, a_pdf
from tests.support.flow_node import DATA, Flow, case_in, dossier, sha256

ZIP = "application/zip"
FILE = "Instruction/decision/document"
ENCRYPTED = a_pdf(trailer="/Encrypt 9 0 R ")


class FakeScanner:
    """Warns of what it is told to warn of; silent while `away`."""

    def __init__(self, *, warns_of: bytes = b"", away: bool = False) -> None:
        self.warns_of, self.away, self.seen = warns_of, away, 0

    async def scan(self, data: bytes) -> str:
        if self.away:
            raise Unavailable("The malware scanner cannot be reached.")
        self.seen += 1
        return "Example-Signature" if data == self.warns_of else ""

    async def ping(self) -> None:
        return


def application(files: dict[str, bytes]) -> bytes:
    folder = DATA / "eu-r7"
    parts = {name: (folder / f"ApplicationSubmitted.{name}").read_bytes() for name in NAMES}
    nested = write_zip(files.items())
    return write_zip([*parts.items(), ("application_file.zip", nested)])


NAMES = ("envelope.json", "application_metadata.json")


async def brought(flow: Flow, **files: bytes) -> tuple[str, Any]:
    data = application({name.replace("__", "."): content for name, content in files.items()})
    message_id = await flow.from_eu(data, ZIP)
    assert await flow.bytes(message_id) == data
    return message_id, await flow.exchange(message_id)


def codes(exchange: Any) -> list[tuple[str, str]]:
    return [(problem["code"], problem.get("path", "")) for problem in exchange.problems]


async def test_good_files_of_one_name_arrive_both(flow: Flow) -> None:
    message_id, exchange = await brought(flow, a1_plan__pdf=a_pdf(), a2_plan__pdf=a_pdf(pages=2))
    assert exchange.state is State.ACKNOWLEDGED
    named = (await flow.message(message_id)).attachments
    assert [(one.id, one.name, one.sha256) for one in named] == [
        ("a1", "plan.pdf", sha256(a_pdf())),
        ("a2", "plan.pdf", sha256(a_pdf(pages=2))),
    ]


async def test_a_file_against_the_rules_is_refused_and_the_platform_hears_which_and_why(flow: Flow) -> None:
    _, exchange = await brought(flow, a1_plan__pdf=a_pdf(), a2_notes__txt=b"words", a3_x__pdf=b"words")
    assert exchange.state is State.REFUSED
    assert codes(exchange) == [("attachment-type", "attachments/a2"), ("attachment-mismatch", "attachments/a3")]
    [told] = flow.told_central("ValidationResult")
    assert told["content"]["validated"] is False
    assert [error["code"] for error in told["content"]["error"]] == ["attachment-type", "attachment-mismatch"]
    assert not await flow.cases()


async def test_a_file_that_only_a_person_can_judge_waits_for_one_and_goes_on_when_she_agrees(flow: Flow) -> None:
    message_id, exchange = await brought(
        flow, a1_plan__pdf=ENCRYPTED, a2_x__docx=a_docx(**{"word/vbaProject.bin": b""})
    )
    assert (exchange.state, exchange.reason) == (State.PARKED, "a person must look at the attachments")
    assert codes(exchange) == [("attachment-encrypted", "attachments/a1"), ("attachment-macros", "attachments/a2")]
    assert flow.told_central("ValidationResult") == []
    assert await sign_off(flow.node, message_id, actor="tests", reason="the password came by post") == State.RECEIVED
    await flow.run()
    assert (await flow.exchange(message_id)).state is State.ACKNOWLEDGED
    assert len(flow.hdh.of("ApplicationSubmitted")) == 1
    assert [told["content"]["validated"] for told in flow.told_central("ValidationResult")] == [True]
    [entry] = await flow.journal("exchange.signed_off")
    assert entry.actor == "tests"


async def test_a_retry_without_agreement_looks_again_and_finds_the_same(flow: Flow) -> None:
    message_id, _ = await brought(flow, a1_plan__pdf=ENCRYPTED)
    await retry(flow.node, message_id, actor="tests")
    await flow.run()
    assert codes(await flow.exchange(message_id)) == [("attachment-encrypted", "attachments/a1")]


async def test_what_breaks_a_rule_cannot_be_signed_off(flow: Flow) -> None:
    message_id, _ = await brought(flow, a1_notes__txt=b"words")
    with pytest.raises(Conflict):
        await sign_off(flow.node, message_id, actor="tests", reason="never mind")


async def test_who_agrees_to_a_file_does_not_agree_to_a_loss(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    [digest] = await flow.upload(ENCRYPTED)
    facts = {f"{FILE}/empreinteSha256": digest, f"{FILE}/taille": str(len(ENCRYPTED))}
    message_id = await flow.from_office(dossier("DecisionIssued", **facts))
    [first] = await flow.exchanges(message_id)
    assert [code for code, _ in codes(first)] == ["attachment-encrypted"]
    await sign_off(flow.node, message_id, actor="tests", reason="it is our own seal")
    await flow.run()
    [then] = await flow.exchanges(message_id)
    assert (then.state, then.signed_off_at) == (State.SIGN_OFF, None)
    assert then.losses


async def test_what_the_scanner_warns_of_waits_for_a_person(flow: Flow) -> None:
    scanner = FakeScanner(warns_of=a_pdf(pages=2))
    flow.node = replace(flow.node, scanner=scanner)
    _, exchange = await brought(flow, a1_plan__pdf=a_pdf(), a2_plan__pdf=a_pdf(pages=2))
    assert exchange.state is State.PARKED
    assert codes(exchange) == [("attachment-infected", "attachments/a2")]
    assert exchange.problems[0]["value"] == "Example-Signature"
    assert scanner.seen == 2


async def test_a_silent_scanner_holds_a_message_back_and_lets_it_go_when_it_speaks_again(flow: Flow) -> None:
    scanner = FakeScanner(away=True)
    flow.node = replace(flow.node, scanner=scanner)
    message_id, exchange = await brought(flow, a1_plan__pdf=a_pdf())
    [waiting] = await flow.work(message_id)
    assert exchange.state is State.HELD
    assert waiting.last_error.startswith("unavailable: ")
    assert waiting.next_attempt_at > flow.clock.now()
    scanner.away = False
    flow.clock.advance(10)
    await flow.run()
    assert (await flow.exchange(message_id)).state is State.ACKNOWLEDGED


async def test_a_scanner_that_stays_silent_is_a_persons_matter_in_the_end(flow: Flow) -> None:
    flow.node = replace(flow.node, scanner=FakeScanner(away=True))
    message_id, _ = await brought(flow, a1_plan__pdf=a_pdf())
    for _ in range(12):
        flow.clock.advance(900)
        await flow.run()
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.reason) == (State.PARKED, "the malware scanner does not answer")
    assert not await flow.work(message_id)


async def test_a_name_in_the_place_of_an_id_is_not_told(flow: Flow) -> None:
    _, exchange = await brought(flow, **{"Maija Esimerkki__pdf": b"words"})
    assert codes(exchange) == [("attachment-mismatch", "attachments/0")]
    assert "Maija" not in json.dumps([dict(problem) for problem in exchange.problems])
