"""What an installation of REMS sends that nobody expects ends in no internal error, and nothing of it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest

from broker.errors import Refused
from tests.support.documents import canonical
from tests.support.odd_values import make_odd

if TYPE_CHECKING:
    from broker.translation.codecs.rems.codec import RemsCodec
    from broker.translation.codecs.rems.reading import Read

DATA: Final = Path(__file__).parents[2] / "data"
DOCUMENTS: Final = sorted((DATA / "rems-1").glob("*.json"))
EACH: Final = 25
VALUES: Final = ("007", "[a] b", "[message] StatusUpdate\n[status] PROCESSING", "CP-1 v2", " v2", "a b,c")
NAMES: Final = (
    *("hdeu/envelope", "hdeu/unbound", "hdeu/annex", "hdeu/message", "event/type", "event/id", "event/application"),
    *("application/comment", "application/id", "application/forms", "event/actor", "application/external-id"),
)


def document(name: str) -> Any:
    return json.loads((DATA / "rems-1" / f"{name}.json").read_text())


def there_and_back(codec: RemsCodec, sent: Any) -> Any:
    return json.loads(codec.encode(codec.decode(json.dumps(sent).encode()).root))


def field(sent: Any, identifier: str) -> dict[str, Any]:
    [form] = sent["event/application"]["application/forms"]
    return next(one for one in form["form/fields"] if one["field/id"] == identifier)


def read_or_code(codec: RemsCodec, sent: Any) -> Read | str:
    try:
        return codec.decode(json.dumps(sent).encode())
    except Refused as refused:
        return refused.problems[0].code


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_what_was_read_is_read_again_whatever_was_sent(codec: RemsCodec, path: Path) -> None:
    for number in range(EACH):
        random, sent = Random(f"{path.stem}:{number}"), json.loads(path.read_text())
        for _ in range(random.randint(1, 4)):
            make_odd(sent, random, VALUES, NAMES)
        read = read_or_code(codec, sent)
        if isinstance(read, str):
            assert read in {"unknown-message-type", "bad-character"}
        else:
            again = codec.decode(codec.encode(read.root))
            assert canonical(again.root) == canonical(read.root), number


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("application/id", "forty-one"),
        ("event/time", "\ud800"),
        ("event/type", "application.event/\u0001"),
        ("hdeu/envelope", {}),
        ("hdeu/annex", []),
    ],
)
def test_a_member_of_another_kind_stays_where_it_was(codec: RemsCodec, member: str, value: Any) -> None:
    sent = {**document("StatusUpdate"), member: value}
    assert there_and_back(codec, sent)[member] == value


def test_a_member_of_ours_that_nobody_knows_stays_beside_the_others(codec: RemsCodec) -> None:
    sent = document("PeerStatus")
    sent["hdeu/envelope"] |= {"later": [1], "legId": {"of": "another shape"}}
    assert there_and_back(codec, sent)["hdeu/envelope"] == sent["hdeu/envelope"]


@pytest.mark.parametrize(
    "cell",
    [
        {"column": ["name"], "value": "x"},
        {"column": "name", "value": "x", "more": 1},
        {"column": "datasetId", "value": "another"},
    ],
    ids=["a column that is no text", "a member more", "a column twice"],
)
def test_a_table_with_a_cell_that_says_something_else_is_kept_whole_and_told(codec: RemsCodec, cell: Any) -> None:
    sent = document("ApplicationSubmitted")
    table = field(sent, "s1-datasetVariables")["field/value"]
    table[0].append(cell)
    read = codec.decode(json.dumps(sent).encode())
    assert "not-convertible" in {flag.code for flag in read.flags}
    assert field(json.loads(codec.encode(read.root)), "s1-datasetVariables")["field/value"] == table


def test_a_field_that_stands_there_twice_is_kept_twice(codec: RemsCodec) -> None:
    sent = document("ApplicationSubmitted")
    [form] = sent["event/application"]["application/forms"]
    form["form/fields"].append({"field/id": "s2-projectName", "field/value": "another name"})
    [back] = there_and_back(codec, sent)["event/application"]["application/forms"]
    said = [one["field/value"] for one in back["form/fields"] if one["field/id"] == "s2-projectName"]
    assert said == [field(sent, "s2-projectName")["field/value"], "another name"]


def test_a_field_that_is_no_object_stops_nothing(codec: RemsCodec) -> None:
    sent = document("StatusUpdate")
    [form] = sent["event/application"]["application/forms"]
    form["form/fields"].insert(0, 5)
    [back] = there_and_back(codec, sent)["event/application"]["application/forms"]
    assert 5 in back["form/fields"]


def test_an_event_without_a_name_is_no_message(codec: RemsCodec) -> None:
    with pytest.raises(Refused) as caught:
        codec.decode(json.dumps({**document("StatusUpdate"), "event/type": ""}).encode())
    assert [problem.code for problem in caught.value.problems] == ["unknown-message-type"]
