"""The laws over one application with every field of every section, 5 datasets, 3 countries and 20 persons."""

from __future__ import annotations

from random import Random

import pytest
from lxml import etree

from tests.fidelity.laws import LAWS, Example
from tests.fidelity.ways import profile_names
from tests.performance.applications import full_size
from tests.support.examples import way_of


@pytest.mark.parametrize("profile", profile_names())
def test_every_law_holds_of_a_full_size_application(profile: str) -> None:
    packed = etree.fromstring(etree.tostring(full_size()), etree.XMLParser(remove_blank_text=True))
    example = Example(way_of(f"eu-1 to {profile}"), packed, Random(1))
    for law in LAWS:
        law(example)
