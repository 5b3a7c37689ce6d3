"""Entries, keys and the stand-alone verifier on an exported file."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta, timezone
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import ConfigurationError
from broker.ledger import verify as verifier
from broker.ledger.entries import GENESIS, chain, entry_hash, sign_head
from broker.ledger.keys import create_signing_key, public_jwk, public_pem, read_public_key, read_signing_key
from broker.ledger.verify import verify_lines
from tests.support.journals import KEPT_AT, KEY, OTHER_KEY, exported, sealed_journal
from tests.support.memory_journal import MemoryStore
from tests.support.samples import NOW, SetClock, entry

if TYPE_CHECKING:
    from pathlib import Path

    from broker.model.messages import Message

#: What is hashed, written out by hand: the verifier of another author would have to build these bytes.
CANONICAL = (
    '{"action":"exchange.submitted","actor":"flow","at":"2027-03-01T09:30:15.123456Z",'
    '"detail":{"by":"é","state":"SUBMITTED"},"id":"j-1","number":1,"outcome":"done",'
    f'"previous":"{"0" * 64}","target":"x-1"}}'
)


@pytest.fixture(scope="module")
def lines() -> tuple[str, ...]:
    """An export of twelve entries, one of them with kept bytes."""
    import asyncio  # noqa: PLC0415  the fixture is not async: Hypothesis runs many examples on it

    async def made() -> list[str]:
        store = MemoryStore()
        await sealed_journal(store, SetClock())
        return await exported(store)

    return tuple(asyncio.run(made()))


def number_of(line: str) -> int:
    record = json.loads(line)
    return int(record["number"]) if record["kind"] in {"entry", "checkpoint"} else 0


def test_the_hash_is_made_over_exactly_these_bytes() -> None:
    assert entry_hash(entry(), number=1, previous=GENESIS) == sha256(CANONICAL.encode()).hexdigest()


def test_the_hash_is_the_same_in_every_zone() -> None:
    elsewhere = entry(at=NOW.astimezone(timezone(timedelta(hours=-7))))
    assert entry_hash(elsewhere, number=1, previous=GENESIS) == entry_hash(entry(), number=1, previous=GENESIS)


@pytest.mark.parametrize(
    "change",
    [
        *({name: "other"} for name in ("id", "actor", "action", "target", "outcome")),
        {"at": NOW + timedelta(microseconds=1)},
        {"detail": {}},
    ],
)
def test_every_field_is_in_the_hash(change: dict[str, object]) -> None:
    changed = replace(entry(), **change)
    assert entry_hash(changed, number=1, previous=GENESIS) != entry_hash(entry(), number=1, previous=GENESIS)


def test_the_place_is_in_the_hash() -> None:
    (first,) = chain((entry(),), None)
    (second,) = chain((entry(),), first)
    assert (second.number, second.previous) == (2, first.hash)
    assert second.hash != first.hash
    assert chain((entry(), entry()), None) == (first, second)


def test_a_key_is_named_by_its_thumbprint() -> None:
    """The example of RFC 8037, appendix A.3."""
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert public_jwk(Ed25519PublicKey.from_public_bytes(raw)) == {
        "crv": "Ed25519",
        "kty": "OKP",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    }


def test_a_made_key_is_its_owners_alone_and_is_read_back(tmp_path: Path) -> None:
    made = create_signing_key(tmp_path / "keys")
    path = tmp_path / "keys" / f"journal-{made.key_id}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signing_key(path).key_id == made.key_id
    (tmp_path / "public.pem").write_bytes(public_pem(made.public))
    assert public_jwk(read_public_key(tmp_path / "public.pem"))["kid"] == made.key_id
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError):
        create_signing_key(tmp_path / "file")


def test_a_key_of_another_kind_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    for read in (read_signing_key, read_public_key):
        with pytest.raises(ConfigurationError):
            read(path)
    curve = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"nonsense", curve):
        path.write_bytes(content)
        for read in (read_signing_key, read_public_key):
            with pytest.raises(ConfigurationError):
                read(path)


def test_an_untouched_export_holds(lines: tuple[str, ...]) -> None:
    verdict = verify_lines(lines, trusted=[KEY.public])
    assert verdict.findings == ()
    assert (verdict.entries, verdict.checkpoints, verdict.last) == (12, 3, 12)
    assert verify_lines(lines).holds


async def test_a_message_whose_row_nobody_can_read_is_found_at_its_entry() -> None:
    class Torn(MemoryStore):
        async def message(self, message_id: str) -> Message:
            raise ValueError(f"Invalid isoformat string: {message_id}")

    store = Torn()
    await sealed_journal(store, SetClock())
    [found] = verify_lines(await exported(store), trusted=[KEY.public]).findings
    assert (found.number, found.code) == (KEPT_AT, "content-changed")


def test_an_export_signed_by_somebody_else_does_not_hold_against_the_known_key(lines: tuple[str, ...]) -> None:
    found = verify_lines(lines, trusted=[OTHER_KEY.public]).findings
    assert {finding.code for finding in found} == {"forged-checkpoint", "unsigned"}


@given(data=st.data())
def test_any_changed_byte_is_found_and_its_entry_named(lines: tuple[str, ...], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    raw = bytearray(lines[place].encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    changed = [*lines[:place], raw.decode(errors="replace"), *lines[place + 1 :]]
    found = verify_lines(changed).findings
    assert found
    if '"kind":"entry"' in lines[place]:
        assert number_of(lines[place]) in {finding.number for finding in found}


@given(data=st.data())
def test_any_line_removed_doubled_or_swapped_is_found(lines: tuple[str, ...], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines) - 2))
    removed = [*lines[:place], *lines[place + 1 :]]
    doubled = [*lines[: place + 1], *lines[place:]]
    for changed in (removed, doubled, lines[: place + 1], lines[place + 1 :]):
        assert not verify_lines(changed).holds
    number = number_of(lines[place])
    if '"kind":"entry"' in lines[place]:
        assert verify_lines(removed).findings[0].number == number
        assert verify_lines(doubled).findings[0].number == number


def test_swapped_entries_are_found_and_named(lines: tuple[str, ...]) -> None:
    entries = [place for place, line in enumerate(lines) if '"kind":"entry"' in line]
    for first, second in pairwise(entries):
        changed = list(lines)
        changed[first], changed[second] = lines[second], lines[first]
        found = verify_lines(changed).findings
        number = number_of(lines[first])
        assert found[0].number == number
        assert (number, "out-of-order") in {(finding.number, finding.code) for finding in found}


@pytest.mark.parametrize(
    "record", ["[]", "null", "1", '{"kind":"entry"}', '{"kind":"other"}', '{"kind":"end"}', "[" * 5000]
)
def test_nonsense_between_the_lines_is_found_and_never_raises(lines: tuple[str, ...], record: str) -> None:
    assert not verify_lines([*lines[:8], record, *lines[8:]]).holds
    assert not verify_lines([record]).holds
    assert not verify_lines([]).holds


@pytest.mark.parametrize("value", [None, True, 1.5, -1, 0, 2**60, "7", [], {}])
@pytest.mark.parametrize("member", ["number", "previous", "hash", "at", "detail", "key_id", "signature", "id"])
def test_a_value_of_another_type_is_found_and_never_raises(lines: tuple[str, ...], member: str, value: object) -> None:
    for place, line in enumerate(lines):
        record = json.loads(line)
        if member in record and record[member] != value:
            changed = json.dumps(record | {member: value}, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
            assert not verify_lines([*lines[:place], changed, *lines[place + 1 :]]).holds


def test_two_heads_signed_for_one_number_are_found(lines: tuple[str, ...]) -> None:
    (other,) = chain((entry("other"),), None)
    forged = sign_head(replace(other, number=5), key=KEY, at=NOW)
    record = {"kind": "checkpoint", "number": 5, "hash": forged.hash, "at": "2027-03-01T09:30:15.123456Z"}
    signed = record | {"key_id": forged.key_id, "signature": forged.signature}
    changed = [*lines[:2], json.dumps(signed, separators=(",", ":"), sort_keys=True), *lines[2:]]
    assert "rewritten" in {finding.code for finding in verify_lines(changed).findings}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_verifier_runs_alone_and_says_which_entry(lines: tuple[str, ...], tmp_path: Path) -> None:
    program, export, key = tmp_path / "verify.py", tmp_path / "journal.jsonl", tmp_path / "key.pem"
    shutil.copy(verifier.__file__, program)
    key.write_bytes(public_pem(KEY.public))
    export.write_text("\n".join(lines) + "\n", encoding="utf-8")
    alone = [sys.executable, "-I", str(program), str(export)]
    good = run(*alone, "--key", str(key))
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("12 entries hold; head 12:")
    assert "--key" in run(*alone).stdout
    head = good.stdout.split()[-1]
    assert run(*alone, "--expect", head).returncode == 0
    assert run(*alone, "--expect", f"13:{head}").returncode == 1
    export.write_text("\n".join(lines).replace('"target":"x-7"', '"target":"x-8"') + "\n", encoding="utf-8")
    for command in (alone, [sys.executable, "-m", "broker.ledger.verify", str(export)]):
        bad = run(*command)
        assert (bad.returncode, bad.stderr) == (1, "")
        assert bad.stdout.splitlines()[0].startswith("entry 7: changed: ")


def test_carriage_returns_are_changed_bytes_too(lines: tuple[str, ...], tmp_path: Path) -> None:
    export = tmp_path / "journal.jsonl"
    export.write_bytes("\r\n".join(lines).encode())
    assert verifier.main([str(export)]) == 1


def test_the_verifier_imports_nothing_of_the_broker() -> None:
    listing = (
        "import sys, broker.ledger.verify; print([n for n in sys.modules if n.startswith(('broker', 'adapters'))])"
    )
    shown = run(sys.executable, "-c", listing).stdout
    assert shown.strip() == "['broker', 'broker.ledger', 'broker.ledger.verify']"
