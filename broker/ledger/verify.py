"""A verifier that stands alone: it needs Python, `cryptography` and `rfc8785`, and nothing else of the broker.

    python -m broker.ledger.verify EXPORT [--key PUBLIC.pem]… [--expect NUMBER:HASH]
    python verify.py EXPORT …                (this one file, copied anywhere)

It reads an export (JSON lines, see `export.py`) and says for each thing that does not hold which entry it is and
what is wrong. Without `--key` it trusts the keys that the export names: then somebody who holds the whole
journal and signs it anew is not found out; keep the node's public key elsewhere. `--expect` holds the journal to
a head seen earlier: a journal that lost its tail with its checkpoints is found out where no later message is kept, too.

Exit code: 0 everything holds, 1 something does not, 2 the call was wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT: Final = "hdeu-journal-1"
CHECKPOINT_FORMAT: Final = "hdeu-journal-checkpoint-1"
FOLLOWED: Final = "journal.key_followed"
GENESIS: Final = "0" * 64
Record = Mapping[str, Any]
Contents = Callable[[str], bytes | None]
Keys = Mapping[str, Ed25519PublicKey]
Trusts = dict[str, tuple[Ed25519PublicKey, int, int]]  #: key, and from which to which number it may sign


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold: at which entry (0: the export as a whole), a stable code, a sentence."""

    number: int
    code: str
    detail: str

    def __str__(self) -> str:
        where = f"entry {self.number}" if self.number else "journal"
        return f"{where}: {self.code}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict. `last` is the highest number, `head` its hash: note them for a later `--expect`."""

    entries: int
    checkpoints: int
    last: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass
class _Journal:
    """What was read so far."""

    trusted: Keys
    contents: Contents | None
    links: dict[int, tuple[str, str]] = field(default_factory=dict)  #: number → (previous, hash)
    changed: set[int] = field(default_factory=set)
    places: dict[str, int] = field(default_factory=dict)  #: hash → the number under which the entry was sealed
    moved: dict[int, int] = field(default_factory=dict)  #: number → the number under which the entry was sealed
    ids: set[str] = field(default_factory=set)
    named: dict[int, Record] = field(default_factory=dict)  #: number → the entry, if it names kept bytes
    checkpoints: list[Record] = field(default_factory=list)
    followed: list[tuple[int, Ed25519PublicKey, Ed25519PublicKey]] = field(default_factory=list)  #: number, old, new
    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    records: int = 0
    highest: int = 0
    ended: bool = False
    headed: bool = False

    def found(self, number: int, code: str, detail: str) -> None:
        self.findings.append(Finding(number, code, detail))


def verify_lines(
    lines: Iterable[str],
    *,
    trusted: Sequence[Ed25519PublicKey] = (),
    contents: Contents | None = None,
    expected: tuple[int, str] | None = None,
) -> Verification:
    """Verify an export. `contents` gives kept bytes by SHA-256, None where they are gone."""
    return verify(_parsed(lines), trusted=trusted, contents=contents, expected=expected)


def verify(
    records: Iterable[Record],
    *,
    trusted: Sequence[Ed25519PublicKey] = (),
    contents: Contents | None = None,
    expected: tuple[int, str] | None = None,
) -> Verification:
    """Verify records as `export.py` writes them. Nothing is raised for what a record holds."""
    journal = _Journal({_jwk(key)["kid"]: key for key in trusted}, contents)
    for record in records:
        _read(journal, record)
    if not journal.headed:
        journal.found(0, "unreadable", f"there is no header of the format {FORMAT}, or it was changed")
    if not journal.ended:
        journal.found(0, "truncated", "the export has no end: its tail was removed")
    _check_chain(journal)
    _check_signatures(journal)
    if expected and journal.links.get(expected[0], ("", ""))[1] != expected[1]:
        journal.found(expected[0], "not-as-expected", "the journal has not the head that was seen earlier")
    last = max(journal.links, default=0)
    head = journal.links[last][1] if last else GENESIS
    findings = tuple(sorted(dict.fromkeys(journal.findings), key=lambda finding: (finding.number == 0, finding.number)))
    return Verification(journal.entries, len(journal.checkpoints), last, head, findings)


def _parsed(lines: Iterable[str]) -> Iterator[Record]:
    """Each line must be the one RFC 8785 form of its record: no byte of it can change unseen."""
    for position, line in enumerate(lines, start=1):
        text = line.removesuffix("\n")
        try:
            record = json.loads(text)
            canonical = rfc8785.dumps(record).decode() == text
        except (ValueError, RecursionError):
            record, canonical = None, False
        readable = isinstance(record, dict)
        if not canonical or not readable:
            yield {"kind": "altered", "line": position, "number": _number(record) if readable else 0}
        if readable:
            yield record


def _read(journal: _Journal, record: Record) -> None:
    readers = {
        "header": _read_header,
        "checkpoint": _read_checkpoint,
        "entry": _read_entry,
        "message": _read_message,
        "content": _read_content,
        "stray": _read_stray,
        "end": _read_end,
        "altered": _read_altered,
    }
    reader = readers.get(str(record.get("kind")))
    journal.records += reader is not _read_altered
    if reader is None:
        journal.found(0, "unreadable", "a record of an unknown kind")
        return
    try:
        reader(journal, record)
    except (AttributeError, KeyError, TypeError, ValueError):
        journal.found(
            _number(record), "unreadable", f"the {record['kind']} record lacks a member or has one of another type"
        )


def _number(record: Record) -> int:
    return number if isinstance(number := record.get("number", record.get("entry", 0)), int) else 0


def _read_header(journal: _Journal, record: Record) -> None:
    keys = [Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(jwk["x"] + "==")) for jwk in record["keys"]]
    own = {"kind": "header", "format": FORMAT, "keys": [_jwk(key) for key in keys]}
    journal.headed = record == own and not journal.headed
    journal.trusted = journal.trusted or {_jwk(key)["kid"]: key for key in keys}


def _read_checkpoint(journal: _Journal, record: Record) -> None:
    text = {"kind", "number", "hash", "at", "key_id", "signature"}
    if set(record) != text or not isinstance(record["number"], int):
        raise ValueError("a checkpoint has other members")
    journal.checkpoints.append(record)


def _read_altered(journal: _Journal, record: Record) -> None:
    journal.found(record["number"], "changed", f"bytes of line {record['line']} are not those that were exported")


def _read_end(journal: _Journal, record: Record) -> None:
    journal.ended = True
    if (journal.entries, journal.records - 1) != (record["entries"], record["records"]) or len(record) != 3:  # noqa: PLR2004  its members
        journal.found(0, "truncated", f"the export had {record['records']} records when it was written")


def _read_entry(journal: _Journal, record: Record) -> None:
    number, previous, stated, entry_id = record["number"], record["previous"], record["hash"], record["id"]
    if not isinstance(number, int) or number < 1:
        raise ValueError("a number counts from 1")
    journal.entries += 1
    _check_content(journal, record)
    if number in journal.links or str(entry_id) in journal.ids:
        journal.found(number, "duplicated", "its number or its id stands there twice")
    elif number < journal.highest:
        journal.found(number, "out-of-order", f"it stands behind entry {journal.highest}: entries were swapped")
    journal.ids.add(str(entry_id))
    journal.links.setdefault(number, (str(previous), str(stated)))
    journal.highest = max(journal.highest, number)
    _name_contents(journal, record)
    if record["action"] == FOLLOWED:
        named = (urlsafe_b64decode(record["detail"][f"{name}_x"] + "==") for name in ("old", "new"))
        old, new = map(Ed25519PublicKey.from_public_bytes, named)
        journal.followed.append((number, old, new))


def _check_content(journal: _Journal, record: Record) -> None:
    """Whether the hash holds: under this number, or under the one behind the entry that it is chained to."""
    number, stated = record["number"], str(record["hash"])
    hashed = {name: value for name, value in record.items() if name not in {"kind", "hash"}}
    sealed_as = journal.places.get(str(record["previous"]), 0) + 1
    if _digest(hashed) == stated:
        journal.places[stated] = number
    elif sealed_as < number and _digest({**hashed, "number": sealed_as}) == stated:
        journal.places[stated] = journal.moved[number] = sealed_as
    else:
        journal.changed.add(number)
        journal.found(number, "changed", "its content is not what was sealed")


def _digest(value: Record) -> str:
    try:
        return sha256(rfc8785.dumps(dict(value))).hexdigest()
    except (ValueError, TypeError):
        return ""


def _name_contents(journal: _Journal, record: Record) -> None:
    """Remember which kept bytes the entry speaks of; look at them at once where there is access."""
    named = _named(record)
    if named:
        journal.named[record["number"]] = record
    for value in named if journal.contents else ():
        data = journal.contents(value) if journal.contents else None
        _compare_bytes(journal, record["number"], value, "" if data is None else sha256(data).hexdigest())


def _named(record: Record) -> set[str]:
    return {str(value) for name, value in record["detail"].items() if name.endswith("sha256")}


def _read_content(journal: _Journal, record: Record) -> None:
    number, named = record["entry"], record["sha256"]
    if number not in journal.named or named not in _named(journal.named[number]):
        journal.found(number, "content-changed", "the export speaks of bytes that the entry does not name")
    _compare_bytes(journal, number, named, record["found"])


def _compare_bytes(journal: _Journal, number: int, named: str, found: str) -> None:
    if not found:
        journal.found(number, "content-missing", f"the bytes {named} that it names are not kept any more")
    elif found != named:
        journal.found(number, "content-changed", f"the bytes {named} that it names were changed")


def _read_message(journal: _Journal, record: Record) -> None:
    entry = journal.named.get(record["entry"])
    if entry is None or (entry["target"], entry["detail"].get("sha256")) != (record["id"], record["sha256"]):
        journal.found(record["entry"], "content-changed", "the message that it says was kept is kept with other bytes")


def _read_stray(journal: _Journal, record: Record) -> None:
    journal.found(0, "not-journalled", f"message {record['id']} is kept, and no entry is about it: some were removed")


def _check_chain(journal: _Journal) -> None:
    """No gap up to the highest number, and each entry hangs on the one before."""
    before, head, pushed = 0, GENESIS, 0  # pushed: by how many places entries stand behind where they were sealed
    for number, (previous, stated) in sorted(journal.links.items()):
        further = number - journal.moved[number] - pushed if number in journal.moved else 0
        if number > before + 1:
            journal.found(before + 1, "missing", f"entries {before + 1} to {number - 1} were deleted")
        elif further > 0:
            journal.found(number - further, "inserted", f"entry {number} was sealed as entry {journal.moved[number]}")
        elif previous != head and number not in journal.changed:
            _blame(journal, number)
        before, head, pushed = number, stated, pushed + max(further, 0)


def _blame(journal: _Journal, number: int) -> None:
    """An entry that is whole in itself names another hash than the one before it has: that one was rewritten."""
    if number == 1:
        journal.found(1, "broken-link", "the first entry does not start the chain")
    elif number - 1 not in journal.changed:
        journal.found(number - 1, "broken-link", f"it is not the entry that entry {number} was chained to")


def _check_signatures(journal: _Journal) -> None:
    """Every checkpoint is signed by a trusted key and names the head that stands here; every entry is covered."""
    trusts = _trusts(journal)
    good = covered = 0  # good: the last number up to which a signature vouches for the chain
    for checkpoint in sorted(journal.checkpoints, key=lambda known: int(known["number"])):
        number = checkpoint["number"]
        if not _is_signed(checkpoint, trusts):
            journal.found(number, "forged-checkpoint", "the signature of its checkpoint is not by a trusted key")
            continue
        covered = max(covered, number)
        if number > journal.highest:
            first = journal.highest + 1
            journal.found(first, "missing", f"the tail from {first} to {number} was removed: a checkpoint signs it")
        elif number not in journal.links:
            continue
        elif journal.links[number][1] == checkpoint["hash"]:
            good = number
        elif not any(good < found.number <= number for found in journal.findings):
            journal.found(good + 1, "rewritten", f"entries {good + 1} to {number} are not those that were signed")
    if journal.highest > covered:
        journal.found(covered + 1, "unsigned", f"no checkpoint covers entries {covered + 1} to {journal.highest}")


def _trusts(journal: _Journal) -> Trusts:
    """The trusted keys and those that follow or go before them: each up to the entry that names its follower.

    The old key vouches for the entry by its last checkpoint, the new one by any that it signs behind it.
    """
    trusts: Trusts = {kid: (key, 0, sys.maxsize) for kid, key in journal.trusted.items()}
    for number, old, new in (*sorted(journal.followed, key=lambda one: one[0]), *reversed(journal.followed)):
        before, after = _jwk(old)["kid"], _jwk(new)["kid"]
        vouched = any(_is_signed(one, trusts) and one["number"] >= number for one in _fitting(journal, (before, after)))
        if vouched:
            trusts[before] = (old, trusts.get(before, (old, 0, 0))[1], number)
            trusts[after] = (new, number + 1, trusts.get(after, (new, 0, sys.maxsize))[2])
    return trusts


def _fitting(journal: _Journal, keys: tuple[str, str]) -> Iterator[Record]:
    """Checkpoints under these keys that name the head that stands here."""
    for one in journal.checkpoints:
        if one["key_id"] in keys and journal.links.get(one["number"], ("", ""))[1] == one["hash"]:
            yield one


def _is_signed(checkpoint: Record, trusts: Trusts) -> bool:
    key, first, last = trusts.get(str(checkpoint["key_id"]), (None, 0, 0))
    if key is None or not first <= checkpoint["number"] <= last:
        return False
    fields = {name: checkpoint[name] for name in ("at", "hash", "key_id", "number")} | {"format": CHECKPOINT_FORMAT}
    try:
        signature = b64decode(checkpoint["signature"], validate=True)
        key.verify(signature, rfc8785.dumps(fields))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return bool(b64encode(signature).decode() == checkpoint["signature"])


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """RFC 8037, named by its RFC 7638 thumbprint."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    return jwk | {"kid": _base64url(sha256(rfc8785.dumps(jwk)).digest())}


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _read_pem(path: str) -> Ed25519PublicKey:
    key = load_pem_public_key(Path(path).read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise argparse.ArgumentTypeError(f"{path} is not an Ed25519 public key")
    return key


def expectation(words: str) -> tuple[int, str]:
    """`NUMBER:HASH`. Raises: ValueError."""
    number, _, head = words.partition(":")
    return int(number), head


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a file; print the verdict."""
    parser = argparse.ArgumentParser(prog="verify", description="Verify an exported journal.")
    parser.add_argument("file", help="JSON lines as exported")
    parser.add_argument("--key", action="append", type=_read_pem, default=[], help="a trusted public key, PEM")
    parser.add_argument("--expect", type=expectation, help="NUMBER:HASH of a head that was seen earlier")
    asked = parser.parse_args(arguments)
    with Path(asked.file).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        verdict = verify_lines(lines, trusted=asked.key, expected=asked.expect)
    for finding in verdict.findings:
        sys.stdout.write(f"{finding}\n")
    if verdict.holds:
        sys.stdout.write(f"{verdict.entries} entries hold; head {verdict.last}:{verdict.head}\n")
        if not asked.key:
            sys.stdout.write("The keys were taken from the export itself: give --key to know who signed it.\n")
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
