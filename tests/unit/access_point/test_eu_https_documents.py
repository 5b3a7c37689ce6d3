"""A message as JSON: what is written is read again, and what cannot be read says what is wrong and where."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.access_point.eu_https import Limits, documents
from broker.errors import Refused
from broker.ports import Part, UserMessage

LIMITS = Limits()
IDS = st.from_regex(r"[!-.0-~]([ -.0-~]{0,253}[!-.0-~])?", fullmatch=True)
TEXTS = st.text(max_size=40)
PARTS = st.lists(
    st.builds(Part.of, st.from_regex(r"cid:[a-z]{1,6}", fullmatch=True), TEXTS, st.binary(max_size=200)),
    min_size=1,
    max_size=4,
    unique_by=lambda part: part.href,
)
MESSAGES = st.builds(
    UserMessage,
    message_id=IDS,
    parts=PARTS.map(tuple),
    conversation_id=TEXTS,
    ref_to_message_id=TEXTS,
    service=TEXTS,
    service_type=TEXTS,
    action=TEXTS,
    properties=st.dictionaries(TEXTS, TEXTS, max_size=3),
    timestamp=TEXTS,
)


@given(MESSAGES)
def test_what_is_written_is_read_again_and_the_same_message_gives_the_same_bytes(message: UserMessage) -> None:
    body = documents.written(message)
    assert documents.read(body, LIMITS) == message
    assert documents.written(documents.read(body, LIMITS)) == body


def test_no_party_travels_in_the_document() -> None:
    message = UserMessage("m-1", (Part.of("cid:message", "text/plain", b"x"),), from_party="me", to_party="you")
    said = json.loads(documents.written(message))
    assert {"me", "you"}.isdisjoint(map(str, said.values()))
    said |= {"from_party": "urn:example:somebody-else", "unheard-of": {"of": []}}
    read = documents.read(json.dumps(said).encode(), LIMITS)
    assert (read.from_party, read.parts) == ("", message.parts)


GOOD: dict[str, Any] = {
    "message_id": "m-1",
    "parts": [{"href": "cid:message", "media_type": "application/json", "data": base64.b64encode(b"{}").decode()}],
}


def part(**changes: Any) -> dict[str, Any]:
    given = {**GOOD["parts"][0], **changes}
    return {**GOOD, "parts": [{name: value for name, value in given.items() if value is not None}]}


BAD: dict[str, tuple[bytes | dict[str, Any] | list[Any], str, str]] = {
    "nothing": (b"", "empty-document", ""),
    "no JSON": (b"<m/>", "not-json", ""),
    "cut short": (json.dumps(GOOD).encode()[:-5], "not-json", ""),
    "other encoding": (json.dumps(GOOD, ensure_ascii=False).encode("utf-16"), "bad-encoding", ""),
    "a name twice": (b'{"message_id": "a", "message_id": "b"}', "duplicate-key", ""),
    "a number that JSON lacks": (b'{"message_id": NaN}', "not-json", ""),
    "very deep": (b'{"parts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep", ""),
    "a list": ([GOOD], "bad-shape", ""),
    "no id": ({**GOOD, "message_id": ""}, "bad-shape", "/message_id"),
    "an id with a slash": ({**GOOD, "message_id": "a/b"}, "bad-shape", "/message_id"),
    "an id that is a number": ({**GOOD, "message_id": 7}, "bad-shape", "/message_id"),
    "an id with a blank before it": ({**GOOD, "message_id": " a"}, "bad-shape", "/message_id"),
    "a long id": ({**GOOD, "message_id": "m" * 256}, "bad-shape", "/message_id"),
    "a header that is no text": ({**GOOD, "action": ["x"]}, "bad-shape", "/action"),
    "properties that are a list": ({**GOOD, "properties": []}, "bad-shape", "/properties"),
    "a property that is no text": ({**GOOD, "properties": {"a": 1}}, "bad-shape", "/properties"),
    "no list of parts": ({**GOOD, "parts": {}}, "bad-shape", "/parts"),
    "no parts": ({**GOOD, "parts": []}, "missing-part", "/parts"),
    "many parts": ({**GOOD, "parts": GOOD["parts"] * 65}, "bad-shape", "/parts"),
    "one part twice": ({**GOOD, "parts": GOOD["parts"] * 2}, "bad-shape", "/parts"),
    "a part that is text": ({**GOOD, "parts": ["x"]}, "bad-shape", "/parts/0"),
    "a part without href": (part(href=None), "bad-shape", "/parts/0/href"),
    "a part without data": (part(data=None), "bad-shape", "/parts/0/data"),
    "no base64": (part(data="%%%"), "bad-base64", "/parts/0/data"),
    "base64 cut short": (part(data="e30"), "bad-base64", "/parts/0/data"),
    "base64 that is not ASCII": (part(data="é30="), "bad-base64", "/parts/0/data"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_has_its_own_code_and_place(name: str) -> None:
    given, code, path = BAD[name]
    with pytest.raises(Refused) as caught:
        documents.read(given if isinstance(given, bytes) else json.dumps(given).encode(), LIMITS)
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == (code, path)


def test_more_than_the_limit_of_parts_is_not_taken() -> None:
    with pytest.raises(Refused) as caught:
        documents.read(json.dumps(GOOD).encode(), Limits(payload=1))
    assert caught.value.problems[0].code == "payload-too-large"
