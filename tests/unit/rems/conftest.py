"""The Finnish profile, compiled once for all tests, as in the product."""

from __future__ import annotations

import pytest

from broker.translation.translator import Translator
from tests.support.sides import SCHEMAS, Side, side


@pytest.fixture(scope="session")
def rems() -> Translator:
    return Translator.load(SCHEMAS, profiles=["rems-1"])


@pytest.fixture(scope="session")
def eu() -> Side:
    return side("eu/1/eu.xsd")


@pytest.fixture(scope="session")
def fi() -> Side:
    return side("rems/1/rems.xsd")
