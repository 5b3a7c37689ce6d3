"""Which back ends an application concerns: those that own its catalogues, and the default one for all the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.flow.routing import owners
from broker.model.cases import Leg
from broker.translation.facts import Facts
from tests.support.flow_node import Flow, eu_application

ELSEWHERE = ("FI", "catalogue-fi")
CASES = {
    "no catalogue at all": ((), {"hdh"}),
    "a catalogue that nobody owns": ((("FR", "other"),), {"hdh"}),
    "a catalogue of one back end": ((("FR", "registers"),), {"findata"}),
    "its catalogue and one that nobody owns": ((("FR", "registers"), ("FR", "other")), {"hdh", "findata"}),
    "its catalogue, and others in another nation": ((("FR", "registers"), ELSEWHERE), {"findata"}),
    "its catalogue's name in another nation": ((("FI", "registers"),), {"hdh"}),
    "a catalogue of which no country is said": ((("", "registers"),), {"findata"}),
}


def registers(flow: Flow) -> Flow:
    """One of the two back ends owns a catalogue; the other is the default."""
    owner = replace(flow.node.backends["findata"], catalogs=frozenset({"registers"}))
    return replace(flow, node=replace(flow.node, backends={**flow.node.backends, "findata": owner}))


@pytest.mark.parametrize("named", CASES)
async def test_an_application_goes_to(named: str, flow: Flow) -> None:
    catalogs, expected = CASES[named]
    facts = Facts("ApplicationSubmitted", countries=("FR", "FI"), catalogs=catalogs)
    assert {link.name for link in owners(registers(flow).node, facts)} == expected


async def test_an_application_without_data_of_this_nation_concerns_nobody(flow: Flow) -> None:
    facts = Facts("ApplicationSubmitted", countries=("FI",), catalogs=(ELSEWHERE, ("FI", "registers")))
    assert owners(registers(flow).node, facts) == ()


async def test_each_dataset_of_an_application_finds_somebody_who_decides_on_it(flow: Flow) -> None:
    flow = registers(flow)
    country = {"country_id": "FR"}
    datasets = [
        {"dataset_id": f"urn:example:{catalog}", "catalog_id": catalog, "country": country}
        for catalog in ("registers", "somewhere")
    ]
    await flow.from_eu(eu_application(content={"datasets": datasets}), "application/zip")
    [case] = await flow.cases()
    async with flow.store.transaction() as tx:
        legs: tuple[Leg, ...] = await tx.legs(case.key)
    assert {leg.owner for leg in legs} == {"hdh", "findata"}
