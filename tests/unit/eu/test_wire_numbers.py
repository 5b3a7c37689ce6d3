"""Numbers on the wire: none is rounded, overflowed or spelled anew unseen, and how one is spelled changes nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import Problem
from broker.translation.codecs import json_text
from broker.translation.codecs.eu_r7 import JSON
from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.unknown import as_sent, unknown_fields
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from broker.translation.codecs.eu_r7 import EuR7Codec

FEES = (DATA / "eu-r7/FeeEstimate.json").read_bytes()
LONG = "0.1000000000000000055511151231257827"
BEYOND = ["12345678901234567890.123", LONG, "1e400", "1e-400", "1E+2", "-0.0", "-0", "9" * 5000]


def with_amount(number: str) -> bytes:
    assert FEES.count(b"3400.5") == 1
    return FEES.replace(b"3400.5", number.encode())


def amounts(root: etree._Element) -> list[str | None]:
    return [one.text for one in root.iterfind("{*}content/{*}component/{*}amount")]


@pytest.mark.parametrize("number", BEYOND)
def test_a_number_in_a_field_that_nobody_knows_comes_back_as_it_was_spelled(codec: EuR7Codec, number: str) -> None:
    data = FEES.replace(b'"content": {', b'"content": {"newer": [%s, {"a": %s}],' % ((number.encode(),) * 2))
    encoded = codec.encode(codec.decode(data, JSON).root).data
    assert b'"newer":[%s,{"a":%s}]' % ((number.encode(),) * 2) in encoded


@pytest.mark.parametrize("number", [*BEYOND, "12345678901234567.10", "1.10"])
def test_a_number_where_a_text_is_due_is_that_text(codec: EuR7Codec, number: str) -> None:
    data = re.sub(rb'("withdrawOption": )"[^"]*"', rb"\g<1>%s" % number.encode(), FEES)
    root = codec.decode(data, JSON).root
    assert root.findtext("{*}content/{*}withdrawOption") == number
    assert json.loads(codec.encode(root).data)["content"]["withdrawOption"] == number


@pytest.mark.parametrize("number", ["3400.50", "3400.5", "3400", "3400.00"])
def test_an_amount_goes_there_and_back_as_it_is_spelled(codec: EuR7Codec, number: str) -> None:
    root = codec.decode(with_amount(number), JSON).root
    assert amounts(root) == ["1250", number]
    assert b'"amount":%s,' % number.encode() in codec.encode(root).data


@pytest.mark.parametrize(("number", "said"), [("3.4e3", "3400"), ("34E+2", "3400"), ("34005e-1", "3400.5")])
def test_an_exponent_is_written_out_where_xml_has_none(codec: EuR7Codec, number: str, said: str) -> None:
    assert amounts(codec.decode(with_amount(number), JSON).root) == ["1250", said]


def test_a_whole_number_may_be_spelled_with_a_point(codec: EuR7Codec) -> None:
    message = json.loads((DATA / "eu-r7/PersonsUpdate.json").read_bytes())
    message["envelope"]["version"] = 7
    data = json.dumps(message).encode().replace(b'"version": 7', b'"version": 7.0')
    assert codec.decode(data, JSON).root.findtext("{*}envelope/{*}version") == "7"


@pytest.mark.parametrize("number", [LONG, "1e-400", "12345678901234567890.12", "1e99999999999999999999"])
def test_an_amount_is_never_rounded_until_it_fits(codec: EuR7Codec, number: str) -> None:
    root = codec.decode(with_amount(number), JSON).root
    assert amounts(root) == ["1250"]
    assert [flag.path for flag in unknown_fields(root)] == ["/content/component/1/amount"]


def test_what_is_missing_for_its_value_alone_is_told_so_in_a_part_that_repeats() -> None:
    missing = Problem("missing-element", "amount is required here.", "/FeeEstimate/content/component[2]/amount")
    assert as_sent(missing, ["/content/component/1/amount"]).code == "bad-value"
    assert as_sent(missing, ["/content/component/0/amount"]).code == "missing-element"
    alone = Problem("missing-element", "amount is required here.", "/FeeEstimate/content/component/amount")
    assert as_sent(alone, ["/content/component/0/amount"]).code == "bad-value"


def test_a_number_in_an_event_of_rems_comes_back_as_it_was_spelled() -> None:
    codec = RemsCodec.load(schemas_dir(), None)
    event: dict[str, Any] = json.loads((DATA / "rems-1/ApplicationAck.json").read_bytes())
    data = json.dumps({**event, "newer": 7}).encode().replace(b'"newer": 7', b'"newer": 2.50e400')
    assert b'"newer":2.50e400' in codec.encode(codec.decode(data).root)


def test_no_other_text_than_a_json_number_is_written_as_one() -> None:
    for text in ("007.50", "+1.5", "1.", "NaN", "1_0.0", " 1.0"):
        with pytest.raises(ValueError, match="is not a JSON number"):
            json_text.number(text)


@pytest.mark.parametrize(
    ("xml", "wire"),
    [
        ("0012345678901234567890.10", "12345678901234567890.10"),
        ("+3.50", "3.50"),
        ("-007.50", "-7.50"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("0" * 9 + "7", "7"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_an_amount_that_json_spells_otherwise_has_every_digit(codec: EuR7Codec, xml: str, wire: str) -> None:
    root = codec.decode(FEES, JSON).root
    first = root.find("{*}content/{*}component/{*}amount")
    assert first is not None
    first.text = xml
    assert b'"amount":%s,' % wire.encode() in codec.encode(root).data


def test_an_exponent_is_written_out_as_far_as_anybody_counts(codec: EuR7Codec) -> None:
    message = json.loads((DATA / "eu-r7/PersonsUpdate.json").read_bytes())
    message["envelope"]["version"] = 7
    data = json.dumps(message).encode().replace(b'"version": 7', b'"version": 7e6')
    assert codec.decode(data, JSON).root.findtext("{*}envelope/{*}version") == "7000000"


@pytest.mark.parametrize(("said", "written"), [("1", b"true"), ("true", b"true"), ("0", b"false"), ("false", b"false")])
def test_yes_and_no_are_said_in_figures_too(codec: EuR7Codec, said: str, written: bytes) -> None:
    root = codec.decode(FEES, JSON).root
    flag = root.find("{*}envelope/{*}testFlag")
    assert flag is not None
    flag.text = said
    assert b'"testFlag":%s' % written in codec.encode(root).data
