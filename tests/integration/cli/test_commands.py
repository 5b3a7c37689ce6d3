"""`hdeu` on a real SQLite store: what it prints, where, and how it ends."""

import asyncio
import hashlib
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest

from adapters.identity.api_keys import ApiKeys
from adapters.store.sql import open_store
from adapters.system import SystemClock
from broker.cli import COMMANDS, main
from broker.ledger.handover import first_key, following_key
from broker.ledger.sealer import Sealer
from broker.model.identity import Role
from tests.support.web_node import CP_ID, DOCUMENT, PLANTED, STRUCTURED, seed

CONFIG = """
data_dir = "{data}"
[node]
name = "fr"
[access_point]
password = "access-point-secret"
[backends.hdh]
kind = "webhook"
profile = "fr-hdh-1"
url = "http://127.0.0.1:1/"
secret = "webhook-secret"
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command; status, stdout, stderr."""
    file = tmp_path / "node.toml"
    file.write_text(CONFIG.format(data=data))
    monkeypatch.setenv("HDEU_CONFIG", str(file))

    def call(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        return (status, *capfd.readouterr())

    return call


async def seal(data: Path) -> None:
    """As a running node does."""
    store, keys = open_store(f"sqlite:///{data / 'broker.sqlite'}", clock=SystemClock()), data / "keys"
    await Sealer(store, first_key(keys), SystemClock(), "tests", follow=partial(following_key, keys)).seal()
    await store.close()


@pytest.fixture
def seeded(data: Path, run: Run) -> Run:
    """A node with keys and the two messages of the web tests, sealed."""
    assert run("keys", "init")[0] == 0

    async def fill() -> None:
        store = open_store(f"sqlite:///{data / 'broker.sqlite'}", clock=SystemClock())
        async with store.transaction() as tx:
            await seed(tx)
        await store.close()
        await seal(data)

    asyncio.run(fill())
    return run


def test_every_fixed_command_explains_itself(run: Run) -> None:
    fixed = "serve worker migrate demo mock-eu validate translate messages cases parked"
    assert list(COMMANDS) == [*fixed.split(), "destinations", "audit", "keys", "doctor", "config"]
    status, out, _ = run("--help")
    assert status == 0
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("words", [(), ("nothing",), ("keys",), ("keys", "token"), ("messages", "show"), ("parked",)])
def test_wrong_usage_ends_with_two(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert "usage: hdeu" in err


def test_keys_are_made_once_for_their_owner_alone(run: Run, data: Path) -> None:
    first, second = run("keys", "init"), run("keys", "init")
    assert first[:2] == second[:2]
    assert stat.S_IMODE((data / "keys" / "current.pem").stat().st_mode) == 0o600
    listed = json.loads(run("keys", "list", "--json")[1])["keys"]
    assert [key["part"] for key in listed] == ["next", "current", "journal"]
    assert listed[1]["id"] == first[1].strip()
    assert "PRIVATE" not in run("keys", "jwks")[1]
    assert run("keys", "rotate")[1].strip() == listed[0]["id"]


def test_a_token_is_printed_alone_and_holds_against_the_published_keys(run: Run) -> None:
    status, out, err = run("keys", "token", "--role", "caseworker", "--one-time", "--hours", "1")
    assert (status, err, out.count("\n")) == (0, "", 1)
    published = jwt.PyJWKSet.from_dict(json.loads(run("keys", "jwks")[1]))
    key = published[jwt.get_unverified_header(out.strip())["kid"]]
    claims = jwt.decode(out.strip(), key, algorithms=["EdDSA"], audience="hdeu:fr", issuer="fr")
    assert (claims["sub"], claims["roles"], claims["ott"]) == ("cli", ["caseworker"], True)
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60


def test_a_back_ends_token_names_a_configured_back_end(run: Run) -> None:
    _, out, _ = run("keys", "token", "--role", "backend", "--backend", "hdh")
    claims = jwt.decode(out.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("hdh", [Role.BACKEND])
    for words in (("--backend", "other"), ()):
        status, out, err = run("keys", "token", "--role", "backend", *words)
        assert (status, out) == (1, "")
        assert err.startswith("configuration: no back end")
    assert run("keys", "token", "--role", "reader", "--backend", "hdh")[0] == 1
    assert run("keys", "token", "--role", "reader", "--hours", "0")[0] == 1


def test_an_api_key_is_printed_alone_and_its_hash_beside(run: Run) -> None:
    _, out, err = run("keys", "api-key")
    kept = err.partition('"')[2].rstrip('"\n')
    assert ApiKeys({"daams": kept}).identify(out.strip()).subject == "daams"
    assert out.strip() not in err


def test_messages_are_listed_and_shown_as_the_api_does(seeded: Run) -> None:
    listed = json.loads(seeded("messages", "list", "--json")[1])
    assert [row["id"] for row in listed["messages"]] == ["m-1", "m-0"]
    found = json.loads(seeded("messages", "show", "m-0", "--json")[1])
    wanted = {"id", "state", "sha256", "message_id", "attempts", "timeline", "exchanges", "waiting", "problems"}
    assert wanted <= set(found)
    _, table, _ = seeded("messages", "list", "--state", "SIGN_OFF")
    assert "m-1" in table
    assert "m-0" not in table
    _, shown, _ = seeded("messages", "show", "m-0")
    assert all(word in shown for word in ("Timeline", "delivered", "next-attempt", "wire-0@example"))
    assert PLANTED not in table + shown


def test_bytes_come_out_as_they_were_kept(seeded: Run) -> None:
    _, out, _ = seeded("messages", "bytes", "m-1")
    assert out.encode() == DOCUMENT


def test_every_part_of_a_message_is_listed_and_comes_out_by_its_number(seeded: Run) -> None:
    _, shown, _ = seeded("messages", "show", "m-0")
    assert all(word in shown for word in ("cid:message", "cid:structured", "urn:example:C1"))
    assert seeded("messages", "bytes", "m-0", "--part", "2")[1].encode() == STRUCTURED
    for number in ("0", "3", "x"):
        code, out, err = seeded("messages", "bytes", "m-0", "--part", number)
        assert (code, out, "2 parts" in err) == (1, "", True)


def test_what_waits_for_a_person_is_listed(seeded: Run) -> None:
    assert [row["id"] for row in json.loads(seeded("parked", "list", "--json")[1])["messages"]] == ["m-1"]


def test_cases_are_listed_and_shown(seeded: Run) -> None:
    listed = json.loads(seeded("cases", "list", "--text", CP_ID, "--json")[1])
    assert [case["key"] for case in listed["cases"]] == ["case-1"]
    assert json.loads(seeded("cases", "show", "case-1", "--json")[1])["legs"][0]["owner"] == "hdh"
    _, shown, _ = seeded("cases", "show", "case-1")
    assert all(word in shown for word in ("PROCESSING", "CESREES", "2027-02-23", "m-0", "m-1"))


def test_what_is_due_is_listed_over_all_cases(seeded: Run) -> None:
    (due,) = json.loads(seeded("cases", "due", "--within", "3000", "--json")[1])["clocks"]
    assert (due["case"], due["leg"], due["clock"], due["due_on"]) == ("case-1", "hdh", "DECIDE_3M", "2027-02-23")
    _, shown, _ = seeded("cases", "due", "--within", "3000")
    assert all(word in shown for word in ("2027-02-23", CP_ID, "Art. 68(4)"))
    status, _, said = seeded("cases", "due", "--within", "-1")
    assert (status, "number of days" in said) == (2, True)


@pytest.mark.parametrize("words", [("messages", "show", "none"), ("messages", "bytes", "none"), ("cases", "show", "x")])
def test_what_is_not_there_is_one_line_on_stderr(seeded: Run, words: tuple[str, ...]) -> None:
    status, out, err = seeded(*words)
    assert (status, out) == (1, "")
    assert err.startswith("not-found: ")
    assert err.count("\n") == 1


def test_the_journal_is_exported_and_verified(seeded: Run, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    assert seeded("audit", "export", str(file))[0] == 0
    assert seeded("audit", "verify", str(file))[:2] == seeded("audit", "verify")[:2]
    status, out, _ = seeded("audit", "verify", str(file))
    head = out.split()[-1]
    assert seeded("audit", "verify", "--expect", head)[0] == 0
    assert seeded("audit", "verify", "--expect", f"{head[:-1]}x")[:2] == (
        1,
        f"entry {head.partition(':')[0]}: not-as-expected: the journal has not the head that was seen earlier\n",
    )
    assert status == 0
    assert out.startswith("5 entries")


def test_a_changed_journal_does_not_hold_and_the_entry_is_named(seeded: Run, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    seeded("audit", "export", str(file))
    text = file.read_text()
    assert text.count('"outcome":"done"') == 5
    lines = text.splitlines(keepends=True)
    third = next(index for index, line in enumerate(lines) if '"number":3' in line and '"kind":"entry"' in line)
    lines[third] = lines[third].replace('"outcome":"done"', '"outcome":"gone"')
    file.write_text("".join(lines))
    status, out, _ = seeded("audit", "verify", str(file))
    assert status == 1
    assert out.splitlines()[0].startswith("entry 3: ")


def test_the_configuration_is_shown_without_its_secrets(run: Run) -> None:
    _, lines, _ = run("config", "show")
    _, whole, _ = run("config", "show", "--json")
    assert "node.name = fr" in lines.splitlines()
    assert json.loads(whole)["backends"]["hdh"]["secret"] == json.loads(whole)["access_point"]["password"] != ""
    for shown in (lines, whole):
        assert "webhook-secret" not in shown
        assert "access-point-secret" not in shown


def test_every_wrong_key_of_a_configuration_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('colour = "red"\n[api]\nport = "many"\n')
    status, out, err = run("--config", str(file), "config", "show")
    assert (status, out) == (1, "")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["api.port", "colour"]
    none = tmp_path / "none.toml"
    said = f"configuration: --config names {none}, and there is no such file\n"
    assert run("--config", str(none), "messages", "list") == (1, "", said)


def test_a_database_is_made_by_migrate(run: Run, data: Path) -> None:
    assert run("migrate")[0] == 0
    assert (data / "broker.sqlite").is_file()
    assert run("migrate")[0] == 0


def test_the_doctor_names_what_fails_and_ends_with_one(run: Run) -> None:
    status, out, _ = run("doctor", "--json")
    checks = {check["check"]: check["ok"] for check in json.loads(out)["checks"]}
    assert (status, checks["keys"], checks["database"]) == (1, False, True)
    run("keys", "init")
    status, out, _ = run("doctor", "--json")
    assert status == 0, out


def test_the_doctor_says_that_nobody_scans_and_nobody_else_judges(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked() -> dict[str, dict[str, Any]]:
        return {check["check"]: check for check in json.loads(run("doctor", "--json")[1])["checks"]}

    checks = looked()
    assert checks["malware scanner"]["detail"] == "none is configured (scanner.url): attachments are not scanned"
    assert checks["remote validator"]["detail"].startswith("none is configured (validator.url)")
    monkeypatch.setenv("HDEU_SCANNER__URL", "tcp://127.0.0.1:9")
    monkeypatch.setenv("HDEU_VALIDATOR__URL", "http://127.0.0.1:9/api/validate")
    checks = looked()
    assert [checks[name]["ok"] for name in ("malware scanner", "remote validator")] == [False, False]
    assert checks["malware scanner"]["detail"].startswith("unavailable: ")


VALID = Path("tests/data/fi-findata-1/ApplicationAck.xml")


def test_a_valid_document_is_silent(run: Run) -> None:
    assert run("validate", "--profile", "fi-findata-1", str(VALID)) == (0, "", "")


def test_validate_tells_on_request_what_a_complete_form_has_and_this_one_lacks(run: Run, tmp_path: Path) -> None:
    full = Path("tests/data/eu-1/variants/DataRequest.xml")
    assert run("validate", "--profile", "eu-1", "--complete", str(full)) == (0, "", "")
    thin = tmp_path / "thin.xml"
    thin.write_text(full.read_text("utf-8").replace("<projectLeader>Institut exemple</projectLeader>", ""), "utf-8")
    assert run("validate", "--profile", "eu-1", str(thin)) == (0, "", "")
    status, out, _ = run("validate", "--profile", "eu-1", "--complete", "--release", "release-6", str(thin))
    assert (status, out.split()[:2]) == (1, ["incomplete", "content/form/section2/projectLeader"])
    assert "Release 6" in out
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize(
    ("profile", "content", "code"),
    [
        ("fi-findata-1", b"not XML", "not-xml"),
        ("fi-findata-1", b"<!DOCTYPE a><a/>", "dtd-forbidden"),
        ("fr-hdh-1", VALID.read_bytes(), ""),
        ("eu-9", b"<a/>", "unknown-profile"),
    ],
)
def test_each_problem_of_a_document_is_one_line_beginning_with_its_code(
    run: Run, tmp_path: Path, profile: str, content: bytes, code: str
) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(content)
    status, out, err = run("validate", "--profile", profile, str(file))
    assert status == 1
    assert out.startswith(code)
    assert all(line.startswith("next: ") for line in err.splitlines())
    assert bool(err) == (code != "unknown-profile"), "what to do, unless the line says it already"
    assert all(line.split(" ")[0].rstrip(":").replace("-", "").isalpha() for line in out.splitlines())


def test_validate_says_what_to_do_next_once_for_all_problems_that_ask_for_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(VALID.read_bytes().replace(b"</", b"<inconnu/></"))
    status, out, err = run("validate", "--profile", "fi-findata-1", str(file))
    codes = [line.split(" ")[0] for line in out.splitlines()]
    assert (status, codes.count("unknown-element") > 1) == (1, True), out
    assert err.splitlines().count("next: Correct it; `hdeu validate` tells all problems of a document at once.") == 1
    assert len(set(err.splitlines())) == len(err.splitlines())


@pytest.mark.parametrize(
    ("content", "where", "hint"),
    [
        (b"", "empty-document", "Send the document as the body."),
        (
            b"not XML",
            "not-xml line 1, column 1",
            "Write the document anew with a tool that writes this format, and send it again.",
        ),
    ],
)
def test_translate_says_what_is_wrong_and_what_to_do_next(
    run: Run, tmp_path: Path, content: bytes, where: str, hint: str
) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(content)
    status, out, err = run("translate", "--from", "fi-findata-1", "--to", "eu-1", str(file))
    problem, *more = err.splitlines()
    assert (status, out) == (1, "")
    assert problem.startswith(f"{where}: ")
    assert more == [f"next: {hint}"]


def test_a_submission_by_an_unknown_back_end_or_of_a_missing_file_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(DOCUMENT)
    assert run("messages", "submit", "--backend", "other", str(file))[2].startswith("unknown-backend other")
    assert run("messages", "submit", "--backend", "hdh", str(tmp_path / "none.xml"))[2].startswith("not-found")


def test_a_submission_is_kept_once_under_its_hash(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "document.xml"
    file.write_bytes(DOCUMENT)
    first, second = (run("messages", "submit", "--backend", "hdh", str(file)) for _ in range(2))
    assert first[1] == second[1]
    assert first[1].count("\n") == 1
    assert "kept before" in second[2]
    shown: dict[str, Any] = json.loads(run("messages", "show", first[1].strip(), "--json")[1])
    assert (shown["door"], shown["party"]) == ("cli", "hdh")
    assert shown["key"] == shown["sha256"] == hashlib.sha256(DOCUMENT).hexdigest()
    assert run("messages", "bytes", first[1].strip())[1].encode() == DOCUMENT
    file.write_bytes(DOCUMENT + b"\n")
    named = ("messages", "submit", "--backend", "hdh", "--id", shown["key"], str(file))
    status, out, err = run(*named)
    assert (status, out) == (1, "")
    assert err.startswith("key-reused")


def test_a_new_key_follows_the_one_that_signs_the_journal(seeded: Run, data: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.pub"
    before.write_text(seeded("keys", "journal")[1])
    status, made, told = seeded("keys", "rotate-journal")
    assert (status, "sealed" in told) == (0, True)
    for _ in range(2):
        asyncio.run(seal(data))
    keys = json.loads(seeded("keys", "list", "--json")[1])["keys"]
    assert {key["id"] for key in keys if key["part"] == "journal"} == {
        first_key(data / "keys").key_id,
        made.strip(),
    }
    after, export = tmp_path / "after.pub", tmp_path / "journal.jsonl"
    after.write_text(seeded("keys", "journal")[1])
    assert before.read_bytes() != after.read_bytes()
    (data / "keys" / "journal.pem").unlink()
    assert seeded("audit", "export", str(export))[0] == 0
    for words in ((), (str(export),), (str(export), "--key", str(before))):
        assert seeded("audit", "verify", *words)[0] == 0
    looked_at = {check["check"]: check for check in json.loads(seeded("doctor", "--json")[1])["checks"]}
    assert looked_at["journal"]["detail"] == f"signed by {made.strip()}"
    (data / "keys" / f"journal-{made.strip()}.pem").unlink()
    looked_at = {check["check"]: check for check in json.loads(seeded("doctor", "--json")[1])["checks"]}
    assert (looked_at["journal"]["ok"], looked_at["database"]["ok"]) == (False, True)
