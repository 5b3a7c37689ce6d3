"""The lenient AMQP decoders read as the strict ones do, and go on where those give up."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode

from adapters.amqp import tolerant


@given(st.datetimes(datetime(1970, 1, 1), datetime(2106, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_time_is_read_as_before(moment: datetime) -> None:
    data = encode.timestamp(moment.replace(tzinfo=UTC)) + b"rest"
    assert tolerant.timestamp(data) == decode.timestamp(data)


@pytest.mark.parametrize("seconds", [2**63, 2**64 - 1])
def test_a_time_beyond_the_calendar_is_none(seconds: int) -> None:
    assert tolerant.timestamp(struct.pack(">Q", seconds)) == (8, None)


@given(st.text(max_size=60))
def test_a_text_is_read_as_before(text: str) -> None:
    data = encode.short_string(text) + b"rest"
    assert tolerant.short_string(data) == decode.short_str(data) == (len(text.encode()) + 1, text)


@given(st.binary(max_size=255))
def test_any_bytes_are_some_text_and_the_next_property_is_found(data: bytes) -> None:
    consumed, text = tolerant.short_string(bytes([len(data)]) + data + b"rest")
    assert consumed == len(data) + 1
    assert text == data.decode(errors="replace")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20) | st.booleans() | st.none(), max_size=5))
def test_headers_are_read_as_before(headers: dict[str, object]) -> None:
    data = encode.field_table(headers) + b"rest"
    assert tolerant.table(data) == decode.field_table(data)


def test_headers_that_cannot_be_read_are_empty_and_the_next_property_is_found() -> None:
    broken = b"\x01aZ"  # Z is no type of value
    assert tolerant.table(struct.pack(">I", len(broken)) + broken + b"rest") == (4 + len(broken), {})


def test_installing_twice_is_installing_once() -> None:
    tolerant.install()
    tolerant.install()
    assert decode.METHODS["timestamp"] is tolerant.timestamp
    assert decode.TABLE_MAPPING[b"T"] is tolerant.timestamp
