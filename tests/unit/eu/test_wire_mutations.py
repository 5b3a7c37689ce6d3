"""A law: an example of the wire with values, members and shapes that nobody expects comes back as it was."""

from __future__ import annotations

import io
import json
import zipfile
from random import Random
from typing import Any, Final

import pytest

from broker.data_files import schemas_dir
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec
from broker.translation.codecs.zip_parts import write_zip
from tests.support.odd_values import make_odd
from tests.unit.eu.conftest import DATA

CODEC: Final = EuR7Codec.load(schemas_dir())
WIRE: Final = DATA / "eu-r7"
DOCUMENTS: Final = 40  #: of each message
PARTS: Final = ("envelope.json", "application_metadata.json")
#: Not the decision: of that the wire has four facts, and the day of an appeal is written in one of two ways.
PLAIN: Final = {path.stem for path in WIRE.glob("*.json") if "." not in path.stem} - {"DecisionIssued", "AppealAck"}
FORMS: Final = {path.name.partition(".")[0] for path in WIRE.glob("*.application_metadata.json")}
#: Attributes stand beside a `value`.
WITH_ATTRIBUTE: Final = tuple({"scheme": scheme, "value": "v"} for scheme in ("s", 1.5, None, "\u0001", {"a": 1}))


def example(kind: str) -> Any:
    if kind in PLAIN:
        return json.loads((WIRE / f"{kind}.json").read_text())
    head, content = (json.loads((WIRE / f"{kind}.{part}").read_text()) for part in PARTS)
    return {"envelope": head, "content": content}


def there_and_back(kind: str, message: Any) -> Any:
    """Decoded and encoded again."""
    if kind in PLAIN:
        return json.loads(CODEC.encode(CODEC.decode(json.dumps(message).encode(), JSON).root).data)
    texts = [json.dumps(message[name]).encode() for name in ("envelope", "content")]
    archive = CODEC.encode(CODEC.decode(write_zip(zip(PARTS, texts, strict=True)), ZIP).root).data
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        head, content = (json.loads(opened.read(part)) for part in PARTS)
    return {"envelope": head, "content": content}


def said(value: Any) -> Any:
    """What a value says: null and an empty array are absence, a number is its text, a value alone is that text."""
    if isinstance(value, dict):
        members = {name: said(inner) for name, inner in value.items() if inner is not None and inner != []}
        return members["value"] if set(members) == {"value"} and isinstance(members["value"], str) else members
    if isinstance(value, list):
        return [said(inner) for inner in value]
    return repr(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@pytest.mark.parametrize("kind", sorted(PLAIN | FORMS))
def test_whatever_stands_on_the_wire_comes_back(kind: str) -> None:
    for number in range(DOCUMENTS):
        random, message = Random(f"{kind}:{number}"), example(kind)
        for _ in range(random.randint(1, 4)):
            part = message["envelope" if random.random() < 0.3 else "content"]
            make_odd(part, random, WITH_ATTRIBUTE)
        assert said(there_and_back(kind, message)) == said(message), number


@pytest.mark.parametrize(
    "answer", [{"key": ["a"], "value": "Oui"}, {"value": "Oui", "more": 1}, {"key": {"key": "a"}, "value": ""}]
)
def test_a_choice_of_which_only_the_label_can_be_read_keeps_its_other_members(answer: Any) -> None:
    message = example("ApplicationSubmitted")
    message["content"]["form"]["section3"]["applyingForDataOnBehalfOfPublicSector"] = answer
    assert there_and_back("ApplicationSubmitted", message) == message


@pytest.mark.parametrize("number", [1.5, {"scheme": None, "value": "x"}, {"scheme": "\u0001", "value": "x"}])
def test_a_national_id_of_another_shape_is_kept_whole(number: Any) -> None:
    message = example("StatusUpdate")
    message["envelope"]["nationalId"] = [number]
    assert there_and_back("StatusUpdate", message) == message
