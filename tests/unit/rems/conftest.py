"""The profile of REMS, compiled once for all tests, as in the product."""

from __future__ import annotations

import pytest

from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.translator import Translator
from tests.support.sides import SCHEMAS, Side, side


@pytest.fixture(scope="session")
def codec() -> RemsCodec:
    return RemsCodec.load(SCHEMAS)


@pytest.fixture(scope="session")
def translator() -> Translator:
    return Translator.load(SCHEMAS, profiles=["rems-1"])


@pytest.fixture(scope="session")
def rems() -> Side:
    return side("rems/1/rems.xsd")
