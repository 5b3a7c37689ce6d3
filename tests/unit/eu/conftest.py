from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import etree

from adapters.xml import XmlDocuments
from broker.data_files import schemas_dir
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.schema_model import SchemaModel, load_schema

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def model() -> SchemaModel:
    return load_schema(schemas_dir() / "eu/1/eu.xsd")


@pytest.fixture(scope="session")
def codec() -> EuR7Codec:
    return EuR7Codec.load(schemas_dir())


@pytest.fixture(scope="session")
def gate() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(schemas_dir() / "eu/1/eu.xsd")))


@pytest.fixture
async def documents() -> AsyncIterator[XmlDocuments]:
    made = XmlDocuments(schemas_dir(), entries={"eu-1": "eu/1/eu.xsd"})
    yield made
    await made.close()
