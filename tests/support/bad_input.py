"""The bad documents of every door, what must hold after each, and the table of what became of them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tomllib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.translation.codecs.zip_parts import write_zip
from tests.support.flow_node import EXAMPLE_ID, EXAMPLE_NUMBER, dossier, lodged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_node import Running

DATA = Path(__file__).parents[1] / "data"
BUILD = Path(__file__).parents[2] / "build"
GENERIC = {"refused", "internal-error", "bad-request"}  #: codes that tell a sender nothing
NAMESPACE = b"urn:hdeu:fr:hdh:1"
GOOD = dossier("ApplicationAck")
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><Dossier>&j;</Dossier>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Dossier>&e;</Dossier>'
MEGABYTES_11 = b'<Dossier xmlns="' + NAMESPACE + b'">' + b" " * 11_000_000 + b"</Dossier>"


@dataclass(frozen=True)
class Bad:
    """One document with one thing wrong; `code` is what must be said of it, `path` where."""

    name: str
    data: bytes
    code: str
    path: str = ""
    rule: str = ""


#: What is wrong with a document before its schema says anything, and what its root says.
DOCUMENTS = (
    Bad("not XML", b"good morning", "not-xml"),
    Bad("JSON for XML", b'{"Dossier": {}}', "not-xml"),
    Bad("empty", b"", "empty-document"),
    Bad("white space alone", b" \r\n\t ", "empty-document"),
    Bad("cut in the middle", GOOD[: len(GOOD) // 2], "not-xml"),
    Bad("two documents", GOOD + GOOD, "not-xml"),
    Bad("zero byte", b"<Dossier>\x00</Dossier>", "bad-character"),
    Bad("unknown encoding", b'<?xml version="1.0" encoding="nope"?><Dossier/>', "bad-encoding"),
    Bad("hundred deep", b"<a>" * 100 + b"</a>" * 100, "too-deep"),
    Bad("ten thousand deep", b"<a>" * 10_000 + b"</a>" * 10_000, "too-deep"),
    Bad(
        "400,000 attributes",
        GOOD.replace(b"<Entete>", b"<Entete " + b" ".join(b'a%d=""' % n for n in range(400_000)) + b">"),
        "too-many-attributes",
        "/Dossier/Entete",
    ),
    Bad("control character", GOOD.replace(b"<Entete>", b"<Entete>\x01"), "bad-character"),
    Bad("control character by number", GOOD.replace(b"<Entete>", b"<Entete>&#1;"), "bad-character"),
    Bad("bytes of another encoding", GOOD.replace(b"<Entete>", b"<Entete><!-- \xe9 -->"), "bad-encoding"),
    Bad("UTF-16 called UTF-8", GOOD.decode().encode("utf-16"), "bad-encoding"),
    Bad("DTD", b"<!DOCTYPE Dossier><Dossier/>", "dtd-forbidden"),
    Bad("billion laughs", LAUGHS, "dtd-forbidden"),
    Bad("entity from a file", OUTSIDE, "dtd-forbidden"),
    Bad("wrong namespace", GOOD.replace(NAMESPACE, b"urn:hdeu:fr:hdh:9"), "wrong-root", "/Dossier", "global element"),
    Bad("no namespace", GOOD.replace(b' xmlns="%s"' % NAMESPACE, b""), "wrong-root", "/Dossier", "global element"),
    Bad("unknown type", b'<Potin xmlns="%s"/>' % NAMESPACE, "wrong-root", "/Potin", "global element"),
    Bad(
        "unknown event",
        dossier("ApplicationAck", **{"Entete/evenement": "POTIN"}),
        "bad-value",
        "/Dossier/Entete/evenement",
        "enumeration",
    ),
    Bad(
        "another profile",
        (DATA / "fi-findata-1" / "ApplicationAck.xml").read_bytes(),
        "wrong-root",
        "",
        "global element",
    ),
    Bad(
        "another back end's number",
        GOOD.replace(b'systeme="hdh"', b'systeme="findata"'),
        "bad-value",
        "/Dossier/Entete/numeroDossierHDH/@systeme",
        "enumeration",
    ),
    Bad("type of the other direction", dossier("FeeResponse"), "unexpected-message-type", "envelope/messageType"),
)


def _near_misses() -> tuple[Bad, ...]:
    folder = DATA / "fr-hdh-1" / "near-misses"
    index = tomllib.loads((folder / "index.toml").read_text("utf-8"))["near-miss"]
    return tuple(
        Bad(f"near-miss {row['file']}", (folder / row["file"]).read_bytes(), row["code"], row["path"]) for row in index
    )


#: A title that is written from right to left, turns what follows it round, and joins letters by marks nobody sees.
FROM_RIGHT_TO_LEFT = "\u05d1\u05e7\u05e9\u05d4 \u202efdp.exe\u202c \u0645\u200d\u0631\u062d\u0628\u0627 \ufeff"
NEAR_MISSES = _near_misses()  #: dossiers with exactly one rule broken
ONE_OF_EACH = tuple({bad.code: bad for bad in NEAR_MISSES}.values())


def eu_json(kind: str = "ApplicationWithdrawn", **envelope: object) -> bytes:
    """A JSON message of the platform, about an application that nobody knows."""
    document = json.loads((DATA / "eu-r7" / f"{kind}.json").read_text("utf-8"))
    changed = {**document["envelope"], **envelope}
    document["envelope"] = {name: value for name, value in changed.items() if value is not None}
    return json.dumps(document).encode()


def eu_content(kind: str, **content: object) -> bytes:
    """The same, with other content."""
    document = json.loads(eu_json(kind))
    document["content"] |= content
    return json.dumps(document).encode()


def eu_files(**files: bytes) -> bytes:
    """An application of the platform with these files; `__` stands for the dot in a name."""
    return eu_entries(*((name.replace("__", "."), data) for name, data in files.items()))


def eu_entries(*entries: tuple[str, bytes]) -> bytes:
    """The same, with these entries in the archive of its files, whatever they are called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries of one name may be meant
        nested = write_zip(entries)
    return _application({}, ("application_file.zip", nested))


def eu_form(section: str, **answers: object) -> bytes:
    """An application without files, with other answers in one section; "" is the application itself."""
    metadata = json.loads((DATA / "eu-r7" / "ApplicationSubmitted.application_metadata.json").read_text("utf-8"))
    place = metadata["form"][section] if section else metadata
    for one in place if isinstance(place, list) else [place]:
        one.update(answers)
    return _application(metadata)


def _application(metadata: dict[str, object], *more: tuple[str, bytes]) -> bytes:
    """One that nobody has seen yet, where its form is changed."""
    folder = DATA / "eu-r7"
    parts = {name: (folder / f"ApplicationSubmitted.{name}").read_bytes() for name in PARTS}
    if metadata:
        own = secrets.token_hex(12)
        envelope = {**json.loads(parts["envelope.json"]), "applicationId": own, "conversationId": own}
        changed = {**metadata, "application_id": own}
        parts = {"envelope.json": json.dumps(envelope).encode(), PARTS[1]: json.dumps(changed).encode()}
    return write_zip([*parts.items(), *more])


PARTS = ("envelope.json", "application_metadata.json")


@dataclass
class Matrix:
    """What every door said."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self, door: str, name: str, answer: str, *, code: str, where: str = "", kept: str = "", after: str = "yes"
    ) -> None:
        """One row; whoever adds it has seen the next good message pass, or says `after` what one did."""
        self.rows.append((door, name, answer, code, where, kept, after))

    def lines(self) -> Iterator[str]:
        head = ("door", "what is wrong", "answer", "code", "path", "bytes kept", "next one passes")
        table = [head, *self.rows]
        widths = [min(max(len(row[n]) for row in table), 60) for n in range(len(head))]
        for row in table:
            yield "  ".join(cell[:60].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield f"{len(self.rows)} rows"


def about(application: str, kind: str) -> bytes:
    """A French example, about an application that the platform has."""
    changes: dict[str, str | None] = {"Entete/identifiantEU": application, "Demande/referenceEU": application}
    return dossier(kind, **{**changes, "Entete/numeroDossierHDH": f"EXEMPLE-{application}"})


def from_right_to_left() -> bytes:
    """A good dossier whose title is odd."""
    text = lodged(number()).decode()
    before, _, after = text.partition("<titre>")
    return f"{before}<titre>{FROM_RIGHT_TO_LEFT}{after[after.index('</titre>') :]}".encode()


def titled_so(node: Running) -> int:
    """How many applications the platform has whose title is exactly that."""
    found = node.call("GET", f"{node.mock}/applicant/applications").json["applications"]
    return sum(one["title"] == FROM_RIGHT_TO_LEFT for one in found)


def naming(digest: str) -> bytes:
    """A good dossier, but for the hash of the first file that it names."""
    return re.sub(b"(<empreinteSha256>)[0-9a-f]{64}", rb"\g<1>" + digest.encode(), lodged(number()), count=1)


def sent(node: Running) -> dict[str, Any]:
    """The exchange of an acknowledgement that went to the platform."""
    application = node.file()
    node.arrives(application)
    ids = {EXAMPLE_ID: application, EXAMPLE_NUMBER: f"EXEMPLE-2026-{secrets.randbelow(9000) + 1000}"}
    data = GOOD
    for example, own in ids.items():
        data = data.replace(example.encode(), own.encode())
    answer = node.post(data)
    assert answer.status == 202, answer
    message_id = answer.json["id"]

    def submitted() -> dict[str, Any] | None:
        [exchange] = node.message(message_id)["exchanges"]
        return exchange if exchange["state"] in {"SUBMITTED", "ENDED"} else None

    return dict(node.until(submitted)) | {"message": message_id}


def number() -> str:
    """Of a dossier that nobody has seen yet."""
    return f"EXEMPLE-{secrets.token_hex(6)}"


def passes(node: Running) -> None:
    """A good message, right behind: taken, and on its way."""
    answer = node.post(lodged(number()))
    assert answer.status == 202, answer
    assert answer.json["state"] in {"QUEUED", "SUBMITTING", "SUBMITTED", "ENDED"}


def same_bytes(node: Running, message_id: str, data: bytes) -> str:
    """The message holds exactly these bytes, and says so."""
    digest = hashlib.sha256(data).hexdigest()
    assert hashlib.sha256(node.kept(message_id)).hexdigest() == digest
    assert node.message(message_id)["sha256"] == digest
    return "yes"


def names(problems: list[dict[str, str]], bad: Bad) -> dict[str, str]:
    """The problem that the case is about: by its own code, at its path, with its rule."""
    fitting = [
        one
        for one in problems
        if one["code"] == bad.code
        and one.get("path", "") == (bad.path or one.get("path", ""))
        and one.get("rule", "").startswith(bad.rule)
    ]
    assert fitting, (bad, problems)
    assert not GENERIC & {one["code"] for one in problems}
    return fitting[0]
