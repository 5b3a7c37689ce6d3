"""A body says the same whether it was there at once or came in chunks, however they were cut."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.access_point.domibus_ws import Limits
from adapters.access_point.domibus_ws.hardened import Document, Unreadable
from adapters.access_point.domibus_ws.intake import Envelope, whole
from broker.payloads import Spool

LIMITS = Limits()
VALUES = st.lists(st.binary(max_size=40) | st.integers(700, 4000).map(lambda size: bytes(range(256)) * (size // 256)))
TOO_MUCH = "<x><value>" + "A" * 1400


def document(values: list[bytes], encode: Callable[[bytes], bytes]) -> bytes:
    elements = [b'<a:value xmlns:a="a">%b</a:value> <!-- value> -->' % encode(value) for value in values]
    return b"<x>%b</x>" % b"".join(elements)


def read(taken: Document) -> list[bytes]:
    return [taken.base64(value).whole() for value in taken.root.iterfind("{a}value")]


@given(VALUES, st.sampled_from([base64.b64encode, base64.encodebytes]), st.integers(1, 5000))
def test_at_once_or_in_chunks_every_value_is_decoded(
    values: list[bytes], encode: Callable[[bytes], bytes], chunk: int
) -> None:
    body = document(values, encode)
    envelope = Envelope(LIMITS, Spool())
    for start in range(0, len(body), chunk):
        envelope.feed(body[start : start + chunk])
    assert read(whole("", body, LIMITS)) == read(envelope.end()) == values


@pytest.mark.parametrize("body", [TOO_MUCH, f"{TOO_MUCH}</value>", f"{TOO_MUCH}</x>", f"{TOO_MUCH}<!DOCTYPE x>"])
def test_a_damaged_envelope_is_unreadable_either_way(body: str) -> None:
    envelope = Envelope(LIMITS, Spool())
    envelope.feed(body.encode())
    for read_it in (envelope.end, lambda: whole("", body.encode(), LIMITS)):
        with pytest.raises(Unreadable):
            read_it()


@pytest.mark.parametrize("spoilt", ["A" * 1401, "A" * 1400 + "$$$$", "AA==" * 400])
def test_a_long_value_that_is_no_base64_is_unreadable_where_it_is_asked_for(spoilt: str) -> None:
    taken = whole("", f"<x><value>{spoilt}</value></x>".encode(), LIMITS)
    with pytest.raises(Unreadable, match="invalid base64"):
        taken.base64(taken.root.find("value"))
