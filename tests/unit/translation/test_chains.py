"""From one national profile straight into another: nothing is lost on the way back, and edits survive it (law 3)."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from lxml import etree

from broker.cli import main
from broker.data_files import schemas_dir
from broker.errors import Problem, TranslationError
from broker.translation.between import Tools, translate_between
from broker.translation.carry import read_carry
from broker.translation.chain import Hop, shared_out, together
from broker.translation.codecs.eu_r7 import EuR7Codec
from tests.fidelity.laws import same
from tests.fidelity.ways import NOTHING, STAND_IN, profile_names, ways
from tests.support.documents import canonical
from tests.support.edits import edited, revised
from tests.support.examples import way_of

if TYPE_CHECKING:
    from broker.translation.between import Between
    from broker.translation.translator import EnvelopeContext

DATA: Final = Path(__file__).parents[2] / "data"
#: Trees stand for the documents of REMS here: what its codec does is held elsewhere.
TOOLS: Final = Tools(ways()[0].translator, EuR7Codec.load(schemas_dir()), etree.fromstring)
FR, FI = "fr-hdh-1", "fi-findata-1"
#: A step of a national procedure is told to this node's own systems and has no form at Findata.
UNTOLD: Final = {"fi-findata-1": {"NationalStep"}}


def examples(here: str, there: str) -> list[tuple[str, etree._Element]]:
    """One of each message that both know: a profile's own example, or one made of that in eu-1."""
    write = way_of(f"eu-1 to {here}").translator.write
    found = {}
    for path in sorted((DATA / "eu-1").glob("*.xml")):
        if path.stem not in {*UNTOLD.get(here, ()), *UNTOLD.get(there, ())}:
            mine = DATA / here / path.name
            found[path.stem] = read(mine) if mine.exists() else write(here, read(path)).root
    return list(found.items())


def read(path: Path) -> etree._Element:
    return etree.parse(str(path), etree.XMLParser(remove_blank_text=True)).getroot()


def gone(root: etree._Element, hops: str, carry: bytes = b"", told: EnvelopeContext = NOTHING) -> Between:
    """The document of another profile; `hops` as `fr-hdh-1 to fi-findata-1`."""
    source, _, target = hops.partition(" to ")
    return translate_between(TOOLS, etree.tostring(root), source=source, target=target, envelope=told, carry=carry)


def tree(done: Between) -> etree._Element:
    return etree.fromstring(done.document)


def refused(root: etree._Element, hops: str, carry: bytes) -> Problem:
    with pytest.raises(TranslationError) as caught:
        gone(root, hops, carry)
    return caught.value.problems[0]


each_pair = pytest.mark.parametrize(("here", "there"), list(permutations(profile_names(), 2)))


@each_pair
def test_every_example_comes_home_over_two_hops(here: str, there: str) -> None:
    for name, root in examples(here, there):
        forth = gone(root, f"{here} to {there}", told=STAND_IN)
        back = gone(tree(forth), f"{there} to {here}", forth.carry, STAND_IN)
        same(tree(back), root)
        assert [one.path for one in back.problems if one.code == "orphaned"] == [], name


@each_pair
def test_an_edit_at_the_far_end_survives_the_way_back_and_forth_again(here: str, there: str) -> None:
    way = way_of(f"eu-1 to {there}")
    for number, (_, root) in enumerate(examples(here, there)):
        random = Random(number)
        forth = gone(root, f"{here} to {there}")
        changed = edited(tree(forth), way.target, random, 6, way.frozen)
        changed = revised(changed, way.target, random, way.values_there, way.frozen)
        back = gone(changed, f"{there} to {here}", forth.carry)
        same(tree(gone(tree(back), f"{here} to {there}", back.carry)), changed)


def test_two_hops_may_be_gone_back_one_by_one_with_the_same_carry() -> None:
    root = read(DATA / FR / "DecisionIssued.xml")
    forth = gone(root, f"{FR} to {FI}")
    pivot = gone(tree(forth), f"{FI} to eu-1", forth.carry)
    same(tree(gone(tree(pivot), f"eu-1 to {FR}", forth.carry)), root)


def test_the_carry_of_one_hop_goes_to_that_hop_of_two() -> None:
    root = read(DATA / FR / "ApplicationOriginated.xml")
    first = gone(root, f"{FR} to eu-1")
    second = gone(first.pivot, f"eu-1 to {FI}")
    whole = json.loads(gone(root, f"{FR} to {FI}").carry)
    assert [one["carry"] for one in whole["hops"]] == [json.loads(done.carry) for done in (first, second)]
    there, way_back = tree(second), f"{FI} to {FR}"
    assert gone(there, way_back, first.carry).hops[1]["restored"]
    with_second = gone(there, way_back, second.carry)
    same(with_second.pivot, gone(there, f"{FI} to eu-1", second.carry).pivot)
    assert canonical(with_second.pivot) != canonical(gone(there, way_back).pivot)


@pytest.mark.parametrize(
    ("forth", "back"),
    [
        (f"{FR} to {FI}", f"{FI} to rems-1"),
        (f"{FR} to {FI}", f"{FR} to {FI}"),
        (f"{FR} to {FI}", "rems-1 to eu-1"),
        (f"{FR} to eu-1", f"{FR} to eu-1"),
        (f"{FR} to eu-1", f"eu-1 to {FI}"),
        (f"eu-1 to {FR}", f"eu-1 to {FR}"),
        (f"eu-1 to {FR}", f"{FI} to eu-1"),
        (f"eu-1 to {FR}", f"{FI} to rems-1"),
        (f"{FR} to eu-1", "eu-1 to eu-r7"),
    ],
)
def test_a_carry_of_another_way_is_refused_and_both_ways_are_named(forth: str, back: str) -> None:
    roots = {name: read(DATA / name / "PermitIssued.xml") for name in (FR, FI, "eu-1")}
    roots["rems-1"] = way_of("eu-1 to rems-1").translator.write("rems-1", roots["eu-1"]).root
    carry = gone(roots[forth.partition(" ")[0]], forth).carry
    assert carry
    source, _, target = back.partition(" to ")
    problem = refused(roots[source], back, carry)
    assert problem.code == "carry-of-another-way"
    assert problem.detail.endswith("this way goes by no mapping." if "r7" in back else f"to {target}.")


def test_a_carry_of_one_hop_names_the_mapping_that_kept_it() -> None:
    carry = gone(read(DATA / "eu-1" / "PermitIssued.xml"), f"eu-1 to {FR}").carry
    problem = refused(read(DATA / FI / "PermitIssued.xml"), f"{FI} to eu-1", carry)
    assert problem.value == f"what completes a document of eu-1, kept by the mapping of {FR}"


def test_a_carry_that_names_no_mapping_goes_to_the_hop_of_its_side() -> None:
    carry = json.loads(gone(read(DATA / FR / "PermitIssued.xml"), f"{FR} to eu-1").carry)
    del carry["profile"]
    there = tree(gone(read(DATA / FR / "PermitIssued.xml"), f"{FR} to eu-1"))
    same(tree(gone(there, f"eu-1 to {FR}", json.dumps(carry).encode())), read(DATA / FR / "PermitIssued.xml"))


@pytest.mark.parametrize(
    "carry",
    [
        b'{"hops": []}',
        b'{"format": 2, "hops": []}',
        b'{"format": 1, "hops": [{"from": "fr-hdh-1"}]}',
        b'{"format": 1, "hops": 1}',
        b"[]",
        b"1",
        b"null",
    ],
)
def test_what_is_no_carry_of_a_way_is_refused(carry: bytes) -> None:
    assert refused(read(DATA / FI / "StatusUpdate.xml"), f"{FI} to {FR}", carry).code == "carry-unreadable"


def test_on_the_command_line_a_permit_comes_home_from_finland_to_france(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source, carry, there = DATA / FR / "PermitIssued.xml", tmp_path / "carry.json", tmp_path / "there.xml"
    main(["translate", "--from", FR, "--to", FI, "--carry-out", str(carry), str(source)])
    there.write_bytes(capfdbinary.readouterr().out)
    main(["translate", "--from", FI, "--to", FR, "--carry-in", str(carry), str(there)])
    same(etree.fromstring(capfdbinary.readouterr().out), read(source))
    assert main(["translate", "--from", FI, "--to", "rems-1", "--carry-in", str(carry), str(there)]) == 1
    told = capfdbinary.readouterr()
    assert (told.out, told.err.split(b" ")[0]) == (b"", b"carry-of-another-way")


def test_a_carry_of_two_hops_is_not_shared_out_over_a_way_that_has_one_of_them() -> None:
    there = [Hop("fi-findata-1", "eu-1"), Hop("eu-1", "fr-hdh-1")]
    kept = together([(hop, b'{"format": 1}') for hop in there])
    assert set(shared_out(kept, [hop.back for hop in reversed(there)])) == {hop.back for hop in there}
    with pytest.raises(TranslationError) as caught:
        shared_out(kept, [Hop("fr-hdh-1", "eu-1"), Hop("eu-1", "rems-1")])
    assert [problem.code for problem in caught.value.problems] == ["carry-of-another-way"]


def test_a_fact_that_the_first_of_two_hops_loses_asks_for_a_person() -> None:
    codecs = {"eu-r7": EuR7Codec.load(schemas_dir())}
    tools = Tools(ways()[0].translator, codecs["eu-r7"], etree.fromstring, others=codecs)
    root = etree.parse(str(schemas_dir().parent / "tests/data/fi-findata-1/ApplicationSubmitted.xml")).getroot()
    purpose = root.find("{*}hakemus/{*}kayttotarkoitus")
    assert purpose is not None
    purpose[:] = [etree.Element(purpose.tag.replace("kayttotarkoitus", "luokka"))]
    purpose[0].text = "tietojohtaminen"
    done = translate_between(tools, etree.tostring(root), source="fi-findata-1", target="fr-hdh-1", envelope=STAND_IN)
    assert ("purpose", "hakemus/kayttotarkoitus[1]/luokka") in {(one.id, one.path) for one in done.sign_off}


@pytest.mark.parametrize("written", [0, 2, "1", None])
def test_a_carry_of_another_format_is_not_read_as_if_it_were_of_this(written: object) -> None:
    carry = {"format": written, "type": "StatusUpdate", "side": "eu-1", "items": [], "order": {}, "annex": []}
    data = json.dumps({**carry, "instead": [], "aside": {}, "rule": [-1, ""]}).encode()
    with pytest.raises(TranslationError) as caught:
        read_carry(data)
    assert [problem.code for problem in caught.value.problems] == ["carry-unreadable"]


def test_a_value_that_was_said_twice_is_reported_as_put_back_where_it_comes_home() -> None:
    way = way_of("fi-findata-1 to eu-1")
    root = etree.parse(str(schemas_dir().parent / "tests/data/fi-findata-1/ApplicationSubmitted.xml")).getroot()
    purpose = root.find("{*}hakemus/{*}kayttotarkoitus")
    assert purpose is not None
    namespace = etree.QName(purpose).namespace
    for name, text in (("ehdsKohta", "e"), ("luokka", "tieteellinen-tutkimus")):
        for one in purpose.findall(f"{{*}}{name}"):
            purpose.remove(one)
        purpose.insert(0, etree.Element(f"{{{namespace}}}{name}"))
        purpose[0].text = text
    assert way.source.gate.validate(root), way.source.gate.error_log
    there = way.there(root)
    home = way.home(there.root, there.carry)
    said = {"hakemus/kayttotarkoitus[1]/luokka", "hakemus/kayttotarkoitus[1]/ehdsKohta"}
    written = {path for row in home.report.fields() for path in row["target"]}
    assert said <= written | {*home.report.restored()}
    assert len(said & {*home.report.restored()}) == 1
